"""What a question is asked about: the open investigation, the telemetry and its names, and what time it is there."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any

from agent.approvals import Approvals
from agent.backends import Backends
from agent.event_log import EventLog
from agent.evidence import EvidenceError
from agent.ledger import InvestigationRow, Ledger
from agent.questions.desk import Desk, name_of, original, tools_for
from agent.questions.names import Names
from agent.questions.reply import Asked, Case
from agent.questions.spoken_times import Clock
from agent.report.model import Report
from agent.settings import Settings
from agent.sources import Source
from agent.state import Alert, Evidence
from diagnosis.telemetry import Topology
from tools.spec import Body, MetricCatalogue, Tool, ToolName

_FRESH_SECONDS = 120.0  # so long the names of live telemetry are taken for what they were


class Cases:
    """Builds what one question is asked about. Sources are opened once, and their names looked up now and then."""

    def __init__(
        self, settings: Settings, backends: Backends, source: Source, zone: tzinfo | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._settings, self._backends, self._source, self._zone, self._now = settings, backends, source, zone, now
        self._tools: dict[str, Mapping[str, Tool[Any]]] = {}
        self._known: dict[str, tuple[float, Names, float]] = {}

    async def of(self, asked: Asked) -> Case:
        """Raises ``UnknownInvestigation``, ``LedgerError``, ``RecordingError``."""
        row = await asyncio.to_thread(self._row, asked.investigation_id)
        source = original(Source.model_validate_json(row.source), self._settings) if row else self._source
        tools = await asyncio.to_thread(self._open, source)
        desk = Desk(self._settings, source, tools, row.id if row else name_of(asked.by), asked.door, self._now)
        evidence = await asyncio.to_thread(self._evidence, row, desk)
        names, last = await self._names(source, desk, evidence)
        report = Report.model_validate_json(row.report) if row and row.report else None
        alert = report.alert if report else Alert.model_validate_json(row.alert) if row else None
        it = (report.onset if report and report.onset is not None else alert.fired_at) if alert else None
        now = last if source.kind == "recording" and last else self._now()
        return Case(
            source, desk, names, Clock(now, self._zone, it, report.window_end if report else None), row, alert, report,
            *(await asyncio.to_thread(self._told, row)), evidence, self._settings.server.public_url,
        )  # fmt: skip

    def known(self) -> Names:
        """All names that were looked up so far, for completion."""
        metrics: dict[str, tuple[str, ...]] = {}
        for _, names, _ in self._known.values():
            metrics |= names.metrics
        return Names(metrics)

    def _row(self, id: str) -> InvestigationRow | None:
        return Ledger(self._settings.home).investigation(id) if id else None

    def _open(self, source: Source) -> Mapping[str, Tool[Any]]:
        key = source.model_dump_json()
        if key not in self._tools:
            self._tools[key] = tools_for(self._settings, source, self._backends)
        return self._tools[key]

    def _evidence(self, row: InvestigationRow | None, desk: Desk) -> dict[str, Evidence]:
        """Of the investigation and of what was asked about it in this hour."""
        ledger, found = Ledger(self._settings.home), dict[str, Evidence]()
        for id in (row.id if row else "", desk.calls_id):
            items = (Evidence.model_validate_json(call.evidence) for call in ledger.calls(id) if call.evidence)
            found |= {item.id: item for item in items}
        return found

    def _told(self, row: InvestigationRow | None) -> tuple[tuple[tuple[str, str, float, str], ...], Any]:
        """The hypotheses as told last, and what waits for an approval."""
        if row is None:
            return (), ()
        ranked = EventLog(self._settings.home).last(row.id, "ranked")
        shown = ranked.body["hypotheses"] if ranked else []
        leading = tuple((str(h["id"]), str(h["sentence"]), float(h["probability"]), str(h["identity"])) for h in shown)
        return leading, Approvals(self._settings).pending(row.id)

    async def _names(self, source: Source, desk: Desk, evidence: Mapping[str, Evidence]) -> tuple[Names, float]:
        """Services and metrics, and when the samples end: those that the investigation saw, else asked for now."""
        key = f"{source.model_dump_json()} {desk.calls_id.rpartition('-')[0]}"
        known = self._known.get(key)
        if known is not None and (source.kind == "recording" or self._now() - known[0] < _FRESH_SECONDS):
            return known[1], known[2]
        seen = {item.tool: item for item in evidence.values() if item.digest and item.tool in _NAMING}
        bodies: list[Body | None] = []
        for tool in _NAMING:
            try:
                bodies.append(await asyncio.to_thread(desk.store.get, seen[tool].digest) if tool in seen else None)
            except EvidenceError:
                bodies.append(None)
            if bodies[-1] is None:
                bodies[-1] = (await desk.look(tool, {}, "which names are there?")).body
        catalogue, graph = bodies
        metrics = dict(catalogue.metrics) if isinstance(catalogue, MetricCatalogue) else {}
        if isinstance(graph, Topology):
            metrics = {**{node.name: () for node in graph.nodes}, **metrics}
        names, last = Names(metrics), catalogue.end if isinstance(catalogue, MetricCatalogue) else 0.0
        if names.metrics:
            self._known[key] = (self._now(), names, last)
        return names, last


_NAMING = (ToolName.LIST_METRICS.value, ToolName.GET_TOPOLOGY.value)
