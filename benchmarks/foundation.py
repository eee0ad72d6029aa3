"""Time and memory of the foundation, measured here and now: ``python benchmarks/foundation.py [--json] [--big]``.

Machines differ and are noisy, so each figure also comes as a ratio to a plain task measured in the same run: starting
Python, and parsing the incident's files with the standard library.
"""

import argparse
import asyncio
import csv
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

REPEATS = 5


def child_cpu_seconds(*command: str) -> float:
    """CPU seconds (user and system) of a child process, the best of a few runs."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(REPEATS))


def best_seconds(work: Callable[[], object]) -> float:
    """Wall seconds, the best of a few runs."""
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def parse_plainly(folder: Path) -> int:
    """What any program must do at least: read the files with the standard library."""
    rows = 0
    for path in folder.iterdir():
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            if ".csv" in path.name:
                rows += sum(1 for _ in csv.reader(file))
            elif ".ndjson" in path.name:
                rows += sum(1 for line in file if json.loads(line))
    return rows


def peak_mb(folder: Path) -> float:
    """Peak resident memory of a whole investigation in a process of its own, in MB (Linux)."""
    code = (
        "import sys, asyncio; from pathlib import Path; from evals.harness import investigate_recording; "
        "from agent.settings import Settings; "
        "asyncio.run(investigate_recording(Path(sys.argv[1]), Settings(home=Path(sys.argv[2])))); "
        # Not getrusage: its peak counts the parent's memory from before exec.
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder), home], capture_output=True, text=True, check=True
        )
    return float(done.stdout) / 1024


def big_recording(folder: Path, target: Path, megabytes: int) -> None:
    """The bundled incident with its log repeated until it has this size."""
    target.mkdir()
    for path in folder.iterdir():
        if not path.name.startswith("logs"):
            (target / path.name).write_bytes(path.read_bytes())
    lines = gzip.decompress((folder / "logs.ndjson.gz").read_bytes())
    with (target / "logs.ndjson").open("wb") as out:
        while out.tell() < megabytes * 1_000_000:
            out.write(lines)


def measure(*, big: bool) -> dict[str, float]:
    """All figures by name."""
    from agent.settings import Settings
    from evals.harness import investigate_recording
    from evals.lab import bundled_incident

    folder = bundled_incident()
    figures: dict[str, float] = {}
    bare = child_cpu_seconds(sys.executable, "-c", "pass")
    helped = child_cpu_seconds(sys.executable, "-m", "agent.doors.cli", "--help")
    figures["help_cpu_seconds"] = helped
    figures["help_over_bare_python"] = helped / bare

    def one() -> object:
        with tempfile.TemporaryDirectory() as home:
            return asyncio.run(investigate_recording(folder, Settings(home=Path(home))))

    one()  # imports
    whole, plain = best_seconds(one), best_seconds(lambda: parse_plainly(folder))
    figures["investigation_seconds"] = whole
    figures["investigation_over_plain_parsing"] = whole / plain
    figures["peak_mb"] = peak_mb(folder)
    if big:
        with tempfile.TemporaryDirectory() as place:
            large = Path(place) / "large"
            big_recording(folder, large, 200)
            begun = time.perf_counter()
            figures["peak_mb_with_200_mb_log"] = peak_mb(large)
            figures["seconds_with_200_mb_log"] = time.perf_counter() - begun
    return figures


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    options.add_argument("--big", action="store_true", help="also with a log of 200 MB (a minute)")
    chosen = options.parse_args()
    os.chdir(Path(__file__).resolve().parent.parent)
    figures = measure(big=chosen.big)
    if chosen.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:36} {value:10.3f}")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
