"""A silence over one alert of the real Alertmanager: shown, made once, found again by its key, ended."""

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from diagnosis.findings import Remediation
from evals.lab.guard import Guard
from evals.lab.monitoring import start_alertmanager
from tools.actions.alertmanager import Alertmanager, SilenceArguments
from tools.actions.sending import Sender
from tools.actions.spec import ActionError, ActionSpec, Happened, Target
from tools.http.connection import Connection

KEY, OTHER = "a" * 32, "b" * 32
pytestmark = pytest.mark.skipif(shutil.which("prometheus-alertmanager") is None, reason="no Alertmanager here")
# What a silence by text instead of by value would let through.
NAMES = ['a"b', "a\\b", 'x",service="front', "a}b", "{}", ".*", "a\nb", "ä", "a%2fb", "../a", "a|b", "-a", "x" * 250]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Guard() as guard:
        yield start_alertmanager(guard, "http://127.0.0.1:9/nobody").url


def asked(url: str, method: str = "GET", body: object = None) -> Any:
    raw = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, raw, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def fire(url: str, name: str, service: str) -> None:
    now = datetime.now(UTC).isoformat()
    asked(
        f"{url}/api/v2/alerts",
        "POST",
        [{"labels": {"alertname": name, "service": service, "severity": "page"}, "startsAt": now}],
    )
    deadline = time.monotonic() + 15
    while not any(row["labels"]["alertname"] == name for row in asked(f"{url}/api/v2/alerts")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def silences(url: str) -> list[dict[str, Any]]:
    return [row for row in asked(f"{url}/api/v2/silences") if row["status"]["state"] == "active"]


def action(url: str, label: str = "service") -> ActionSpec[SilenceArguments]:
    sender = Sender(Connection(name="Alertmanager", url=url))
    return Alertmanager(sender, url, label, minutes=30, max_minutes=60).silence_alert()


def test_it_is_made_once_found_again_and_ended(url: str, target: Callable[..., Target]):
    spec = action(url)
    fire(url, "front latency", "front")
    fire(url, "front latency", "price")
    arguments = spec.fit(target())
    assert arguments is not None
    shown = spec.dry_run(arguments)
    assert 'alertname="front latency" and service="front" for 30 minutes: 1 alert matches now' in shown.effect
    assert '"severity": "page"' in shown.lines[0]
    assert (silences(url), spec.happened(arguments, KEY)) == ([], Happened.NO)
    done = spec.run(arguments, KEY)
    assert spec.run(arguments, KEY).memo == done.memo
    made = silences(url)
    assert len(made) == 1
    assert made[0]["createdBy"] == "probable-cause"
    assert KEY in made[0]["comment"]
    assert all((row["isRegex"], row["isEqual"]) == (False, True) for row in made[0]["matchers"])
    states = {row["labels"]["service"]: row["status"]["state"] for row in asked(f"{url}/api/v2/alerts")}
    assert states["price"] != "suppressed"
    assert (spec.happened(arguments, KEY), spec.happened(arguments, OTHER)) == (Happened.YES, Happened.NO)
    assert spec.undo is not None
    assert spec.undo_dry_run is not None
    ending = spec.undo_dry_run(arguments, done.memo)
    assert made[0]["id"] in ending.effect
    assert made[0]["endsAt"] in ending.lines[0]
    assert len(silences(url)) == 1
    for _ in range(2):
        spec.undo(arguments, OTHER, done.memo)
    assert silences(url) == []
    with pytest.raises(ActionError, match="over already"):
        spec.undo_dry_run(arguments, done.memo)
    assert spec.happened(arguments, KEY) is Happened.YES


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_of_an_alert_is_matched_as_it_is(url: str, name: str):
    spec = action(url)
    fire(url, "another", "front")
    with pytest.raises(ActionError, match="no alert"):
        spec.dry_run(SilenceArguments(entity="front", alert_name=f"none {name}"[:250], label="service", minutes=5))
    fire(url, name, "front")
    arguments = SilenceArguments(entity="front", alert_name=name, label="service", minutes=5)
    assert "1 alert matches" in spec.dry_run(arguments).effect
    key = f"{NAMES.index(name):032d}"
    done = spec.run(arguments, key)
    (made,) = (row for row in silences(url) if key in row["comment"])
    assert {row["name"]: row["value"] for row in made["matchers"]} == {"alertname": name, "service": "front"}
    assert spec.undo is not None
    spec.undo(arguments, OTHER, done.memo)


def test_no_verdict_leads_to_it(url: str, target: Callable[..., Target]):
    spec = action(url)
    assert spec.remediations == frozenset()
    assert spec.fit(target(alert_entity="")) is None
    assert spec.fit(target(alert_entity="nobody")) is None
    assert spec.fit(target(remediation=Remediation.NONE)) is not None


def test_it_is_bounded_in_time_and_to_the_label_of_the_settings(url: str):
    spec = action(url)
    for fields in ({"minutes": 61}, {"label": "cluster"}):
        given = {"entity": "front", "alert_name": "x", "label": "service", "minutes": 5, **fields}
        arguments = SilenceArguments.model_validate(given)
        with pytest.raises(ActionError, match=r"max_minutes|settings"):
            spec.run(arguments, KEY)
    with pytest.raises(ValueError):
        SilenceArguments(entity="front", alert_name="x", label='a="b",c', minutes=5)


@pytest.mark.parametrize("memo", ["", '{"id": "../../-/quit"}', '{"id": "a/b/c/d/e"}', '{"id": "?x=12345678"}', "{}"])
def test_an_undo_without_a_silence_ends_none(url: str, memo: str):
    spec = action(url)
    arguments = SilenceArguments(entity="front", alert_name="x", label="service", minutes=5)
    assert spec.undo is not None
    assert spec.undo_dry_run is not None
    with pytest.raises(ActionError, match="not known any more"):
        spec.undo(arguments, KEY, memo)
    with pytest.raises(ActionError, match="not known any more"):
        spec.undo_dry_run(arguments, memo)


def test_who_is_no_alertmanager_is_told_of():
    arguments = SilenceArguments(entity="front", alert_name="x", label="service", minutes=5)
    with pytest.raises(ActionError, match="Alertmanager cannot be reached"):
        action("http://127.0.0.1:9").dry_run(arguments)
