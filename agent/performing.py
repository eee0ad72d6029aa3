"""Running an approved action once, whatever happens: checked again just before, asked about wherever it is in doubt."""

import asyncio
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from agent.approvals import Approvals
from agent.audit import Audit
from agent.dry_runs import called, clean, looked
from agent.ledger import Ledger
from agent.state import Action, ActionResult
from tools.actions.spec import ActionError, ActionSpec, Done, Happened, NoAnswer

_KILLED = "it was begun, and then this program was killed"


class Performing:
    """``now`` gives epoch seconds."""

    def __init__(self, approvals: Approvals, ledger: Ledger, audit: Audit, now: Callable[[], float]) -> None:
        self._approvals, self._ledger, self._audit, self._now = approvals, ledger, audit, now

    async def perform(self, id: str, action: Action, spec: ActionSpec[Any]) -> ActionResult:
        """Every way it can end is an outcome."""
        try:
            arguments = spec.arguments.model_validate_json(action.arguments)
        except ValidationError as error:
            said = f"its arguments do not fit: {error.errors(include_input=False)[0]['msg']}"
            return self.end(id, action, "refused", said, finish=False)
        if self._ledger.action(action.key) is not None:
            return await self._after_a_crash(id, action, spec, arguments)
        problem = self._approvals.why_not(action, id)
        if not problem and not self._ledger.claim_action(action.key, id):
            problem = "it is being done elsewhere at this moment"
        if problem:
            return self.end(id, action, "refused", problem, finish=False)
        if changed := await self._changed(action, spec):
            return self.end(id, action, "changed", changed)
        return await self._run(id, action, spec, arguments)

    def end(
        self, id: str, action: Action, outcome: str, detail: str, finish: bool = True, memo: str = ""
    ) -> ActionResult:
        """Note what came of it; ``finish`` is false where it was not begun."""
        result = ActionResult(action_key=action.key, outcome=outcome, detail=detail, at=self._now())
        said = f"{action.name} {action.arguments}: {detail}"
        if not finish:
            self._audit.note(id, "machine", "", outcome, said)
            return result

        def note(db: sa.Connection) -> None:
            self._audit.append(db, id, "machine", "", outcome, said)

        self._ledger.finish_action(action.key, result.model_dump_json(), memo, note)
        self._audit.keep_head()
        return result

    async def _changed(self, action: Action, spec: ActionSpec[Any]) -> str:
        """Why what was approved is not what would happen now; "" where it is."""
        try:
            now = await looked(action, spec, self._memo(action))
        except ActionError as error:
            return f"it can no longer be prepared: {clean(str(error))}"
        return "" if now == action else f"its target has changed since it was approved; now: {now.effect}"

    async def _run(self, id: str, action: Action, spec: ActionSpec[Any], arguments: Any) -> ActionResult:  # noqa: ANN401 - its own type
        self._ledger.begin_again(action.key)  # now, and not when it was claimed: it was looked at in between
        self._audit.note(id, "machine", "", "running", f"{action.name} {action.arguments} key {action.key}")
        try:
            done = await self._do(action, spec, arguments)
        except NoAnswer as error:
            await self._settle(action, spec)  # until then the target may still be doing it, whatever it says
            return await self._asked(id, action, spec, arguments, clean(str(error)))
        except ActionError as error:
            return await self._asked(id, action, spec, arguments, clean(str(error)))
        return self.end(id, action, "done", clean(done.detail), memo=done.memo)

    async def _do(self, action: Action, spec: ActionSpec[Any], arguments: Any) -> Done:  # noqa: ANN401
        if not action.undoes:
            return await called(spec.run, arguments, action.key)
        if spec.undo is None or self._ledger.action(action.undoes) is None:
            raise ActionError("there is nothing to undo")
        return await called(spec.undo, arguments, action.key, self._memo(action))

    async def _after_a_crash(self, id: str, action: Action, spec: ActionSpec[Any], arguments: Any) -> ActionResult:  # noqa: ANN401
        """It was begun before: finished, or nobody knows. It is run (again) only where its target surely has not done it,
        or does a key once, and is still as it was shown."""
        known = self._ledger.action(action.key)
        if known is not None and known.state == "finished":
            before = ActionResult.model_validate_json(known.result)
            return before if before.outcome == "done" else before.model_copy(update={"outcome": "already_done"})
        await self._settle(action, spec)
        happened, said = await self._happened(action, spec, arguments, _KILLED)
        sure = happened is Happened.NO or (happened is Happened.UNKNOWN and spec.repeatable and not action.undoes)
        if not sure:
            return self._told(id, action, happened, said, await self._memo_after(happened, action, spec, arguments))
        if problem := self._approvals.why_not(action, id) or await self._changed(action, spec):
            return self._told(id, action, happened, f"{said}; {problem}", "")
        return await self._run(id, action, spec, arguments)

    async def _settle(self, action: Action, spec: ActionSpec[Any]) -> None:
        """Wait until what was cut off has ended one way or the other."""
        known = self._ledger.action(action.key)
        begun_at = known.begun_at if known is not None else 0.0
        await asyncio.sleep(min(max(begun_at + spec.settles_seconds - self._now(), 0.0), spec.settles_seconds))

    async def _asked(self, id: str, action: Action, spec: ActionSpec[Any], arguments: Any, said: str) -> ActionResult:  # noqa: ANN401
        happened, said = await self._happened(action, spec, arguments, said)
        return self._told(id, action, happened, said, await self._memo_after(happened, action, spec, arguments))

    async def _happened(self, action: Action, spec: ActionSpec[Any], arguments: Any, said: str) -> tuple[Happened, str]:  # noqa: ANN401
        """What the target says of it, and all that was said."""
        try:
            if action.undoes and spec.undone is not None:
                return await called(spec.undone, arguments, self._memo(action)), said
            return await called(spec.happened, arguments, action.key), said
        except ActionError as error:
            return Happened.UNKNOWN, f"{said}; {clean(str(error))}"

    async def _memo_after(self, happened: Happened, action: Action, spec: ActionSpec[Any], arguments: Any) -> str:  # noqa: ANN401
        """What its undo needs, for one whose own answer was lost."""
        if happened is not Happened.YES or action.undoes:
            return ""
        try:
            return await called(spec.memo_of, arguments, action.key)
        except ActionError:
            return ""

    def _told(self, id: str, action: Action, happened: Happened, said: str, memo: str) -> ActionResult:
        match happened:
            case Happened.YES:
                return self.end(id, action, "done", f"it took effect ({said})", memo=memo)
            case Happened.NO:
                return self.end(id, action, "failed", f"nothing was changed: {said}")
            case Happened.UNKNOWN:
                said = f"nobody knows whether it happened, look at {action.target}: {said}"
                return self.end(id, action, "unknown", said)

    def _memo(self, action: Action) -> str:
        """Of what an undo takes back; "" for anything else."""
        known = self._ledger.action(action.undoes) if action.undoes else None
        return known.memo if known is not None else ""
