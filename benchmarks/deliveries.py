"""Deliveries to real servers on one ledger: ``python benchmarks/deliveries.py [--json] [--deliveries 10000 …]``.

Starts ``pcause serve`` a few times over one SQLite ledger, sends each incident several times (shuffled, ends among them,
one in ten fires anew after its end), and counts: the investigations must be exactly the incidents. Deliveries are sent on
a schedule, whether or not earlier ones are answered, and an answer's time runs from when its delivery was due: a server
that stalls is seen. ``--seconds 0`` sends as fast as answers come. The workers of the servers investigate meanwhile, in
the same processes, as they do in earnest.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
NOON = 1_795_521_600
AT_ONCE = 64
P99_BAR_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen; times in seconds. ``statuses`` counts the answers by status."""

    deliveries: int
    incidents: int
    investigations: int
    processes: int
    seconds: float
    p50: float
    p99: float
    slowest: float
    statuses: dict[int, int]

    @property
    def good(self) -> bool:
        return self.investigations == self.incidents and self.p99 < P99_BAR_SECONDS and set(self.statuses) <= {200, 202}


def deliveries(count: int, incidents: int, seed: int = 7) -> list[bytes]:
    """Bodies of Alertmanager; each incident is told at least once, one in five tellings after the first is its end."""
    draw = random.Random(seed)
    tellings = [*range(incidents), *(draw.randrange(incidents) for _ in range(count - incidents))]
    bodies = [_body(number, ended=place >= incidents and draw.random() < 0.2) for place, number in enumerate(tellings)]
    draw.shuffle(bodies)
    return bodies


def _body(number: int, ended: bool) -> bytes:
    # The last tenth are second episodes of the first: the same alert, firing anew.
    anew = number % 10 == 9
    alert = number - 9 if anew else number
    labels = {"alertname": f"Alert{alert}", "service": f"service-{alert}", "severity": "critical"}
    start = NOON + (3_600 if anew else 0)
    told = {
        "status": "resolved" if ended else "firing", "labels": labels, "annotations": {"summary": f"service-{alert} is slow"},
        "startsAt": _said(start), "endsAt": _said(start + 600) if ended else "0001-01-01T00:00:00Z", "fingerprint": f"{alert:016x}",
    }  # fmt: skip
    group = {"alertname": labels["alertname"], "service": labels["service"]}
    return json.dumps({"version": "4", "status": told["status"], "alerts": [told], "groupLabels": group}).encode()


def _said(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


async def send(urls: list[str], bodies: list[bytes], seconds: float) -> tuple[list[float], Counter[int]]:
    """Seconds to each answer, and the statuses."""
    import aiohttp

    took, statuses, room = [], Counter[int](), asyncio.Semaphore(AT_ONCE if not seconds else 10 * AT_ONCE)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        begun = time.perf_counter()

        async def one(place: int, body: bytes) -> None:
            due = begun + seconds * place / len(bodies) if seconds else time.perf_counter()
            url = urls[place % len(urls)] + "/webhook/alertmanager"
            async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
                await answer.read()
                statuses[answer.status] += 1
            took.append(time.perf_counter() - due)
            room.release()

        async with asyncio.TaskGroup() as group:
            for place, body in enumerate(bodies):
                await asyncio.sleep(max(begun + seconds * place / len(bodies) - time.perf_counter(), 0.0))
                await room.acquire()
                group.create_task(one(place, body))
    return took, statuses


@contextmanager
def servers(home: Path, count: int) -> Iterator[list[str]]:
    """Addresses of servers that are ready."""
    running, urls = [], []
    try:
        for _ in range(count):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            config, log = home / f"{port}.yaml", (home / f"{port}.log").open("wb")
            config.write_text(yaml.safe_dump({"home": str(home), "server": {"port": port}}))
            environment = {"PATH": os.environ["PATH"], "PCAUSE_CONFIG": str(config), "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-c", "from agent.doors.cli import main; main()", "serve"]
            with log:
                running.append(subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log))
            urls.append(f"http://127.0.0.1:{port}")
        for url in urls:
            _wait_until_ready(url)
        yield urls
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(url: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(url + "/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"the server at {url} did not get ready")


def measure(count: int, incidents: int, processes: int, seconds: float) -> Measured:
    """Run it in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with servers(home, processes) as urls:
            begun = time.perf_counter()
            took, statuses = asyncio.run(send(urls, deliveries(count, incidents), seconds))
            passed = time.perf_counter() - begun
        with sqlite3.connect(home / "ledger.db") as db:
            (found,) = db.execute("select count(*) from investigations").fetchone()
        db.close()
    took.sort()
    p50, p99 = (round(took[int(len(took) * part)], 4) for part in (0.5, 0.99))
    return Measured(count, incidents, found, processes, round(passed, 1), p50, p99, round(took[-1], 4), dict(statuses))


def main() -> None:
    """Print the figures; ends with 1 where they miss the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--incidents", type=int, default=2_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="the time that they are sent in; 0: as fast as it goes"
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.deliveries, asked.incidents, asked.processes, asked.seconds)
    if asked.json:
        print(json.dumps({**asdict(found), "good": found.good}))
    else:
        print(
            f"{found.deliveries:,} deliveries of {found.incidents:,} incidents to {found.processes} servers in {found.seconds} s"
        )
        print(f"{found.investigations:,} investigations; answered {found.statuses}")
        print(f"answers: p50 {found.p50:.3f} s, p99 {found.p99:.3f} s, slowest {found.slowest:.3f} s")
    sys.exit(0 if found.good else 1)


if __name__ == "__main__":
    main()
