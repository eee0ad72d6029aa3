"""What stands behind a stored verdict: read the state back, render it, write it or print it."""

import sqlite3
from pathlib import Path
from typing import cast

import typer
from langchain_core.runnables import RunnableConfig
from pydantic import ValidationError
from rich.console import Console

from agent.checkpoints import checkpoints_path, open_checkpoints
from agent.doors.reading import InputError, write_text
from agent.evidence import EvidenceStore
from agent.graph import build_graph
from agent.ledger import Ledger
from agent.report.explain import explanation, render_explained_json
from agent.report.explain_html import render_explained_html
from agent.report.explain_terminal import render_explained
from agent.settings import Settings
from agent.state import STATE_VERSION, Investigation
from diagnosis.findings import Diagnosis


def print_explanation(id: str, settings: Settings, html: Path | None, as_json: bool) -> None:
    """Explain the investigation of this full id, on standard output or in a page."""
    found = explanation(stored_state(id, settings), EvidenceStore(settings.home / "evidence"))
    if html is not None:
        write_text(html, render_explained_html(found))
        typer.echo(f"Wrote {html}", err=True)
    if as_json:
        typer.echo(render_explained_json(found))
    elif html is None:
        Console().print(render_explained(found))


def stored_state(id: str, settings: Settings) -> Investigation:
    """The last checkpoint of an investigation. Raises ``InputError`` where it holds no diagnosis (yet)."""
    values = _checkpointed(id, settings)
    if values.get("version", STATE_VERSION) != STATE_VERSION:
        raise InputError(f"{id} was stored by another version of pcause and cannot be explained; investigate it again")
    if "diagnosis" not in values:
        ledger = Ledger(settings.home)
        stage = next((name for name, _ in reversed(ledger.stages(id))), "no stage")
        raise InputError(
            f"{id} is {ledger.investigation(id).status} after {stage} and has no diagnosis yet; "
            f"go on with: pcause resume {id}"
        )
    try:  # a diagnosis of an older shape is read back without being checked
        Diagnosis.model_validate(values["diagnosis"].model_dump(warnings="none"))
    except (AttributeError, ValidationError) as error:
        raise InputError(f"the diagnosis of {id} is of another version of pcause; investigate it again") from error
    return values


def _checkpointed(id: str, settings: Settings) -> Investigation:
    path = checkpoints_path(settings.home)
    if not path.is_file():  # killed before its first checkpoint
        return Investigation()
    config: RunnableConfig = {"configurable": {"thread_id": id}}
    try:
        with open_checkpoints(settings.home) as saver:
            # Read through the graph: it tells the serialiser which types the state may hold.
            snapshot = build_graph(saver, settings.max_rounds).get_state(config)
    except sqlite3.Error as error:
        raise InputError(f"cannot read {path} ({error}); copy it away and investigate again") from error
    return cast(Investigation, snapshot.values)
