"""Five hundred secrets in the telemetry of one incident, and not one of them in anything that leaves or stays."""

import gzip
import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from agent.alerts import parse_alert
from agent.change_store import ChangeStore
from agent.events import Finished
from agent.investigate import investigate
from agent.redaction import RedactingFilter
from agent.report.html import render_html
from agent.report.markdown import render_markdown
from agent.settings import Settings
from agent.sources import Source
from diagnosis.telemetry import Change, ChangeKind, LogRecord
from tests.agent.test_llm import modelled
from tests.conftest import ALERT, FIRED, ONSET, bodies
from tests.model_scripts import honest
from tests.planted_secrets import Planted, planted_secrets
from tools.recording_writer import write_recording
from tools.spec import ChangeList, LogBatch, SpanBatch

PLANTED = planted_secrets(seed=11)


def plant(folder: Path) -> None:
    """The incident of the other tests, with a secret in every place where text is free."""
    metrics, logs, spans, changes, topology = bodies()
    assert isinstance(logs, LogBatch) and isinstance(spans, SpanBatch) and isinstance(changes, ChangeList)
    lines = [LogRecord(ONSET + n, "store", "ERROR", planted.text) for n, planted in enumerate(PLANTED)]
    own = [
        replace(span, message=planted.text, attributes={"db.query.text": planted.text})
        for span, planted in zip(spans.spans, PLANTED, strict=False)
    ]
    told = [
        Change(
            ChangeKind.COMMIT, f"{n:040x}", ONSET - 1000, "", planted.text[:200], "eve", ("store/a.py",),
            "@@ store/a.py @@\n" + "".join(f"+{line}\n" for line in planted.text.split("\n")),
        )
        for n, planted in enumerate(PLANTED[:100])
    ]  # fmt: skip
    alert = {**ALERT, "summary": f"front is slow {PLANTED[0].text}"}
    write_recording(
        folder, alert, metrics, LogBatch((*logs.records, *lines), 999), SpanBatch((*own, *spans.spans[len(own) :]), 99),
        ChangeList((*changes.changes, *told)), topology,
    )  # type: ignore[arg-type]  # fmt: skip


def leaked(text: str) -> list[str]:
    return [planted.kind for planted in PLANTED if any(piece in text for piece in planted.pieces)]


def everything_in(home: Path) -> str:
    """All that was kept, unpacked."""
    found = []
    for path in sorted(home.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            found.append((gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", "replace"))
    return "\n".join(found)


async def test_no_secret_reaches_a_prompt_a_checkpoint_a_report_or_the_ledger(tmp_path: Path, settings: Settings):
    assert len(PLANTED) >= 500
    recording = tmp_path / "recording"
    plant(recording)
    assert len(set(leaked(everything_in(recording)))) > 300, "the secrets are there to be found"
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    with modelled(honest(), settings) as (with_model, server):
        events = [e async for e in investigate(alert, Source(kind="recording", place=str(recording)), with_model)]
    assert server.requests
    assert leaked(json.dumps(server.requests, ensure_ascii=False)) == []
    last = events[-1]
    assert isinstance(last, Finished)
    for rendered in (last.report.model_dump_json(), render_html(last.report), render_markdown(last.report)):
        assert leaked(rendered) == []
    assert leaked(everything_in(settings.home)) == []


def test_no_secret_of_a_posted_change_is_kept(settings: Settings):
    store = ChangeStore(settings.home, now=lambda: FIRED)
    posted = [
        Change(ChangeKind.DEPLOY, f"d{n}", ONSET, "store", title=planted.text, diff=planted.text, after=planted.text)
        for n, planted in enumerate(PLANTED)
    ]
    store.add(posted)
    assert leaked(everything_in(settings.home)) == []


@pytest.mark.parametrize("planted", PLANTED[::25], ids=lambda planted: planted.kind)
def test_no_secret_is_in_our_own_log(planted: Planted):
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "cannot read %s", (planted.text,), None)
    assert RedactingFilter().filter(record)
    assert leaked(record.getMessage()) == []
