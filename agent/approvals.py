"""Approvals: what is asked of a person, who may answer, and what an answer is worth when the action is about to run.

An answer is bound to the investigation, the action, the hash of its arguments, the approver, the door and a time, and
counts once. Everything that decides is decided in one transaction of the ledger and is in the audit log.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from agent.approval_rows import (
    Question,
    Request,
    RequestState,
    Vote,
    find,
    of_investigation,
    seal_of,
    set_status,
)
from agent.audit import Audit
from agent.event_log import append_event
from agent.leave import hash_of, why_no_leave
from agent.ledger_database import Database
from agent.ledger_schema import APPROVAL_REQUESTS, APPROVAL_VOTES, INVESTIGATIONS, USED_TICKETS
from agent.policy import Approver, Policy, PolicyError, load_policy
from agent.redaction import cut_secrets
from agent.seals import SealBroken, Seals
from agent.settings import Settings
from agent.state import Action
from agent.steering_rows import Steering, add_steering, steerings

_LONGEST_REASON = 1_000
_TICKET_SECONDS = 900.0  # a page or a dialogue that is open longer is loaded again


class ApprovalRefused(Exception):  # noqa: N818 - said as one says it
    """This answer does not count; the message is for the person who gave it. ``known``: they may approve at all."""

    def __init__(self, message: str, known: bool = True) -> None:
        super().__init__(message)
        self.known = known


@dataclass(frozen=True, slots=True)
class Decided:
    """A request after an answer; ``ready`` when all requests of the investigation are decided, so that it goes on."""

    request: Request
    ready: bool


class Approvals:
    """The requests and answers in the ledger of the settings' home. ``now`` gives epoch seconds.

    The policy is read for every answer: who was taken out of it a minute ago cannot approve. Raises ``LedgerError``,
    ``PolicyError``.
    """

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._home, self._policy_path, self._now = settings.home, settings.policy, now
        self._transaction = Database(settings.home).transaction
        self._seals, self._audit = Seals(settings.home), Audit(settings.home)

    @property
    def policy(self) -> Policy:
        """As the file says now."""
        return load_policy(self._policy_path)

    def open(self, question: Question, expires_minutes: float) -> Request:
        """Ask about an action, once a key. What was asked before stays as it was shown."""
        with self._transaction() as db:
            where = APPROVAL_REQUESTS.c.action_key == question.action_key
            known = db.execute(sa.select(APPROVAL_REQUESTS.c.id).where(where)).scalar_one_or_none()
            if known is not None:
                return _found(db, str(known), self._seals)
            id, now = secrets.token_hex(8), self._now()
            values = {"investigation_id": question.investigation_id, "action_key": question.action_key}
            db.execute(
                sa.insert(APPROVAL_REQUESTS).values(
                    id=id, body=question.model_dump_json(), state=RequestState.PENDING, created_at=now,
                    expires_at=now + 60.0 * expires_minutes, **values,
                )
            )  # fmt: skip
            told = f"{question.action} {question.arguments} on {question.target}: {question.rule}"
            door, _, who = question.requested_by.partition(":") if question.by_name else ("", "", "machine")
            self._audit.append(db, question.investigation_id, who, door, "requested", told)
            if question.by_name:  # nobody runs it: who asks has its lock
                set_status(db, question.investigation_id, "waiting")
            asked = _found(db, id, self._seals)
        self._audit.keep_head()
        return asked

    def pending(self, investigation_id: str = "") -> tuple[Request, ...]:
        """What waits for an answer, oldest first; of one investigation or of all."""
        with self._transaction() as db:
            found = of_investigation(db, investigation_id, self._seals, only_pending=True)
        return tuple(request for request in found if request.expires_at > self._now())

    def requests(self, investigation_id: str) -> tuple[Request, ...]:
        """All that was asked for an investigation, oldest first."""
        with self._transaction() as db:
            return of_investigation(db, investigation_id, self._seals)

    def ticket(self, request_id: str, door: str, identity: str) -> str:
        """What an answer of this person at this door must show; made when the request is shown to them.

        Raises ``ApprovalRefused`` where they may not answer it.
        """
        with self._transaction() as db:
            request, approver = self._answerable(db, request_id, door, identity, self.policy)
        value = {
            "request": request.id, "investigation": request.investigation_id, "action": request.action_key,
            "arguments": request.arguments_hash, "person": approver.name, "door": door, "nonce": secrets.token_hex(16),
            "expires": min(self._now() + _TICKET_SECONDS, request.expires_at),
        }  # fmt: skip
        return self._seals.write("ticket", value)

    def decide(
        self, ticket: str, door: str, identity: str, approved: bool, reason: str = "", wrong_cause: bool = False
    ) -> Decided:
        """Count an answer, once. ``wrong_cause`` (of a rejection): the machine looks for another cause.

        Raises ``ApprovalRefused``; that is in the audit log too.
        """
        reason = cut_secrets(reason.encode("utf-8", "replace").decode().replace("\x00", ""))[:_LONGEST_REASON]
        try:
            policy = self.policy
            with self._transaction() as db:
                decided = self._count(db, ticket, door, identity, policy, approved, reason, wrong_cause)
        except ApprovalRefused as refused:
            self._audit.note(self._investigation_of(ticket), identity[:200], door, "refused", str(refused))
            raise
        self._audit.keep_head()
        return decided

    def asked_before(self, investigation_id: str, action: Action) -> tuple[Request, ...]:
        """The requests for this very thing, oldest first."""
        self.expire()
        same = (action.name, action.arguments, action.undoes)
        found = self.requests(investigation_id)
        return tuple(request for request in found if (request.action, request.arguments, request.undoes) == same)

    def put_down(
        self, investigation_id: str, status_of: Callable[[Sequence[Request], Sequence[Steering]], str]
    ) -> None:
        """Note where it stands when nobody runs it any more: what came meanwhile is seen in the same transaction."""
        with self._transaction() as db:
            asked, said = of_investigation(db, investigation_id, self._seals), steerings(db, investigation_id)
            set_status(db, investigation_id, status_of(asked, said))

    def expire(self) -> None:
        """Decide what nobody decided in time; what waited for it goes on."""
        where = sa.and_(
            APPROVAL_REQUESTS.c.state == RequestState.PENDING, APPROVAL_REQUESTS.c.expires_at <= self._now()
        )
        with self._transaction() as db:
            late = [
                _found(db, id, self._seals)
                for id in db.execute(sa.select(APPROVAL_REQUESTS.c.id).where(where)).scalars()
            ]
            for request in late:
                self._settle(db, request, RequestState.EXPIRED, "machine", "", "nobody decided in time")
        if late:
            self._audit.keep_head()

    def withdraw(self, investigation_id: str, by: str, reason: str) -> None:
        """Take back what waits and rests on a cause, because somebody said something about the causes."""
        with self._transaction() as db:
            for request in of_investigation(db, investigation_id, self._seals, only_pending=True):
                if request.hypothesis:
                    self._settle(db, request, RequestState.WITHDRAWN, by, "", reason)
        self._audit.keep_head()

    def why_not(self, action: Action, investigation_id: str) -> str:
        """Why this very action may not run now, by its request, its votes and the policy; "" where it may."""
        try:
            policy = self.policy
        except PolicyError as error:
            return f"the policy cannot be read now: {error}"
        with self._transaction() as db:
            request, said = find(db, action.request_id, self._seals), steerings(db, investigation_id)
        return why_no_leave(action, investigation_id, request, said, policy, self._now())

    def _count(
        self, db: sa.Connection, ticket: str, door: str, identity: str, policy: Policy, approved: bool, reason: str,
        wrong_cause: bool,
    ) -> Decided:  # fmt: skip
        try:
            told = self._seals.read("ticket", ticket)
        except SealBroken:
            raise ApprovalRefused("this approval was not made here, or was changed") from None
        request, approver = self._answerable(db, str(told["request"]), door, identity, policy)
        bound = (told["investigation"], told["action"], told["arguments"], told["person"], told["door"])
        actual = (request.investigation_id, request.action_key, hash_of(request.arguments), approver.name, door)
        if bound != actual:
            raise ApprovalRefused("this approval was made for somebody or something else")
        if not isinstance(told["expires"], int | float) or told["expires"] <= self._now():
            raise ApprovalRefused("this approval has been open for too long: look at the action again")
        if db.execute(sa.select(USED_TICKETS).where(USED_TICKETS.c.nonce == told["nonce"])).one_or_none() is not None:
            raise ApprovalRefused("this answer was given already")
        db.execute(sa.insert(USED_TICKETS).values(nonce=told["nonce"], request_id=request.id))
        # Only what rests on a cause can rest on a wrong one.
        wrong_cause = wrong_cause and not approved and bool(request.hypothesis)
        vote = Vote(by=approver.name, door=door, approved=approved, reason=reason, at=self._now())
        seal = seal_of(self._seals, request, vote, wrong_cause)
        db.execute(
            sa.insert(APPROVAL_VOTES).values(
                request_id=request.id, person=vote.by, door=door, approved=approved, reason=reason, at=vote.at, seal=seal,
                wrong_cause=wrong_cause,
            )
        )  # fmt: skip
        self._audit.append(
            db, request.investigation_id, vote.by, door, "approved" if approved else "rejected",
            f"{request.action} {request.arguments} on {request.target}" + (f": {reason}" if reason else ""),
        )  # fmt: skip
        if not approved:
            if wrong_cause:
                add_steering(db, request.investigation_id, vote.by, reason, (request.hypothesis,), vote.at)
            self._settle(db, request, RequestState.REJECTED, vote.by, door, reason)
        elif len(request.votes) + 1 >= request.needs:
            self._settle(db, request, RequestState.APPROVED, vote.by, door, reason)
        after = _found(db, request.id, self._seals)
        return Decided(after, after.is_decided and self._can_go_on(db, after))

    def _answerable(
        self, db: sa.Connection, request_id: str, door: str, identity: str, policy: Policy
    ) -> tuple[Request, Approver]:
        """The pending request, and the approver behind the identity. Raises ``ApprovalRefused``."""
        approver = policy.person(door, identity)
        if approver is None:
            said = f"{identity[:80]!r} is no approver at this door: add them to the approvers of policy.yaml"
            raise ApprovalRefused(said, known=False)
        request = find(db, request_id, self._seals)
        if request is None:
            raise ApprovalRefused("there is no such request")
        if request.state is not RequestState.PENDING:
            raise ApprovalRefused(f"this was {request.state.value} already")
        if request.expires_at <= self._now():
            raise ApprovalRefused("this request has expired; nothing was done")
        if not policy.may(approver.name, request.action):
            raise ApprovalRefused(f"{approver.name} may not approve {request.action}", known=False)
        asked_by = {request.requested_by, policy.name_behind(request.requested_by)}
        if not policy.requester_may_approve and approver.name in asked_by:
            raise ApprovalRefused(f"{approver.name} asked for it, and somebody else must approve it", known=False)
        if any(vote.by == approver.name for vote in request.votes):
            raise ApprovalRefused(f"{approver.name} has answered already; a second person is needed")
        return request, approver

    def _settle(
        self, db: sa.Connection, request: Request, state: RequestState, by: str, door: str, reason: str
    ) -> None:
        """Note what became of it, and hand the investigation to whoever works; a running one goes on by itself."""
        pending = sa.and_(APPROVAL_REQUESTS.c.id == request.id, APPROVAL_REQUESTS.c.state == RequestState.PENDING)
        db.execute(sa.update(APPROVAL_REQUESTS).where(pending).values(state=state))
        id = request.investigation_id
        if state in (RequestState.EXPIRED, RequestState.WITHDRAWN):
            self._audit.append(db, id, by, door, state.value, reason)
        told = {"request": request.id, "state": state.value, "by": by, "door": door, "reason": reason}
        append_event(db, id, "decided", told, self._now())
        if self._can_go_on(db, request):
            waiting = sa.and_(INVESTIGATIONS.c.id == id, INVESTIGATIONS.c.status == "waiting")
            db.execute(sa.update(INVESTIGATIONS).where(waiting).values(status="decided", updated_at=time.time()))

    def _can_go_on(self, db: sa.Connection, settled: Request) -> bool:
        """What was proposed together is decided together; what a person asked for by its name waits for nothing else."""
        if settled.by_name:
            return True
        return all(r.by_name for r in of_investigation(db, settled.investigation_id, self._seals, only_pending=True))

    def _investigation_of(self, ticket: str) -> str:
        try:
            return str(self._seals.read("ticket", ticket).get("investigation", ""))
        except SealBroken:
            return ""


def _found(db: sa.Connection, id: str, seals: Seals) -> Request:
    request = find(db, id, seals)
    assert request is not None  # noqa: S101 - it is there: this transaction read or wrote it
    return request


__all__ = ["ApprovalRefused", "Approvals", "Decided", "Question", "Request", "RequestState", "Vote", "hash_of"]
