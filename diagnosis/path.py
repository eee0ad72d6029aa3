"""The causal path from cause to symptom, hop by hop, and who else is hit.

A hop is drawn where the calls (or failing texts) lead; whether it holds is another matter: both ends must deviate, an
edge must be known, and the order in time must fit. What does not is shown as unverified.
"""

import itertools
from collections.abc import Mapping, Sequence

from diagnosis.findings import Hop
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import Edge, Topology
from diagnosis.walk import started, suffering


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
        started([s for s in symptoms if s.entity == name and (s.bad or s is left or s is right)]) for name in (a, b)
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
