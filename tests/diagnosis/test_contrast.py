"""Durations of many groups, compared between two periods."""

import numpy as np
import pytest

from diagnosis.contrast import contrast


def one_group(before: np.ndarray, after: np.ndarray):
    seconds = np.r_[before, after]
    old = np.arange(seconds.size) < before.size
    return contrast(seconds, np.zeros(seconds.size, np.int64), 1, old, ~old)


def around(level: float, count: int = 50, spread: float = 0.1, seed: int = 0) -> np.ndarray:
    return level * np.exp(spread * np.random.default_rng(seed).standard_normal(count))


def test_twice_as_long_beyond_doubt_is_nearly_two_thirds():
    found = one_group(around(0.1, 500), around(0.2, 500, seed=1))
    assert found.strength()[0] == pytest.approx(0.63, abs=0.02)
    assert found.factor[0] == pytest.approx(np.log(2), abs=0.02)


def test_a_larger_factor_is_stronger():
    twice, tenfold = (one_group(around(0.1), around(0.1 * k, seed=1)).strength()[0] for k in (2, 10))
    assert twice < tenfold <= 1.0


def test_a_factor_in_doubt_is_weaker():
    sure, unsure = (one_group(around(0.1, 12, s), around(0.2, 12, s, 1)).strength()[0] for s in (0.1, 1.5))
    assert unsure < 0.5 * sure


def test_what_became_faster_has_no_strength():
    found = one_group(around(0.2), around(0.1, seed=1))
    assert found.strength()[0] == 0.0
    assert found.excess_seconds[0] == 0.0


def test_noise_has_next_to_no_strength():
    found = [one_group(around(0.1, seed=s), around(0.1, seed=s + 100)).strength()[0] for s in range(50)]
    assert max(found) < 0.05


@pytest.mark.parametrize(("before", "after"), [(3, 50), (50, 3), (0, 50), (50, 0)])
def test_too_few_observations_prove_nothing(before: int, after: int):
    found = one_group(around(0.1, before), around(1.0, after, seed=1))
    assert (found.factor[0], found.z[0], found.strength()[0]) == (0.0, 0.0, 0.0)


def test_microseconds_are_noise_of_the_clock():
    assert one_group(around(1e-6), around(1e-5, seed=1)).strength()[0] < 0.15


def test_the_excess_is_what_all_recent_observations_cost_beyond_their_baseline():
    found = one_group(np.full(10, 0.1), np.full(40, 0.3))
    assert found.excess_seconds[0] == pytest.approx(40 * 0.2)
    assert (found.count[0], found.before[0], found.after[0]) == (40, pytest.approx(0.1), pytest.approx(0.3))


def test_observations_of_neither_period_do_not_count():
    seconds = np.r_[around(0.1), around(0.2, seed=1), np.full(100, 9.0)]
    place = np.arange(seconds.size)
    found = contrast(seconds, np.zeros(seconds.size, np.int64), 1, place < 50, (place >= 50) & (place < 100))
    assert found.after[0] == pytest.approx(0.2, abs=0.02)


def test_many_groups_at_once_are_as_each_by_itself():
    random = np.random.default_rng(3)
    group, seconds = random.integers(0, 7, 600), random.lognormal(-3, 1, 600)
    old = random.random(600) < 0.5
    together = contrast(seconds, group, 8, old, ~old)
    for g in range(7):
        mine = group == g
        alone = contrast(seconds[mine], np.zeros(mine.sum(), np.int64), 1, old[mine], ~old[mine])
        for name in ("count", "before", "after", "factor", "z"):
            assert getattr(together, name)[g] == pytest.approx(getattr(alone, name)[0])
    assert together.strength()[7] == 0.0  # a group that nobody belongs to


def test_the_score_is_that_of_welchs_test():
    before, after = around(0.1, 30, 0.3), around(0.12, 20, 0.5, 1)
    found = one_group(before, after)
    logs = [np.log(values + 1e-4) for values in (before, after)]
    error = np.sqrt(sum(log.var() / log.size for log in logs))
    assert found.z[0] == pytest.approx((logs[1].mean() - logs[0].mean()) / error, rel=1e-3)
