"""The platform's interface over HTTP, in front of two services that really run."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from evals.lab.platform_api import PlatformApi
from evals.lab.signatures import sign
from evals.lab.source_tree import CommitDraft, Edit
from evals.lab.steps import DeployStep, FlagStep
from tests.running_shop import RunningShop

SECRET = b"a secret of the lab"
SMALLER = CommitDraft("A B", "Smaller", (Edit("shop/settings.py", "\nDB_POOL_SIZE = 24\n", "\nDB_POOL_SIZE = 1\n"),))
COMMENT = CommitDraft(
    "A B", "Say it", (Edit("shop/settings.py", "DB_SLICE_SECONDS = 0.02", "DB_SLICE_SECONDS = 0.03"),)
)


@dataclass
class Place(RunningShop):
    """A shop behind its platform."""

    api: PlatformApi

    def ask(self, method: str, path: str, body: object = None, key: str = "", **changed: str) -> tuple[int, Any]:
        """A signed request; ``changed`` replaces ``timestamp``, ``signature`` or, after signing, ``raw`` or the path."""
        raw = b"" if body is None else json.dumps(body).encode()
        timestamp = changed.get("timestamp", str(int(time.time())))
        signature = changed.get("signature", sign(SECRET, timestamp, method, path, key, raw))
        headers = {"X-PCause-Timestamp": timestamp, "X-PCause-Signature": signature, "Idempotency-Key": key}
        sent = {name: value for name, value in headers.items() if value}
        data = changed["raw"].encode() if "raw" in changed else raw
        request = urllib.request.Request(
            self.api.url + changed.get("other_path", path), data if method == "POST" else None, sent, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@pytest.fixture
def place(running_shop: RunningShop) -> Iterator[Place]:
    api = PlatformApi(0, SECRET, running_shop.maker)
    yield Place(**vars(running_shop), api=api)
    api.close()


def _ship(place: Place, draft: CommitDraft) -> str:
    place.maker.take(draft)
    place.maker.take(DeployStep("inventory"))
    return place.maker.id_of(draft)


def test_a_deploy_is_rolled_back_once_however_often_and_from_wherever_it_is_asked(place: Place) -> None:
    commit = _ship(place, SMALLER)
    assert place.version() == "1.1.0"
    deploys = len(place.told)
    with ThreadPoolExecutor(8) as clickers:
        asked = [
            clickers.submit(place.ask, "POST", "/deploys/inventory/rollback", {"change": commit}, "k1")
            for _ in range(24)
        ]
    answers = [future.result() for future in asked]
    assert {status for status, _ in answers} == {200}
    assert len({json.dumps(answer) for _, answer in answers}) == 1
    assert place.version() == "1.0.0"
    (event,) = place.told[deploys:]
    assert event["data"]["version"] == "1.0.0"
    assert event["data"]["author"] == "probable-cause"


def test_a_rollback_goes_back_behind_the_change_however_it_is_named(place: Place) -> None:
    _ship(place, SMALLER)
    deploy = place.maker.history("inventory")[-1].id
    commit = _ship(place, COMMENT)  # on top of the bad one, and carries it
    for change in (commit, commit[:10]):
        look = place.ask("GET", f"/deploys/inventory/rollback/dry-run?change={change}")[1]
        assert "version 1.2.0 → 1.1.0" in look["lines"]
    status, answer = place.ask("POST", "/deploys/inventory/rollback", {"change": deploy}, "k1")
    assert (status, place.version()) == (200, "1.0.0")
    assert "rolled back to 1.0.0" in answer["detail"]
    assert place.ask("POST", "/deploys/inventory/rollback", {"change": deploy}, "k2")[0] == 409


def test_a_dry_run_changes_nothing_and_sees_another_state_after_a_deploy(place: Place) -> None:
    commit = _ship(place, SMALLER)
    path = f"/deploys/inventory/rollback/dry-run?change={commit}"
    told, before = len(place.told), place.ask("GET", path)[1]
    assert before["effect"].startswith("inventory is rolled back to 1.0.0")
    assert before["lines"][0] == "version 1.1.0 → 1.0.0"
    assert place.ask("GET", path)[1] == before
    assert (place.version(), len(place.told)) == ("1.1.0", told)
    _ship(place, COMMENT)
    assert place.ask("GET", path)[1]["seen"] != before["seen"]


def test_a_flag_is_switched_told_of_and_switched_back(place: Place) -> None:
    place.maker.take(FlagStep("review_stars", "storefront", True, "A B"))
    body = {"service": "storefront", "value": "off"}
    look = place.ask("GET", "/flags/review_stars/dry-run?service=storefront&value=off")[1]
    assert look == {
        "effect": "the flag review_stars of storefront is switched off",
        "lines": ["review_stars of storefront: on → off"],
        "seen": "on",
    }
    assert place.ask("POST", "/flags/review_stars", body, "k1")[0] == 200
    assert json.loads((place.folder / "flags.json").read_text()) == {"review_stars": False}
    assert (place.told[-1]["data"]["from"], place.told[-1]["data"]["to"]) == ("on", "off")
    assert place.ask("POST", "/flags/review_stars/undo", body, "k2")[0] == 200
    assert json.loads((place.folder / "flags.json").read_text()) == {"review_stars": True}


def test_a_pool_is_resized_by_a_commit_that_is_deployed_and_the_undo_is_the_release_before(place: Place) -> None:
    _ship(place, SMALLER)
    status, answer = place.ask("POST", "/pools/inventory", {"size": 24}, "k1")
    assert (status, answer["lines"]) == (200, ["store connections of inventory: 1 → 24"])
    release = place.shop.release_of("inventory")
    assert release is not None
    assert "\nDB_POOL_SIZE = 24\n" in (release.folder / "shop/settings.py").read_text()
    for key, status in (("k2", 200), ("k2", 200), ("k3", 404)):
        assert place.ask("POST", "/pools/inventory/undo", {"size": 24}, key)[0] == status
    assert place.version() == "1.1.0"
    assert place.ask("GET", "/actions/k2")[0] == 200


def test_whether_a_key_was_done_is_told(place: Place) -> None:
    place.maker.take(FlagStep("review_stars", "storefront", True, "A B"))
    assert place.ask("GET", "/actions/k1")[0] == 404
    place.ask("POST", "/flags/review_stars", {"service": "storefront", "value": "off"}, "k1")
    assert place.ask("GET", "/actions/k1")[0] == 200
    assert place.ask("POST", "/flags/review_stars", {"service": "storefront", "value": "on"}, "k1")[0] == 422


def test_what_is_not_signed_by_the_product_now_changes_nothing(place: Place) -> None:
    commit, path = _ship(place, SMALLER), "/deploys/inventory/rollback"
    body, now = {"change": commit}, str(int(time.time()))
    raw = json.dumps(body).encode()
    good = sign(SECRET, now, "POST", path, "k1", raw)
    old, soon = str(int(time.time()) - 301), str(int(time.time()) + 400)
    forged: list[dict[str, str]] = [
        {"signature": ""}, {"signature": "v2="}, {"signature": good[:-1]}, {"signature": good[3:]},
        {"signature": good.replace("v2=", "v1=")}, {"signature": sign(b"other", now, "POST", path, "k1", raw)},
        {"signature": sign(SECRET, now, "POST", path, "k2", raw)}, {"signature": sign(SECRET, now, "PUT", path, "k1", raw)},
        {"other_path": f"{path}/undo"}, {"other_path": f"{path}?x=1"}, {"other_path": "/deploys/storefront/rollback"},
        {"timestamp": ""}, {"timestamp": old}, {"timestamp": soon}, {"timestamp": "now"}, {"timestamp": "-1"},
        {"timestamp": "1e9"}, {"timestamp": "9" * 400}, {"raw": json.dumps({"change": commit + "0"})}, {"raw": ""},
    ]  # fmt: skip
    for change in forged:
        assert place.ask("POST", path, body, "k1", **change)[0] == 401, change
    assert place.ask("GET", f"{path}/dry-run?change={commit}", signature="v2=00")[0] == 401
    assert place.version() == "1.1.0"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/deploys/nobody/rollback", {"change": "a" * 40}, 404),
        ("/deploys/inventory/rollback", {"change": "../../etc"}, 404),
        ("/deploys/inventory/rollback", {"change": "--all"}, 404),
        ("/deploys/inventory/rollback", {"change": "f" * 40}, 409),
        ("/deploys/inventory/rollback", {}, 422),
        ("/deploys/inventory/rollback", [], 400),
        ("/flags/no_such_flag", {"service": "storefront", "value": "off"}, 404),
        ("/pools/storefront", {"size": 4}, 404),
        ("/pools/inventory", {"size": 0}, 422),
        ("/pools/inventory", {"size": True}, 422),
        ("/pools/inventory", {"size": "9" * 50}, 422),
        ("/pools/..%2f..", {"size": 4}, 404),
        ("/elsewhere", {}, 404),
        ("/pools/inventory/undo", {"size": 24}, 404),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(place: Place, path: str, body: object, status: int) -> None:
    answered, said = place.ask("POST", path, body, "k1")
    assert answered == status
    assert said["error"]
    assert place.version() == "1.0.0"


def test_what_changes_something_needs_a_key(place: Place) -> None:
    assert place.ask("POST", "/pools/inventory", {"size": 4})[0] == 400
    assert place.version() == "1.0.0"
