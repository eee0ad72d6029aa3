"""Patterns and comparisons of log lines: true counts where all are read, near ones and nothing rare lost where not."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from diagnosis.log_patterns import mine
from diagnosis.telemetry import PatternTable, Window
from tools.logs.client import Notes, Rejected, SearchClient
from tools.logs.paging import Deadline
from tools.logs.policy import LogPolicy
from tools.spec import CompareLogs, Empty, LogPatterns, Rows, SearchLogs, ToolError

START = 1_790_000_000.0
SECONDS = 1_800
ONSET = START + 1_200
WINDOW = {"start": START, "end": START + SECONDS}
WORD = {"type": "keyword"}
PROPERTIES = {
    "time": {"type": "date_nanos"}, "serviceName": WORD, "severityText": WORD, "body": {"type": "text"},
    "traceId": WORD, "spanId": WORD, "region": WORD,
}  # fmt: skip
FEW = LogPolicy(most_lines=1_000)
QUIET = ("order {} accepted by worker", "cache hit for key {}", "published event {} to topic orders")


def line(
    i: int, seconds: float, body: str, service: str, severity: str = "INFO", region: str = "north"
) -> dict[str, Any]:
    time = datetime.fromtimestamp(START + seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "time": time, "serviceName": service, "severityText": severity, "body": body, "region": region,
        "traceId": f"trace-{i // 3}", "spanId": f"span-{i}",
    }  # fmt: skip


def lines(count: int = 2_500) -> list[dict[str, Any]]:
    """Three common texts of two services; errors of the store after the onset; three rare quiet lines."""
    found = []
    for i in range(count):
        seconds, service = SECONDS * i / count, ("front", "store")[i % 2]
        if START + seconds >= ONSET and i % 40 == 1:
            found.append(line(i, seconds, f"no free connection after {i} ms", service, "ERROR", "south"))
        elif i in (count * 7 // 10, count * 8 // 10, count * 9 // 10):
            found.append(line(i, seconds, f"lease of shard {i} handed over twice", service))
        else:
            found.append(line(i, seconds, QUIET[i % 3].format(i), service))
    return found


def by_text(table: PatternTable) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for pattern in table.patterns:
        key = (pattern.entity, pattern.example.split()[0])
        counts[key] = counts.get(key, 0) + pattern.total
    return counts


def test_few_lines_are_all_read_and_mined_as_they_are(ask, index) -> None:
    index("logs-a", PROPERTIES, lines(900))
    answer = ask()["log_patterns"].run(LogPatterns(**WINDOW))
    read = ask()["search_logs"].run(SearchLogs(**WINDOW, limit=10_000)).body.records
    assert answer.body == mine(read, Window(**WINDOW))
    assert (answer.body.lines_seen, answer.body.lines_read, answer.note) == (900, 900, "")


def test_three_lines_among_thousands_are_found_in_a_sample(ask, index) -> None:
    index("logs-a", PROPERTIES, lines())
    table = ask(FEW)["log_patterns"].run(LogPatterns(**WINDOW)).body
    assert table.lines_seen == 2_500
    assert table.lines_read < 1_300
    assert sum(pattern.total for pattern in table.patterns if "handed over" in pattern.template) == 3
    errors = [pattern for pattern in table.patterns if pattern.severity == "ERROR"]
    assert sum(pattern.total for pattern in errors) == sum(raw["severityText"] == "ERROR" for raw in lines())


def test_counts_of_a_sample_are_near_the_true_ones(ask, index) -> None:
    index("logs-a", PROPERTIES, lines())
    sampled = by_text(ask(FEW)["log_patterns"].run(LogPatterns(**WINDOW)).body)
    true = by_text(ask()["log_patterns"].run(LogPatterns(**WINDOW)).body)
    assert sampled.keys() == true.keys()
    assert all(abs(sampled[key] - count) < 0.35 * count + 1 for key, count in true.items())
    assert sum(sampled.values()) == pytest.approx(2_500, rel=0.02)


def test_a_burst_of_errors_stands_out_of_a_sample_as_it_was(ask, index) -> None:
    seconds = [i / 10 for i in range(0, 12_000, 60)] + [1_200 + i / 20 for i in range(1_200)]  # 10 a minute, then 1,200
    index("logs-a", PROPERTIES, [line(i, at, "no free connection", "store", "ERROR") for i, at in enumerate(seconds)])
    (pattern,) = ask(FEW)["log_patterns"].run(LogPatterns(**WINDOW)).body.patterns
    assert pattern.counts[:20] == (10,) * 20
    assert pattern.counts[20] == 1_200
    assert pattern.total == 1_400


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Makes every look at the clock cost so many seconds, as if the engine needed them."""

    def each(seconds: float) -> None:
        ticks = count()
        clock = lambda: next(ticks) * seconds  # noqa: E731 - a clock
        monkeypatch.setattr("tools.logs.patterns.Deadline", lambda allowed: Deadline(allowed, clock))

    return each


@pytest.mark.parametrize(("seconds", "most"), [(0.05, 60_000), (0.1, 60_000), (0.2, 1_000)])
def test_of_a_slow_backend_the_newest_minutes_are_told_and_never_as_gone(
    ask, index, slow: Callable[[float], None], seconds: float, most: int
) -> None:
    index("logs-a", PROPERTIES, lines())
    slow(seconds)
    policy = LogPolicy(most_lines=most, page_lines=50, search_seconds=10)
    answer = ask(policy)["log_patterns"].run(LogPatterns(**WINDOW))
    table = answer.body
    assert table.window.end == START + SECONDS
    assert START <= table.window.start < ONSET
    assert "the time for reading was over" in answer.note
    assert (f"of the last {table.window.seconds / 60:.0f} min" in answer.note) == (table.window.start > START)
    a_minute = sum(raw["severityText"] == "INFO" for raw in lines()) / 30
    told = [
        sum(p.counts[i] for p in table.patterns if p.severity == "INFO") for i in range(len(table.patterns[0].counts))
    ]
    assert all(count == pytest.approx(a_minute, rel=0.15) for count in told)
    errors = sum(pattern.total for pattern in table.patterns if pattern.severity == "ERROR")
    assert errors == sum(raw["severityText"] == "ERROR" for raw in lines())


def test_a_sample_stands_without_rare_lines_where_the_engine_refuses_the_question(ask, index, monkeypatch) -> None:
    search = SearchClient.search

    def refusing(self: SearchClient, indices: Iterable[str], body: dict[str, Any], notes: Notes) -> dict[str, Any]:
        if "match_phrase" in str(body):
            raise Rejected("too many nested clauses", "query_shard_exception")
        return search(self, indices, body, notes)

    index("logs-a", PROPERTIES, lines())
    monkeypatch.setattr(SearchClient, "search", refusing)
    answer = ask(FEW)["log_patterns"].run(LogPatterns(**WINDOW))
    assert "rare quiet lines could not be looked for: too many nested clauses" in answer.note
    assert sum(pattern.total for pattern in answer.body.patterns) == pytest.approx(2_500, rel=0.02)


def test_a_backend_too_slow_to_read_a_line_from_is_a_failure_and_not_silence(ask, index, slow) -> None:
    index("logs-a", PROPERTIES, lines(100))
    slow(30.0)
    with pytest.raises(ToolError, match="before any log line was read"):
        ask()["log_patterns"].run(LogPatterns(**WINDOW))


def test_the_same_lines_give_the_same_sample(ask, index) -> None:
    index("logs-a", PROPERTIES, lines(2_500))
    first, second = (ask(FEW)["log_patterns"].run(LogPatterns(**WINDOW)) for _ in range(2))
    assert first == second


def test_a_sample_tells_the_order_of_whole_requests_only(ask, index) -> None:
    written = lines()
    index("logs-a", PROPERTIES, written)
    sequence = ask(FEW)["log_patterns"].run(LogPatterns(**WINDOW)).body.sequence
    spans: dict[str, set[str]] = {}
    for _, trace_id, span_id in sequence.requests:
        spans.setdefault(trace_id, set()).add(span_id)
    true: dict[str, set[str]] = {}
    for raw in written:
        true.setdefault(raw["traceId"], set()).add(raw["spanId"])
    assert len(spans) > 10
    assert all(found == true[trace_id] for trace_id, found in spans.items())


def test_a_backend_in_trouble_is_asked_for_less_and_the_answer_says_so(ask, index) -> None:
    index("logs-a", PROPERTIES, lines(2_500))
    answer = ask(FEW, strained=True)["log_patterns"].run(LogPatterns(**WINDOW))
    assert "rare quiet lines were not looked for while the backend is in trouble" in answer.note
    assert sum(pattern.severity == "ERROR" for pattern in answer.body.patterns) > 0


def test_patterns_of_an_entity_without_lines_are_empty(ask, index) -> None:
    index("logs-a", PROPERTIES, lines(50))
    assert ask()["log_patterns"].run(LogPatterns(**WINDOW, entities=("nobody",))) == Empty()
    only = ask()["log_patterns"].run(LogPatterns(**WINDOW, entities=("store",)))
    assert {pattern.entity for pattern in only.body.patterns} == {"store"}


def test_what_is_unusual_in_the_incident_leads_the_comparison(ask, index) -> None:
    index("logs-a", PROPERTIES, lines(2_500))
    answer = ask()["compare_logs"].run(CompareLogs(start=ONSET, end=START + SECONDS, baseline_start=START))
    assert isinstance(answer, Rows)
    found = {(row[0], row[1]): row for row in answer.body.rows}
    assert {("severityText", "ERROR"), ("region", "south")} <= found.keys()
    _, _, incident, baseline, score = found["region", "south"]
    assert (incident, baseline) == (sum(raw["region"] == "south" for raw in lines(2_500)), 0)
    assert score > 0
    assert any(row[0] == "body" and row[1] in ("connection", "free") for row in answer.body.rows)
    assert all(len(row) == len(answer.body.columns) for row in answer.body.rows)


def test_fields_with_fractions_do_not_stop_a_comparison(ask, index) -> None:
    written = [{**raw, "seconds": 0.25, "bag": {"a": "b"}} for raw in lines(900)]
    index("logs-a", {**PROPERTIES, "seconds": {"type": "double"}, "bag": {"type": "flat_object"}}, written)
    answer = ask()["compare_logs"].run(CompareLogs(start=ONSET, end=START + SECONDS, baseline_start=START))
    assert {"severityText", "region"} <= {row[0] for row in answer.body.rows}


@pytest.mark.parametrize("body", [{"type": "text"}, WORD])
def test_lines_without_a_level_are_sampled_like_any_other(ask, index, body: dict[str, str]) -> None:
    pods = {"front": "front-7d9f8b6c5d-x2x4z", "store": "store-7d9f8b6c5d-x2x4z"}
    bare = [
        {"@timestamp": raw["time"], "log": raw["body"], "kubernetes": {"pod_name": pods[raw["serviceName"]]}}
        for raw in lines()
    ]
    properties = {"@timestamp": {"type": "date"}, "log": body, "kubernetes": {"properties": {"pod_name": WORD}}}
    index("kube-a", properties, bare)
    answer = ask(FEW)["log_patterns"].run(LogPatterns(**WINDOW, entities=("store",)))
    half = sum(raw["serviceName"] == "store" for raw in lines())
    assert {pattern.entity for pattern in answer.body.patterns} == {"store"}
    assert answer.body.lines_seen == half
    assert sum(pattern.total for pattern in answer.body.patterns) == pytest.approx(half, rel=0.02)
    assert ("no text is indexed" in answer.note) == (body == WORD)
