"""Where the fault is can be plain while nobody knows what set it off: the report says so, and its numbers are checked."""

import json
from pathlib import Path

import numpy as np
import pytest

from agent.alerts import parse_alert
from agent.claim_checks import check_claim
from agent.events import Finished
from agent.evidence import EvidenceStore
from agent.investigate import investigate
from agent.report.model import Report
from agent.settings import Settings
from agent.sources import Source
from agent.state import Check

START, ONSET, END = 1_790_000_000, 1_790_002_400, 1_790_003_000


def span(trace: str, id: str, parent: str, service: str, name: str, begin: float, seconds: float) -> str:
    nanos = {"start_time_unix_nano": int(begin * 1e9), "end_time_unix_nano": int((begin + seconds) * 1e9)}
    return json.dumps(
        {"trace_id": trace, "span_id": id, "parent_span_id": parent, "service": service, "name": name, **nanos}
    )


@pytest.fixture
async def report(tmp_path: Path, settings: Settings) -> Report:
    """The door asks the stock every five seconds; from the onset on the answers of the stock are late on their way."""
    folder, random = tmp_path / "late", np.random.default_rng(5)
    folder.mkdir()
    spans, metrics = [], ["timestamp,entity,metric,value"]
    for at in range(START, END, 5):
        late = 0.5 if at >= ONSET else 0.0
        work = 0.05 * random.uniform(0.9, 1.1)
        spans += [
            span(f"t{at}", "a", "", "door", "GET /", at, 0.1 + late),
            span(f"t{at}", "b", "a", "door", "Stock/Get", at + 0.01, work + 0.01 + late),
            span(f"t{at}", "c", "b", "stock", "Stock/Get", at + 0.015, work),
        ]
    for at in range(START, END, 60):
        level = 0.1 * random.uniform(0.98, 1.02) + (0.5 if at >= ONSET else 0.0)
        metrics.append(f"{at},door,http_request_duration_p99_seconds,{level}")
    (folder / "spans.ndjson").write_text("\n".join(spans))
    (folder / "metrics.csv").write_text("\n".join(metrics))
    alert = {"name": "DoorSlow", "service": "door", "fired_at": END - 60, "metric": "http_request_duration_p99_seconds"}
    (folder / "alert.json").write_text(json.dumps(alert))
    parsed = parse_alert(alert)
    events = [event async for event in investigate(parsed, Source(kind="recording", place=str(folder)), settings)]
    assert isinstance(events[-1], Finished)
    return events[-1].report


async def test_the_place_and_the_kind_are_named_and_no_change_is_blamed(report: Report):
    assert report.cause_found and report.change is None
    assert (report.first_failing, report.fault_kind.value) == ("stock", "network_delay")
    assert "what set it off is not in the telemetry" in report.headline


async def test_what_a_channel_found_is_a_claim_that_is_computed_again(report: Report, settings: Settings):
    store = EvidenceStore(settings.home / "evidence")
    claim = next(claim for claim in report.claims if claim.check is Check.CHANNEL and claim.subject[0] == "call_gap")
    assert check_claim(claim, list(report.evidence), store) == ""
    before, after, start = claim.value
    for lie in ((before, after * 1.5, start), (before * 3, after, start)):
        assert "it is" in check_claim(claim.model_copy(update={"value": lie}), list(report.evidence), store)
    ghost = claim.model_copy(update={"subject": ("call_gap", "ghost", claim.subject[2])})
    assert "says nothing" in check_claim(ghost, list(report.evidence), store)


async def test_every_sentence_of_it_holds(report: Report):
    assert not report.removed_claims
