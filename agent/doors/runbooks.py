"""``pcause runbooks``: index a folder of runbooks, search the index, and say what the runbooks lack."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from diagnosis.findings import FaultKind
    from retrieval.indexing import Progress

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Folder = Annotated[Path, typer.Argument(help="Folder with runbooks in Markdown.")]
_SHOWN = 600  # characters of a passage

app = typer.Typer(help="Runbooks: index them, search them, check their form.", no_args_is_help=True)


@app.command()
def index(folder: Folder, as_json: Json = False) -> None:
    """Bring the index up to date with a folder: only what changed is read, and until the end the old one answers."""
    from agent.runbook_index import embedder_of, home_of
    from agent.settings import load_settings
    from retrieval.indexing import index_folder

    settings = load_settings()
    with _progress() as progress:
        done = index_folder(folder, home_of(settings), embedder_of(settings), progress)
    for problem in done.problems:
        typer.echo(str(problem), err=True)
    if as_json:
        typer.echo(json.dumps(asdict(done), indent=2))
        return
    typer.echo(f"{done.runbooks} runbooks: {done.added} new, {done.changed} changed, {done.removed} removed")


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="What is wrong, in any words.")],
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many runbooks.")] = 3,
    kind: Annotated[list[str] | None, typer.Option(help="Only runbooks for this kind of fault.")] = None,
    service: Annotated[list[str] | None, typer.Option(help="Only runbooks for this service.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="Only runbooks of this team.")] = None,
    as_json: Json = False,
) -> None:
    """Find the runbooks that answer a question, with the passage that answers it best."""
    from rich.console import Console

    from agent.report.text import inert
    from agent.runbook_index import runbook_search
    from agent.settings import load_settings
    from retrieval.search import Wanted

    wanted = Wanted(_kinds(kind or []), tuple(service or ()), tuple(team or ()))
    hits = runbook_search(load_settings()).search(question, limit, wanted)
    if as_json:
        typer.echo(json.dumps([asdict(hit) for hit in hits], indent=2))
        return
    console = Console()
    if not hits:
        console.print("No runbook fits.")
    for hit in hits:
        console.print(inert(hit.title), markup=False, highlight=False, style="bold")
        passage = hit.passage
        place = f"#{passage.heading} (lines {passage.first_line} to {passage.last_line})" if passage else ""
        console.print(f"  {inert(hit.path)}{inert(place)}", markup=False, highlight=False, style="dim")
        for line in passage.text.strip()[:_SHOWN].splitlines() if passage else ():
            console.print(f"  {inert(line)}", markup=False, highlight=False)


@app.command()
def lint(folder: Folder, as_json: Json = False) -> None:
    """Check the form: front matter, sections, steps, links, kinds, actions and reviews that are too old. Fails if any."""
    from agent.settings import load_settings
    from retrieval.lint import lint_folder

    # The names that are configured; a secret that is not set here is no fault of a runbook.
    found = lint_folder(folder, frozenset(load_settings().actions.names))
    if as_json:
        typer.echo(json.dumps([asdict(problem) for problem in found], indent=2))
    else:
        for problem in found:
            typer.echo(str(problem))
        typer.echo(f"{len(found)} problems" if found else "No problems.", err=True)
    raise typer.Exit(1 if found else 0)


def _kinds(said: "Sequence[str]") -> "tuple[FaultKind, ...]":
    from agent.doors.reading import InputError
    from diagnosis.findings import FaultKind

    try:
        return tuple(map(FaultKind, said))
    except ValueError as error:
        raise InputError(f"{error}; there are {', '.join(FaultKind)}") from error


@contextmanager
def _progress() -> "Iterator[Progress]":
    """A bar on standard error, in a terminal."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading runbooks", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
