"""The walk from the alerted entity down the calls: a caller that only inherits its callee's trouble is a victim.

After the causal reading of service topologies in the root-cause literature (e.g. Budhathoki et al., "Causal
structure-based root cause analysis of outliers", ICML 2022): an anomaly counts for an entity only as far as the
anomalies of what it depends on do not already explain it.
"""

from collections.abc import Sequence

from diagnosis.failure_text import Failure
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import Topology

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
        start = started(mine)
        below = {edge.callee for edge in topology.edges if edge.caller == current} | {
            b for a, b in blames if a == current
        }
        options = []
        for callee in sorted(below - seen):
            theirs = sick.get(callee, [])
            if not theirs:
                continue
            is_blamed = (current, callee) in blames
            early = started(theirs) <= start + slack
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
        (started(theirs), entity)
        for entity, theirs in sick.items()
        if entity != origin
        and own_trouble(theirs, blamed=True) >= 0.7
        and started(theirs) < start - slack
        and entity not in dependants
    ]
    return min(options)[1] if options else origin


def started(symptoms: Sequence[Symptom]) -> float:
    """The earliest onset, infinity without one."""
    return min((s.onset for s in symptoms if s.onset is not None), default=float("inf"))
