from diagnosis.log_patterns import mask, mine
from diagnosis.telemetry import LogRecord, Window

WINDOW = Window(0.0, 600.0)


def record(time: float, body: str, severity: str = "INFO", **attributes: str | float) -> LogRecord:
    return LogRecord(time, "shop", severity, body, "", attributes)


def test_what_varies_by_nature_is_masked():
    assert mask("GET /a took 12 ms from 10.0.0.1:80 id 0123456789ab") == "GET /a took <number> ms from <ip> id <hex>"
    assert mask("job 3f2504e0-4f89-11d3-9a0c-0305e82c3301 at 2026-01-01T10:00:00Z") == "job <uuid> at <time>"
    assert mask("user v2 of 3 parts") == "user v2 of <number> parts"


def test_lines_of_one_shape_are_one_pattern_with_counts_in_bins():
    table = mine([record(t, f"item {t} reserved in {t * 7} ms") for t in range(0, 600, 10)], WINDOW)
    (pattern,) = table.patterns
    assert pattern.counts == (6,) * 10
    assert (pattern.first_seen, pattern.last_seen) == (0, 590)


def test_severities_and_entities_are_kept_apart():
    table = mine(
        [record(1, "x failed"), record(2, "x failed", "ERROR"), LogRecord(3, "other", "INFO", "x failed")], WINDOW
    )
    assert len(table.patterns) == 3


def test_attribute_values_are_counted_and_bounded():
    table = mine([record(t, "same", key=f"v{t}", fixed="a") for t in range(100)], WINDOW)
    values = table.patterns[0].attributes
    assert values["fixed"] == {"a": 100}
    assert len(values["key"]) == 9 and sum(values["key"].values()) == 100


def test_lines_outside_the_window_do_not_count():
    assert mine([record(-1, "a"), record(600, "b")], WINDOW).patterns == ()


def test_the_result_does_not_depend_on_the_order_of_entities():
    lines = [record(t, f"line {t}") for t in range(50)] + [
        LogRecord(float(t), "b", "INFO", f"other {t}") for t in range(50)
    ]
    assert mine(lines, WINDOW) == mine(lines[50:] + lines[:50], WINDOW)


def test_many_different_lines_stay_bounded():
    table = mine(
        [record(t % 600, " ".join(f"{chr(97 + (t * k) % 26)}{t}x" for k in range(6))) for t in range(6000)], WINDOW
    )
    assert len(table.patterns) <= 2001
