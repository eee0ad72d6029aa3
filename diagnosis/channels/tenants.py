"""Co-movement of a machine's tenants: most of what runs on a host suffers and little elsewhere does: it is the host."""

from diagnosis.channels.clue import Clue, Observation
from diagnosis.findings import FaultKind
from diagnosis.symptoms import Symptom

NAME = "tenants"
_LEAST_TENANTS = 3


def tenants(seen: Observation) -> list[Clue]:
    """One clue for each host whose tenants are ill together, as an entity of its own."""
    hosts: dict[str, set[str]] = {}
    for node in seen.topology.nodes:
        if node.host:
            hosts.setdefault(node.host, set()).add(node.name)
    worst: dict[str, Symptom] = {}
    for s in seen.symptoms:
        if s.bad and (s.entity not in worst or s.strength > worst[s.entity].strength):
            worst[s.entity] = s
    everyone: set[str] = set().union(*hosts.values())
    ill_anywhere = len(everyone & worst.keys())
    clues = []
    for host, residents in sorted(hosts.items()):
        ill = residents & worst.keys()
        elsewhere = len(everyone) - len(residents)
        share, outside = len(ill) / len(residents), (ill_anywhere - len(ill)) / max(elsewhere, 1)
        if len(residents) >= _LEAST_TENANTS and elsewhere and share >= 0.7 and outside <= 0.3:
            s = max((worst[name] for name in ill), key=lambda s: (s.strength, s.entity))
            clues.append(Clue(NAME, host, share - outside, {FaultKind.INFRASTRUCTURE: 1.0}, s))
    return clues
