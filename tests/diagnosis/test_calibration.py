"""Probabilities of places and of causes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnosis.calibration import posterior
from diagnosis.engine import diagnose

FAST = settings(derandomize=True, max_examples=40, deadline=None)
SCORES = st.lists(st.floats(0.0, 40.0), min_size=1, max_size=12).map(
    lambda found: np.array(sorted(found, reverse=True))
)


@FAST
@given(SCORES)
def test_suspects_and_elsewhere_add_up_to_one(scores):
    shares, elsewhere = posterior(scores)
    assert float(shares.sum()) + elsewhere == pytest.approx(1.0, abs=1e-9)
    assert min(float(shares.min()), elsewhere) >= 0.0


def test_without_suspects_it_is_elsewhere():
    shares, elsewhere = posterior(np.empty(0))
    assert (shares.size, elsewhere) == (0, 1.0)


@FAST
@given(SCORES)
def test_a_better_score_is_never_less_probable(scores):
    shares, _ = posterior(scores)
    assert (np.diff(shares) <= 1e-12).all()


@FAST
@given(st.floats(0.0, 10.0), st.floats(0.0, 5.0), st.floats(0.01, 5.0))
def test_a_larger_margin_makes_the_first_more_probable(second, margin, more):
    near, far = (posterior(np.array([second + m, second]))[0][0] for m in (margin, margin + more))
    assert far >= near


@FAST
@given(SCORES)
def test_weaker_evidence_leaves_more_elsewhere(scores):
    assert posterior(0.5 * scores)[1] >= posterior(scores)[1] - 1e-12


def test_two_with_equal_scores_are_equally_probable():
    shares, _ = posterior(np.array([3.0, 3.0, 1.0]))
    assert shares[0] == shares[1] > shares[2]


def test_no_evidence_worth_the_name_is_no_accusation():
    assert posterior(np.array([0.1]))[0][0] < 0.5


def test_hopeless_and_overwhelming_scores_stay_numbers():
    shares, elsewhere = posterior(np.array([5_000.0, 0.0]))
    assert np.isfinite(shares).all() and elsewhere >= 0.0
    assert float(shares.sum()) + elsewhere == pytest.approx(1.0)


@settings(derandomize=True, max_examples=12, deadline=None)
@given(st.data(), st.integers(0, 10_000))
def test_of_any_incident_the_hypotheses_add_up_to_one(worlds, data, seed):
    mechanism = data.draw(st.sampled_from(worlds.mechanisms))
    found = diagnose(worlds.world(worlds.random_names(seed), mechanism, seed, requests=30).incident())
    probabilities = [h.probability for h in found.hypotheses]
    assert sum(probabilities) == pytest.approx(1.0, abs=1e-9)
    assert probabilities == sorted(probabilities, reverse=True)
    assert min(probabilities) >= 0.0
    assert sum(suspect.probability for suspect in found.suspects) <= 1.0 + 1e-9
