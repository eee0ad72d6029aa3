"""The shoppers: open loop, Poisson, the same for the same seed."""

from itertools import islice

import pytest

from evals.lab.load import LoadProfile, visits


def test_the_same_seed_sends_the_same_shoppers_at_the_planned_rate() -> None:
    profile = LoadProfile(browse_per_second=10, buy_per_second=5, recommend_per_second=5)
    first = list(islice(visits(profile, seed=3), 4000))
    assert first == list(islice(visits(profile, seed=3), 4000))
    assert sum(gap for gap, _ in first) == pytest.approx(4000 / 20, rel=0.1)
    bought = sum(visit.route == "/buy" for _, visit in first)
    assert bought / 4000 == pytest.approx(0.25, abs=0.03)


def test_baskets_are_as_large_as_the_profile_says() -> None:
    sizes = {len(visit.lines) for _, visit in islice(visits(LoadProfile(fewest_lines=10, most_lines=12), 1), 200)}
    assert sizes == {10, 11, 12}
