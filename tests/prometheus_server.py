"""A real Prometheus for tests, with samples written beforehand."""

import math
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools.http.connection import Connection
from tools.http.guard import Guard
from tools.metrics.policy import MetricPolicy
from tools.prometheus import prometheus_tools
from tools.spec import QueryMetrics, Rows, ToolName

END = 1_767_225_600.0  # 2026-01-01, a multiple of every step
Series = tuple[str, Iterable[tuple[float, float]]]  # as it is written in the text format, with (time, value) pairs


def require_prometheus() -> None:
    """Skip where the programs are missing, fail where they must be there."""
    missing = [program for program in ("prometheus", "promtool") if shutil.which(program) is None]
    if not missing:
        return
    reason = f"{' and '.join(missing)} missing: apt-get install prometheus"
    if os.environ.get("PCAUSE_REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def prometheus_with(
    series: Iterable[Series], folder: Path, config: str = "global: {scrape_interval: 15s}\n"
) -> Iterator[str]:
    """The address of a Prometheus that holds ``series``; those of one metric must follow each other.

    In ``config`` the text ADDRESS stands for its own host and port.
    """
    require_prometheus()
    text, data = folder / "samples.openmetrics", folder / "data"
    with text.open("w") as file:
        for name, samples in series:
            file.writelines(f"{name} {_number(value)} {at:.3f}\n" for at, value in samples)
        file.write("# EOF\n")
    data.mkdir(exist_ok=True)
    made = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(data)]
    subprocess.run(made, check=True, capture_output=True)
    with running(data, folder, config) as address:
        yield address


@contextmanager
def running(data: Path, folder: Path, text: str) -> Iterator[str]:
    """The address of a Prometheus over a data folder; in ``text`` ADDRESS stands for its own host and port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "prometheus.yml"
    config.write_text(text.replace("ADDRESS", f"127.0.0.1:{port}"))
    command = [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.allow-overlapping-blocks", "--storage.tsdb.retention.time=10y", "--log.level=error",
        "--enable-feature=exemplar-storage",
    ]  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_ready(address)
            yield address
        finally:
            process.terminate()
            process.wait(10)


def _wait_until_ready(address: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"{address}/-/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail("Prometheus did not become ready in 10 s")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return ("+Inf" if value > 0 else "-Inf") if math.isinf(value) else repr(float(value))


def tools_at(address: str, policy: MetricPolicy | None = None, now: float = END, **connection: object):
    """The tools over an address, as of ``END``."""
    made = Connection(name="Prometheus", url=address, **connection)
    guard = Guard(made.name, made.at_once, made.timeout_seconds)
    return prometheus_tools(made, guard, policy or MetricPolicy(), lambda: now)


def queried(tools, start: float = END - 3600, end: float = END, **arguments: object) -> Rows:
    """The answer to ``query_metrics``; anything but rows is a failure of the test."""
    answer = tools[ToolName.QUERY_METRICS].run(QueryMetrics(start=start, end=end, **arguments))
    assert isinstance(answer, Rows), answer
    return answer
