"""Which alerts of a storm are one incident.

Alerts that come in separate notifications belong together where

1. both services are known to call, and they are the same or at most two calls (``senders.hops``) apart, one way; or
2. nobody knows the calls of one of them, and their sender put them into one group, or they are in the same cluster and
   namespace, as both say, and began within a minute of the incident's first.

Neither a silent label nor a missing topology joins anything: what is not known to belong together is apart. An alert
joins only what began shortly before or after it, has not ended before it, and does not hold the same alert already
(that is a new episode). While nobody has begun with an incident, there is more time to join it. Two incidents stay two
when an alert that comes later belongs to both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from agent.known_calls import CallGraph, KnownCalls
from agent.ledger_schema import FIRINGS, INCIDENTS, INVESTIGATIONS
from agent.notification import Firing

_PLACE_SECONDS = 60.0
_WAITING_SECONDS = 900.0  # while an incident is accepted, and nobody has begun with it
_MOST_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class Aimed:
    """A firing, and who was known to call whom when it came: looked up before the transaction that decides."""

    firing: Firing
    graph: CallGraph

    @property
    def entity(self) -> str:
        """By the name that calls have it under, where they have one."""
        return self.graph.known(self.firing.alert.entity) or self.firing.alert.entity.lower()

    @property
    def near(self) -> frozenset[str]:
        """The services near its own; empty where nobody knows it."""
        return self.graph.near(self.entity)


class Incidents:
    """``storm_seconds`` is how long after its first an incident is joined; 0 keeps all apart."""

    def __init__(self, calls: KnownCalls, storm_seconds: float) -> None:
        self._calls, self._seconds = calls, storm_seconds

    def aim(self, firing: Firing) -> Aimed:
        """What ``find`` needs to know. Raises ``LedgerError``."""
        return Aimed(firing, self._calls.newest())

    def find(self, db: sa.Connection, aimed: Aimed) -> str:
        """The newest incident that the firing belongs to; "" where there is none."""
        asked = self._candidates(aimed)
        if asked is None:
            return ""
        rows = db.execute(asked).all()
        place = aimed.firing.place
        barred = {
            # One name in two namespaces is two services, whoever else is in the incident.
            row.investigation_id
            for row in rows
            if row.entity == aimed.entity and place.namespace and row.namespace and place.namespace != row.namespace
        }
        for row in rows:
            if (
                row.investigation_id not in barred
                and self._belongs(row, aimed)
                and _may_join(db, row.investigation_id, aimed.firing)
            ):
                return str(row.investigation_id)
        return ""

    def record(self, db: sa.Connection, id: str, aimed: Sequence[Aimed], first_at: float) -> None:
        """The incident of an investigation, which began at ``first_at``, is about these too."""
        if not self._seconds:
            return
        rows = [
            {
                "investigation_id": id, "entity": one.entity, "cluster": one.firing.place.cluster, "first_at": first_at,
                "namespace": one.firing.place.namespace, "sender_group": one.firing.place.group,
            }
            for one in aimed
        ]  # fmt: skip
        db.execute(sa.insert(INCIDENTS).prefix_with("OR IGNORE"), rows)

    def first_at(self, db: sa.Connection, id: str) -> float | None:
        """When the incident of an investigation began; None where it has no alerts of this kind."""
        query = sa.select(sa.func.min(INCIDENTS.c.first_at)).where(INCIDENTS.c.investigation_id == id)
        found: float | None = db.execute(query).scalar_one()
        return found

    def _candidates(self, aimed: Aimed) -> sa.Select[tuple[object, ...]] | None:
        """What could be it by one of the three ways, each by its index."""
        place, ways = aimed.firing.place, list[sa.ColumnElement[bool]]()
        if not self._seconds:
            return None
        if aimed.near:
            ways.append(INCIDENTS.c.entity.in_(sorted(aimed.near)))
        if place.cluster and place.namespace:
            ways.append(sa.and_(INCIDENTS.c.namespace == place.namespace, INCIDENTS.c.cluster == place.cluster))
        if place.group:
            ways.append(INCIDENTS.c.sender_group == place.group)
        if not ways:
            return None
        longest, at = max(self._seconds, _WAITING_SECONDS), aimed.firing.started_at
        columns = INCIDENTS.c.investigation_id, *INCIDENTS.c[1:], INVESTIGATIONS.c.status, INVESTIGATIONS.c.created_at
        asked = [
            sa.select(*columns)
            .join(INVESTIGATIONS, INVESTIGATIONS.c.id == INCIDENTS.c.investigation_id)
            .where(way, INCIDENTS.c.first_at.between(at - longest, at + longest), INVESTIGATIONS.c.status != "failed")
            for way in ways
        ]
        found = sa.union(*asked).subquery()
        return sa.select(found).order_by(found.c.created_at.desc(), found.c.investigation_id).limit(_MOST_CANDIDATES)

    def _belongs(self, row: sa.Row[tuple[object, ...]], aimed: Aimed) -> bool:
        place, apart = aimed.firing.place, abs(row.first_at - aimed.firing.started_at)
        if apart > (_WAITING_SECONDS if row.status == "accepted" else self._seconds):
            return False
        if place.cluster and row.cluster and place.cluster != row.cluster:
            return False
        if aimed.near and aimed.graph.near(row.entity):
            return row.entity in aimed.near
        if place.group and place.group == row.sender_group:
            return True
        both = bool(place.cluster and place.namespace and row.cluster)
        return both and place.namespace == row.namespace and apart <= _PLACE_SECONDS


def _may_join(db: sa.Connection, id: str, firing: Firing) -> bool:
    """Not where it holds this very alert, and not where all of it had ended before."""
    mine = FIRINGS.c.investigation_id == id
    if db.execute(sa.select(FIRINGS.c.fingerprint).where(mine, FIRINGS.c.fingerprint == firing.fingerprint)).first():
        return False
    open_query = sa.select(FIRINGS.c.fingerprint).where(
        mine, sa.or_(FIRINGS.c.resolved_at.is_(None), FIRINGS.c.resolved_at >= firing.started_at)
    )
    return db.execute(open_query.limit(1)).first() is not None
