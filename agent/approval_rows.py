"""Requests and votes as the ledger holds them. A vote counts only with its seal, and only for what was asked."""

import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from agent.ledger_schema import APPROVAL_REQUESTS, APPROVAL_VOTES, INVESTIGATIONS
from agent.seals import Seals
from agent.state import Action, Approval
from diagnosis.findings import Model


class RequestState(StrEnum):
    """Where a request stands. Only PENDING changes."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Question(Model):
    """What a person is asked, whole and final; all of it is rendered by code. ``arguments`` is canonical JSON, ``effect``
    what the dry run said and ``seen`` what it looked at, ``needs`` how many must approve, ``hypothesis`` the identity of the
    cause behind it; ``by_name``: a person asked for it by its name, and it waits for nothing else."""

    investigation_id: str
    action_key: str
    action: str
    summary: str
    arguments: str
    arguments_hash: str
    target: str
    environment: str
    risk: str
    effect: str
    effect_lines: tuple[str, ...]
    claim: str
    prediction: str
    needs: int
    rule: str
    requested_by: str
    hypothesis: str = ""
    undoes: str = ""
    seen: str = ""
    by_name: bool = False


class Vote(Model):
    """One person's answer; ``at`` is epoch seconds."""

    by: str
    door: str
    approved: bool
    reason: str
    at: float


class Request(Question):
    """A question with its answers, and what became of it."""

    id: str
    created_at: float
    expires_at: float
    state: RequestState
    votes: tuple[Vote, ...] = ()
    wrong_cause: bool = False

    @property
    def as_action(self) -> Action:
        """What was asked about, as the machine has it."""
        return Action(
            key=self.action_key, name=self.action, arguments=self.arguments, risk=self.risk, sentence=self.summary,
            target=self.target, effect=self.effect, effect_lines=self.effect_lines, seen=self.seen, request_id=self.id,
            undoes=self.undoes,
        )  # fmt: skip

    @property
    def as_approval(self) -> Approval:
        """What was decided about it."""
        last = self.votes[-1] if self.votes else None
        fallback = {RequestState.EXPIRED: "nobody decided in time", RequestState.WITHDRAWN: "taken back"}
        return Approval(
            action_key=self.action_key,
            approved=self.state is RequestState.APPROVED,
            by=", ".join(vote.by for vote in self.votes),
            reason=(last.reason if last else "") or fallback.get(self.state, ""),
            # What was taken back was so because somebody named another cause.
            wrong_cause=self.wrong_cause or self.state is RequestState.WITHDRAWN,
        )

    @property
    def is_decided(self) -> bool:
        return self.state is not RequestState.PENDING


def find(db: sa.Connection, id: str, seals: Seals) -> Request | None:
    """A request by its id."""
    row = db.execute(sa.select(APPROVAL_REQUESTS).where(APPROVAL_REQUESTS.c.id == id)).one_or_none()
    return None if row is None else _request(db, row, seals)


def of_investigation(
    db: sa.Connection, investigation_id: str, seals: Seals, only_pending: bool = False
) -> tuple[Request, ...]:
    """The requests of one investigation, or of all (""), oldest first."""
    query = sa.select(APPROVAL_REQUESTS).order_by(APPROVAL_REQUESTS.c.seq)
    if investigation_id:
        query = query.where(APPROVAL_REQUESTS.c.investigation_id == investigation_id)
    if only_pending:
        query = query.where(APPROVAL_REQUESTS.c.state == RequestState.PENDING)
    return tuple(_request(db, row, seals) for row in db.execute(query).all())


def set_status(db: sa.Connection, investigation_id: str, status: str) -> None:
    """Of the investigation."""
    where = INVESTIGATIONS.c.id == investigation_id
    db.execute(sa.update(INVESTIGATIONS).where(where).values(status=status, updated_at=time.time()))


def seal_of(seals: Seals, request: Request, vote: Vote, wrong_cause: bool) -> str:
    """What makes a row a vote: it names everything that the person was shown."""
    return seals.of("vote", _told(request, vote, wrong_cause))


def valid_votes(seals: Seals, request: Request, rows: Sequence[sa.Row[Any]]) -> tuple[tuple[Vote, ...], bool]:
    """The votes whose seals hold, and whether one of them says that the cause is wrong."""
    votes, wrong = [], False
    for row in rows:
        vote = Vote(by=row.person, door=row.door, approved=bool(row.approved), reason=row.reason, at=row.at)
        if seals.holds("vote", _told(request, vote, bool(row.wrong_cause)), row.seal):
            votes.append(vote)
            wrong |= bool(row.wrong_cause)
    return tuple(votes), wrong


def _told(request: Request, vote: Vote, wrong_cause: bool) -> dict[str, object]:
    asked = [getattr(request, name) for name in Question.model_fields]
    asked = [list(value) if isinstance(value, tuple) else value for value in asked]
    answer = [vote.by, vote.door, vote.approved, vote.reason, repr(vote.at), wrong_cause]
    return {"request": request.id, "expires": repr(request.expires_at), "asked": asked, "answer": answer}


def _request(db: sa.Connection, row: sa.Row[Any], seals: Seals) -> Request:
    asked = Question.model_validate_json(row.body).model_dump()
    times = {"created_at": row.created_at, "expires_at": row.expires_at}
    bare = Request(id=row.id, state=RequestState(row.state), **times, **asked)
    found = db.execute(
        sa.select(APPROVAL_VOTES).where(APPROVAL_VOTES.c.request_id == row.id).order_by(APPROVAL_VOTES.c.at)
    ).all()
    votes, wrong = valid_votes(seals, bare, found)
    return bare.model_copy(update={"votes": votes, "wrong_cause": wrong})
