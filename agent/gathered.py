"""What the gathered evidence holds, read from its bodies: the changes that were listed, the services that are known."""

from agent.evidence import EvidenceStore
from agent.state import Evidence, Outcome
from diagnosis.telemetry import Change, Topology
from tools.spec import ChangeList, ToolName


def changes_of(evidence: list[Evidence], store: EvidenceStore) -> list[Change]:
    """The changes of the newest list."""
    listed = [e for e in evidence if e.tool == ToolName.LIST_CHANGES and e.outcome is Outcome.ROWS]
    body = store.get(listed[-1].digest) if listed else None
    return list(body.changes) if isinstance(body, ChangeList) else []


def known_services(evidence: list[Evidence], store: EvidenceStore) -> frozenset[str]:
    """Names of the newest topology; what is not ours to change is not among them."""
    asked = [e for e in evidence if e.tool == ToolName.GET_TOPOLOGY and e.outcome is Outcome.ROWS]
    body = store.get(asked[-1].digest) if asked else None
    return frozenset(node.name for node in body.nodes if node.owned) if isinstance(body, Topology) else frozenset()
