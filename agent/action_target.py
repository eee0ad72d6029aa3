"""What actions are fitted to: the verdict, the change behind it and the alert, as the telemetry told of them."""

from agent.evidence import EvidenceStore
from agent.gathered import changes_of, known_services
from agent.state import Alert, Investigation, Verdict
from diagnosis.findings import Remediation
from diagnosis.telemetry import Change, ChangeKind
from tools.actions.spec import Target


def blamed(verdict: Verdict, alert: Alert) -> str:
    """The service that an action touches, unless somebody names another."""
    return (verdict.hypothesis.entity if verdict.hypothesis else "") or verdict.first_failing or alert.entity


def target_of(state: Investigation, remediation: Remediation, entity: str, store: EvidenceStore) -> Target:
    """For ``entity``, which the caller knows to be in the topology or blamed by the verdict."""
    verdict, alert = state["verdict"], state["alert"]
    change = next((c for c in changes_of(state["evidence"], store) if c.id == verdict.change_id), None)
    return Target(
        entity=entity,
        remediation=remediation,
        change_id=verdict.change_id,
        change_kind=change.kind.value if change else "",
        change_key=_key_of(change),
        before=change.before if change else "",
        alert_name=alert.name,
        alert_entity=alert.entity,
        services=known_services(state["evidence"], store) | {entity},
    )


def _key_of(change: Change | None) -> str:
    """The flag or setting that was changed; a flag is known by its id."""
    if change is None:
        return ""
    return change.key or (change.id if change.kind is ChangeKind.FLAG else "")
