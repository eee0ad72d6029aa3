"""Incidents made up at any size, with one fault each; the same arguments give the same incident."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnosis.incident import Incident
from diagnosis.span_table import SpanTable
from diagnosis.telemetry import Edge, Floats, LogRecord, Node, PatternTable, SeriesKey, SeriesMatrix, Topology, Window

_EPOCH = 1_750_000_000.0
_STEP = 60.0  # seconds between samples
_BEGAN = 0.8  # share of the window after which the fault acts
_ALERTED = 0.83
_PAYLOADS = 500  # different long payloads


@dataclass(frozen=True)
class Kind:
    """One series of every entity: its level, its noise as a share of it, and what the fault makes of the level."""

    metric: str
    level: float
    noise: float = 0.05
    factor: float = 1.0
    counter: bool = False
    whole: bool = False
    ceiling: float = float("inf")


KINDS = (
    Kind("latency_p50_ms", 20.0, 0.08, 3.0),
    Kind("latency_p99_ms", 120.0, 0.15, 5.0),
    Kind("client_latency_p95_ms", 30.0, 0.1),
    Kind("http_requests_total", 40.0, counter=True),
    Kind("http_errors_total", 0.2, 0.4, 20.0, counter=True),
    Kind("error_ratio", 0.005, 0.2, 20.0, ceiling=1.0),
    Kind("requests_per_second", 40.0),
    Kind("cpu_utilization", 0.35, 0.06, 2.7, ceiling=1.0),
    Kind("memory_working_set_bytes", 4e8, 0.01),
    Kind("heap_used_bytes", 2e8, 0.1, whole=True),
    Kind("gc_pause_seconds_total", 0.02, 0.3, 2.0, counter=True),
    Kind("threads", 60.0, 0.05, whole=True),
    Kind("open_fds", 200.0, 0.03, whole=True),
    Kind("db_pool_in_use", 6.0, 0.25, 3.0, whole=True),
    Kind("db_pool_max", 20.0, 0.0),
    Kind("queue_depth", 3.0, 0.4, 15.0, whole=True),
    Kind("cache_hit_ratio", 0.92, 0.01, ceiling=1.0),
    Kind("network_receive_bytes_total", 1e5, 0.1, counter=True),
    Kind("disk_io_util_ratio", 0.1, 0.2, ceiling=1.0),
    Kind("container_restarts_total", 0.0, 0.0, counter=True),
)


def service(place: int) -> str:
    """The name of an entity: no underscore, which BARO reads as the end of a name."""
    return f"svc{place:05d}"


def metrics_only(series: int, points: int) -> tuple[Incident, str]:
    """Entities of 20 series each without a topology, one of them faulty; the alert names nobody. Second: the truth."""
    entities = series // len(KINDS)
    faulty = entities // 2
    matrix, alerted = _metrics(entities, points, {faulty: 1.0})
    return _incident("", "", alerted, metrics=matrix), service(faulty)


def began(matrix: SeriesMatrix) -> float:
    """When the fault of a made-up incident began, in epoch seconds."""
    return float(matrix.times[int(_BEGAN * matrix.times.size)])


def topology(services: int, edges: int, points: int, *, outage: bool = False) -> tuple[Incident, str]:
    """Calls among many services, some in circles, with series of each; a fault far down that its callers feel.

    In an ``outage`` everybody gets slow and fails, the faulty service most.
    """
    rng = np.random.default_rng(services)
    below = [(int(rng.integers(0, place)), place) for place in range(1, services)]  # everybody is called by somebody
    pairs = set(below)
    while len(pairs) < edges:  # one call in twenty goes back up
        a, b = sorted(rng.integers(0, services, 2).tolist(), reverse=bool(rng.random() < 0.05))
        if a != b:
            pairs.add((a, b))
    found = Topology(
        tuple(Node(service(i), host=f"node{i % (services // 10 + 1)}") for i in range(services)),
        tuple(sorted(Edge(service(a), service(b)) for a, b in pairs)),
    )
    faulty = services - services // 10
    felt = {faulty: 1.0} | (dict.fromkeys(set(range(services)) - {faulty}, 0.3) if outage else {})
    frontier = {faulty}
    for distance in range(1, 6):
        frontier = {a for a, b in pairs if b in frontier} - felt.keys()
        felt |= dict.fromkeys(frontier, 0.5**distance)
    matrix, alerted = _metrics(services, points, felt)
    caller = min(a for a, b in pairs if b == faulty)
    return _incident(service(caller), "latency_p99_ms", alerted, metrics=matrix, topology=found), service(faulty)


def _incident(entity: str, metric: str, alerted: int, **telemetry: SeriesMatrix | Topology) -> Incident:
    times = telemetry["metrics"].times  # type: ignore[union-attr]
    window = Window(float(times[0]), float(times[-1]) + _STEP)
    return Incident(entity, metric, float(times[alerted]), window, **telemetry)  # type: ignore[arg-type]


def _metrics(entities: int, points: int, felt: Mapping[int, float]) -> tuple[SeriesMatrix, int]:
    """All entities' series; who feels the fault wholly (1.0) has all its symptoms, others only wait and fail."""
    rng = np.random.default_rng(entities)
    times = _EPOCH + _STEP * np.arange(points)
    began = int(_BEGAN * points)
    values = np.empty((entities * len(KINDS), points))
    tide = 1.0 + 0.05 * np.sin(np.arange(points) / points * 2 * np.pi)
    for place, kind in enumerate(KINDS):
        level = kind.level * rng.lognormal(0.0, 0.5, (entities, 1)) if kind.ceiling > 1.0 else kind.level
        rows = level * tide * (1.0 + kind.noise * rng.standard_normal((entities, points)))
        for who, share in felt.items():
            if share == 1.0 or kind.metric.startswith(("latency", "client_latency", "error", "http_errors")):
                rows[who, began:] *= 1.0 + (kind.factor - 1.0) * share
        rows = np.clip(rows, 0.0, kind.ceiling)
        rows = np.round(rows) if kind.whole else rows
        values[place :: len(KINDS)] = np.cumsum(rows * _STEP, axis=1) if kind.counter else rows
    for begin in range(0, len(values), 10_000):  # samples go missing, and one series in a hundred is mostly missing
        part = values[begin : begin + 10_000]
        share = np.where(rng.random(len(part)) < 0.01, 0.7, 0.01)
        part[rng.random(part.shape) < share[:, None]] = np.nan
    keys = tuple(SeriesKey(service(i), kind.metric) for i in range(entities) for kind in KINDS)
    return SeriesMatrix(keys, times, values), int(_ALERTED * points)


def spans(count: int, services: int) -> tuple[Incident, str]:
    """Requests of about 20 spans (calls seen from both sides) over two hours; one service gets slow and fails."""
    rng = np.random.default_rng(count)
    shapes = [_shape(rng, services, 20) for _ in range(60)]
    faulty = int(shapes[0].entity[-1])
    each = -(-count // (len(shapes) * 20))
    parts = [_requests(rng, shape, each, faulty, place * each) for place, shape in enumerate(shapes)]
    begin = np.concatenate([[0], np.cumsum([part.start.size for part in parts])])
    entity, name, trace, start, duration, error = (
        np.concatenate([getattr(part, field) for part in parts])
        for field in ("entity", "name", "trace", "start", "duration", "error")
    )
    parent = np.concatenate([np.where(p.parent >= 0, p.parent + b, -1) for p, b in zip(parts, begin, strict=False)])
    order = np.argsort(start, kind="stable")
    place = np.empty(order.size + 1, np.int64)
    place[order], place[-1] = np.arange(order.size), -1
    entity, name, parent = entity[order], name[order], place[parent[order]]
    names = tuple(
        f"{verb} /{noun}" for verb in ("GET", "POST", "call") for noun in ("items", "carts", "users", "bills")
    )
    child = np.flatnonzero((parent >= 0) & (entity != entity[parent]))
    table = SpanTable(
        tuple(map(service, range(services))), names, tuple(f"{n:032x}" for n in range(each * len(shapes))),
        entity.astype(np.int32), name.astype(np.int32), trace[order].astype(np.int32), parent,
        start[order], duration[order], error[order],
        messages=dict.fromkeys(np.flatnonzero(error[order]).tolist(), "TimeoutError: no answer in 500 ms"),
        peers=dict(zip(parent[child].tolist(), map(service, entity[child].tolist()), strict=True)),
    )  # fmt: skip
    window = Window(_EPOCH, _EPOCH + 7200.0)
    return Incident("", "", _EPOCH + _ALERTED * 7200.0, window, spans=table), service(faulty)


@dataclass(frozen=True)
class _Shape:
    """A tree of spans in which parents stand before their children; each array has an entry a span."""

    parent: NDArray[np.int64]
    entity: NDArray[np.int64]
    name: NDArray[np.int64]
    seconds: Floats


@dataclass(frozen=True)
class _Requests:
    entity: NDArray[np.int64]
    name: NDArray[np.int64]
    trace: NDArray[np.int64]
    parent: NDArray[np.int64]
    start: Floats
    duration: Floats
    error: NDArray[np.bool_]


def _shape(rng: np.random.Generator, services: int, size: int) -> _Shape:
    """A server span, and below it pairs of a client span and the server span that answers it."""
    parent, entity, name = [-1], [int(rng.integers(services))], [int(rng.integers(8))]
    while len(parent) < size - 1:
        caller = int(rng.integers(0, (len(parent) + 1) // 2)) * 2  # server spans stand at even places
        parent += [caller, len(parent)]
        entity += [entity[caller], int(rng.integers(services))]
        name += [8 + int(rng.integers(4)), int(rng.integers(8))]
    seconds = np.where(np.arange(len(parent)) % 2 == 0, rng.lognormal(-5.0, 0.7, len(parent)), 0.0005)
    return _Shape(np.array(parent), np.array(entity), np.array(name), seconds)


def _requests(rng: np.random.Generator, shape: _Shape, count: int, faulty: int, first: int) -> _Requests:
    """``count`` requests of one shape, spread over two hours, with durations built up from the leaves."""
    size = shape.parent.size
    begin = _EPOCH + np.sort(rng.random(count)) * 7200.0
    late = begin >= _EPOCH + _BEGAN * 7200.0
    alone = shape.seconds * rng.lognormal(0.0, 0.3, (count, size))
    hit = late[:, None] & (shape.entity == faulty) & (np.arange(size) % 2 == 0)
    alone[hit] *= 6.0
    duration = alone.copy()
    offset = np.zeros((count, size))
    for node in range(size - 1, 0, -1):  # children one after the other
        up = shape.parent[node]
        offset[:, node] = duration[:, up] - 0.5 * alone[:, up]
        duration[:, up] += duration[:, node]
    for node in range(1, size):
        offset[:, node] += offset[:, shape.parent[node]]
    error = hit & (rng.random((count, size)) < 0.1)
    for node in range(size - 1, 0, -1):
        error[:, shape.parent[node]] |= error[:, node]
    rows = np.arange(count)[:, None] * size
    return _Requests(
        np.tile(shape.entity, count), np.tile(shape.name, count), np.repeat(first + np.arange(count), size),
        np.where(shape.parent >= 0, shape.parent + rows, -1).ravel(),
        (begin[:, None] + offset).ravel(), duration.ravel(), error.ravel(),
    )  # fmt: skip


_LINES = (
    "GET /api/v1/{noun}/{n} took {ms} ms status=200",
    "{noun} {uuid} stored, {n} rows in {ms} ms",
    "connection from {ip} accepted (id={hex}, tls=true)",
    "cache refreshed: {n} entries, hit ratio 0.{n}",
    "job {hex} finished at 2026-06-15T14:{mm}:07.123Z after {ms} ms",
    "user {n} signed in from {ip}",
    "received message offset={n} partition={mm} key={uuid}",
    "request {uuid} payload {payload}",
)
_FAILING = "OrderStore#211 could not store {noun} {uuid}: connection to {ip} timed out after {ms} ms"


def log_lines(count: int, services: int) -> tuple[list[LogRecord], Window, str]:
    """Lines in order of time over two hours; a fifth carry a trace id, one in twenty a long payload."""
    rng = np.random.default_rng(count)
    window = Window(_EPOCH, _EPOCH + 7200.0)
    faulty = services // 3
    return list(_written(rng, count, services, faulty)), window, service(faulty)


def _written(rng: np.random.Generator, count: int, services: int, faulty: int) -> Iterator[LogRecord]:
    nouns = ("order", "cart", "invoice", "parcel", "user")
    payloads = [_payload(rng) for _ in range(_PAYLOADS)]
    times = _EPOCH + np.sort(rng.random(count)) * 7200.0
    who, number = rng.integers(0, services, count), rng.integers(1, 100_000, count)
    which = np.minimum(rng.integers(0, 20 * (len(_LINES) - 1), count) // 19, len(_LINES) - 1)
    traced, failing = rng.random(count) < 0.2, rng.random(count) < 0.3
    began = _EPOCH + _BEGAN * 7200.0
    columns = (column.tolist() for column in (times, who, which, number, traced, failing))
    for time, entity, template, n, has_trace, fails in zip(*columns, strict=True):
        ill = entity == faulty and time >= began and fails
        text = (_FAILING if ill else f"{nouns[entity % 5].title()} {_LINES[template]}").format(
            noun=nouns[entity % 5], n=n, ms=n % 977, ip=f"10.{entity % 250}.{n % 250}.7:{1024 + n % 5000}",
            hex=f"{n * 2654435761 % 2**48:012x}a1", uuid=f"{n:08x}-4f89-11d3-9a0c-{n * 31337 % 2**48:012x}",
            mm=n % 60, payload=payloads[n % _PAYLOADS],
        )  # fmt: skip
        trace = f"{int(time * 2):032x}" if has_trace else ""
        severity = "ERROR" if ill else ("INFO", "INFO", "WARN", "DEBUG")[template % 4]
        attributes = {"http.status_code": 200, "host": f"node{entity % 20}"} if template == 0 else {}
        yield LogRecord(time, service(entity), severity, text, trace, attributes)


def _payload(rng: np.random.Generator) -> str:
    """Nested fields of 1,000 to 3,000 characters."""
    fields = (f'"field{i}": {{"value": {v}, "unit": "ms"}}' for i, v in zip(itertools.count(), rng.random(2000)))
    size, text = int(rng.integers(1000, 3000)), "{"
    while len(text) < size:
        text += next(fields) + ", "
    return text + '"end": [1, 2]}'


def logs_only(table: PatternTable, window: Window) -> Incident:
    """The mined lines as an incident whose alert names nobody."""
    return Incident("", "", window.start + _ALERTED * window.seconds, window, patterns=table)
