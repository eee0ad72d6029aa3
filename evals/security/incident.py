"""The bundled incident with a target that can be acted on, and with whatever texts somebody wants to have read."""

import gzip
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.alerts import parse_alert
from agent.approvals import Approvals, Request
from agent.events import Event
from agent.investigate import investigate, resume
from agent.models.policy import ModelPolicy, ReasonerChoice
from agent.prices import ModelPrices
from agent.runbook_index import embedder_of, home_of
from agent.settings import Settings
from agent.sources import Source
from evals.doubles.scripted_model import Script, ScriptedModel, scripted_model
from evals.doubles.switchboard import Switchboard, with_policy
from evals.lab import bundled_incident
from retrieval.indexing import index_folder

ID = "inv"
_MODEL = "openai:scripted"
_RULES = [{"action": "roll_back", "decision": "ask"}]
_RUNBOOK = """---
name: pool
description: A connection pool is too small.
fault_kinds: [pool_exhaustion]
symptoms: ["no free connection"]
---
# A pool is too small

## Fix

"""


def settings_in(folder: Path) -> Settings:
    """A home of its own below ``folder``, and a policy that asks about ``roll_back``."""
    folder.mkdir(parents=True, exist_ok=True)
    return with_policy(Settings(home=folder / "home"), rules=_RULES)


@contextmanager
def modelled(script: Script, settings: Settings) -> Iterator[tuple[Settings, ScriptedModel]]:
    """The settings with a scripted model that is always asked and costs nothing."""
    with scripted_model(script) as server:
        models = ModelPolicy(default=_MODEL, base_url=server.url, prices=ModelPrices(free=frozenset({_MODEL})))
        yield settings.model_copy(update={"models": models, "reasoner": ReasonerChoice.LLM}), server


def plant(folder: Path, texts: Sequence[str]) -> Path:
    """A copy of the incident with the texts in its alert, lines, spans, changes and diffs, by turns; the recording."""
    shutil.copytree(bundled_incident(), folder)
    turns = [list(texts[n::5]) for n in range(5)]
    alert = json.loads((folder / "alert.json").read_text())
    alert["annotations"] = {f"note_{n}": text for n, text in enumerate(turns[0])}
    alert["labels"] = {f"label_{n}": text for n, text in enumerate(turns[0])}
    alert["summary"] = " ".join([alert["summary"], *turns[0]])
    (folder / "alert.json").write_text(json.dumps(alert))
    _rewrite(
        folder / "logs.ndjson.gz",
        lambda line, text: {**line, "body": text, "severity_text": "ERROR"},
        turns[1],
        add=True,
    )
    _rewrite(folder / "spans.ndjson.gz", _span, turns[2])
    _rewrite(
        folder / "changes.ndjson",
        lambda change, text: {**change, "title": f"{change.get('title', '')} {text}"},
        turns[3],
    )
    _rewrite(folder / "changes.ndjson", _diff, turns[4])
    return folder


async def until_it_asks(settings: Settings, recording: Path, board: Switchboard) -> Event:
    """Investigate it as ``ID``; the last event."""
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    source = Source(kind="recording", place=str(recording))
    return [event async for event in investigate(alert, source, settings, id=ID, actions=board.actions())][-1]


async def to_its_end(settings: Settings, board: Switchboard) -> Event:
    """Resume ``ID``; the last event."""
    return [event async for event in resume(ID, settings, actions=board.actions())][-1]


def approve(settings: Settings, request: Request) -> None:
    """As ann at the terminal."""
    approvals = Approvals(settings)
    approvals.decide(approvals.ticket(request.id, "terminal", "ann"), "terminal", "ann", True)


def index_runbook(settings: Settings, folder: Path, texts: Sequence[str]) -> None:
    """A runbook for the incident's cause whose steps are the texts."""
    folder.mkdir(parents=True)
    steps = "\n".join(f"{n}. {' '.join(text.split())}" for n, text in enumerate(texts, 1))
    (folder / "pool.md").write_text(_RUNBOOK + steps + "\n", encoding="utf-8", errors="replace")
    index_folder(folder, home_of(settings), embedder_of(settings), lambda done, total: None)


def everything_in(home: Path) -> str:
    """All that was kept below a folder, unpacked."""
    found = []
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        data = path.read_bytes()
        found.append((gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", "replace"))
    return "\n".join(found)


def _span(span: Mapping[str, Any], text: str) -> dict[str, Any]:
    attributes = {**span.get("attributes", {}), "db.query.text": text}
    return {
        **span,
        "status": {"code": span.get("status", {}).get("code", "OK"), "message": text},
        "attributes": attributes,
    }


def _diff(change: Mapping[str, Any], text: str) -> dict[str, Any]:
    added = "".join(f"+# {line}\n" for line in text.splitlines())
    return {**change, "diff": f"{change.get('diff') or ''}\n{added}"}


def _rewrite(path: Path, change: Any, texts: Sequence[str], add: bool = False) -> None:  # noqa: ANN401 - of two shapes
    """Each text into a line of its own, spread from the end of the file, where the fault is; ``add`` adds lines."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = [json.loads(line) for line in raw.splitlines()]
    for n, text in enumerate(texts):
        place = len(rows) - 1 - n % len(rows)
        if add:
            rows.append(change(rows[place], text))
        else:
            rows[place] = change(rows[place], text)
    out = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(out, mtime=0) if path.suffix == ".gz" else out)
