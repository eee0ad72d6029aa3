"""A script outlives this program when that is killed; it is noticed, and not started a second time."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tools.actions.script_cases import ARGUMENTS, KEY, OTHER, action, only, write
from tools.actions.running_scripts import RunningScripts
from tools.actions.spec import ActionError, Happened, NoAnswer

SLOW = """#!/bin/sh
echo $$ > begun
echo begun >> calls
while [ ! -e go ]; do sleep 0.02; done
echo "$PCAUSE_ACTION_KEY" >> keys
"""
ASKED = '#!/bin/sh\ngrep -qx "$PCAUSE_ACTION_KEY" keys 2>/dev/null || exit 1\n'
FIELDS: dict[str, object] = {
    "argv": ["slow.sh"],
    "dry_run": [],
    "undo": [],
    "check": ["asked.sh"],
    "timeout_seconds": 60,
}


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run_it(folder: str) -> None:
    action(Path(folder), **FIELDS).run(ARGUMENTS, KEY)


@pytest.fixture
def orphaned(folder: Path) -> Iterator[Path]:
    """The folder, with a script that runs on after its program was killed."""
    write(folder, "slow.sh", SLOW)
    write(folder, "asked.sh", ASKED)
    program = multiprocessing.get_context("spawn").Process(target=run_it, args=(str(folder),))
    program.start()
    until((folder / "begun").exists)
    assert program.pid is not None
    os.kill(program.pid, signal.SIGKILL)
    program.join()
    yield folder
    (folder / "go").touch()


def test_whether_it_happened_is_not_known_before_it_has_ended(orphaned: Path):
    spec = action(orphaned, **FIELDS)
    assert spec.happened(ARGUMENTS, KEY) is Happened.UNKNOWN
    with pytest.raises(NoAnswer, match="still runs"):
        spec.run(ARGUMENTS, KEY)
    assert spec.happened(ARGUMENTS, OTHER) is Happened.NO
    (orphaned / "go").touch()
    until(lambda: spec.happened(ARGUMENTS, KEY) is not Happened.UNKNOWN)
    assert spec.happened(ARGUMENTS, KEY) is Happened.YES
    assert (orphaned / "calls").read_text() == "begun\n"


def test_one_that_was_killed_with_it_did_not_happen_and_may_run(orphaned: Path):
    spec = action(orphaned, **FIELDS)
    os.killpg(int((orphaned / "begun").read_text()), signal.SIGKILL)
    until(lambda: spec.happened(ARGUMENTS, KEY) is Happened.NO)
    (orphaned / "go").touch()
    spec.run(ARGUMENTS, KEY)
    assert spec.happened(ARGUMENTS, KEY) is Happened.YES


def test_what_a_script_left_behind_counts_as_running(folder: Path):
    write(folder, "asked.sh", ASKED)
    text = "#!/bin/sh\nsetsid sh -c 'touch begun; while [ ! -e go ]; do sleep 0.02; done' &\nwhile [ ! -e begun ]; do sleep 0.02; done\n"
    spec = only(folder, text, check=["asked.sh"])
    spec.run(ARGUMENTS, KEY)
    assert spec.happened(ARGUMENTS, KEY) is Happened.UNKNOWN
    (folder / "go").touch()
    until(lambda: spec.happened(ARGUMENTS, KEY) is Happened.NO)


def test_what_has_ended_leaves_no_file_behind(folder: Path):
    action(folder).run(ARGUMENTS, KEY)
    notes = folder.parent / "running"
    assert (list(notes.iterdir()), notes.stat().st_mode & 0o777) == ([], 0o700)


def test_without_a_place_for_notes_nothing_is_run(folder: Path):
    (folder.parent / "running").write_text("in the way")
    with pytest.raises(ActionError, match="nothing was done"):
        action(folder).run(ARGUMENTS, KEY)
    assert not (folder / "calls").exists()


def test_a_note_is_not_written_through_a_link(tmp_path: Path):
    running = RunningScripts(tmp_path / "notes")
    with running.noted(KEY):
        (note,) = (tmp_path / "notes").iterdir()
        assert running.runs(KEY)
    note.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ActionError, match="cannot be used"), running.noted(KEY):
        pass
    assert not (tmp_path / "elsewhere").exists()
