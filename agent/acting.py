"""The one choke point for actions: fit, ask the policy, dry-run, request; and, once approved, check again and run once.

Nobody else calls an action. What a verdict, an alert or a text says never runs anything: arguments come from ``fit``,
leave comes from ``approvals``, and the key of an action is in the ledger before anything happens.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from pydantic import ValidationError

from agent.approvals import Approvals, Question, hash_of
from agent.audit import Audit
from agent.ledger import Ledger
from agent.policy import Decision, Ruling
from agent.redaction import cut_secrets
from agent.report.text import inert
from agent.state import Action, ActionResult
from tools.actions.spec import ActionError, ActionSpec, Done, DryRun, Happened, Target

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_MOST_LINES = 20
_LONGEST_CALL_SECONDS = 120.0


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
        self.specs, self._approvals, self._ledger, self._audit, self._now = specs, approvals, ledger, audit, now

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
        again = self._approvals.settled(investigation_id, action)
        return await self._considered(investigation_id, _numbered(action, again), grounds)

    async def offer_undo(self, investigation_id: str, done: Action, grounds: Grounds) -> Action | None:
        """The way back from an action, asked for like any other; None where there is none."""
        spec, known = self.specs.get(done.name), self._ledger.action(done.key)
        if spec is None or spec.undo is None or known is None or done.undoes:
            return None
        undo = done.model_copy(
            update={"key": _key(investigation_id, "undo", done.key), "undoes": done.key, "sentence": f"Undo: {done.sentence}",
                    "request_id": "", "seen": "", "effect": f"takes back: {done.effect or done.sentence}", "effect_lines": ()}
        )  # fmt: skip
        if grounds.asked_by:
            undo = _numbered(undo, self._approvals.settled(investigation_id, undo))
        return self._ruled(investigation_id, undo, grounds)

    def mends(self, action: Action) -> bool:
        """Whether the symptom should go away by it; a silence or a ticket only tells somebody."""
        spec = self.specs.get(action.name)
        return spec is not None and bool(spec.remediations)

    async def perform(self, investigation_id: str, action: Action) -> ActionResult:
        """Run an approved action, once whatever happens. Every way it can end is an outcome."""
        spec = self.specs.get(action.name)
        if spec is None:
            said = f"no action is configured as {action.name!r}"
            return self._end(investigation_id, action, "refused", said, finish=False)
        try:
            arguments = spec.arguments.model_validate_json(action.arguments)
        except ValidationError as error:
            said = f"its arguments do not fit: {error.errors(include_input=False)[0]['msg']}"
            return self._end(investigation_id, action, "refused", said, finish=False)
        if self.begun(action):
            return await self._after_a_crash(investigation_id, action, spec, arguments)
        problem = self._approvals.why_not(action, investigation_id)
        if not problem and not self._ledger.claim_action(action.key, investigation_id):
            problem = "it is being done elsewhere at this moment"
        if problem:
            return self._end(investigation_id, action, "refused", problem, finish=False)
        if not action.undoes and (changed := await self._changed(action, spec, arguments)):
            return self._end(investigation_id, action, "changed", changed)
        return await self._run(investigation_id, action, spec, arguments)

    def begun(self, action: Action) -> bool:
        """Whether somebody began it before, finished or not."""
        return self._ledger.action(action.key) is not None

    def skipped(self, investigation_id: str, action: Action, outcome: str, detail: str) -> ActionResult:
        """Note why an action does not run."""
        return self._end(investigation_id, action, outcome, detail, finish=False)

    async def _considered(self, id: str, action: Action, grounds: Grounds) -> Action:
        spec = self.specs[action.name]
        ruling = self._approvals.policy.decide(action.name, action.target, spec.risk, self._now())
        if ruling.decision is Decision.NEVER:
            said = f"{action.sentence} ({action.name} of {action.target}: {ruling.why}; pcause policy test explains)"
            return action.model_copy(update={"risk": "forbidden", "sentence": said})
        try:
            shown = await _called(spec.dry_run, spec.arguments.model_validate_json(action.arguments))
        except ActionError as error:
            said = f"{action.sentence} ({action.name} cannot be prepared: {_clean(str(error))})"
            return action.model_copy(update={"risk": "forbidden", "sentence": said})
        return self._ruled(id, _with(action, shown), grounds, ruling)

    def _ruled(self, id: str, action: Action, grounds: Grounds, ruling: Ruling | None = None) -> Action:
        """Ask for it where the policy lets a person decide."""
        policy = self._approvals.policy
        ruling = ruling or policy.decide(action.name, action.target, action.risk_class, self._now())
        if not ruling.people:
            risk = "dry_run" if ruling.decision is Decision.DRY_RUN else "forbidden"
            return action.model_copy(update={"risk": risk})
        question = Question(
            investigation_id=id, action_key=action.key, action=action.name, summary=action.sentence,
            arguments=action.arguments, arguments_hash=hash_of(action.arguments), target=action.target,
            environment=ruling.environment, risk=action.risk, effect=action.effect, effect_lines=action.effect_lines,
            seen=action.seen, claim=grounds.claim, prediction=grounds.prediction, needs=ruling.people, rule=ruling.why,
            requested_by=grounds.asked_by or self._ledger.investigation(id).requested_by,
            hypothesis=grounds.hypothesis, undoes=action.undoes,
        )  # fmt: skip
        return action.model_copy(update={"request_id": self._approvals.open(question, policy.expires_minutes)})

    async def _changed(self, action: Action, spec: ActionSpec[Any], arguments: Any) -> str:  # noqa: ANN401 - its own type
        """Why what was approved is not what would happen now; "" where it is."""
        try:
            shown = _with(action, await _called(spec.dry_run, arguments))
        except ActionError as error:
            return f"it can no longer be prepared: {_clean(str(error))}"
        same = (shown.seen, shown.effect) == (action.seen, action.effect)
        return "" if same else f"its target has changed since it was approved; now: {shown.effect}"

    async def _run(self, id: str, action: Action, spec: ActionSpec[Any], arguments: Any) -> ActionResult:  # noqa: ANN401
        self._audit.note(id, "machine", "", "running", f"{action.name} {action.arguments} key {action.key}")
        try:
            done = await self._do(action, spec, arguments)
        except ActionError as error:
            return await self._doubtful(id, action, spec, arguments, _clean(str(error)))
        return self._end(id, action, "done", _clean(done.detail), memo=done.memo)

    async def _do(self, action: Action, spec: ActionSpec[Any], arguments: Any) -> Done:  # noqa: ANN401 - its own type
        if not action.undoes:
            return await _called(spec.run, arguments, action.key)
        known = self._ledger.action(action.undoes)
        if spec.undo is None or known is None:
            raise ActionError("there is nothing to undo")
        return await _called(spec.undo, arguments, action.key, known.memo)

    async def _after_a_crash(self, id: str, action: Action, spec: ActionSpec[Any], arguments: Any) -> ActionResult:  # noqa: ANN401
        """It was begun before: finished, or nobody knows. Its target is asked; it is never just tried again."""
        known = self._ledger.action(action.key)
        if known is not None and known.state == "finished":
            before = ActionResult.model_validate_json(known.result)
            return before if before.outcome == "done" else before.model_copy(update={"outcome": "already_done"})
        if spec.repeatable and not action.undoes and not self._approvals.why_not(action, id):
            return await self._run(id, action, spec, arguments)
        return await self._doubtful(
            id, action, spec, arguments, "it was begun, and then this program was killed", again=True
        )

    async def _doubtful(
        self, id: str, action: Action, spec: ActionSpec[Any], arguments: Any, said: str, again: bool = False  # noqa: ANN401
    ) -> ActionResult:  # fmt: skip
        """Ask the target whether it happened. ``again``: it may be run if it surely did not."""
        try:
            happened = await _called(spec.happened, arguments, action.key)
        except ActionError as error:
            happened, said = Happened.UNKNOWN, f"{said}; {_clean(str(error))}"
        if happened is Happened.YES:
            return self._end(id, action, "done", f"it took effect ({said})")
        if happened is Happened.NO and again and not self._approvals.why_not(action, id):
            return await self._run(id, action, spec, arguments)
        if happened is Happened.NO:
            return self._end(id, action, "failed", f"nothing was changed: {said}")
        return self._end(id, action, "unknown", f"nobody knows whether it happened, look at {action.target}: {said}")

    def _end(
        self, id: str, action: Action, outcome: str, detail: str, finish: bool = True, memo: str = ""
    ) -> ActionResult:
        result = ActionResult(action_key=action.key, outcome=outcome, detail=detail, at=self._now())
        if finish:
            self._ledger.finish_action(action.key, result.model_dump_json(), memo)
        self._audit.note(id, "machine", "", outcome, f"{action.name} {action.arguments}: {detail}")
        return result


def _fitted(spec: ActionSpec[Any], investigation_id: str, target: Target) -> Action | None:
    """The action for a target, with nothing looked at yet; None where it is none for it."""
    arguments = spec.fit(target)
    if arguments is None or arguments.entity not in target.services:
        return None
    asked = _canonical(arguments.model_dump(mode="json"))
    return Action(
        key=_key(investigation_id, spec.name, asked), name=spec.name, arguments=asked, risk=spec.risk.value,
        sentence=spec.summary, target=arguments.entity,
    )  # fmt: skip


def _key(*parts: str) -> str:
    """Bound to an investigation and to arguments; the ledger lets a key run once."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _numbered(action: Action, again: int) -> Action:
    """The same action, asked for again after it was decided ``again`` times: another key."""
    return action.model_copy(update={"key": _key(action.key, str(again))}) if again else action


async def _called(function: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Call it beside the loop. Whatever goes wrong is an ``ActionError``."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(function, *given, **named), _LONGEST_CALL_SECONDS)
    except ActionError:
        raise
    except TimeoutError:
        raise ActionError(f"no answer within {_LONGEST_CALL_SECONDS:.0f} s") from None
    except Exception as error:
        _log.exception("an action broke")
        raise ActionError(f"{type(error).__name__}: {error}") from error


def _with(action: Action, shown: DryRun) -> Action:
    """The action with what its dry run said; that was told by another system, so it is made inert."""
    lines = tuple(_clean(line) for line in shown.lines[:_MOST_LINES])
    return action.model_copy(
        update={"effect": _clean(shown.effect), "effect_lines": lines, "seen": cut_secrets(shown.seen)[:400]}
    )


def _clean(text: str) -> str:
    return inert(cut_secrets(text))


def _canonical(arguments: Mapping[str, object]) -> str:
    return json.dumps(arguments, sort_keys=True)
