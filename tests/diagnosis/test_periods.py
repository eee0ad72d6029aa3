"""Which times are normal and which are looked at."""

import numpy as np
import pytest

from diagnosis.periods import Periods, periods
from diagnosis.telemetry import Window

WINDOW = Window(1000.0, 2000.0)


def test_without_a_known_normal_the_first_part_before_the_alert_is_the_baseline():
    found = periods(WINDOW, 1800.0)
    (normal,) = found.normal
    assert normal.start == WINDOW.start
    assert normal.end == found.recent.start < 1800.0
    assert found.recent.end == WINDOW.end


@pytest.mark.parametrize("fired_at", [1000.0, 500.0])
def test_an_alert_at_the_very_beginning_leaves_no_baseline(fired_at: float):
    found = periods(WINDOW, fired_at)
    assert found.normal_seconds == 0.0
    assert found.recent == WINDOW


def test_a_known_normal_is_taken_as_it_is():
    known = (Window(0.0, 100.0), Window(200.0, 300.0))
    found = periods(WINDOW, 1800.0, known)
    assert found.normal == known
    assert found.recent == WINDOW
    assert found.normal_seconds == 200.0


def test_what_is_looked_at_begins_after_the_last_normal_time_before_the_alert():
    assert periods(WINDOW, 1800.0, (Window(900.0, 1200.0), Window(1300.0, 1400.0))).recent == Window(1400.0, 2000.0)


def test_a_normal_time_after_the_alert_does_not_shorten_the_search():
    assert periods(WINDOW, 1500.0, (Window(0.0, 900.0), Window(1800.0, 1900.0))).recent == WINDOW


def test_periods_hold_their_start_and_not_their_end():
    found = Periods((Window(0.0, 10.0), Window(20.0, 30.0)), Window(30.0, 40.0))
    times = np.array([-1.0, 0.0, 9.9, 10.0, 20.0, 30.0, 39.9, 40.0])
    assert found.is_normal(times).tolist() == [False, True, True, False, True, False, False, False]
    assert found.is_recent(times).tolist() == [False, False, False, False, False, True, True, False]


def test_no_time_is_normal_and_recent():
    found = periods(WINDOW, 1800.0)
    times = np.linspace(900.0, 2100.0, 500)
    assert not (found.is_normal(times) & found.is_recent(times)).any()


def test_from_an_onset_on_what_came_before_it_is_normal():
    found = periods(WINDOW, 1800.0).from_onset(1700.0, known_normal=False)
    assert found == Periods((Window(1000.0, 1700.0),), Window(1700.0, 2000.0))


def test_from_an_onset_on_a_known_normal_stays_what_it_is():
    known = (Window(0.0, 100.0),)
    found = periods(WINDOW, 1800.0, known).from_onset(1700.0, known_normal=True)
    assert found == Periods(known, Window(1700.0, 2000.0))


def test_masks_have_the_shape_of_the_times():
    found = periods(WINDOW, 1800.0)
    assert found.is_normal(np.empty(0)).shape == (0,)
    assert found.is_recent(np.zeros((3, 2))).shape == (3, 2)
