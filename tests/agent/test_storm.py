"""A storm of alerts is one incident where they belong together, and unrelated ones are not in it."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.evidence import EvidenceStore
from agent.intake import Intake, Receipt
from agent.ledger import Ledger
from agent.ledger_database import Database
from agent.ledger_schema import CALLS
from agent.senders.settings import Senders
from agent.settings import Settings
from agent.sources import Source
from agent.state import Alert, Evidence, Outcome
from agent.summaries import Summaries
from diagnosis.telemetry import Edge, Topology

NOON = 1_795_521_600.0
CALLED = {
    "gateway": ("checkout", "search"),
    "checkout": ("payments", "cart"),
    "payments": ("ledger-db",),
    "search": ("index",),
    "mailer": ("smtp",),
}


def taker(home: Path, calls: dict[str, tuple[str, ...]] | None = None, storm: float = 300.0) -> Intake:
    senders = Senders(calls=CALLED if calls is None else calls, storm_seconds=storm)
    return Intake(Settings(home=home, senders=senders), lambda _: Source(kind="live"), lambda: None)


def fire(
    intake: Intake, name: str, service: str, after: float = 0.0, ended: float | None = None, **more: object
) -> Receipt:
    labels = {"alertname": name, "service": service, **{k: v for k, v in more.items() if k != "groupLabels"}}
    alert = {"labels": labels, "startsAt": _said(after), "status": "firing" if ended is None else "resolved"}
    alert |= {"endsAt": _said(ended)} if ended is not None else {}
    return intake.accept({"alerts": [alert], "groupLabels": more.get("groupLabels", {})})


def _said(after: float) -> str:
    return datetime.fromtimestamp(NOON + after, UTC).isoformat()


def opened(home: Path) -> int:
    return len(Ledger(home).investigations(limit=1_000))


def test_a_storm_of_500_related_alerts_is_one_investigation(tmp_path: Path):
    storm = [(f"Alert{n}", ("payments", "ledger-db", "checkout")[n % 3], n * 0.5) for n in range(500)]
    random.Random(3).shuffle(storm)
    intake = taker(tmp_path)
    ids = {fire(intake, *alert).id for alert in storm}
    again = {fire(intake, *alert).id for alert in storm}
    assert len(ids) == 1
    assert again == ids
    assert fire(intake, "QueueFull", "mailer", 10.0).id not in ids, "nobody that is ill calls it"
    assert opened(tmp_path) == 2
    assert {summary.alerts for summary in Summaries(tmp_path).newest(2)} == {500, 1}


def test_a_deep_chain_is_one_incident_where_the_settings_say_how_deep(tmp_path: Path):
    for hops, incidents in ((2, 2), (3, 1)):
        home = tmp_path / str(hops)
        settings = Settings(home=home, senders=Senders(calls=CALLED, hops=hops))
        intake = Intake(settings, lambda _: Source(kind="live"), lambda: None)
        assert (
            len({fire(intake, "Slow", name).id for name in ("gateway", "ledger-db", "checkout", "payments")})
            == incidents
        )


def test_who_joins_is_named_in_an_alert_that_nobody_began_with(tmp_path: Path):
    intake = taker(tmp_path)
    first = fire(intake, "Slow", "checkout")
    for number in range(30):
        fire(intake, f"Errors{number}", "payments", 5.0)
    alert = Alert.model_validate_json(Ledger(tmp_path).investigation(first.id).alert)
    assert (alert.name, alert.entity) == ("Slow", "checkout")
    assert alert.summary.count("Firing too: ") == 12
    assert "Firing too: Errors0 (payments)." in alert.summary


@pytest.mark.parametrize(
    ("service", "after", "together"),
    [
        ("checkout", 100.0, True),
        ("Payments", 100.0, True),
        ("ledger-db", 100.0, True),
        ("gateway", -100.0, True),
        ("payments", 301.0, False),
        ("search", 0.0, False),  # has a caller in common, and does not call
        ("mailer", 0.0, False),
        ("unheard-of", 0.0, False),
        ("", 0.0, False),
    ],
)
def test_calls_and_time_decide_who_belongs_together(tmp_path: Path, service: str, after: float, together: bool):
    intake = taker(tmp_path)
    first = fire(intake, "Slow", "checkout")
    Ledger(tmp_path).set_status(first.id, "running")
    second = fire(intake, "Errors", service, after)
    assert (second.id == first.id) is together
    assert second.duplicate is together


def test_what_nobody_has_begun_with_is_joined_for_longer(tmp_path: Path):
    intake = taker(tmp_path)
    first = fire(intake, "Slow", "checkout")
    assert fire(intake, "Errors", "payments", 800.0).id == first.id
    assert fire(intake, "Errors", "payments", 1_000.0).id != first.id


@pytest.mark.parametrize(
    ("one", "other", "after", "together"),
    [
        ({}, {}, 0.0, False),
        ({"cluster": "eu", "namespace": "shop"}, {"cluster": "eu", "namespace": "shop"}, 30.0, True),
        ({"cluster": "eu", "namespace": "shop"}, {"cluster": "eu", "namespace": "shop"}, 90.0, False),
        ({"cluster": "eu", "namespace": "shop"}, {"cluster": "us", "namespace": "shop"}, 0.0, False),
        ({"cluster": "eu", "namespace": "shop"}, {"cluster": "eu", "namespace": "bank"}, 0.0, False),
        ({"namespace": "shop"}, {"namespace": "shop"}, 0.0, False),
        ({"cluster": "eu"}, {"cluster": "eu"}, 0.0, False),
        ({"team": "a", "groupLabels": {"team": "a"}}, {"team": "a", "groupLabels": {"team": "a"}}, 200.0, True),
        ({"team": "a", "groupLabels": {"team": "a"}}, {"team": "b", "groupLabels": {"team": "b"}}, 0.0, False),
        ({"team": "a", "groupLabels": {"team": "a"}}, {"team": "b", "groupLabels": {"team": "a"}}, 0.0, False),
    ],
)
def test_without_a_topology_only_what_is_said_joins(
    tmp_path: Path, one: dict[str, object], other: dict[str, object], after: float, together: bool
):
    intake = taker(tmp_path, calls={})
    first = fire(intake, "Slow", "checkout", **one)
    Ledger(tmp_path).set_status(first.id, "running")
    assert (fire(intake, "Errors", "cart", after, **other).id == first.id) is together


def test_an_unknown_topology_glues_nothing(tmp_path: Path):
    intake = taker(tmp_path, calls={})
    ids = {fire(intake, f"Alert{n}", f"service-{n % 50}").id for n in range(200)}
    assert len(ids) == 200


def test_known_services_that_do_not_call_are_apart_in_one_namespace(tmp_path: Path):
    intake, place = taker(tmp_path), {"cluster": "eu", "namespace": "shop"}
    first = fire(intake, "Slow", "checkout", **place)
    assert fire(intake, "Slow", "mailer", **place).id != first.id
    assert fire(intake, "Slow", "payments", cluster="eu", namespace="bank").id == first.id
    assert fire(intake, "Errors", "checkout", cluster="eu", namespace="staging").id != first.id
    assert fire(intake, "Errors", "payments", cluster="us").id != first.id


def test_a_firing_after_its_end_is_a_new_episode_in_a_storm_too(tmp_path: Path):
    intake = taker(tmp_path)
    first = fire(intake, "Slow", "checkout")
    assert fire(intake, "Errors", "payments", 10.0).id == first.id
    fire(intake, "Slow", "checkout", 0.0, ended=60.0)
    second = fire(intake, "Slow", "checkout", 120.0)
    assert second.id != first.id, "the same alert once more is news"
    assert fire(intake, "Timeouts", "cart", 130.0).id == second.id, "the newest incident is joined"


def test_what_has_ended_is_not_joined(tmp_path: Path):
    intake = taker(tmp_path)
    first = fire(intake, "Slow", "checkout")
    fire(intake, "Slow", "checkout", 0.0, ended=60.0)
    assert fire(intake, "Errors", "payments", 50.0).id == first.id
    fire(intake, "Errors", "payments", 50.0, ended=70.0)
    assert fire(intake, "Errors", "payments", 80.0).id != first.id


def test_what_has_failed_is_not_joined(tmp_path: Path):
    intake = taker(tmp_path)
    first = fire(intake, "Slow", "checkout")
    Ledger(tmp_path).set_status(first.id, "failed")
    assert fire(intake, "Errors", "payments", 10.0).id != first.id


def test_zero_seconds_keep_all_apart(tmp_path: Path):
    intake = taker(tmp_path, storm=0.0)
    assert fire(intake, "Slow", "checkout").id != fire(intake, "Errors", "payments").id


def test_a_notification_of_many_joins_by_each_of_its_alerts(tmp_path: Path):
    intake = taker(tmp_path)
    first = fire(intake, "Slow", "checkout")
    alerts = [
        {"labels": {"alertname": "Late", "service": service}, "startsAt": _said(5.0)}
        for service in ("payments", "mailer", "smtp")
    ]
    second = intake.accept({"alerts": [*alerts, *alerts]})
    assert (second.duplicate, opened(tmp_path)) == (False, 2)
    assert second.id != first.id
    assert {summary.alerts for summary in Summaries(tmp_path).newest(2)} == {2}


def test_the_newest_investigation_tells_who_calls_whom(tmp_path: Path):
    """A service that alerts call otherwise than the telemetry does is found by the words of its name."""
    digest = EvidenceStore(tmp_path / "evidence").put(Topology(edges=(Edge("checkout", "payments"),)))
    found = Evidence(
        id="E1", tool="get_topology", arguments="{}", outcome=Outcome.ROWS, summary="1 call", digest=digest
    )
    ledger = Ledger(tmp_path)
    ledger.create_investigation(
        "earlier", Alert(id="a", name="a", entity="a", fired_at=1.0).model_dump_json(), "{}", "{}"
    )
    ledger.set_status("earlier", "done")
    with Database(tmp_path).transaction() as db:
        values = {"investigation_id": "earlier", "call_id": "Q001", "tool": "get_topology", "arguments": "{}"}
        values |= {"state": "settled", "evidence": found.model_dump_json()}
        db.execute(CALLS.insert().values(**values, points=0, seconds=0.0))
    intake = taker(tmp_path, calls={})
    first = fire(intake, "Slow", "checkout-svc")
    assert fire(intake, "Errors", "payments-service", 10.0).id == first.id
    assert fire(intake, "Errors", "mailer", 10.0).id != first.id
