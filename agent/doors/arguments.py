"""What commands have in common: their usual arguments and options, the settings, an id in full."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.doors.completing import complete_id

if TYPE_CHECKING:
    from agent.settings import Settings

Id = Annotated[str, typer.Argument(help="Investigation id, or its first characters.", autocompletion=complete_id)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Html = Annotated[Path | None, typer.Option(help="Also write the report as one self-contained HTML page.")]
Markdown = Annotated[Path | None, typer.Option(help="Also write the report as Markdown.")]


def read_settings() -> "Settings":
    """As the environment and the file say now. Raises ``SettingsError``."""
    from agent.settings import load_settings

    return load_settings()


def full_id(id: str, settings: "Settings") -> str:
    """Of what begins so. Raises ``UnknownInvestigation``."""
    from agent.ledger import Ledger

    return Ledger(settings.home).investigation(id).id
