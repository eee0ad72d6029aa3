import pytest

from evals import scores


def test_a_tie_with_a_wrong_answer_counts_against_us():
    assert scores.rank_of(frozenset({"b"}), [("a", 0.5), ("b", 0.5), ("c", 0.1)]) == 2
    assert scores.rank_of(frozenset({"b"}), [("b", 0.5), ("a", 0.4)]) == 1


def test_an_absent_truth_has_no_rank_and_is_never_found():
    assert scores.rank_of(frozenset({"z"}), [("a", 1.0)]) is None
    assert scores.accuracy_at([None, 1, 3], 3) == pytest.approx(2 / 3)


def test_of_two_right_answers_the_better_counts():
    assert scores.rank_of(frozenset({"a", "b"}), [("x", 0.5), ("a", 0.4), ("b", 0.6)]) == 1


def test_probabilities_that_are_frequencies_have_no_calibration_error():
    answers = [(0.75, True)] * 3 + [(0.75, False)]
    assert scores.expected_calibration_error(answers) == pytest.approx(0.0)
    assert scores.confidently_wrong(answers) == 1


def test_certainty_that_is_wrong_costs_the_whole_brier_score():
    assert scores.brier([(1.0, False)]) == 1.0
    assert scores.brier([(1.0, True)]) == 0.0
    assert scores.expected_calibration_error([(1.0, False)]) == 1.0


def test_the_reliability_curve_leaves_empty_bins_out():
    (low, high) = scores.reliability([(0.05, False), (1.0, True)])
    assert (low.count, low.frequency, high.probability, high.frequency) == (1, 0.0, 1.0, 1.0)
