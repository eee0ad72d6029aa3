"""``pcause export-training``: confirmed investigations as a file to fine-tune a model on, and its card."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agent.settings import Settings
    from agent.state import Investigation


def export_training(
    out: Annotated[Path, typer.Option(help="The file; its card is written beside it.")] = Path("training.jsonl"),
    mask_name: Annotated[
        list[str] | None, typer.Option(help="Mask this name too, a service for instance; repeatable.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file and the card that are there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
) -> None:
    """Write what was confirmed as chat-format JSON lines, redacted, to fine-tune a model on."""
    import asyncio
    from dataclasses import asdict

    from agent.doors.running import fail
    from agent.settings import load_settings
    from agent.training import training_examples
    from agent.training_card import card_path
    from agent.training_file import TrainingFileError, write_training

    there = [str(path) for path in (out, card_path(out)) if path.exists()]
    if there and not force:
        fail(f"{' and '.join(there)} would be replaced; give another --out, or --force", code=2)
    settings = load_settings()
    found = asyncio.run(training_examples(settings, lambda id: _state(id, settings)))
    if not found:
        fail("no investigation was confirmed; say which reports were right with: pcause confirm ID", code=2)
    try:
        summary = write_training(found, out, [*settings.models.mask_names, *(mask_name or ())])
    except TrainingFileError as error:
        fail(str(error), code=1)
    if as_json:
        typer.echo(json.dumps(asdict(summary), indent=2))
        return
    parts = ", ".join(f"{part} {count}" for part, count in summary.parts.items())
    typer.echo(f"Wrote {summary.lines} lines ({parts}) to {summary.file}, and what is in them to {summary.card}")
    for reason, count in summary.skipped.items():
        typer.echo(f"Skipped {count}: {reason}", err=True)


def _state(id: str, settings: "Settings") -> "Investigation | None":
    from agent.doors.explaining import stored_state
    from agent.doors.reading import InputError

    try:
        return stored_state(id, settings)
    except InputError:
        return None
