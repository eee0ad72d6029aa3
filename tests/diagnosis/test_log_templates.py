"""Lines to templates, and which templates are symptoms."""

from collections.abc import Iterable

import pytest

from diagnosis.log_patterns import location, mask, mine
from diagnosis.log_symptoms import log_symptoms
from diagnosis.periods import Periods
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import LogRecord, Window

MINUTES = 90
ONSET = 60
WINDOW = Window(0.0, 60.0 * MINUTES)
PERIODS = Periods((Window(0.0, 60.0 * ONSET),), Window(60.0 * ONSET, 60.0 * MINUTES))


def lines(text: str, counts: Iterable[int], entity: str = "shop", severity: str = "INFO") -> list[LogRecord]:
    """``counts`` says how many lines there are in each minute."""
    return [
        LogRecord(60.0 * minute + 60.0 * i / max(count, 1), entity, severity, text)
        for minute, count in enumerate(counts)
        for i in range(count)
    ]


def symptoms(*parts: list[LogRecord]) -> dict[str, Symptom]:
    """By template."""
    found = log_symptoms(mine([line for part in parts for line in part], WINDOW), PERIODS)
    return {s.subject: s for s in found}


def steady(before: int, after: int) -> list[int]:
    return [before] * ONSET + [after] * (MINUTES - ONSET)


# Masking


@pytest.mark.parametrize("place", ["OrderStore#142", "com.acme.Order$Inner#7"])
def test_a_mask_keeps_the_line_of_source_code(place: str):
    assert mask(f"{place} reserved 12 items") == f"{place} reserved <number> items"


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("saved Order(id=5, name=x) now", "saved Order<fields> now"),
        ("saved {'id': 5} now", "saved <fields> now"),
        ("ids [a, b, c]", "ids <fields>"),
        ("saved Order(id=5, customer=Customer(id=7, name=y), lines=[a, b])", "saved Order<fields>"),
    ],
)
def test_a_mask_folds_a_printed_object(line: str, masked: str):
    assert mask(line) == masked


@pytest.mark.parametrize("line", ["order (urgent) saved", "[main] started", "retry (again)"])
def test_a_mask_leaves_brackets_around_words(line: str):
    assert mask(line) == line


def test_objects_of_any_size_are_one_pattern():
    table = mine(
        [LogRecord(float(n), "shop", "INFO", f"saved lines [{', '.join('x' * (n + 2))}]") for n in range(20)], WINDOW
    )
    assert [pattern.template for pattern in table.patterns] == ["saved lines <fields>"]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("OrderStore#142 saved", "OrderStore#142"),
        ("store/order.go:12 saved", "store/order.go:12"),
        ("saved 12 at 10:12", ""),
        ("x" * 300 + " a.py:3", ""),
    ],
)
def test_the_place_in_the_source_is_read_near_the_beginning_of_a_line(line: str, place: str):
    assert location(line) == place


@pytest.mark.parametrize("places", [("OrderStore#12", "OrderStore#98"), ("order.go:12", "order.go:98")])
def test_lines_of_different_source_lines_never_merge(places: tuple[str, str]):
    texts = [f"{place} could not reserve item {i}" for i in range(30) for place in places]
    table = mine([LogRecord(float(i), "shop", "INFO", text) for i, text in enumerate(texts)], WINDOW)
    assert [pattern.total for pattern in table.patterns] == [30, 30]


def test_patterns_of_different_source_lines_do_not_depend_on_which_came_first():
    one, other = (
        [LogRecord(float(i), "shop", "INFO", f"order.go:{n} saved item {i}") for i in range(5)] for n in (12, 98)
    )
    assert mine(one + other, WINDOW) == mine(other + one, WINDOW)


def test_lines_of_one_source_line_are_one_pattern_however_long_they_are():
    texts = [f"OrderStore#12 saved {' '.join(['item'] * 8)} {i}" for i in range(20)]
    assert len(mine([LogRecord(float(i), "shop", "INFO", text) for i, text in enumerate(texts)], WINDOW).patterns) == 1


# Rates


def test_lines_that_grow_as_all_traffic_does_are_no_symptom():
    ordinary = lines("order accepted and saved", steady(20, 60))
    assert symptoms(ordinary, lines("retry of a payment", steady(4, 12), severity="WARN")) == {}


def test_lines_that_grow_while_traffic_does_not_are_a_symptom():
    ordinary = lines("order accepted and saved", steady(20, 20))
    found = symptoms(ordinary, lines("retry of a payment", steady(4, 12), severity="WARN"))
    assert found.keys() == {"retry of a payment"}


def test_lines_that_stay_while_traffic_falls_are_a_symptom():
    ordinary = lines("order accepted and saved", steady(60, 10))
    assert "retry of a payment" in symptoms(ordinary, lines("retry of a payment", steady(6, 6), severity="WARN"))


def test_without_ordinary_lines_the_time_is_the_measure():
    assert symptoms(lines("retry of a payment", steady(4, 4), severity="WARN")) == {}
    assert symptoms(lines("retry of a payment", steady(4, 12), severity="WARN")).keys() == {"retry of a payment"}


def test_a_period_of_which_fewer_lines_were_collected_makes_no_symptom():
    ordinary = lines("order accepted and saved", steady(10, 60))  # most of the normal time is missing
    assert symptoms(ordinary, lines("retry of a payment", steady(1, 6), severity="WARN")) == {}


# Bursts


def burst(every: int, size: int, at: int = 0) -> list[int]:
    return [size if minute % every == at else 0 for minute in range(MINUTES)]


def test_what_comes_in_bursts_must_rise_more_to_be_a_symptom():
    extra = [30 if minute == 75 else 0 for minute in range(MINUTES)]
    steadily = symptoms(lines("cache was rebuilt", [2 + more for more in extra], severity="WARN"))
    # As many lines before, but of very different sizes of burst.
    sizes = [60 if m == 10 else 20 if m == 25 else 5 if m in (35, 50) else 1 if m < 30 else 0 for m in range(ONSET)]
    bursty = symptoms(lines("cache was rebuilt", sizes + [2 + more for more in extra[ONSET:]], severity="WARN"))
    assert sum(sizes) == pytest.approx(2 * ONSET, abs=5)
    assert steadily["cache was rebuilt"].strength > (bursty["cache was rebuilt"].strength if bursty else 0.0)


def test_bursts_that_come_as_ever_are_no_symptom():
    assert symptoms(lines("cache was rebuilt", burst(10, 40), severity="WARN")) == {}


# First lines


def test_a_failing_line_that_was_never_seen_before_is_a_symptom_from_its_first_time_on():
    late = lines("connection refused by the store", [0] * 70 + [1] + [0] * 19, severity="ERROR")
    found = symptoms(lines("order accepted and saved", steady(5, 5)), late)
    assert found["connection refused by the store"].onset == 70 * 60.0
    assert found["connection refused by the store"].bad


def test_one_new_line_that_says_nothing_of_a_failure_is_no_symptom():
    late = lines("cleanup finished", [0] * 70 + [1] + [0] * 19)
    assert symptoms(lines("order accepted and saved", steady(5, 5)), late) == {}


def test_an_ordinary_line_counts_less_than_a_failing_one():
    found = symptoms(
        lines("cleanup finished", [0] * 60 + [8] * 30),
        lines("connection refused by the store", [0] * 60 + [8] * 30, severity="ERROR"),
    )
    assert found["connection refused by the store"].strength > 2 * found["cleanup finished"].strength
    assert not found["cleanup finished"].bad


def test_a_line_that_stops_is_no_symptom_by_its_rate():
    assert symptoms(lines("cleanup finished", steady(2, 0)), lines("order accepted and saved", steady(20, 20))) == {}


def test_a_line_that_rises_is_dated_at_the_first_minute_that_its_normal_never_reached():
    counts = [2] * 65 + [30] * 25
    assert symptoms(lines("retry of a payment", counts, severity="WARN"))["retry of a payment"].onset == 65 * 60.0
