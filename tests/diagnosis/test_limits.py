import numpy as np

from diagnosis.channels import CHANNELS, Observation
from diagnosis.periods import Periods
from diagnosis.span_table import SpanTable
from diagnosis.telemetry import PatternTable, SeriesKey, SeriesMatrix, Topology, Window

TIMES = np.arange(60) * 60.0
PERIODS = Periods((Window(0.0, 3000.0),), Window(3000.0, 3600.0))


def clues(metric: str, normal: tuple[float, float], recent: float):
    """One series that swings between two levels, then stays at ``recent``."""
    values = np.where(np.arange(60) % 2, *normal)
    values = np.where(TIMES >= 3000.0, recent, values)
    matrix = SeriesMatrix((SeriesKey("mill", metric),), TIMES, values[None, :])
    seen = Observation(matrix, PatternTable(PERIODS.recent, 60.0, ()), SpanTable.empty(), Topology(), PERIODS)
    return CHANNELS["saturation"](seen)


def test_a_restless_share_that_reaches_its_limit_as_never_before_is_saturation():
    (clue,) = clues("cpu_usage_percent", (45.0, 80.0), 100.0)
    assert clue.entity == "mill" and clue.strength > 0.8
    assert "never before" in clue.symptom.sentence


def test_a_share_that_was_at_its_limit_before_or_stays_below_it_is_not():
    assert clues("cpu_usage_percent", (45.0, 100.0), 100.0) == []
    assert clues("cpu_usage_percent", (45.0, 80.0), 90.0) == []


def test_a_high_share_of_the_machine_underneath_is_not_the_tenants_own():
    assert clues("node_cpu_usage_percent", (45.0, 80.0), 100.0) == []
