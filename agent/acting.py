"""The one choke point for actions: fit, ask the policy, dry-run, request; and, once approved, check again and run once.

Nobody else calls an action. What a verdict, an alert or a text says never runs anything: arguments come from ``fit``,
leave comes from ``approvals``, and the key of an action is in the ledger before anything happens.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agent.approvals import Approvals, Question, RequestState, hash_of
from agent.audit import Audit
from agent.dry_runs import clean, looked
from agent.ledger import Ledger
from agent.performing import Performing
from agent.policy import Decision, PolicyError
from agent.state import Action, ActionResult
from tools.actions.spec import ActionError, ActionSpec, Target


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why an action is considered: the claim and the prediction behind it, the identity of the cause, and who asked for
    it by name (``door:identity``; "" for the verdict alone)."""

    claim: str = ""
    prediction: str = ""
    hypothesis: str = ""
    asked_by: str = ""


class Acting:
    """``specs`` by name. ``now`` gives epoch seconds."""

    def __init__(
        self, specs: Mapping[str, ActionSpec[Any]], approvals: Approvals, ledger: Ledger, audit: Audit,
        now: Callable[[], float],
    ) -> None:  # fmt: skip
        self.specs, self._approvals, self._ledger, self._now = specs, approvals, ledger, now
        self._performing = Performing(approvals, ledger, audit, now)

    async def offer(self, investigation_id: str, target: Target, grounds: Grounds) -> list[Action]:
        """What could be done about a verdict, each with its dry run; what needs a person's leave is asked for.

        The same verdict gives the same actions under the same keys: to repeat it after a crash changes nothing.
        """
        fitting = [spec for _, spec in sorted(self.specs.items()) if target.remediation in spec.remediations]
        found = [_fitted(spec, investigation_id, target) for spec in fitting]
        return [await self._considered(investigation_id, action, grounds) for action in found if action is not None]

    async def ask(self, investigation_id: str, name: str, target: Target, grounds: Grounds) -> Action:
        """What a person asks for by its name, whatever the verdict. Raises ``ActionError`` where it does not fit."""
        spec = self.specs.get(name)
        if spec is None:
            raise ActionError(f"there is no action {name!r}; there is {', '.join(sorted(self.specs)) or 'none'}")
        action = _fitted(spec, investigation_id, target)
        if action is None:
            raise ActionError(f"{name} does not fit {target.entity}: it is for other services, or lacks a value")
        if not spec.remediations:  # no symptom will go away by it
            grounds = replace(grounds, prediction="")
        return await self._considered(investigation_id, self._numbered(investigation_id, action), grounds)

    async def offer_undo(self, investigation_id: str, done: Action, grounds: Grounds) -> Action | None:
        """The way back from an action, asked for like any other; None where there is none."""
        spec, known = self.specs.get(done.name), self._ledger.action(done.key)
        if spec is None or spec.undo is None or known is None or done.undoes:
            return None
        undo = done.model_copy(
            update={"key": _key(investigation_id, "undo", done.key), "undoes": done.key, "request_id": "",
                    "sentence": f"Undo: {done.sentence}"}
        )  # fmt: skip
        if grounds.asked_by:
            undo = self._numbered(investigation_id, undo)
        return await self._considered(investigation_id, undo, grounds, known.memo)

    def mends(self, action: Action) -> bool:
        """Whether the symptom should go away by it; a silence or a ticket only tells somebody."""
        spec = self.specs.get(action.name)
        return spec is not None and bool(spec.remediations)

    async def perform(self, investigation_id: str, action: Action) -> ActionResult:
        """Run an approved action, once whatever happens. Every way it can end is an outcome."""
        spec = self.specs.get(action.name)
        if spec is None:
            return self.skipped(investigation_id, action, "refused", f"no action is configured as {action.name!r}")
        return await self._performing.perform(investigation_id, action, spec)

    def begun(self, action: Action) -> bool:
        """Whether somebody began it before, finished or not."""
        return self._ledger.action(action.key) is not None

    def skipped(self, investigation_id: str, action: Action, outcome: str, detail: str) -> ActionResult:
        """Note why an action does not run."""
        return self._performing.end(investigation_id, action, outcome, detail, finish=False)

    def _numbered(self, id: str, action: Action) -> Action:
        """Another key each time that this very thing was asked for before and is over. Raises ``ActionError``."""
        before = self._approvals.asked_before(id, action)
        for request in before:
            approved = request.state is RequestState.APPROVED and request.expires_at > self._now()
            if approved and self._ledger.action(request.action_key) is None:
                raise ActionError(f"{action.name} of {action.target} is approved already, and runs next")
        again = sum(request.is_decided for request in before)
        return action.model_copy(update={"key": _key(action.key, str(again))}) if again else action

    async def _considered(self, id: str, action: Action, grounds: Grounds, memo: str = "") -> Action:
        """The action as it would be done, asked for where the policy lets a person decide; or why it is not."""
        try:
            policy = self._approvals.policy
            ruling = policy.decide(action.name, action.target, action.risk_class, self._now())
            if ruling.decision is Decision.NEVER:
                return _forbidden(action, f"of {action.target}: {ruling.why}; pcause policy test explains")
            action = await looked(action, self.specs[action.name], memo)
        except PolicyError as error:
            return _forbidden(action, f"is not asked for: {clean(str(error))}")
        except ActionError as error:
            return _forbidden(action, f"cannot be prepared: {clean(str(error))}")
        if not ruling.people:
            risk = "dry_run" if ruling.decision is Decision.DRY_RUN else "forbidden"
            return action.model_copy(update={"risk": risk})
        question = Question(
            investigation_id=id, action_key=action.key, action=action.name, summary=action.sentence,
            arguments=action.arguments, arguments_hash=hash_of(action.arguments), target=action.target,
            environment=ruling.environment, risk=action.risk, effect=action.effect, effect_lines=action.effect_lines,
            seen=action.seen, claim=grounds.claim, prediction=grounds.prediction, needs=ruling.people, rule=ruling.why,
            requested_by=grounds.asked_by or self._ledger.investigation(id).requested_by,
            hypothesis=grounds.hypothesis, undoes=action.undoes, by_name=bool(grounds.asked_by),
        )  # fmt: skip
        # Asked before (by who was killed then), it is what was shown then: the target is looked at again before it runs.
        return self._approvals.open(question, policy.expires_minutes).as_action


def _forbidden(action: Action, why: str) -> Action:
    said = f"{action.sentence} ({action.name} {why})"
    return action.model_copy(update={"risk": "forbidden", "sentence": said})


def _fitted(spec: ActionSpec[Any], investigation_id: str, target: Target) -> Action | None:
    """The action for a target, with nothing looked at yet; None where it is none for it."""
    arguments = spec.fit(target)
    if arguments is None or arguments.entity not in target.services:
        return None
    asked = _canonical(arguments.model_dump(mode="json", exclude_unset=True))  # what it does not use is not shown
    return Action(
        key=_key(investigation_id, spec.name, asked), name=spec.name, arguments=asked, risk=spec.risk.value,
        sentence=spec.summary, target=arguments.entity,
    )  # fmt: skip


def _key(*parts: str) -> str:
    """Bound to an investigation and to arguments; the ledger lets a key run once."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _canonical(arguments: Mapping[str, object]) -> str:
    return json.dumps(arguments, sort_keys=True)
