"""A million log lines in an OpenSearch that runs here: loaded, searched, patterned, compared, and timed.

    PCAUSE_OPENSEARCH_CLASSPATH=<file> python -m benchmarks.live_logs [lines]      starts the real engine
    python -m benchmarks.live_logs [lines] http://127.0.0.1:9200                   uses one that runs

Three lines among the million are planted; the sample must find them, and its counts must be near the true ones.
"""

import os
import random
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from opensearchpy import OpenSearch

from evals.opensearch_engine import start_engine, stop_engine
from tools.http.connection import Connection
from tools.http.guard import Guard
from tools.logs.policy import LogPolicy
from tools.opensearch import opensearch_tools
from tools.spec import Answer, CompareLogs, LogPatterns, Rows, SearchLogs

START, SECONDS, ONSET = 1_790_000_000, 4_800, 4_200
INDEX = "logs-otel-v1-bench"
SERVICES = ("front", "cart", "price", "store", "mail", "search", "login", "ship")
TEXTS = (
    "GET /items/{n} answered in {m} ms", "cache hit for key item-{n}", "order {n} accepted by worker {m}",
    "session {n} renewed for user {m}", "published event {n} to topic orders partition {m}",
    "query took {m} ms for {n} rows", "sent mail {n} to customer {m}", "loaded {n} prices from shelf {m}",
    "heartbeat {n} from node {m}", "retry queue holds {n} messages of {m}", "token {n} checked in {m} ms",
    "snapshot {n} written with {m} segments",
)  # fmt: skip
PLANTED = "lease of shard {n} handed over twice"


def documents(lines: int) -> Iterator[dict[str, Any]]:
    """Lines of eight services over eighty minutes, the same ones every time."""
    random.seed(7)
    planted = {int(lines * (ONSET + 100 + 60 * i) / SECONDS): i for i in range(3)}
    for i in range(lines):
        seconds = SECONDS * i / lines
        service = SERVICES[random.randrange(len(SERVICES))]
        numbers = {"n": random.randrange(10**6), "m": random.randrange(500)}
        severity = "INFO"
        if i in planted:
            service, text = "store", PLANTED
        elif random.random() < (0.03 if seconds >= ONSET and service == "store" else 0.001):
            severity, text = "ERROR", "no free connection after {m} ms for order {n}"
        else:
            text = (
                TEXTS[(SERVICES.index(service) + int(random.paretovariate(0.9)) - 1) % len(TEXTS)]
                if i % 3
                else TEXTS[i % 12]
            )
        millis = int((START + seconds) * 1000)
        yield {
            "time": millis, "serviceName": service, "severityText": severity, "body": text.format(**numbers),
            "traceId": f"{i // 6:032x}", "spanId": f"{i:016x}", "log.attributes.pod": f"{service}-{i % 3}",
        }  # fmt: skip


def load(client: OpenSearch, lines: int) -> Counter[tuple[str, str]]:
    """Put the lines into an index of one shard; returns how many begin with which word, by service."""
    words = {"type": "keyword"}
    properties = {
        "time": {"type": "date_nanos", "format": "epoch_millis"}, "body": {"type": "text"},
        **dict.fromkeys(("serviceName", "severityText", "traceId", "spanId"), words),
    }  # fmt: skip
    settings = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}
    client.indices.delete(index=INDEX, ignore_unavailable=True)
    client.indices.create(index=INDEX, body={"settings": settings, "mappings": {"properties": properties}})
    true: Counter[tuple[str, str]] = Counter()
    batch: list[Any] = []
    for document in documents(lines):
        true[document["serviceName"], document["body"].split()[0]] += 1
        batch += [{"index": {"_index": INDEX}}, document]
        if len(batch) >= 20_000:
            client.bulk(body=batch)
            batch = []
    if batch:
        client.bulk(body=batch)
    client.indices.refresh(index=INDEX)
    return true


def timed(what: str, call: Callable[[], Answer]) -> Any:  # noqa: ANN401 - the body of any answer
    """Print how long the call took; returns the body of its answer."""
    begun = time.perf_counter()
    answer = call()
    body = answer.body if isinstance(answer, Rows) else answer
    print(
        f"{what:<42} {time.perf_counter() - begun:7.2f} s   {getattr(answer, 'points', 0):,} points  {getattr(answer, 'note', '')}"
    )
    return body


def measure(url: str, lines: int) -> None:
    """Load, ask and print."""
    client = OpenSearch(url, timeout=60)
    begun = time.perf_counter()
    true = load(client, lines)
    print(f"{lines:,} lines loaded in {time.perf_counter() - begun:.0f} s")
    connection = Connection(name="OpenSearch", url=url)
    tools = opensearch_tools(connection, Guard("OpenSearch", 4, 10.0), LogPolicy(), time.time)
    window = {"start": float(START), "end": float(START + SECONDS)}
    timed("search_logs, first 200", lambda: tools["search_logs"].run(SearchLogs(**window)))
    found = timed(
        "search_logs, the planted words",
        lambda: tools["search_logs"].run(SearchLogs(**window, contains="handed over twice")),
    )
    print("   found", found.matched)
    table = timed("log_patterns", lambda: tools["log_patterns"].run(LogPatterns(**window)))
    rare = [p for p in table.patterns if "handed over" in p.template]
    print("   planted:", [(p.entity, p.template, p.total) for p in rare])
    print(
        f"   {len(table.patterns)} patterns, {table.lines_read:,} of {table.lines_seen:,} lines, counts add up to {sum(p.total for p in table.patterns):,}"
    )
    guessed: Counter[tuple[str, str]] = Counter()
    for pattern in table.patterns:
        guessed[pattern.entity, pattern.example.split()[0]] += pattern.total
    errors = sorted(abs(guessed[key] - count) / count for key, count in true.items() if count >= 1000)
    print(f"   relative error of counts over 1,000: median {errors[len(errors) // 2]:.3f}, worst {errors[-1]:.3f}")
    again = timed("log_patterns again", lambda: tools["log_patterns"].run(LogPatterns(**window)))
    print("   same answer:", again == table)
    comparing = CompareLogs(start=START + ONSET, end=START + SECONDS, baseline_start=START)
    unusual = timed("compare_logs", lambda: tools["compare_logs"].run(comparing))
    for row in unusual.rows[:6]:
        print("  ", row)


def main() -> None:
    """Start an engine, or take the one that is named."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    if len(sys.argv) > 2:
        measure(sys.argv[2], lines)
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        process = start_engine(Path(folder), port, Path(os.environ["PCAUSE_OPENSEARCH_CLASSPATH"]).read_text())
        print(f"engine ready in {time.perf_counter() - begun:.1f} s")
        try:
            measure(f"http://127.0.0.1:{port}", lines)
            print(
                next(line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmHWM" in line)
            )
        finally:
            stop_engine(process)


if __name__ == "__main__":
    main()
