"""propose: what to do next: steps for a person, and registered actions that fit the remediation."""

from langgraph.runtime import Runtime

from agent.acting import Grounds
from agent.action_target import blamed, target_of
from agent.bench import Bench
from agent.nodes.runbook_steps import runbook_steps
from agent.state import Action, Investigation, Verdict
from diagnosis.findings import Remediation
from diagnosis.words import short_id

_ADVICE: dict[Remediation, str] = {
    Remediation.ROLLBACK: "Roll {entity} back to the version before {change}.",
    Remediation.ROLL_FORWARD: "Ship what {change} needs (a migration or a fix) to {entity}; rolling back also works.",
    Remediation.CONFIG_REVERT: "Set the configuration of {entity} back to what it was before {change}.",
    Remediation.FLAG_OFF: "Set the flag {change} of {entity} back.",
    Remediation.SCALE: "Give {entity} more capacity (replicas, volume or quota), then find out whether demand will stay.",
    Remediation.RESTART: "Restart {entity} (or correct its clock) on the affected hosts.",
    Remediation.FAILOVER: "Move {entity} away from what is failing: another node, zone, resolver or provider.",
    Remediation.ROTATE_CERTIFICATE: "Renew the certificate that {entity} refuses, and reload who serves it.",
    Remediation.QUARANTINE_DATA: "Set the failing record of {entity} aside (dead letter), then let the rest flow.",
    Remediation.NONE: "Look at the blind spots and the open hypotheses first; nothing here is sure enough to act on.",
}


async def propose(state: Investigation, runtime: Runtime[Bench]) -> Investigation:
    """Advice from the remediation class, steps of a runbook for the fault kind, and actions somebody registered."""
    verdict, alert = state["verdict"], state["alert"]
    if verdict.nothing_wrong:
        return {"actions": []}
    entity = blamed(verdict, alert)
    if verdict.hypothesis is None and not verdict.first_failing:
        return {"actions": [_advice_to_connect()]}
    steps, asked = await runbook_steps(state, verdict, runtime.context)
    offered = await _offered(state, verdict, entity, runtime.context)
    return {"actions": [_advice(verdict, entity), *steps, *offered], "evidence": asked}


def _advice(verdict: Verdict, entity: str) -> Action:
    text = _ADVICE[verdict.remediation].format(
        entity=entity or "the service", change=short_id(verdict.change_id) or "it"
    )
    if verdict.remediation is Remediation.NONE and verdict.hypothesis is not None:
        text = f"Look at {entity} first: what set it off is not in the telemetry, so no remedy is proposed."
    return Action(
        key=f"advice:{verdict.remediation}",
        name=verdict.remediation.value,
        arguments="{}",
        risk="advice",
        sentence=text,
    )


def _advice_to_connect() -> Action:
    text = "Nothing was measured of it: connect Prometheus or OpenSearch (pcause doctor checks them), then ask again."
    return Action(key="advice:connect", name="connect", arguments="{}", risk="advice", sentence=text)


async def _offered(state: Investigation, verdict: Verdict, entity: str, bench: Bench) -> list[Action]:
    """Registered actions that fit the cause. Without a cause there are none."""
    cause = verdict.hypothesis
    if cause is None:
        return []
    target = target_of(state, verdict.remediation, entity, bench.store)
    claim = state["claims"][0].sentence if state["claims"] else ""
    prediction = verdict.prediction.sentence if verdict.prediction else ""
    return await bench.acting.offer(state["id"], target, Grounds(claim, prediction, cause.identity))


def undecided(state: Investigation) -> list[Action]:
    """What waits for a person: it touches something, was asked for, and nobody has answered."""
    answered = {approval.action_key for approval in state.get("approvals", [])}
    return [a for a in state.get("actions", []) if a.waits and a.request_id and a.key not in answered]
