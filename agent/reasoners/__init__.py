"""Reasoners weigh evidence. The statistical one needs no model; every other one falls back to it."""

from dataclasses import dataclass
from typing import Protocol

from agent.evidence import EvidenceStore
from agent.state import Alert, Claim, Evidence, ModelUse, Question, Scope, Statement, Verdict
from diagnosis.findings import Diagnosis


@dataclass(frozen=True, slots=True)
class Wish:
    """A tool call that would separate the leading hypotheses. ``arguments`` is canonical JSON."""

    tool: str
    arguments: str
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """What a reasoner is given. ``use`` is what models were asked so far."""

    alert: Alert
    scope: Scope
    evidence: list[Evidence]
    store: EvidenceStore
    use: ModelUse


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a reasoner makes of it: the diagnosis, what it wishes to know, and what models had to do with it."""

    diagnosis: Diagnosis
    wishes: list[Wish]
    use: ModelUse


class Reasoner(Protocol):
    """Evidence in, diagnosis and wishes out. Deterministic reasoners give the same answer for the same evidence."""

    async def diagnose(self, case: Case) -> Opinion: ...

    async def narrate(
        self, alert: Alert, verdict: Verdict, claims: list[Claim], use: ModelUse
    ) -> tuple[list[Statement], ModelUse]:
        """The verdict told in sentences that each rest on one claim; none where there is nobody to tell it."""


__all__ = ["Case", "Opinion", "Question", "Reasoner", "Wish"]
