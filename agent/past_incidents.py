"""Confirmed incidents: an investigation that a person found right is kept as a runbook of its own, to be found again.

It is opt-in, one investigation at a time. What was right once is only shown where today's evidence says the same: the
same kind of fault at the same place (see ``agent/nodes/runbook_steps.py``).
"""

import datetime
from pathlib import Path

import yaml

from agent.ledger import Ledger, LedgerError
from agent.redaction import cut_secrets
from agent.report.model import Report
from agent.runbook_index import embedder_of, incidents_home
from agent.settings import Settings
from diagnosis.words import short_id
from retrieval.indexing import index_folder

_MOST_SYMPTOMS = 8


def confirm(id: str, settings: Settings, fix: str = "") -> Path:
    """Keep an investigation whose report stands and has a cause; ``fix`` is what helped, else what was proposed first.

    The file that was written. Raises ``LedgerError``, ``OSError``, ``RunbookIndexError``, ``EmbeddingError``.
    """
    row = Ledger(settings.home).investigation(id)
    if row.status not in ("done", "waiting"):
        raise LedgerError(f"investigation {row.id} is {row.status}: it can be confirmed when its report stands")
    report = Report.model_validate_json(row.report) if row.report else None
    if report is None or not report.cause_found:
        raise LedgerError(f"investigation {row.id} named no cause: there is nothing to confirm")
    path = _path(row.id, settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_markdown(report, fix), encoding="utf-8")
    _index(settings)
    return path


def is_confirmed(id: str, settings: Settings) -> bool:
    """Whether it is kept."""
    return _path(id, settings).exists()


def unconfirm(id: str, settings: Settings) -> bool:
    """Keep it no more: it was not right after all. False where it was not kept.

    Raises ``LedgerError``, ``OSError``, ``RunbookIndexError``, ``EmbeddingError``.
    """
    path = _path(Ledger(settings.home).investigation(id).id, settings)
    kept = path.exists()
    path.unlink(missing_ok=True)
    if path.parent.is_dir() and incidents_home(settings).generation():  # also after a try that broke off here
        _index(settings)
    return kept


def _path(id: str, settings: Settings) -> Path:
    return settings.home / "incidents" / "confirmed" / f"{id}.md"


def _index(settings: Settings) -> None:
    folder = settings.home / "incidents" / "confirmed"
    index_folder(folder, incidents_home(settings), embedder_of(settings), lambda done, total: None)


def _markdown(report: Report, fix: str) -> str:
    day = datetime.datetime.fromtimestamp(report.alert.fired_at, tz=datetime.UTC).date()
    helped = cut_secrets(fix) or next((step.sentence for step in report.next_steps), "")
    front = {
        "name": report.investigation_id,
        "description": f"{day}: {report.headline}",
        "fault_kinds": [report.fault_kind.value],
        "services": [report.first_failing],
        "symptoms": [claim.sentence for claim in report.claims[:_MOST_SYMPTOMS]],
        "owner": "confirmed",
        "reviewed": day,
    }
    change = f"\n\nThe change: {_line(report.change.title)} ({short_id(report.change.id)})" if report.change else ""
    parts = (
        f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---",
        f"# {_line(report.alert.name)}, seen on {day}",
        f"## Cause\n\n{_line(report.headline)}{change}",
        f"## Fix\n\n1. {_line(helped)}",
    )
    return "\n\n".join(parts) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())
