"""Deliveries of each sender, signed as it signs them. The keys are made up for these tests."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.senders.settings import Senders

KEYS = {
    "T_ALERTMANAGER": "key-of-alertmanager",
    "T_GRAFANA": "key-of-grafana",
    "T_PAGERDUTY": "key-of-pagerduty",
    "T_EVENTS": "whsec_" + base64.b64encode(b"key-of-cloudevents").decode(),
    "T_GENERIC": "key-of-generic",
}
JSON = {"Content-Type": "application/json"}
MAPPING = {
    "alerts": "$.items[*]", "name": "$.rule", "service": "$.tags.service", "fingerprint": "$.id", "status": "$.state",
    "started_at": "$.since", "ended_at": "$.until", "severity": "$.level",
}  # fmt: skip
PROVING = Senders.model_validate(
    {
        "alertmanager": {"token_env": "T_ALERTMANAGER"},
        "grafana": {"secret_env": "T_GRAFANA", "timestamp_header": "X-Grafana-Time"},
        "pagerduty": {"secret_env": "T_PAGERDUTY"},
        "cloudevents": {"secret_env": "T_EVENTS"},
        "generic": {"secret_env": "T_GENERIC", "timestamp_header": "X-Time", "mapping": MAPPING},
    }
)
NOON = "2026-11-24T12:00:00Z"


def hexed(key: str, signed: bytes) -> str:
    return hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def of_alertmanager(body: bytes, key: str = KEYS["T_ALERTMANAGER"], at: float = 0.0) -> dict[str, str]:
    return {**JSON, "Authorization": f"Bearer {key}"}


def of_grafana(body: bytes, key: str = KEYS["T_GRAFANA"], at: float = 0.0) -> dict[str, str]:
    moment = str(int(at or time.time()))
    signed = hexed(key, moment.encode() + b":" + body)
    return {**JSON, "X-Grafana-Time": moment, "X-Grafana-Alerting-Signature": signed}


def of_pagerduty(body: bytes, key: str = KEYS["T_PAGERDUTY"], at: float = 0.0) -> dict[str, str]:
    return {**JSON, "X-PagerDuty-Signature": f"v1={hexed('an older key', body)},v1={hexed(key, body)}"}


def of_cloudevents(body: bytes, key: str = KEYS["T_EVENTS"], at: float = 0.0, id: str = "msg_1") -> dict[str, str]:
    moment, held = str(int(at or time.time())), key.removeprefix("whsec_")
    raw = base64.b64decode(held) if key.startswith("whsec_") else key.encode()
    made = hmac.new(raw, f"{id}.{moment}.".encode() + body, hashlib.sha256).digest()
    signed = f"v1,{base64.b64encode(b'0' * 32).decode()} v1,{base64.b64encode(made).decode()}"
    kind = "application/cloudevents+json"
    return {"Content-Type": kind, "webhook-id": id, "webhook-timestamp": moment, "webhook-signature": signed}


def of_generic(body: bytes, key: str = KEYS["T_GENERIC"], at: float = 0.0) -> dict[str, str]:
    moment = str(int(at or time.time()))
    return {**JSON, "X-Time": moment, "X-Signature-256": f"sha256={hexed(key, moment.encode() + b'.' + body)}"}


Sign = Callable[..., dict[str, str]]


@dataclass(frozen=True, slots=True)
class Sending:
    """A sender in a test: where it posts, a firing and its end, and how it signs. ``proof`` are the headers of that."""

    name: str
    sign: Sign
    firing: Mapping[str, object]
    ending: Mapping[str, object]
    proof: tuple[str, ...]
    numbered: bool = False
    timed: str = ""
    body: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", json.dumps(self.firing).encode())

    @property
    def path(self) -> str:
        return f"/webhook/{self.name}"


def _alerts(status: str, **more: object) -> dict[str, object]:
    labels = {"alertname": "SlowCheckout", "service": "checkout"}
    alert = {"status": status, "labels": labels, "startsAt": NOON, "endsAt": "2026-11-24T12:30:00Z", **more}
    return {"version": "4", "status": status, "alerts": [alert]}


def incident(event: str, at: str = NOON, **more: object) -> dict[str, object]:
    data = {
        "id": "PGR0VU2", "type": "incident", "created_at": NOON, "title": "SlowCheckout", "urgency": "high",
        "service": {"id": "PF9KMXH", "type": "service_reference", "summary": "checkout"}, **more,
    }  # fmt: skip
    return {
        "event": {
            "id": f"E{event}{at}",
            "event_type": event,
            "resource_type": "incident",
            "occurred_at": at,
            "data": data,
        }
    }


def cloud_event(type: str, at: str = NOON, **data: object) -> dict[str, object]:
    told = {"name": "SlowCheckout", "service": "checkout", "fingerprint": "f1", **data}
    return {"specversion": "1.0", "type": type, "source": "/monitor", "id": f"{type}{at}", "time": at, "data": told}


def item(state: str, **more: object) -> dict[str, object]:
    told = {"id": "i1", "rule": "SlowCheckout", "tags": {"service": "checkout"}, "state": state, "since": NOON}
    return {"items": [{**told, **more}]}


SENDINGS = (
    Sending("alertmanager", of_alertmanager, _alerts("firing"), _alerts("resolved"), ("Authorization",)),
    Sending(
        "grafana", of_grafana, {**_alerts("firing", values={"B": 44.2, "C": 1}), "version": "1"}, _alerts("resolved"),
        ("X-Grafana-Alerting-Signature",), timed="X-Grafana-Time",
    ),
    Sending(
        "pagerduty", of_pagerduty, incident("incident.triggered"), incident("incident.resolved", "2026-11-24T12:30:00Z"),
        ("X-PagerDuty-Signature",),
    ),
    Sending(
        "cloudevents", of_cloudevents, cloud_event("io.monitor.alert.fired"),
        cloud_event("io.monitor.alert.resolved", "2026-11-24T12:30:00Z"), ("webhook-signature",), numbered=True,
        timed="webhook-timestamp",
    ),
    Sending(
        "generic", of_generic, item("alarm"), item("ok", until="2026-11-24T12:30:00Z"), ("X-Signature-256",),
        timed="X-Time",
    ),
)  # fmt: skip
