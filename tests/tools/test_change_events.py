import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnosis.telemetry import Change, ChangeKind
from tools.change_feeds.events import MOST_EVENTS, ChangeEventError, NotAChangeError, parse_change_event
from tools.change_feeds.fields import MOST_DIFF

NOON = 1_795_521_600.0  # 2026-11-24T12:00:00Z
TIME = "2026-11-24T12:00:00Z"
SHA = "0123456789abcdef0123456789abcdef01234567"


def cloud(data: object, type: str = "com.example.deploy", **more: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": "11aa22bb-1", "source": "/ci", "type": type, "time": TIME, "data": data, **more}


def cdevent(type: str, subject: str, content: object = None, **more: object) -> dict[str, object]:
    return {
        "context": {"version": "0.4.1", "id": "ctx-12345", "source": "/ci", "type": type, "timestamp": TIME},
        "subject": {"id": subject, "type": type.split(".")[2], "content": content or {}},
        **more,
    }


def one(body: object, **headers: str) -> Change:
    found = parse_change_event(body, {name.replace("_", "-"): value for name, value in headers.items()})
    assert len(found) == 1
    return found[0]


def test_a_structured_cloud_event_is_a_change():
    data = {
        "service": "store",
        "version": "1.4",
        "commit": SHA,
        "author": {"name": "Ann"},
        "files": ["a.py", {"path": "b"}],
    }
    found = one(cloud(data), content_type="application/cloudevents+json; charset=utf-8")
    assert found == Change(ChangeKind.DEPLOY, "11aa22bb-1", NOON, "store", "", "Ann", ("a.py", "b"), None, SHA, "1.4")


def test_a_binary_cloud_event_has_its_attributes_in_headers():
    headers = {"Ce-Specversion": "1.0", "Ce-Type": "shop.config.changed", "Ce-Id": "evt-00001", "Ce-Source": "/x",
               "Ce-Time": TIME, "Ce-Subject": "services/st%C3%B6re"}  # fmt: skip
    found = one({"key": "pool.size", "from": 20, "to": 5}, **headers)
    assert (found.kind, found.id, found.entity, found.before, found.after) == (
        ChangeKind.CONFIG,
        "evt-00001",
        "störe",
        "20",
        "5",
    )
    assert found.title == "pool.size changed"


def test_data_may_be_text_or_base64():
    data = {"kind": "deploy", "service": "store"}
    encoded = base64.b64encode(json.dumps(data).encode()).decode()
    assert one(cloud(json.dumps(data))).entity == "store"
    assert one({**cloud(None), "data_base64": encoded}).entity == "store"
    with pytest.raises(ChangeEventError, match="no JSON"):
        one({**cloud(None), "data_base64": "%%%"})


def test_a_batch_is_taken_without_the_events_that_are_no_changes():
    incident = cloud(cdevent("dev.cdevents.incident.detected.0.2.0", "i-1"))
    batch = [incident, cloud({"service": "a"}), cloud({"service": "b"}, id="other-id-1")]
    found = parse_change_event(batch, {"content-type": "application/cloudevents-batch+json"})
    assert [change.entity for change in found] == ["a", "b"]


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ([], "at least one"),
        ([cloud({"service": "a"}), 7], "event 2 of 2"),
        ([{}] * (MOST_EVENTS + 1), "too large"),
        ([cdevent("dev.cdevents.incident.reported.0.1.0", "i")], "/alerts"),
    ],
)
def test_a_batch_that_cannot_be_taken_says_why(batch: object, said: str):
    with pytest.raises(ChangeEventError, match=said):
        parse_change_event(batch, {})


def test_the_form_of_a_recording_is_taken_as_it_is():
    line = {"id": SHA, "kind": "commit", "timestamp": NOON, "title": "Lower the pool", "author": "ann", "files": ["pool.py"],
            "diff": "-20\n+5\n"}  # fmt: skip
    assert one(line) == Change(ChangeKind.COMMIT, SHA, NOON, "", "Lower the pool", "ann", ("pool.py",), "-20\n+5\n")


@pytest.mark.parametrize(
    ("type", "subject", "kind", "entity", "title"),
    [
        ("dev.cdevents.service.deployed.0.2.0", "service/store", ChangeKind.DEPLOY, "store", "store deployed in prod"),
        ("dev.cdevents.service.upgraded.0.2.0", "store", ChangeKind.DEPLOY, "store", "store upgraded in prod"),
        (
            "dev.cdevents.service.rolledback.0.3.0-draft",
            "store",
            ChangeKind.DEPLOY,
            "store",
            "store rolled back in prod",
        ),
        ("cd.service.removed.v1", "store", ChangeKind.DEPLOY, "store", "store removed in prod"),
        ("dev.cdevents.environment.modified.0.2.0", "prod", ChangeKind.CONFIG, "", "environment prod modified"),
    ],
)
def test_cdevents_are_changes(type: str, subject: str, kind: ChangeKind, entity: str, title: str):
    found = one(cdevent(type, subject, {"environment": {"id": "prod"}}))
    assert (found.kind, found.id, found.entity, found.title, found.time) == (kind, "ctx-12345", entity, title, NOON)


def test_a_deployed_artifact_gives_version_and_commit():
    content = {"artifactId": "pkg:golang/git.example/org/store@234fd47e07d1?x=y"}
    found = one(cloud(cdevent("dev.cdevents.service.deployed.0.2.0", "store", content)))
    assert (found.version, found.commit) == ("234fd47e07d1", "234fd47e07d1")
    digest = one(
        cdevent("dev.cdevents.service.deployed.0.2.0", "store", {"artifactId": "pkg:oci/store@sha256%3A" + "a" * 64})
    )
    assert (digest.version, digest.commit) == ("sha256:" + "a" * 64, "")


def test_a_merged_change_is_the_commit_that_the_sender_names():
    found = one(
        cdevent("dev.cdevents.change.merged.0.2.0", "17", {"repository": {"id": "org/shop"}}, customData={"sha": SHA})
    )
    assert (found.kind, found.id, found.title) == (ChangeKind.COMMIT, SHA, "change 17 merged into org/shop")


def test_a_published_artifact_waits_for_its_deploy():
    found = one(cdevent("dev.cdevents.artifact.published.0.2.0", "pkg:oci/store@1.4"))
    assert (found.kind, found.entity, found.version) == (ChangeKind.COMMIT, "", "1.4")


@pytest.mark.parametrize(
    "type",
    [
        "dev.cdevents.pipelinerun.finished.0.2.0",
        "dev.cdevents.incident.detected.0.1.0",
        "dev.cdevents.artifact.signed.0.1.0",
    ],
)
def test_cdevents_that_change_nothing_are_named_as_such(type: str):
    with pytest.raises(NotAChangeError, match=type.rpartition(".0")[0][:20]):
        one(cdevent(type, "x"))


LAUNCHDARKLY = {
    "_id": "57c0", "date": int(NOON * 1000), "kind": "flag", "name": "New cart",
    "accesses": [{"action": "updateOn", "resource": "proj/shop:env/production:flag/new-cart;tag"}],
    "member": {"email": "ann@example.org"}, "titleVerb": "turned on the flag",
}  # fmt: skip
UNLEASH = {
    "id": 9, "type": "feature-environment-enabled", "featureName": "new-cart", "environment": "production",
    "createdBy": "ann@example.org", "createdAt": TIME, "data": None, "preData": None,
}  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        LAUNCHDARKLY,
        {**LAUNCHDARKLY, "titleVerb": "", "previousVersion": {"environments": {"production": {"on": False}}},
         "currentVersion": {"environments": {"production": {"on": True}}}},
        UNLEASH,
        {"key": "new-cart", "oldValue": False, "newValue": True, "user": "ann@example.org", "time": TIME},
        cloud({"flag": "new-cart", "from": False, "to": True, "author": "ann@example.org"}, "dev.openfeature.flag.changed"),
    ],
)  # fmt: skip
def test_a_flag_that_is_turned_on_has_its_key_as_id_and_both_values(body: object):
    found = one(body)
    assert (found.kind, found.id, found.time) == (ChangeKind.FLAG, "new-cart", NOON)
    assert (found.before, found.after, found.author) == ("false", "true", "ann@example.org")


def test_flagd_tells_of_several_flags_at_once():
    data = {"flags": {"a": {"type": "update"}, "b": {"type": "write", "defaultVariant": "on"}}}
    found = parse_change_event(cloud(data, "configuration_change"), {})
    assert [(change.id, change.kind, change.after) for change in found] == [("a", "flag", ""), ("b", "flag", "on")]


@pytest.mark.parametrize("body", [{**UNLEASH, "type": "feature-tagged"}, {**LAUNCHDARKLY, "kind": "member"}])
def test_what_changes_no_flag_is_no_change(body: object):
    with pytest.raises(NotAChangeError):
        one(body)


@pytest.mark.parametrize(
    ("type", "data", "kind"),
    [
        ("com.example.service.rolledback", {}, ChangeKind.DEPLOY),
        ("com.example.push", {}, ChangeKind.COMMIT),
        ("com.example.deployment.config.changed", {}, ChangeKind.CONFIG),
        ("x", {"service": "s", "image": "s:1"}, ChangeKind.DEPLOY),
        ("x", {"flag": "f"}, ChangeKind.FLAG),
        ("com.example.deploy", {"kind": "config"}, ChangeKind.CONFIG),
    ],
)
def test_the_kind_is_said_or_follows_from_type_and_fields(type: str, data: object, kind: ChangeKind):
    assert one(cloud(data, type)).kind is kind


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (7, "got int"),
        (None, "got NoneType"),
        ({}, "give kind"),
        ({"kind": "party", "time": TIME}, "'party'"),
        ({"kind": "deploy", "service": "s", "time": "yesterday"}, "'yesterday'"),
        ({"kind": "deploy", "service": "s", "time": float("nan")}, "without a time"),
        (cloud([1]), "JSON object"),
        ({"featureName": "f"}, "at no time"),
        (cdevent("org.example.thing", "x"), "no type of a CDEvent"),
        (cdevent("dev.cdevents.service.deployed.0.1.0", ""), "subject.id"),
    ],
)
def test_what_cannot_be_read_says_which_value_and_what_to_do(body: object, said: str):
    with pytest.raises(ChangeEventError, match=said):
        parse_change_event(body, {})


def test_an_unusable_id_is_replaced_by_a_stable_one():
    for poor in ("1", "a b c d e f g h", "x" * 500):
        first, again = one(cloud({"service": "s"}, id=poor)), one(cloud({"service": "s"}, id=poor))
        assert first.id == again.id and first.id.startswith("event-")
        assert one(cloud({"service": "s"}, id=poor, source="/other")).id != first.id
    bare = {"kind": "deploy", "service": "s", "time": TIME}
    assert one(bare).id == one(dict(bare)).id != one({**bare, "version": "2"}).id


def test_fields_are_bounded_and_clean():
    found = one(
        {
            "kind": "config",
            "time": TIME,
            "title": "t" * 9000,
            "author": "\ud800x\0",
            "diff": "+línea\n" * 90_000,
            "files": ["f"] * 5000,
        }
    )
    assert (len(found.title), len(found.files), found.author) == (4000, 1000, "?x�")
    assert found.diff is not None and len(found.diff.encode()) <= MOST_DIFF
    assert found.diff.splitlines()[-1].startswith("\\ cut here")
    assert set(found.diff.splitlines()[:-1]) == {"+línea"}


NAMES = st.sampled_from(
    "context subject content type id source time timestamp data data_base64 specversion kind service flag flagKey key accesses _id "
    "date flags member previousVersion currentVersion environments diff files commit from to customData artifactId repository titleVerb".split()
)
TEXTS = st.one_of(st.text(st.characters(), max_size=20), st.sampled_from([
    "dev.cdevents.service.deployed.0.2.0", "dev.cdevents.change.merged.0.2.0", "deploy", "flag", TIME, "\ud800", "pkg:a@%ff", "-1e400", "0001-01-01"]))  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXTS,
    st.sampled_from([5000, 400]).map(lambda digits: 10**digits),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=8),
    max_leaves=30,
)


@settings(max_examples=400, deadline=None)
@given(
    JSON,
    st.dictionaries(
        st.sampled_from(["ce-type", "CE-Time", "ce-id", "content-type", "ce-specversion"]), TEXTS, max_size=4
    ),
)
def test_hostile_json_gives_changes_or_an_explained_refusal(body: object, headers: dict[str, str]):
    try:
        found = parse_change_event(body, headers)
    except ChangeEventError as error:
        assert str(error)
    else:
        assert found
        for change in found:
            assert change.id and change.time > 0
            repr(change).encode()
            json.dumps([change.id, change.title, change.before, change.after], ensure_ascii=False).encode()


def test_deep_nesting_is_read_or_refused():
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    found = one({"key": "f", "old": deep, "new": {"a": deep}, "time": TIME})
    assert found.before == "(a value that cannot be shown)"
    with pytest.raises(ChangeEventError):
        one({"kind": deep, "time": deep})
