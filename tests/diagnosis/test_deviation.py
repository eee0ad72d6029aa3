import numpy as np

from diagnosis.deviation import as_rates, deviations
from diagnosis.periods import Periods
from diagnosis.telemetry import SeriesKey, SeriesMatrix, Window

TIMES = np.arange(120) * 60.0
PERIODS = Periods((Window(TIMES[0], TIMES[40]),), Window(TIMES[40], TIMES[-1] + 1))


def matrix(**rows: np.ndarray) -> SeriesMatrix:
    keys = tuple(SeriesKey("shop", name) for name in rows)
    return SeriesMatrix(keys, TIMES, np.vstack(list(rows.values())).astype(float))


def noise(level: float, seed: int = 1) -> np.ndarray:
    return level * (1 + 0.02 * np.random.default_rng(seed).standard_normal(TIMES.size))


def test_a_step_is_dated_at_its_first_sample():
    values = noise(100)
    values[80:] *= 3
    found = deviations(matrix(latency_ms=values), PERIODS)
    assert found.onset[0] == TIMES[80]
    assert found.score[0] > 20


def test_a_fall_counts_like_a_rise():
    values = noise(100)
    values[80:] *= 0.3
    assert deviations(matrix(rate=values), PERIODS).score[0] < -10


def test_a_ramp_is_dated_near_its_foot():
    values = noise(100)
    values[60:] += np.arange(60) * 5.0
    onset = deviations(matrix(latency_ms=values), PERIODS).onset[0]
    assert TIMES[60] <= onset <= TIMES[68]


def test_noise_alone_has_no_onset():
    quiet = {f"metric_{i}": noise(50, seed=i) for i in range(50)}
    assert not deviations(matrix(**quiet), PERIODS).shifted().any()


def test_one_spike_is_no_onset():
    values = noise(100)
    values[80] = 1000
    assert not deviations(matrix(latency_ms=values), PERIODS).shifted().any()


def test_a_constant_limit_that_moves_deviates():
    values = np.full(120, 50.0)
    values[70:] = 10
    found = deviations(matrix(pool_max=values), PERIODS)
    assert found.onset[0] == TIMES[70]
    assert (found.before[0], found.after[0]) == (50.0, 10.0)


def test_a_counter_is_read_as_its_rate():
    steps = np.full(120, 10.0)
    steps[80:] = 100.0
    rated = as_rates(matrix(requests_total=np.cumsum(steps)))
    assert rated.values[0, 50] == 10.0 / 60.0
    assert deviations(matrix(requests_total=np.cumsum(steps)), PERIODS).onset[0] == TIMES[80]


def test_gaps_and_nan_are_no_deviation():
    values = noise(100)
    values[50:60] = np.nan
    assert not deviations(matrix(latency_ms=values), PERIODS).shifted().any()


def test_a_series_that_stops_is_gone():
    values = noise(100)
    values[40:] = np.nan
    assert deviations(matrix(latency_ms=values), PERIODS).gone.all()


def test_no_series_and_no_samples_are_answers():
    assert deviations(SeriesMatrix.empty(), PERIODS).onset.size == 0
    lone = SeriesMatrix((SeriesKey("a", "b"),), np.array([5.0]), np.array([[1.0]]))
    assert not deviations(lone, Periods((Window(0.0, 3.0),), Window(3.0, 10.0))).shifted().any()
