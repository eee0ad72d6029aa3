"""What each sender's deliveries become."""

import base64
import json
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agent.alerts import AlertError
from agent.intake import Intake, Receipt
from agent.ledger import Ledger
from agent.notification import Told
from agent.senders.pace import Pace, TooFast
from agent.senders.reading import read_delivery
from agent.senders.settings import SenderName, Senders
from agent.senders.signatures import decoded_base64
from agent.settings import Settings
from agent.sources import Source
from agent.state import Alert
from agent.summaries import Summaries
from tests.sending import MAPPING, NOON, PROVING, SENDINGS, Sending, cloud_event, incident, item

NOON_SECONDS = 1_795_521_600.0
NOW = NOON_SECONDS + 60.0


def read(name: str, body: object, headers: dict[str, str] | None = None, senders: Senders = PROVING) -> Told:
    return read_delivery(SenderName(name), body, headers or {}, senders, NOW)


def taker(home: Path) -> Intake:
    return Intake(Settings(home=home, senders=PROVING), lambda _: Source(kind="live"), lambda: None)


def take(intake: Intake, name: str, body: object) -> Receipt:
    return intake.take(read(name, body))


def alert_of(home: Path, id: str) -> Alert:
    return Alert.model_validate_json(Ledger(home).investigation(id).alert)


@pytest.mark.parametrize("one", SENDINGS, ids=lambda one: one.name)
def test_a_firing_is_told_once_and_ends(tmp_path: Path, one: Sending):
    intake = taker(tmp_path)
    first = take(intake, one.name, one.firing)
    assert take(intake, one.name, one.firing) == Receipt(first.id, "accepted", duplicate=True)
    alert = alert_of(tmp_path, first.id)
    assert (alert.name, alert.entity, alert.fired_at) == ("SlowCheckout", "checkout", NOON_SECONDS)
    assert alert.source == one.name
    assert take(intake, one.name, one.ending) == Receipt(first.id, "resolved")
    assert Summaries(tmp_path).newest(1)[0].resolved_at == NOON_SECONDS + 1_800


@pytest.mark.parametrize("one", SENDINGS, ids=lambda one: one.name)
def test_an_end_of_what_nobody_told_of_opens_nothing(tmp_path: Path, one: Sending):
    assert take(taker(tmp_path), one.name, one.ending) == Receipt("", "unknown")
    assert Ledger(tmp_path).investigations() == []


def test_the_same_fingerprint_of_two_senders_is_two_alerts(tmp_path: Path):
    intake = taker(tmp_path)
    assert len({take(intake, one.name, one.firing).id for one in SENDINGS}) == len(SENDINGS)


def test_what_grafana_measured_is_told_where_only_one_value_can_be_it():
    def observed(**more: object) -> float | None:
        alert = {"labels": {"alertname": "Slow", "service": "cart"}, "startsAt": NOON, **more}
        return read("grafana", {"version": "1", "alerts": [alert]}).firings[0].alert.observed

    assert observed(values={"B": 44.2, "C": 1}) == 44.2
    assert observed(values={"A": 0}) == 0.0
    assert observed(values={"A": 2.5, "B": 3.5}) is None
    assert observed(values={"B": 44.2}, annotations={"observed": "7"}) == 7.0
    assert observed(values="many") is None


def test_pagerduty_goes_on_and_is_reopened(tmp_path: Path):
    intake = taker(tmp_path)
    first = take(intake, "pagerduty", incident("incident.triggered"))
    for event in ("incident.acknowledged", "incident.escalated", "incident.priority_updated"):
        assert take(intake, "pagerduty", incident(event, "2026-11-24T12:10:00Z")) == Receipt(first.id, "accepted", True)
    take(intake, "pagerduty", incident("incident.resolved", "2026-11-24T12:30:00Z"))
    late = take(intake, "pagerduty", incident("incident.acknowledged", "2026-11-24T12:31:00Z"))
    assert late == Receipt(first.id, "accepted", True), "an order that the network mixed up opens nothing"
    second = take(intake, "pagerduty", incident("incident.reopened", "2026-11-24T13:00:00Z"))
    assert second.id != first.id
    assert alert_of(tmp_path, second.id).fired_at == NOON_SECONDS + 3_600
    assert take(intake, "pagerduty", incident("incident.acknowledged", "2026-11-24T13:01:00Z")).id in (
        first.id,
        second.id,
    )
    assert take(intake, "pagerduty", incident("incident.resolved", "2026-11-24T12:30:00Z")).id == first.id
    assert take(intake, "pagerduty", incident("incident.resolved", "2026-11-24T13:30:00Z")).id == second.id
    assert len(Ledger(tmp_path).investigations()) == 2


@pytest.mark.parametrize("event", ["pagey.ping", "incident.annotated", "service.updated", "incident.responder.added"])
def test_what_pagerduty_tells_beside_incidents_is_answered_and_left(tmp_path: Path, event: str):
    told = {"event": {"id": "1", "event_type": event, "data": {"message": "hello"}}}
    assert take(taker(tmp_path), "pagerduty", told) == Receipt("", "unknown")


def test_cloud_events_come_structured_binary_and_in_a_batch():
    event = cloud_event("io.monitor.alert.fired")
    structured = read("cloudevents", event)
    attributes = {f"ce-{key}": str(value) for key, value in event.items() if key != "data"}
    binary = read("cloudevents", event["data"], attributes)
    held = {**event, "data_base64": base64.b64encode(json.dumps(event.pop("data")).encode()).decode()}
    batch = read("cloudevents", [held, None, cloud_event("io.monitor.alert.resolved")])
    assert structured.firings == binary.firings == batch.firings
    assert (len(batch.endings), batch.left_out) == (1, 1)


def test_a_cdevents_incident_is_an_alert_of_its_service():
    content = {
        "description": "checkout is slow",
        "service": {"id": "/services/checkout"},
        "environment": {"id": "prod"},
    }
    data = {"context": {"id": "1"}, "subject": {"id": "incident-7", "content": content}}
    event = {**cloud_event("dev.cdevents.incident.detected.0.3.0"), "data": data}
    (firing,) = read("cloudevents", event).firings
    assert (firing.alert.name, firing.alert.summary) == ("dev.cdevents.incident.detected.0.3.0", "checkout is slow")
    assert firing.alert.entity == "checkout"
    (ending,) = read("cloudevents", {**event, "type": "dev.cdevents.incident.resolved.0.3.0"}).endings
    assert ending.fingerprint == firing.fingerprint


def cdevent(content: object) -> dict[str, object]:
    data = {"context": {"id": "1"}, "subject": {"id": "incident-7", "content": content}}
    return {**cloud_event("dev.cdevents.incident.detected.0.3.0"), "data": data}


def nested_alerts(depth: int) -> dict[str, object]:
    held: dict[str, object] = {"startsAt": NOON}
    for _ in range(depth):
        held = {"alerts": [held]}
    return held


@pytest.mark.parametrize(
    "content",
    [
        {"alerts": [{"startsAt": NOON}], "commonLabels": [1]},
        {"alerts": [{"startsAt": NOON}], "commonAnnotations": "x"},
        {"alerts": [{"startsAt": NOON, "labels": [1]}]},
        {"alerts": [1, None]},
        nested_alerts(500),
    ],
)
def test_a_bad_event_of_a_batch_is_named_and_its_neighbours_are_taken(content: object):
    with pytest.raises(AlertError):
        read("cloudevents", cdevent(content))
    told = read("cloudevents", [cdevent(content), cloud_event("io.monitor.alert.fired")])
    assert ([firing.alert.name for firing in told.firings], told.left_out) == (["SlowCheckout"], 1)
    assert len(told.unread) == 1


def test_what_a_notification_in_a_batch_could_not_read_is_named():
    notified = {"alerts": [{"labels": {"alertname": "Torn"}}, {"labels": {"alertname": "Slow"}, "startsAt": NOON}]}
    told = read("cloudevents", [{**cloud_event("alert.fired"), "data": notified}])
    assert (len(told.firings), told.left_out) == (1, 1)
    assert "Torn" in told.unread[0]


def test_a_notification_in_the_subject_of_a_cdevent_is_read_as_one():
    (firing,) = read("cloudevents", cdevent(SENDINGS[0].firing)).firings
    assert (firing.alert.name, firing.alert.entity) == ("SlowCheckout", "checkout")


def test_an_alertmanager_notification_in_a_cloud_event_is_read_as_one():
    event = {**cloud_event("io.alertmanager.notification"), "data": SENDINGS[0].firing}
    (firing,) = read("cloudevents", event).firings
    assert (firing.alert.name, firing.alert.source) == ("SlowCheckout", "cloudevents")


def test_what_tells_no_start_goes_on_until_it_ends(tmp_path: Path):
    intake = taker(tmp_path)
    first = take(intake, "cloudevents", cloud_event("alert.fired"))
    assert take(intake, "cloudevents", cloud_event("alert.fired", "2026-11-24T12:05:00Z")).id == first.id
    take(intake, "cloudevents", cloud_event("alert.resolved", "2026-11-24T12:30:00Z"))
    assert take(intake, "cloudevents", cloud_event("alert.fired", "2026-11-24T12:20:00Z")).id == first.id, "old news"
    second = take(intake, "cloudevents", cloud_event("alert.fired", "2026-11-24T12:40:00Z"))
    assert second.id != first.id


def test_a_mapping_that_is_not_there_is_said():
    with pytest.raises(AlertError, match=r"set senders\.generic\.mapping"):
        read("generic", item("alarm"), senders=Senders())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"hello": "world"}, r"no alert is at \$\.items\[\*\]"),
        ([], "no alert is at"),
        ("text", "no alert is at"),
        ({"items": [{"id": "1"}]}, r"no name at \$\.rule"),
        ({"items": [{"rule": "Slow", "since": "whenever"}]}, "whenever"),
        ({"items": [{"rule": "Slow", "since": -5}]}, "before 1970"),
    ],
)
def test_what_a_mapping_does_not_find_is_named(body: object, words: str):
    with pytest.raises(AlertError, match=words):
        read("generic", body)


def test_one_bad_item_does_not_lose_its_neighbours():
    told = read("generic", {"items": [{"id": "1"}, {"id": "2", "rule": "Slow"}]})
    assert (len(told.firings), told.left_out, len(told.unread)) == (1, 1, 1)


@pytest.mark.parametrize("path", ["", "items[", "$.a[", "$..[?(", "$.a b"])
def test_a_path_that_cannot_be_read_stops_the_settings(path: str):
    with pytest.raises(ValueError, match="name"):
        Senders.model_validate({"generic": {"mapping": {**MAPPING, "name": path}}})


def test_a_path_that_goes_everywhere_is_bounded_in_a_deep_body():
    deep: dict[str, object] = {}
    inner = deep
    for _ in range(900):
        inner["a"] = {}
        inner = inner["a"]  # type: ignore[assignment]
    everywhere = Senders.model_validate({"generic": {"mapping": {"name": "$..name"}}})
    with pytest.raises(AlertError, match="cannot be followed"):
        read("generic", deep, senders=everywhere)


def test_a_bucket_empties_and_fills_again():
    now = [0.0]
    pace = Pace(2.0, 3, lambda: now[0])
    for _ in range(3):
        pace.take()
    with pytest.raises(TooFast) as caught:
        pace.take()
    assert caught.value.seconds == 0.5
    now[0] = 0.5
    pace.take()


def test_a_question_is_asked_once(tmp_path: Path):
    intake = taker(tmp_path)
    alert = Alert(id="q", name="why is checkout slow?", entity="checkout", fired_at=NOON_SECONDS, source="slack")
    first = intake.ask(alert, "slack:C1:1712.33", "U024BE7LH")
    assert intake.ask(alert, "slack:C1:1712.33", "U024BE7LH") == Receipt(first.id, "accepted", duplicate=True)
    other = intake.ask(alert, "slack:C1:1712.34", "U024BE7LH")
    assert other.id != first.id
    assert Ledger(tmp_path).investigation(first.id).requested_by == "U024BE7LH"
    assert take(intake, "alertmanager", SENDINGS[0].firing).id not in (first.id, other.id), "no alert joins a question"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["alerts", "commonLabels", "commonAnnotations", "labels", "startsAt", "event", "event_type", "data", "id", "type", "time", "subject", "context", "content",
             "service", "items", "rule", "name", "status", "since", "values", "annotations", "groupLabels", "created_at"]
        ) | st.text(max_size=6), inner, max_size=4,
    ),
    max_leaves=14,
)  # fmt: skip


@given(st.sampled_from(list(SenderName)), json_values, st.booleans())
@hypothesis_settings(max_examples=400, deadline=None)
def test_any_json_is_read_or_refused_in_a_sentence(name: SenderName, body: object, binary: bool):
    headers = (
        {"ce-type": "incident.fired", "ce-specversion": "1.0", "ce-time": "%ff", "ce-subject": "é/"} if binary else {}
    )
    if name is SenderName.PAGERDUTY and binary:
        body = {"event": {"event_type": "incident.triggered", "data": body}}
    if name is SenderName.CLOUDEVENTS and not binary:
        body = [cdevent(body), body]
    if name is SenderName.GENERIC and binary:
        body = {"items": [body, {"rule": "x", "since": body}]}
    try:
        told = read(name.value, body, headers)
    except AlertError as error:
        assert str(error)
        return
    for firing in told.firings:
        json.loads(firing.alert.model_dump_json())
        assert firing.started_at >= 0


def test_a_signature_has_one_spelling():
    right = base64.b64encode(bytes(range(32))).decode()
    letters = string.ascii_letters + string.digits + "+/"
    others = {right[:-2] + letter + "=" for letter in letters} - {right}
    assert decoded_base64(right) == bytes(range(32))
    assert [other for other in others if decoded_base64(other) == bytes(range(32))] == []
    assert len({base64.b64decode(other) for other in others}) < len(others), "there are no other spellings to refuse"
