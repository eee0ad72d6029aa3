"""PagerDuty's webhooks, version 3: one event about one incident of theirs.

An incident fires from ``created_at``; one that is reopened fires anew from then on. What else happens to it says that it
goes on; events about anything else (notes, services, the test of the subscription) tell of nothing.
"""

from collections.abc import Mapping
from typing import Any

from agent.alerts import AlertError
from agent.notification import Told
from agent.senders.flat import ending, firing, moment, together
from agent.senders.settings import SenderName
from agent.text_room import Room

_PAGERDUTY = SenderName.PAGERDUTY
_GOES_ON = frozenset(("acknowledged", "unacknowledged", "escalated", "delegated", "reassigned", "priority_updated"))


def read_pagerduty(raw: object, now: float) -> Told:
    """``now`` stands for a time that is not told. Raises ``AlertError``."""
    event = raw.get("event") if isinstance(raw, Mapping) else None
    kind = event.get("event_type") if isinstance(event, Mapping) else None
    if not isinstance(event, Mapping) or not isinstance(kind, str):
        raise AlertError("this is no PagerDuty webhook (version 3): it has no event with an event_type")
    resource, _, happened = kind.partition(".")
    if resource != "incident" or happened not in _GOES_ON | {"triggered", "reopened", "resolved"}:
        return Told((), ())
    incident = event.get("data")
    if not isinstance(incident, Mapping) or not isinstance(incident.get("id"), str) or not incident["id"]:
        raise AlertError(
            f"the {kind.encode('utf-8', 'replace').decode()[:80]} event names no incident: data.id is missing"
        )
    id, created = incident["id"], moment(incident.get("created_at"), "data.created_at")
    occurred = moment(event.get("occurred_at"), "event.occurred_at")
    if happened == "resolved":
        return together([ending(_PAGERDUTY, id, None, occurred)], [])
    fields = _fields(incident)
    if happened == "reopened":
        return together([firing(_PAGERDUTY, fields, id, _known(occurred, now), Room())], [])
    started, goes_on = _known(created, _known(occurred, now)), happened in _GOES_ON or created is None
    return together([firing(_PAGERDUTY, fields, id, started, Room(), continues=goes_on)], [])


def _fields(incident: Mapping[str, Any]) -> dict[str, object]:
    priority = _summary(incident.get("priority")) or incident.get("urgency")
    title = incident.get("title")
    return {
        "name": title if isinstance(title, str) and title else "PagerDuty incident",
        "service": _summary(incident.get("service")),
        "severity": priority if isinstance(priority, str) else "",
    }


def _summary(reference: object) -> str:
    """The name of what is referred to."""
    name = reference.get("summary") if isinstance(reference, Mapping) else None
    return name if isinstance(name, str) else ""


def _known(time: float | None, otherwise: float) -> float:
    return otherwise if time is None else time
