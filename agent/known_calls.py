"""Who calls whom, as far as is known: what the newest investigation found, and what the settings tell."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import sqlalchemy as sa
from pydantic import ValidationError

from agent.evidence import EvidenceError, EvidenceStore
from agent.ledger_database import Database
from agent.ledger_schema import CALLS, INVESTIGATIONS, CallState
from agent.state import Evidence
from diagnosis.delivery import entity_stem
from diagnosis.telemetry import Topology
from tools.spec import ToolName

_LOOK_AGAIN_SECONDS = 30.0
_MOST_LOOKED_AT = 20  # investigations, newest first, until one has found calls
_ENDED = ("done", "waiting", "decided")


class KnownCalls:
    """Over the ledger and the evidence of ``home``. ``given`` is caller: callees; near is at most ``hops`` calls away."""

    def __init__(self, home: Path, given: Mapping[str, tuple[str, ...]], hops: int = 2) -> None:
        self._transaction, self._store = Database(home).transaction, EvidenceStore(home / "evidence")
        self._given = [(caller, callee) for caller, callees in given.items() for callee in callees]
        self._lock, self._looked_at, self._digest = threading.Lock(), float("-inf"), ""
        self._hops = hops
        self._graph = CallGraph(self._given, hops)

    def newest(self) -> "CallGraph":
        """Looked up again after half a minute. Raises ``LedgerError``."""
        with self._lock:
            if time.monotonic() - self._looked_at >= _LOOK_AGAIN_SECONDS:
                self._looked_at = time.monotonic()
                self._look()
            return self._graph

    def _look(self) -> None:
        for digest in self._digests():
            if digest == self._digest:
                return
            try:
                body = self._store.get(digest)
            except EvidenceError:  # an earlier one may be there
                continue
            if isinstance(body, Topology) and body.edges:
                found = [(edge.caller, edge.callee) for edge in body.edges]
                self._digest, self._graph = digest, CallGraph([*self._given, *found], self._hops)
                return

    def _digests(self) -> list[str]:
        """Of what the newest ended investigations were told of the topology, newest first."""
        ended = (
            sa.select(INVESTIGATIONS.c.id, INVESTIGATIONS.c.created_at)
            .where(INVESTIGATIONS.c.status.in_(_ENDED))
            .order_by(INVESTIGATIONS.c.created_at.desc())
            .limit(_MOST_LOOKED_AT)
            .subquery()
        )
        query = (
            sa.select(CALLS.c.evidence)
            .join(ended, ended.c.id == CALLS.c.investigation_id)
            .where(CALLS.c.tool == ToolName.GET_TOPOLOGY.value, CALLS.c.state == CallState.SETTLED)
            .order_by(ended.c.created_at.desc())
        )
        with self._transaction() as db:
            rows = [row.evidence for row in db.execute(query) if row.evidence]
        return [digest for row in rows if (digest := _digest(row))]


class CallGraph:
    """Calls, by names in lower case; a service that the telemetry calls otherwise is found by the words of its name."""

    def __init__(self, calls: Iterable[tuple[str, str]], hops: int) -> None:
        self._hops = hops
        self._callees, self._callers = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
        for caller, callee in calls:
            self._callees[caller.lower()].add(callee.lower())
            self._callers[callee.lower()].add(caller.lower())
        names = sorted({*self._callees, *self._callers})
        self._by_stem = dict[frozenset[str], list[str]]()
        for name in names:
            self._by_stem.setdefault(entity_stem(name), []).append(name)
        self._names, self._near = frozenset(names), dict[str, frozenset[str]]()

    def near(self, service: str) -> frozenset[str]:
        """The service and those near it, one way; empty where nobody knows it."""
        name = self.known(service)
        if not name:
            return frozenset()
        if name not in self._near:
            self._near[name] = _within(name, self._callees, self._hops) | _within(name, self._callers, self._hops)
        return self._near[name]

    def known(self, service: str) -> str:
        """The name by which it calls and is called; "" where nobody knows it."""
        service = service.lower()
        if service in self._names or not service:
            return service
        alike = self._by_stem.get(entity_stem(service), [])
        return alike[0] if len(alike) == 1 else ""


def _within(name: str, calls: Mapping[str, set[str]], hops: int) -> frozenset[str]:
    found = {name}
    for _ in range(hops):
        found |= {other for one in found for other in calls.get(one, ())}
    return frozenset(found)


def _digest(evidence: str) -> str:
    try:
        return Evidence.model_validate_json(evidence).digest
    except ValidationError:
        return ""
