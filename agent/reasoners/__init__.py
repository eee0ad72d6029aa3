"""Reasoners weigh evidence. The statistical one needs no model; every other one falls back to it."""

from dataclasses import dataclass
from typing import Protocol

from agent.evidence import EvidenceStore
from agent.state import Alert, Evidence, Question, Scope
from diagnosis.findings import Diagnosis


@dataclass(frozen=True, slots=True)
class Wish:
    """A tool call that would separate the leading hypotheses. ``arguments`` is canonical JSON."""

    tool: str
    arguments: str
    reason: str


class Reasoner(Protocol):
    """Evidence in, diagnosis and wishes out. Deterministic reasoners give the same answer for the same evidence."""

    @property
    def name(self) -> str: ...

    def diagnose(
        self, alert: Alert, scope: Scope, evidence: list[Evidence], store: EvidenceStore
    ) -> tuple[Diagnosis, list[Wish]]: ...


__all__ = ["Question", "Reasoner", "Wish"]
