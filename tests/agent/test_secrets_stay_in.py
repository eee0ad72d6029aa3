"""Five hundred secrets in the telemetry of one incident, and not one of them in anything that leaves or stays."""

import gzip
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
from evals.doubles.model_scripts import honest
from evals.doubles.planted_secrets import Planted, planted_secrets
from tests.agent.test_llm import modelled
from tests.conftest import ALERT, FIRED, ONSET, bodies
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


TRACED = """
import asyncio, json, pathlib, sys
{early}
from agent.alerts import parse_alert
from agent.investigate import investigate
from agent.settings import Settings
from agent.sources import Source

async def main(recording, home):
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    async for _ in investigate(alert, Source(kind="recording", place=str(recording)), Settings(home=home)):
        pass

asyncio.run(main(*map(pathlib.Path, sys.argv[1:])))
from langchain_core.tracers.langchain import wait_for_all_tracers
wait_for_all_tracers()
"""
EARLY = "from langsmith.utils import tracing_is_enabled; assert tracing_is_enabled()"


@contextmanager
def tracing_server() -> Iterator[tuple[str, list[str]]]:
    """The address of a server in LangSmith's place, and the paths that were posted to."""
    posted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            posted.append(self.path)
            self.do_GET()

        do_PATCH = do_POST  # noqa: N815 - the library's name

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("switch", "early", "allowed"),
    [
        ("LANGSMITH_TRACING", "", False),
        ("LANGSMITH_TRACING_V2", "", False),
        ("LANGCHAIN_TRACING_V2", EARLY, False),
        ("LANGSMITH_TRACING", "", True),
    ],
)
def test_no_state_goes_to_langsmith_unless_it_is_allowed(
    recording: Path, tmp_path: Path, switch: str, early: str, allowed: bool
):
    root = Path(__file__).parents[2]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LANG", "PCAUSE_"))}
    with tracing_server() as (address, posted):
        told = {switch: "true", "LANGSMITH_ENDPOINT": address, "LANGSMITH_API_KEY": "x", "PYTHONPATH": str(root)}
        if allowed:
            told["PCAUSE_ALLOW_LANGSMITH"] = "1"
        done = subprocess.run(
            [sys.executable, "-c", TRACED.format(early=early), str(recording), str(tmp_path / "home")],
            cwd=root, env={**clean, **told}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert bool(posted) is allowed
