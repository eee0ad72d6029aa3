import errno
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.backends import Backends
from agent.firings import Firings
from agent.intake import Intake
from agent.investigate import investigate
from agent.ledger import Ledger
from agent.settings import Settings
from agent.sources import Source
from agent.state import Alert
from agent.workers import Workers


def accept(settings: Settings, source: Source, count: int = 1) -> list[str]:
    intake = Intake(settings, lambda _: source, lambda: None)
    alerts = [
        {"labels": {"alertname": f"A{n}", "service": "front"}, "startsAt": "2026-11-24T12:00:00Z"} for n in range(count)
    ]
    return [intake.accept({"alerts": [alert]}).id for alert in alerts]


def crew(settings: Settings, at_once: int = 2, on_end: Callable[[str, float], None] = lambda *_: None) -> Workers:
    return Workers(settings, Backends(settings), at_once, on_end)


def wait_for(good: Callable[[], bool]) -> None:
    for _ in range(600):
        if good():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


def test_workers_take_up_what_was_left_and_tell_each_end(settings: Settings):
    ids = accept(settings, Source(kind="live"), count=5)
    Ledger(settings.home).set_status(ids[1], "running")
    Ledger(settings.home).set_status(ids[2], "interrupted")
    ends: list[str] = []
    workers = crew(settings, on_end=lambda outcome, seconds: ends.append(outcome))
    workers.start()
    wait_for(lambda: len(ends) == 5)
    workers.stop(10)
    assert ends == ["no_cause"] * 5
    assert {Ledger(settings.home).investigation(id).status for id in ids} == {"done"}
    assert workers.running == 0
    assert not workers.alive


def test_a_failure_ends_in_a_report_and_not_the_worker(settings: Settings, tmp_path: Path, recording: Path):
    lost = tmp_path / "lost"
    shutil.copytree(recording, lost)
    first = accept(settings, Source(kind="recording", place=str(lost)))
    shutil.rmtree(lost)
    ends: list[str] = []
    workers = crew(settings, at_once=1, on_end=lambda outcome, seconds: ends.append(outcome))
    workers.start()
    wait_for(lambda: len(ends) == 1)
    assert workers.alive
    workers.stop(10)
    assert ends == ["failed"]
    assert Ledger(settings.home).investigation(first[0]).report


def test_a_full_disk_costs_no_alert_however_often_it_is_tried(
    settings: Settings, recording: Path, monkeypatch: pytest.MonkeyPatch
):
    refused: list[Path] = []
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if len(refused) < 5:
            refused.append(self)
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    (id,) = accept(settings, Source(kind="recording", place=str(recording)))
    monkeypatch.setattr(Path, "write_bytes", full)
    for name in ("_SET_ASIDE_SECONDS", "_LOOK_AGAIN_SECONDS"):
        monkeypatch.setattr(f"agent.workers.{name}", 0.01)
    ends: list[str] = []
    workers = crew(settings, at_once=1, on_end=lambda outcome, seconds: ends.append(outcome))
    workers.start()
    wait_for(lambda: len(ends) == 1)
    workers.stop(10)
    assert len(refused) == 5
    assert ends[0] not in ("failed", "")
    assert Ledger(settings.home).investigation(id).status == "done"


@pytest.mark.parametrize("after_seconds", [n / 40 for n in range(20)])
def test_a_stop_at_any_moment_leaves_everything_ended_or_resumable(settings: Settings, after_seconds: float):
    ids = accept(settings, Source(kind="live"), count=3)
    workers = crew(settings, at_once=3)
    workers.start()
    time.sleep(after_seconds)
    workers.stop(20)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("worker-")] == []
    left = {Ledger(settings.home).investigation(id).status for id in ids}
    assert left <= {"accepted", "running", "interrupted", "done"}, "a stop is no failure"
    again = crew(settings)
    again.start()
    wait_for(lambda: {Ledger(settings.home).investigation(id).status for id in ids} == {"done"})
    again.stop(10)


async def test_an_investigation_of_the_terminal_is_left_to_its_user(settings: Settings):
    alert = Alert(id="a", name="asked", entity="front", fired_at=1_795_521_600.0)
    stream = investigate(alert, Source(kind="live"), settings)
    await anext(stream)
    await stream.aclose()
    assert [row.status for row in Ledger(settings.home).investigations()] == ["running"]
    assert Firings(settings.home).unfinished() is None
