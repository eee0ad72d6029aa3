"""Nothing outlives the lab, however it ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from evals.lab.guard import Guard

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
# Starts two processes under a guard and hangs; it is killed without a chance to clean up.
LAB = f"""
import time
from evals.lab.guard import Guard
guard = Guard()
pids = [guard.start({SLEEPER!r}, guard.folder / "log").pid for _ in range(2)]
print(guard.folder, *pids, flush=True)
time.sleep(60)
"""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_leaving_it_ends_every_process_and_removes_the_folder() -> None:
    with Guard() as guard:
        processes = [guard.start(SLEEPER, guard.folder / "log") for _ in range(3)]
        assert all(_alive(process.pid) for process in processes)
    assert [process.returncode for process in processes] == [-signal.SIGTERM] * 3
    assert not guard.folder.exists()


def test_when_the_lab_is_killed_its_processes_and_files_go_too() -> None:
    with subprocess.Popen([sys.executable, "-c", LAB], stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        folder, *words = lab.stdout.readline().split()
        pids = [int(word) for word in words]
        assert Path(folder).exists()
        assert all(map(_alive, pids))
        lab.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while (any(map(_alive, pids)) or Path(folder).exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_alive, pids))
    assert not Path(folder).exists()


def test_a_process_that_ended_by_itself_is_forgotten_and_never_killed(guard: Guard) -> None:
    process = guard.start([sys.executable, "-c", ""], guard.folder / "log")
    process.wait()
    guard.stop(process)
    guard.stop(process)
    assert process.returncode == 0


def test_what_a_process_says_is_kept(guard: Guard) -> None:
    process = guard.start([sys.executable, "-c", "import sys; sys.exit('no disk')"], guard.folder / "log")
    process.wait()
    assert "no disk" in (guard.folder / "log").read_text()
