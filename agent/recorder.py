"""From an investigation's evidence back to a recording: every incident can become a test."""

import json
from pathlib import Path

from agent.evidence import EvidenceStore
from agent.ledger import Ledger
from agent.settings import Settings
from agent.state import Alert, Evidence, Outcome
from tools.recording_writer import write_recording
from tools.spec import Body


class RecorderError(ValueError):
    """The investigation cannot be written as a recording; the message says why."""


def record_investigation(id: str, folder: Path, settings: Settings) -> list[str]:
    """Write what the investigation saw; the names of the files. Telemetry that was not asked for is not there."""
    ledger, store = Ledger(settings.home), EvidenceStore(settings.home / "evidence")
    alert = Alert.model_validate_json(ledger.investigation(id).alert)
    items = [Evidence.model_validate_json(call.evidence) for call in ledger.calls(id) if call.evidence]
    bodies: list[Body] = [store.get(item.digest) for item in items if item.outcome is Outcome.ROWS and item.digest]
    if not bodies:
        raise RecorderError(f"investigation {id} has no evidence to record")
    raw = json.loads(alert.model_dump_json(exclude={"id", "source"}))
    return write_recording(folder, {**raw, "service": raw.pop("entity")}, *bodies)
