"""``pcause lab end-to-end``: the script as a command."""

import json
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evals.lab.end_to_end import Walked


def end_to_end(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Folder for the recording of the incident.")] = None,
    pictures: Annotated[Path | None, typer.Option(help="Folder for pictures of the page, before and after.")] = None,
    door: Annotated[
        str, typer.Option(help="Where it is approved: slack, page or ledger; auto is the first there is.")
    ] = "auto",
) -> None:
    """From a bad deploy to an amended report: Alertmanager, the page in Chromium, an approval, the rollback. Three minutes.

    Ends with 0 only where Prometheus shows no symptom any more and the report says so.
    """
    from evals.lab.approval_doors import DoorError, door_named
    from evals.lab.browser import BrowserError, find_chromium, open_browser
    from evals.lab.end_to_end import EndToEnd
    from evals.lab.server_process import ServerError, check_installed

    try:
        check_installed()
        find_chromium()
    except (ServerError, BrowserError) as error:
        _say(str(error))
        raise typer.Exit(1) from None
    for stop in (signal.SIGINT, signal.SIGTERM):  # a shell's background job would ignore the first
        signal.signal(stop, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            chosen = door_named(door, stack)
            browser = stack.enter_context(open_browser(pictures))
            walked = EndToEnd(chosen, browser, _say, keep).run()
    except DoorError as error:
        _say(str(error))
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        _say("interrupted; everything that was started is stopped")
        raise typer.Exit(130) from None
    _tell(walked, as_json)
    raise typer.Exit(0 if walked.ok else 1)


def _tell(walked: "Walked", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(walked.as_json(), indent=2))
        return
    typer.echo(f"investigation {walked.investigation or 'none'}, approved at: {walked.door}")
    typer.echo(f"symptom gone by Prometheus: {'yes' if walked.symptom_gone else 'no'}")
    typer.echo(f"the report says: {walked.verification or 'nothing'}")
    typer.echo(f"the change that it blames: {'the right one' if walked.change_correct else 'not the right one'}")
    for picture in walked.pictures:
        typer.echo(f"picture: {picture}")
    if walked.error:
        typer.echo(f"it did not go through: {walked.error}")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
