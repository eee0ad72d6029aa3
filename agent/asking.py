"""Asking for an action by its name: what a person wants done, though the verdict does not propose it, or wants back.

It goes the way of every action: fitted by code, dry-run, put to the policy, approved by whom the policy names, run once
by the graph. An investigation that has ended is taken up for it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.runnables import RunnableConfig

from agent.acting import Acting, Grounds
from agent.action_target import blamed, target_of
from agent.actions import build_actions
from agent.alone import NotResumable, alone
from agent.approvals import Approvals, Request
from agent.audit import Audit
from agent.begun import Begun
from agent.checkpoints import open_checkpoints
from agent.event_log import EventLog
from agent.events import ApprovalNeeded
from agent.evidence import EvidenceStore
from agent.graph import build_graph
from agent.ledger import Ledger
from agent.policy import PolicyError, load_policy
from agent.report.model import Report
from agent.settings import Settings, SettingsError
from agent.sources import Source
from agent.state import Action, ActionResult, Investigation
from tools.actions.spec import ActionError, ActionSpec

_MOST_ASKED = 10  # of one investigation; a checkpoint holds them

Specs = Mapping[str, ActionSpec[Any]]


class CannotAsk(Exception):  # noqa: N818 - said as one says it
    """It cannot be asked for, or not now; the message says why and what to do."""


UNDO = "undo"
REFUSALS = (CannotAsk, ActionError, NotResumable, PolicyError, SettingsError)  # each message is for who asked


@dataclass(frozen=True, slots=True)
class Askable:
    """An action of the settings; ``ruling`` is what the policy says of it for ``service``."""

    name: str
    summary: str
    risk: str
    service: str
    ruling: str


async def askable(id: str, settings: Settings, service: str = "", specs: Specs | None = None) -> tuple[Askable, ...]:
    """What could be asked for about a service, by default the one that is blamed. Raises as ``ask_for``."""
    policy, now = load_policy(settings.policy), time.time()
    if specs is None:
        _refuse_recorded(id, Ledger(settings.home).investigation(id).source)
    found = build_actions(settings) if specs is None else specs
    if not service:
        state = await _state_of(id, settings)
        service = blamed(state["verdict"], state["alert"])

    def of(name: str, spec: ActionSpec[Any]) -> Askable:
        ruling = policy.decide(name, service, spec.risk, now).decision
        return Askable(name, spec.summary, spec.risk.value, service, ruling.value)

    return tuple(of(name, spec) for name, spec in sorted(found.items()))


async def ask_for(
    id: str, name: str, settings: Settings, by: str, *, service: str = "", specs: Specs | None = None,
    now: Callable[[], float] = time.time,
) -> Action:  # fmt: skip
    """Ask for an action of ``service`` (by default what the verdict blames). With a ``request_id`` it waits for its
    approvers; without one it is only shown, or the policy forbids it. ``by`` is ``door:identity``; the name ``UNDO`` is
    the way back from what was done last.

    Raises what is in ``REFUSALS``, ``NotResumable`` among them while it runs elsewhere, and ``UnknownInvestigation``.
    """
    if name == UNDO:
        return await ask_undo(id, settings, by, specs=specs, now=now)

    async def wanted(acting: Acting, state: Investigation, store: EvidenceStore) -> Action:
        verdict, alert = state["verdict"], state["alert"]
        target = target_of(state, verdict.remediation, blamed(verdict, alert), store)
        target = replace(target, services=target.services | ({alert.entity} - {""}))
        if service and service not in target.services:
            raise CannotAsk(
                f"no service {service!r} is known here; there is {', '.join(sorted(target.services))[:400]}"
            )
        return await acting.ask(id, name, replace(target, entity=service or target.entity), _grounds(state, by))

    return await _asked(id, settings, wanted, specs, now)


async def ask_undo(
    id: str, settings: Settings, by: str, *, specs: Specs | None = None, now: Callable[[], float] = time.time
) -> Action:
    """Ask for the way back from the last action that was done and not taken back. Raises as ``ask_for``."""

    async def wanted(acting: Acting, state: Investigation, _: EvidenceStore) -> Action:
        # By the ledger: a state that was weighed again holds only what rests on its present cause.
        actions = [request.as_action for request in Approvals(settings).requests(id) if _was_done(settings, request)]
        back = {action.undoes for action in actions}
        last = next((a for a in reversed(actions) if not a.undoes and a.key not in back), None)
        if last is None:
            raise CannotAsk(f"nothing was done in {id} that could be undone")
        undo = await acting.offer_undo(id, last, _grounds(state, by))
        if undo is None:
            raise CannotAsk(f"{last.name} of {last.target} has no undo")
        return undo

    return await _asked(id, settings, wanted, specs, now)


async def _asked(id: str, settings: Settings, wanted: Any, specs: Specs | None, now: Callable[[], float]) -> Action:  # noqa: ANN401
    ledger, approvals = Ledger(settings.home), Approvals(settings, now)
    with alone(settings.home, id):  # so that it neither runs nor begins to run meanwhile
        row = ledger.investigation(id)
        if row.status not in ("done", "waiting", "failed"):
            raise CannotAsk(f"{id} is {row.status}: ask for an action when its report stands")
        if specs is None:
            _refuse_recorded(id, row.source)
        found = build_actions(settings) if specs is None else specs
        if sum(request.by_name for request in approvals.requests(id)) >= _MOST_ASKED:
            raise CannotAsk(f"{_MOST_ASKED} actions were asked for in {id}: begin another investigation for more")
        state = await _state_of(id, Begun.read(row.settings).over(settings))
        acting = Acting(found, approvals, ledger, Audit(settings.home), now)
        action: Action = await wanted(acting, state, EvidenceStore(settings.home / "evidence"))
        if action.request_id:
            EventLog(settings.home).tell(id, [ApprovalNeeded(id, (action,), Report.model_validate_json(row.report))])
    return action


def _refuse_recorded(id: str, source: str) -> None:
    if Source.model_validate_json(source).kind != "live":
        raise CannotAsk(f"{id} was recorded, and what was recorded is not acted on")


async def _state_of(id: str, settings: Settings) -> Investigation:
    with open_checkpoints(settings.home) as saver:
        config: RunnableConfig = {"configurable": {"thread_id": id}}
        snapshot = await build_graph(saver, settings.max_rounds).aget_state(config)
    if "verdict" not in snapshot.values or (snapshot.next and not snapshot.interrupts):
        raise CannotAsk(
            f"{id} has come to no end, so there is nothing to fit an action to; go on with: pcause resume {id}"
        )
    found: Investigation = snapshot.values  # type: ignore[assignment]
    return found


def _was_done(settings: Settings, request: Request) -> bool:
    known = Ledger(settings.home).action(request.action_key)
    return known is not None and bool(known.result) and ActionResult.model_validate_json(known.result).outcome == "done"


def _grounds(state: Investigation, by: str) -> Grounds:
    """The verdict is shown to who approves, but the action does not rest on it."""
    prediction = state["verdict"].prediction
    claim = state["claims"][0].sentence if state["claims"] else ""
    return Grounds(claim, prediction.sentence if prediction else "", asked_by=by)
