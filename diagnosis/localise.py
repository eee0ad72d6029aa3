"""Where the fault begins, by explaining away: a caller that only inherits its callee's trouble is a victim.

After the causal reading of service topologies in the root-cause literature (e.g. Budhathoki et al., "Causal
structure-based root cause analysis of outliers", ICML 2022): an anomaly counts for an entity only as far as the
anomalies of what it depends on do not already explain it.
"""

import itertools
from collections.abc import Mapping, Sequence

from diagnosis.failure_text import Failure
from diagnosis.findings import Hop
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import Edge, Topology

# What a caller shows when a callee is slow or down; anything else bad is its own trouble.
_INHERITED_TEXT = frozenset(
    f"text:{family.value}"
    for family in (Failure.TIMEOUT, Failure.UNAVAILABLE, Failure.REFUSED, Failure.RESET, Failure.RETRY, Failure.SLOW,
                   Failure.OVERLOADED, Failure.OTHER, Failure.EXCEPTION, Failure.CANCELLED, Failure.UNREACHABLE,
                   Failure.POOL_EXHAUSTED)
)  # fmt: skip
_INHERITED_MEASURES = frozenset(
    ("latency+", "errors+", "timeouts+", "queue+", "retries+", "fanout+", "errors-", "pool_wait+", "pool_use+")
)
_NOT_OWN = frozenset(("cancelled+", "text:cancelled", "traffic+", "traffic-", "latency-"))


def only_inherited(symptom: Symptom) -> bool:
    """True for what a caller shows just as well when its callee is slow or down."""
    return symptom.signals <= (_INHERITED_TEXT | _INHERITED_MEASURES)


def suffering(symptoms: Sequence[Symptom]) -> dict[str, list[Symptom]]:
    """Bad symptoms by entity, without those that only say that a caller gave up or came more often."""
    found: dict[str, list[Symptom]] = {}
    for symptom in symptoms:
        if symptom.bad and not symptom.has("text:cancelled") and not symptom.signals <= _NOT_OWN:
            found.setdefault(symptom.entity, []).append(symptom)
    return found


def own_trouble(symptoms: Sequence[Symptom], blamed: bool) -> float:
    """Strength of what an entity cannot have inherited; an inherited kind counts where nobody else is blamed for it."""
    best = 0.0
    for symptom in symptoms:
        inherited = only_inherited(symptom)
        if "origin" in symptom.signals and symptom.entity:
            inherited = False
        best = max(best, symptom.strength * (0.3 if inherited and blamed else 0.6 if inherited else 1.0))
    return best


def first_failing(
    alerted: str, symptoms: Sequence[Symptom], topology: Topology, blames: set[tuple[str, str]], slack: float
) -> str:
    """Walk from the alerted entity towards what it depends on while a dependency explains it better.

    A step is taken to a callee (by an edge, or because failing lines blame it) that suffers itself, began no later
    (within ``slack`` seconds) and has trouble of its own at least as strong as the caller's.
    """
    sick = suffering(symptoms)
    current, seen = alerted, {alerted}
    while True:
        mine = sick.get(current, [])
        start = _start(mine)
        below = {edge.callee for edge in topology.edges if edge.caller == current} | {
            b for a, b in blames if a == current
        }
        options = []
        for callee in sorted(below - seen):
            theirs = sick.get(callee, [])
            if not theirs:
                continue
            is_blamed = (current, callee) in blames
            early = _start(theirs) <= start + slack
            here = own_trouble(mine, bool(below & set(sick)))
            there = own_trouble(theirs, any(a == callee for a, _ in blames))
            # Who is blamed and only hands the blame on is a step on the way, however little it shows by itself.
            better = there >= here if is_blamed else there > here + 0.15
            if early and better and there >= (0.2 if is_blamed else 0.35):
                options.append((there + 0.2 * is_blamed, sum(abs(s.deviation) for s in theirs), callee))
        if not options:
            return current
        current = max(options)[2]
        seen.add(current)


def earlier_elsewhere(origin: str, symptoms: Sequence[Symptom], topology: Topology, slack: float) -> str:
    """The entity whose own trouble began well before anything at ``origin``, where ``origin`` has none of its own.

    Work that is handed over by a queue or a store leaves no call edge; what stays is that somebody upstream failed in
    a way that cannot be inherited, and earlier. ``origin`` itself when there is no such entity.
    """
    sick = suffering(symptoms)
    here = sick.get(origin, [])
    if own_trouble(here, blamed=False) >= 0.8:
        return origin
    start = min((s.onset for s in symptoms if s.entity == origin and s.onset is not None), default=float("inf"))
    dependants = topology.dependants(origin)
    options = [
        (_start(theirs), entity)
        for entity, theirs in sick.items()
        if entity != origin
        and own_trouble(theirs, blamed=True) >= 0.7
        and _start(theirs) < start - slack
        and entity not in dependants
    ]
    return min(options)[1] if options else origin


def _start(symptoms: Sequence[Symptom]) -> float:
    return min((s.onset for s in symptoms if s.onset is not None), default=float("inf"))


def blast_radius(
    origin: str, symptoms: Sequence[Symptom], topology: Topology, onset: float, slack: float
) -> tuple[str, ...]:
    """Entities other than the origin that users of the system would call broken, begun no earlier than the onset."""
    sick = suffering(symptoms)
    touched = []
    for entity, theirs in sick.items():
        felt = [s for s in theirs if s.onset is None or s.onset >= onset - slack]
        hurt = any(s.has("latency+", "errors+", "errors-", "timeouts+", "lag+", "queue+", "quality-") for s in felt)
        said = sum(s.strength for s in felt if s.channel.value == "logs") >= 0.35
        if entity != origin and (hurt or said):
            touched.append(entity)
    return tuple(sorted(touched))


def causal_path(
    cause: str, origin: str, affected: Sequence[str], topology: Topology, blames: set[tuple[str, str]],
    symptoms: Sequence[Symptom], ids: Mapping[int, str], slack: float,
) -> tuple[Hop, ...]:  # fmt: skip
    """Hops from the cause over the first failing entity up to the affected caller that is farthest away.

    Edges that the topology lacks but failing lines name are walked too; such a hop has no edge and stays unverified.
    """
    blamed = topology.merged(Topology((), tuple(Edge(a, b) for a, b in sorted(blames))))

    def up(source: str, target: str) -> tuple[str, ...]:
        return topology.path(source, target) or blamed.path(source, target)

    chain: list[str] = [cause]
    if cause != origin:
        chain = list(up(cause, origin) or tuple(reversed(up(origin, cause))) or (cause, origin))
    paths = [path for entity in affected if (path := up(origin, entity))]
    longest = max(paths, key=lambda path: (len(path), path), default=(origin,))
    chain += [name for name in longest[1:] if name not in chain]
    return tuple(_hop(a, b, topology, symptoms, ids, slack) for a, b in itertools.pairwise(chain))


def _hop(a: str, b: str, topology: Topology, symptoms: Sequence[Symptom], ids: Mapping[int, str], slack: float) -> Hop:
    left, right = _worst(a, symptoms), _worst(b, symptoms)
    edge = Edge(b, a) in topology.edges or Edge(a, b) in topology.edges
    starts = [
        _start([s for s in symptoms if s.entity == name and (s.bad or s is left or s is right)]) for name in (a, b)
    ]
    ordered = starts[0] <= starts[1] + slack and starts[0] != float("inf")
    return Hop(
        cause=a,
        effect=b,
        cause_finding=ids.get(id(left), "") if left else "",
        effect_finding=ids.get(id(right), "") if right else "",
        edge=edge,
        ordered=ordered,
    )


def _worst(entity: str, symptoms: Sequence[Symptom]) -> Symptom | None:
    mine = [s for s in symptoms if s.entity == entity]
    return max(mine, key=lambda s: (s.bad, s.channel.value == "metrics", s.strength, s.subject), default=None)
