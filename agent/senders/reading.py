"""One delivery of one sender, read leniently into what fires and what has ended. Its texts are data."""

from collections.abc import Mapping

from agent.notification import Told, read_notification
from agent.senders.cloud_events import read_cloud_events
from agent.senders.grafana import read_grafana
from agent.senders.pagerduty import read_pagerduty
from agent.senders.settings import SenderName, Senders


def read_delivery(name: SenderName, body: object, headers: Mapping[str, str], senders: Senders, now: float) -> Told:
    """``body`` is decoded JSON, ``headers`` have their names in lower case. Raises ``AlertError``."""
    match name:
        case SenderName.ALERTMANAGER:
            return read_notification(body)
        case SenderName.GRAFANA:
            return read_grafana(body)
        case SenderName.PAGERDUTY:
            return read_pagerduty(body, now)
        case SenderName.CLOUDEVENTS:
            return read_cloud_events(body, headers, now)
        case SenderName.GENERIC:
            from agent.senders.generic import read_generic

            return read_generic(body, senders.generic.mapping, now)
