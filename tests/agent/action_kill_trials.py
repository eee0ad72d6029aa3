"""Run as a script: kill -9 between an approval and its action, in the action and after it; resume; say what was seen as JSON.

One process imports everything once and forks a child for every run.
"""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import time
import warnings
from pathlib import Path

from agent.audit import Audit
from agent.investigate import NotResumable, resume
from agent.ledger import Ledger
from agent.report.model import Report
from agent.settings import Settings
from evals.doubles.switchboard import Switchboard, with_policy
from tests.agent_approvals import answer, wait_for_approval

warnings.simplefilter("ignore", DeprecationWarning)  # fork in a process with threads; the children exec nothing


def die() -> None:
    """As a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


async def go_on(settings: Settings, board: Switchboard) -> None:
    async for _ in resume("inv", settings, actions=board.actions()):
        pass


def forked(settings: Settings, board: Switchboard) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        asyncio.run(go_on(settings, board))
        code = 0
    finally:
        os._exit(code)


def trial(template: Path, folder: Path, moment: str, after: float) -> dict[str, object]:
    """Copy the approved investigation, kill its resume once, resume it to its end."""
    shutil.copytree(template, folder)
    settings = with_policy(Settings(home=folder / "home"))
    breaks = die if moment == "in the action" else (lambda: None)
    pid = forked(settings, Switchboard(folder / "board", breaks))
    if moment == "any":
        time.sleep(after)
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with contextlib.suppress(NotResumable):  # it had ended before it was killed
        asyncio.run(go_on(settings, Switchboard(folder / "board")))
    row = Ledger(settings.home).investigation("inv")
    report = Report.model_validate_json(row.report)
    return {
        "status": row.status,
        "runs": len(Switchboard(folder / "board").done),
        "outcomes": [result.outcome for result in report.action_results],
        "audit": Audit(settings.home).verify(),
    }


def main(recording: Path, folder: Path, trials: int) -> None:
    template = folder / "template"
    template.mkdir()
    settings = with_policy(Settings(home=template / "home"))
    board = Switchboard(template / "board")
    request = asyncio.run(wait_for_approval(recording, settings, board.actions()))
    answer(settings, request)
    dice, found = random.Random(7), []
    begun = time.monotonic()
    found.append(trial(template, folder / "whole", "none", 0.0))
    took = time.monotonic() - begun
    found.append(trial(template, folder / "in", "in the action", 0.0))
    for n in range(trials):
        found.append(trial(template, folder / f"t{n}", "any", dice.uniform(0.0, took)))
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
