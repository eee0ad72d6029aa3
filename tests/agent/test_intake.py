import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agent.alerts import AlertError
from agent.firings import Overloaded
from agent.intake import Intake, Receipt
from agent.ledger import Ledger
from agent.notification import incident_alert, read_notification
from agent.settings import Settings
from agent.sources import Source
from agent.state import Alert
from agent.summaries import Summaries


def notified(name: str = "SlowCheckout", service: str = "checkout", at: str = "2026-11-24T12:00:00Z", **more: object):
    return {
        "status": "firing",
        "labels": {"alertname": name, "service": service, "severity": "critical"},
        "annotations": {"summary": f"{service} is slow"},
        "startsAt": at,
        "endsAt": "0001-01-01T00:00:00Z",
        **more,
    }


def ended(*args: str, at: str = "2026-11-24T12:20:00Z"):
    return notified(*args, status="resolved", endsAt=at)


def notification(*alerts: object, **more: object) -> dict[str, object]:
    return {"version": "4", "groupKey": "{}:{}", "alerts": list(alerts), **more}


def taker(home: Path, most_waiting: int = 100) -> Intake:
    return Intake(Settings(home=home), lambda _: Source(kind="live"), lambda: None, most_waiting)


def take(intake: Intake, *alerts: object, **more: object) -> Receipt:
    return intake.accept(notification(*alerts, **more))


def alert_of(home: Path, id: str) -> Alert:
    return Alert.model_validate_json(Ledger(home).investigation(id).alert)


def test_an_accepted_alert_is_in_the_ledger_before_anybody_is_answered(tmp_path: Path):
    receipt = take(taker(tmp_path), notified())
    assert (receipt.status, receipt.duplicate) == ("accepted", False)
    row = Ledger(tmp_path).investigation(receipt.id)
    assert row.status == "accepted"
    assert alert_of(tmp_path, receipt.id).entity == "checkout"


@pytest.mark.parametrize("again", ["2026-11-24T12:00:00Z", "2026-11-24T13:00:00+01:00", "2026-11-24T12:00:00.000Z"])
def test_the_same_firing_told_again_is_the_same_investigation(tmp_path: Path, again: str):
    first = take(taker(tmp_path), notified())
    second = take(taker(tmp_path), notified(at=again))
    assert (second.id, second.duplicate) == (first.id, True)


def test_a_firing_after_its_end_is_a_new_investigation(tmp_path: Path):
    intake = taker(tmp_path)
    first = take(intake, notified())
    take(intake, ended())
    second = take(intake, notified(at="2026-11-24T12:05:00Z"))
    assert not second.duplicate
    assert second.id != first.id


def test_an_end_is_noted_on_the_investigation_and_the_first_telling_counts(tmp_path: Path):
    intake = taker(tmp_path)
    first = take(intake, notified())
    assert Summaries(tmp_path).newest(1)[0].resolved_at is None
    assert take(intake, ended()) == Receipt(first.id, "resolved")
    take(intake, ended(at="2026-11-24T19:00:00Z"))
    assert Summaries(tmp_path).newest(1)[0].resolved_at == 1_795_522_800.0


def test_an_end_of_what_nobody_told_of_opens_nothing(tmp_path: Path):
    assert take(taker(tmp_path), ended()) == Receipt("", "unknown")
    assert Ledger(tmp_path).investigations() == []


def test_all_alerts_of_a_notification_are_one_investigation_of_the_earliest(tmp_path: Path):
    late = notified("Errors", "cart", "2026-11-24T12:03:00Z")
    receipt = take(taker(tmp_path), late, notified(), ended("Old", "gone"), truncatedAlerts=3)
    alert = alert_of(tmp_path, receipt.id)
    assert (alert.name, alert.entity) == ("SlowCheckout", "checkout")
    assert "Errors (cart)" in alert.summary
    assert "3 more" in alert.summary
    assert len(Ledger(tmp_path).investigations()) == 1


def test_an_alert_that_joins_its_group_soon_is_part_of_the_same_incident(tmp_path: Path):
    intake = taker(tmp_path)
    first = take(intake, notified())
    joining = notified("Errors", "cart", "2026-11-24T12:04:00Z")
    assert take(intake, notified(), joining).id == first.id
    assert take(intake, joining) == Receipt(first.id, "accepted", duplicate=True)
    take(intake, ended())
    assert Summaries(tmp_path).newest(1)[0].resolved_at is None, "one of its alerts still fires"


def test_an_alert_that_joins_its_group_hours_later_is_news(tmp_path: Path):
    intake = taker(tmp_path)
    first = take(intake, notified())
    later = notified("Errors", "cart", "2026-11-24T17:00:00Z")
    second = take(intake, notified(), later)
    assert second.id != first.id
    assert alert_of(tmp_path, second.id).entity == "cart"
    assert take(intake, notified(), later) == Receipt(second.id, "accepted", duplicate=True)


def test_overload_refuses_what_is_new_and_still_knows_what_is_known(tmp_path: Path):
    intake = taker(tmp_path, most_waiting=1)
    first = take(intake, notified())
    with pytest.raises(Overloaded):
        take(intake, notified("Other"))
    assert take(intake, notified()).id == first.id
    assert len(Ledger(tmp_path).investigations()) == 1


def deliver(home: Path, incidents: int, ids: "multiprocessing.Queue[list[str]]") -> None:
    intake = taker(home, most_waiting=incidents)
    ids.put([take(intake, notified(f"Alert{n}")).id for n in range(incidents)])


def test_processes_that_start_together_open_each_incident_once(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    ids: multiprocessing.Queue[list[str]] = context.Queue()
    senders = [context.Process(target=deliver, args=(tmp_path / "new", 25, ids)) for _ in range(2)]
    for sender in senders:
        sender.start()
    answers = [ids.get(timeout=60) for _ in senders]
    for sender in senders:
        sender.join()
    assert answers[0] == answers[1]
    assert len(set(answers[0])) == 25


def test_the_rule_behind_an_alert_tells_metric_and_threshold_only_where_the_alert_does_not():
    rule = "http://prometheus:9090/graph?g0.expr=cart_latency_seconds+%3E+0.5&g0.tab=1"
    silent = incident_alert(read_notification(notification(notified(generatorURL=rule))).firings)
    assert (silent.metric, silent.threshold) == ("cart_latency_seconds", 0.5)
    saying = notified(generatorURL=rule, annotations={"metric": "p99", "threshold": "2"})
    said = incident_alert(read_notification(notification(saying)).firings)
    assert (said.metric, said.threshold) == ("p99", 2.0)


def test_common_labels_serve_an_alert_without_its_own():
    told = read_notification(
        {"alerts": [{"startsAt": "2026-11-24T12:00:00Z"}], "commonLabels": {"alertname": "Slow", "service": "cart"}}
    )
    assert (told.firings[0].alert.name, told.firings[0].alert.entity) == ("Slow", "cart")


def test_one_unreadable_alert_does_not_lose_its_neighbours():
    told = read_notification(notification(notified(at="whenever"), notified("Errors", "cart")))
    assert [firing.alert.name for firing in told.firings] == ["Errors"]
    assert told.left_out == 1


def test_an_alert_of_an_odd_shape_is_named_and_its_neighbours_are_taken(tmp_path: Path):
    odd = {**notified("Odd"), "labels": {"alertname": "Odd", "zones": ["a", "b"]}}
    receipt = take(taker(tmp_path), odd, None, notified("Errors", "cart"))
    assert (receipt.status, alert_of(tmp_path, receipt.id).name) == ("accepted", "Errors")
    first, second = receipt.unread
    assert first.startswith("alert “Odd” cannot be read: alerts.0.labels.zones")
    assert second.startswith("an alert cannot be read: alerts.1")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([], "JSON object"),
        ({}, "alerts"),
        ({"alerts": []}, "no alerts"),
        ({"alerts": "many"}, "alerts"),
        ({"alerts": [7]}, r"alerts\.0"),
        ({"alerts": [{"labels": {"a": {"b": "c"}}}]}, "labels"),
        ({"alerts": [{"labels": {"service": "cart"}}]}, "no time"),
        ({"alerts": [notified(at="0001-01-01T00:00:00Z")]}, "before 1970"),
        ({"alerts": [notified(at="-1e300")]}, "before 1970"),
    ],
)
def test_what_is_no_notification_is_refused_with_the_reason(raw: object, words: str):
    with pytest.raises(AlertError, match=words):
        read_notification(raw)


def test_a_flood_of_alerts_in_one_notification_is_bounded(tmp_path: Path):
    many = [notified(f"Alert{n}" * 50, at=f"2026-11-24T12:00:{n % 60:02d}Z") for n in range(1_200)]
    told = read_notification(notification(*many))
    assert told.left_out == 200
    alert = incident_alert(told.firings, told.left_out)
    assert len(alert.summary) < 3_000
    assert "1187 more" in alert.summary


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
texts = st.dictionaries(
    st.sampled_from(["alertname", "service", "severity", "metric", "threshold", "summary"]), json_values
)
times = st.sampled_from(["2026-11-24T12:00:00Z", "", "1e400", "nan", "9" * 400, "-5", None, 1795521600]) | json_values
alerts = st.fixed_dictionaries(
    {},
    optional={
        "labels": texts | json_values,
        "annotations": texts | json_values,
        "startsAt": times,
        "endsAt": times,
        "status": json_values,
        "generatorURL": json_values,
        "fingerprint": json_values,
    },
)


@given(st.fixed_dictionaries({"alerts": st.lists(alerts, max_size=3) | json_values}, optional={"commonLabels": texts}))
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_notification_is_read_or_refused_in_a_sentence(raw: object):
    try:
        told = read_notification(raw)
    except AlertError as error:
        assert str(error)
        return
    for firing in told.firings:
        json.loads(firing.alert.model_dump_json())
        assert firing.started_at >= 0
