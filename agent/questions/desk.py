"""Where a question meets a source: every look goes through the toolbelt, under ceilings of its own, and leaves evidence."""

import asyncio
import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agent.backends import Backends
from agent.budget import Budget
from agent.evidence import EvidenceStore
from agent.ledger import Ledger
from agent.settings import Settings
from agent.sources import Source, tools_of
from agent.state import Evidence, Outcome, Question
from agent.toolbelt import Toolbelt
from tools.spec import Body, Tool

_NAME = "chat"


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer of a tool: the evidence, and the body where there are rows."""

    evidence: Evidence
    body: Body | None

    @property
    def why_not(self) -> str:
        """Why there is nothing, in words; "" where there is something."""
        if self.body is not None:
            return ""
        told = self.evidence.summary
        return (
            "There is nothing for that." if self.evidence.outcome is Outcome.EMPTY else f"{told[:1].upper()}{told[1:]}."
        )


class Desk:
    """The tools of ``source`` for one who asks. What may be used in an hour about one investigation is what one
    investigation may use; it is counted apart, so that asking takes nothing from the investigating."""

    def __init__(
        self, settings: Settings, source: Source, tools: Mapping[str, Tool[Any]], about: str, door: str,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.settings, self.source, self.tools, self._about, self._door, self._now = (
            settings,
            source,
            tools,
            about,
            door,
            now,
        )
        self.store = EvidenceStore(settings.home / "evidence")

    @property
    def calls_id(self) -> str:
        """Under which the calls of this hour stand in the ledger."""
        return f"{_NAME}-{self._about}-{datetime.fromtimestamp(self._now(), UTC):%Y%m%dT%H}"

    def budget(self) -> Budget:
        """Of this hour."""
        ledger = Ledger(self.settings.home)
        return Budget(
            ledger, self.calls_id, self.settings.ceilings, source=self._door, periods=self.settings.periods,
            wall_clock=self._now,
        )  # fmt: skip

    async def look(self, tool: str, arguments: Mapping[str, object], why: str) -> Seen:
        """Ask a tool. Whatever goes wrong is an outcome. Raises ``LedgerError``, ``EvidenceError``."""
        asked = json.dumps(arguments, sort_keys=True)
        question = Question(id=f"C{uuid.uuid4().hex[:6]}", tool=tool, arguments=asked, reason=why)
        budget = await asyncio.to_thread(self.budget)
        evidence = await Toolbelt(self.tools, budget, self.store).ask(question)
        body = await asyncio.to_thread(self.store.get, evidence.digest) if evidence.digest else None
        return Seen(evidence, body)


def tools_for(settings: Settings, source: Source, backends: Backends) -> Mapping[str, Tool[Any]]:
    """The tools of a source, for whoever asks."""
    return tools_of(source, Ledger(settings.home), EvidenceStore(settings.home / "evidence"), backends)


def original(source: Source, settings: Settings) -> Source:
    """What a replay was recorded from: a new question needs a source that can answer it."""
    while source.kind == "replay":
        source = Source.model_validate_json(Ledger(settings.home).investigation(source.place).source)
    return source


def name_of(by: str) -> str:
    """A short name of whoever asks, for the ledger."""
    return hashlib.sha256(by.encode("utf-8", "replace")).hexdigest()[:10] if by else "anybody"
