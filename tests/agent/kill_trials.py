"""Run as a script: kill an investigation with SIGKILL at random moments, resume it, and say what was seen as JSON.

One process imports everything once and forks a child for every run, so that a trial costs milliseconds.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from agent.alerts import parse_alert
from agent.checkpoints import open_checkpoints
from agent.comparing import comparable
from agent.events import StageStarted
from agent.graph import build_graph
from agent.investigate import investigate, resume
from agent.ledger import Ledger
from agent.report.model import Report
from agent.settings import Settings
from agent.sources import Source

warnings.simplefilter("ignore", DeprecationWarning)  # fork in a process with threads; the children exec nothing


async def whole(recording: Path, home: Path) -> list[str]:
    alert = parse_alert(json.loads((recording / "alert.json").read_text()))
    settings = Settings(home=home)
    stages = []
    async for event in investigate(alert, Source(kind="recording", place=str(recording)), settings):
        if isinstance(event, StageStarted):
            stages.append(event.stage)
    return stages


async def rest(home: Path) -> list[str]:
    settings = Settings(home=home)
    id = Ledger(home).investigations(1)[0].id
    return [event.stage async for event in resume(id, settings) if isinstance(event, StageStarted)]


async def finished_before(home: Path) -> list[str]:
    """Stages whose result is in a checkpoint: what a resume must not run again."""
    id = Ledger(home).investigations(1)[0].id
    with open_checkpoints(home) as saver:
        machine = build_graph(saver, 4)
        history = [snapshot async for snapshot in machine.aget_state_history({"configurable": {"thread_id": id}})]
    return [
        task.name
        for snapshot in history
        for task in snapshot.tasks
        if task.result is not None and task.name != "__start__"
    ]


def forked(work: Coroutine[Any, Any, list[str]], answer: Path) -> int:
    """Run in a child; its list goes to the file ``answer``. The child's pid."""
    pid = os.fork()
    if pid:
        work.close()
        return pid
    code = 1
    try:
        answer.write_text(json.dumps(asyncio.run(work)))
        code = 0
    finally:
        os._exit(code)


def report_of(home: Path) -> str:
    row = Ledger(home).investigations(1)[0]
    return json.dumps(comparable(Report.model_validate_json(row.report)), sort_keys=True)


def in_child(folder: Path, name: str, work: Coroutine[Any, Any, list[str]]) -> list[str]:
    answer = folder / name
    _, status = os.waitpid(forked(work, answer), 0)
    if status:
        raise RuntimeError(f"{name} failed")
    return list(json.loads(answer.read_text()))


async def read_report(home: Path) -> list[str]:
    return [report_of(home)]


def main(recording: Path, folder: Path, trials: int) -> None:
    chance = random.Random(11)
    calm = folder / "calm"
    calm.mkdir(parents=True)
    begun = time.monotonic()
    normal = Counter(in_child(calm, "stages", whole(recording, calm / "home")))
    duration = time.monotonic() - begun
    wanted = in_child(calm, "report", read_report(calm / "home"))[0]
    seen = []
    while len(seen) < trials:
        place = folder / f"trial-{len(seen)}-{chance.random():.6f}"
        place.mkdir()
        home = place / "home"
        pid = forked(whole(recording, home), place / "whole")
        time.sleep(chance.uniform(0.0, duration))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if not (home / "ledger.db").exists() or not in_child(place, "known", known(home)):
            continue  # killed before anybody was told that it exists
        before = in_child(place, "before", finished_before(home))
        ended = in_child(place, "status", status(home)) == ["done"]
        after = [] if ended else in_child(place, "rest", rest(home))
        seen.append(
            {
                "before": len(before),
                "ended": ended,
                "repeated": sorted((Counter(before) + Counter(after) - normal).elements()),
                "missing": sorted((normal - Counter(before) - Counter(after)).elements()) if not ended else [],
                "same_report": in_child(place, "report", read_report(home))[0] == wanted,
            }
        )
    print(json.dumps(seen))


async def known(home: Path) -> list[str]:
    return [row.id for row in Ledger(home).investigations(1)]


async def status(home: Path) -> list[str]:
    return [Ledger(home).investigations(1)[0].status]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
