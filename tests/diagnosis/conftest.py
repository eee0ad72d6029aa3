"""Telemetry made by code: ninety minutes with a fault in the last thirty, seeded noise, and whole systems with random names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from diagnosis.aliases import aliases_of
from diagnosis.channels import Observation
from diagnosis.incident import Incident
from diagnosis.log_patterns import mine
from diagnosis.log_symptoms import log_symptoms
from diagnosis.periods import Periods
from diagnosis.span_symptoms import span_symptoms
from diagnosis.symptoms import metric_symptoms
from diagnosis.telemetry import Edge, LogRecord, Node, SeriesKey, SeriesMatrix, Span, Topology, Window
from diagnosis.traces import tabulate, topology_of

START = 1_790_000_000.0 - 1_790_000_000.0 % 60
TIMES = START + 60.0 * np.arange(90)
ONSET = float(TIMES[60])
END = float(TIMES[-1]) + 60
AFTER = TIMES >= ONSET


@dataclass(frozen=True)
class Op:
    """A span to be: half of its ``work`` (seconds by itself) lies before its children, half after; they run in a row."""

    entity: str
    name: str
    work: float = 0.01
    children: tuple["Op", ...] = ()
    error: bool = False
    message: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


def call(caller: str, callee: Op, gap: float = 0.002, error: bool = False, name: str = "") -> Op:
    """A client span around the callee's own."""
    return Op(caller, name or "call out", gap, (callee,), error)


def laid(op: Op, trace: str, begin: float, random: np.random.Generator) -> list[Span]:
    """The spans of one request; the first is ``op`` itself."""
    spans: list[Span] = []

    def lay(one: Op, parent: str, start: float) -> float:
        place, half = str(len(spans)), 0.5 * one.work * (1 + 0.1 * abs(random.standard_normal()))
        spans.append(unfinished)
        end = start + half
        for child in one.children:
            end = lay(child, place, end)
        end += half
        spans[int(place)] = Span(
            trace, place, parent, one.entity, one.name, "", start, end - start, one.error, one.message, one.attributes
        )
        return end

    unfinished = Span(trace, "", "", "", "", "", begin, 0.0, False)
    lay(op, "", begin)
    return spans


class Telemetry:
    """What a test makes its telemetry with."""

    times, onset, after, start, end = TIMES, ONSET, AFTER, START, END
    window, normal = Window(START, END), Window(START, ONSET)
    periods = Periods((Window(START, ONSET),), Window(ONSET, END))
    op, call = staticmethod(Op), staticmethod(call)

    def step(self, before: float, after: float, seed: int = 0, noise: float = 0.02) -> np.ndarray:
        """A level that changes at the onset."""
        return np.where(AFTER, after, before) * (1 + noise * np.random.default_rng(seed).standard_normal(TIMES.size))

    def matrix(self, rows: Mapping[str, np.ndarray]) -> SeriesMatrix:
        """``rows`` are named entity/metric."""
        keys = tuple(SeriesKey(*name.rsplit("/", 1)) for name in rows)
        return SeriesMatrix(keys, TIMES, np.vstack(list(rows.values()))) if rows else SeriesMatrix.empty()

    def requests(
        self,
        normal: Op | Callable[[int], Op],
        faulty: Op | Callable[[int], Op],
        count: int = 60,
        faulty_count: int = 60,
        seed: int = 0,
    ) -> list[Span]:
        """``count`` requests spread over the normal time and ``faulty_count`` over the rest."""
        random, spans = np.random.default_rng(seed), []
        plans = [("n", normal, count, START, ONSET), ("f", faulty, faulty_count, ONSET, END)]
        for mark, plan, number, begin, end in plans:
            for i in range(number):
                one = plan(i) if callable(plan) else plan
                spans += laid(one, f"{mark}{i}", begin + (i + 0.5) * (end - begin) / number, random)
        return spans

    def calls(self, *pairs: str) -> Topology:
        """``calls("a>b", "b>c")``."""
        edges = tuple(Edge(*pair.split(">")) for pair in pairs)
        names = sorted({name for edge in edges for name in (edge.caller, edge.callee)})
        return Topology(tuple(Node(name) for name in names), edges)

    def observe(
        self, rows: Mapping[str, np.ndarray] | None = None, spans: Sequence[Span] = (), logs: Sequence[LogRecord] = (),
        topology: Topology | None = None, entity: str = "", metric: str = "",
    ) -> Observation:  # fmt: skip
        """What the channels see, with the symptoms that the engine would find before."""
        matrix, table, patterns = self.matrix(rows or {}), tabulate(spans), mine(logs, self.window)
        known = (topology or Topology()).merged(topology_of(table))
        symptoms = metric_symptoms(matrix, self.periods) + log_symptoms(patterns, self.periods)
        symptoms += span_symptoms(table, self.periods) if spans else []
        names = {key.entity for key in matrix.keys} | set(table.entities)
        aliases, found = aliases_of(names, known), tuple(symptoms)
        return Observation(matrix, patterns, table, known, self.periods, found, entity, metric, aliases=aliases)


@pytest.fixture(scope="session")
def telemetry() -> Telemetry:
    return Telemetry()


@dataclass(frozen=True)
class Service:
    """How one service behaves. Latency is its work, and for each call the gap and the callee's latency."""

    calls: tuple[tuple[int, int, float], ...] = ()  # callee, calls a request, gap in seconds
    work: float = 0.02
    errors: float = 0.0  # share of requests that fail here
    breaks: float = 0.0  # share of requests that stop before they call anybody
    cpu: float = 0.3
    memory: float = 0.45


# One door, two branches, a store under both.
_USUAL = (
    Service(((1, 1, 0.002), (2, 1, 0.002))),
    Service(((3, 1, 0.002), (4, 1, 0.002))),
    Service(((5, 2, 0.002),)),
    Service(((5, 1, 0.002),)),
    Service(),
    Service(work=0.005),
)


def _slow_work(at: int, factor: float, **more: float) -> tuple[int, dict[int, Service]]:
    return at, {at: replace(_USUAL[at], work=_USUAL[at].work * factor, **more)}


def _slow_way_to(at: int, gap: float) -> tuple[int, dict[int, Service]]:
    changed = {
        i: replace(one, calls=tuple((callee, n, gap if callee == at else g) for callee, n, g in one.calls))
        for i, one in enumerate(_USUAL)
    }
    return at, changed


# Each mechanism: who is to blame, and how services behave from the onset on.
MECHANISMS: Mapping[str, tuple[int, Mapping[int, Service]]] = {
    "a starved processor": _slow_work(3, 10.0, cpu=0.97),
    "a slow network to a callee": _slow_way_to(5, 0.3),
    "an exception before the calls": (1, {1: replace(_USUAL[1], breaks=0.7)}),
    "a slow store under several callers": _slow_work(5, 60.0),
    "a dependency that answers with errors": (4, {4: replace(_USUAL[4], errors=0.5)}),
    "a memory that fills": _slow_work(2, 4.0, memory=0.97),
    "a call for each of many things": (1, {1: replace(_USUAL[1], calls=((3, 15, 0.002), (4, 1, 0.002)))}),
    "a service that falls silent": (4, {}),
    "a slow network out of a caller": (1, {1: replace(_USUAL[1], calls=((3, 1, 0.3), (4, 1, 0.3)))}),
    "a call that was not made before": (2, {2: replace(_USUAL[2], calls=((5, 2, 0.002), (4, 3, 0.002)))}),
    "nothing": (-1, {}),
}


@dataclass
class World:
    """A system of six services with the given names, and one mechanism at work in it from the onset on.

    ``named`` says whether client spans name the service that they call.
    """

    names: Sequence[str]
    mechanism: str
    seed: int = 0
    named: bool = True
    requests: int = 60

    def __post_init__(self) -> None:
        self.guilty, changed = MECHANISMS[self.mechanism]
        self.faulty = tuple(changed.get(i, one) for i, one in enumerate(_USUAL))
        self.silent = {self.guilty} if self.mechanism == "a service that falls silent" else set()

    @property
    def answer(self) -> str:
        return self.names[self.guilty]

    def incident(self, metric: str = "latency_mean_seconds") -> Incident:
        spans, logs = self._traces()
        window = Window(START, END)
        patterns = mine(logs, window)
        return Incident(self.names[0], metric, ONSET + 300, window, self._metrics(), patterns, tabulate(spans))

    def shuffled(self, incident: Incident, seed: int) -> Incident:
        """The same telemetry in another order."""
        spans, _ = self._traces()
        random, matrix = np.random.default_rng(seed), incident.metrics
        order = random.permutation(len(matrix.keys))
        matrix = SeriesMatrix(tuple(matrix.keys[i] for i in order), matrix.times, matrix.values[order])
        spans = [spans[i] for i in random.permutation(len(spans))]
        changes = [incident.changes[i] for i in random.permutation(len(incident.changes))]
        return replace(incident, metrics=matrix, spans=tabulate(spans), changes=changes)

    def _metrics(self) -> SeriesMatrix:
        random, rows = np.random.default_rng(self.seed), {}
        sides = [(self._latency(s), self._failures(s), self._traffic(s)) for s in (_USUAL, self.faulty)]
        for i, name in enumerate(self.names):
            was, now = _USUAL[i], self.faulty[i]
            (slow0, bad0, busy0), (slow1, bad1, busy1) = ([column[i] for column in side] for side in sides)
            shown = {
                "requests_per_second": (50 * busy0, 50 * busy1),
                "latency_mean_seconds": (slow0, slow1),
                "error_ratio": (0.002 + bad0, 0.002 + bad1),
                "cpu_utilization": (was.cpu, now.cpu),
                "memory_utilization": (was.memory, now.memory),
            }
            for metric, (before, after) in shown.items():
                row = np.where(AFTER, after, before) * (1 + 0.04 * random.standard_normal(TIMES.size))
                row = np.where(AFTER, np.nan, row) if i in self.silent else row
                share = metric.endswith(("ratio", "utilization"))
                rows[SeriesKey(name, metric)] = np.clip(row, 0.0, 1.0) if share else row
        return SeriesMatrix(tuple(rows), TIMES, np.vstack(list(rows.values())))

    @staticmethod
    def _latency(services: Sequence[Service]) -> list[float]:
        found = [0.0] * len(services)
        for i in reversed(range(len(services))):
            one = services[i]
            found[i] = one.work + (1 - one.breaks) * sum(n * (gap + found[callee]) for callee, n, gap in one.calls)
        return found

    @staticmethod
    def _failures(services: Sequence[Service]) -> list[float]:
        found = [0.0] * len(services)
        for i in reversed(range(len(services))):
            one = services[i]
            fine = (1 - one.errors) * (1 - one.breaks) * np.prod([1 - found[callee] for callee, _, _ in one.calls])
            found[i] = float(1 - fine)
        return found

    @staticmethod
    def _traffic(services: Sequence[Service]) -> list[float]:
        found = [1.0] + [0.0] * (len(services) - 1)
        for i, one in enumerate(services):
            for callee, n, _ in one.calls:
                found[callee] += found[i] * n * (1 - one.breaks)
        return found

    def _traces(self) -> tuple[list[Span], list[LogRecord]]:
        random, spans, logs = np.random.default_rng(self.seed + 1), [], []
        for i in range(self.requests):
            begin = START + (i + 0.5) * (END - START) / self.requests
            services = self.faulty if begin >= ONSET else _USUAL
            tree = self._tree(0, services, random, begin)
            made = laid(tree, f"t{i}", begin, random)
            spans += made
            logs += [self._line(span) for span in made if span.name.startswith("serve")]
        return spans, logs

    @staticmethod
    def _line(span: Span) -> LogRecord:
        """What a service writes at the end of a request."""
        severity, text = ("ERROR", span.message) if span.error else ("INFO", f"{span.name} took {span.duration:.3f} s")
        return LogRecord(span.start + span.duration, span.entity, severity, text, span.trace_id, {}, span.span_id)

    def _tree(self, i: int, services: Sequence[Service], random: np.random.Generator, begin: float) -> Op:
        one, name = services[i], self.names[i]
        if random.random() < one.breaks:
            return Op(name, f"serve {i}", one.work, error=True, message="NullPointerException: value is missing")
        failed, children = bool(random.random() < one.errors), []
        for callee, n, gap in one.calls:
            for _ in range(n):
                asked = f"call {self.names[callee] if self.named else callee}"
                if callee in self.silent and begin >= ONSET:
                    children.append(Op(name, asked, gap + services[callee].work))
                    continue
                below = self._tree(callee, services, random, begin)
                children.append(call(name, below, gap, below.error, asked))
        inherited = any(child.error for child in children)
        message = "internal error" if failed else "call failed" if inherited else ""
        return Op(name, f"serve {i}", one.work, tuple(children), failed or inherited, message)


_VOWELS, _CONSONANTS = "aeiou", "bdfgklmnprtvz"


def random_names(seed: int, count: int = 6) -> list[str]:
    """Names that nobody has seen, in several spellings; no two share a word."""
    random, words = np.random.default_rng(seed), []
    while len(words) < 2 * count:
        word = "".join(str(random.choice(list(letters))) for letters in (_CONSONANTS, _VOWELS) * 3)
        if word not in words:
            words.append(word)
    styles = ("{a}", "{a}-{b}", "{a}_{b}", "{A}{B}", "{a}.{b}", "{a}-service")
    order = random.permutation(count)
    return [
        styles[order[i] % len(styles)].format(a=a, b=b, A=a.title(), B=b.title())
        for i, (a, b) in enumerate(zip(words[:count], words[count:], strict=True))
    ]


@dataclass(frozen=True)
class Worlds:
    """What a test makes whole incidents with."""

    mechanisms = tuple(MECHANISMS)
    random_names = staticmethod(random_names)
    world = World


@pytest.fixture(scope="session")
def worlds() -> Worlds:
    return Worlds()
