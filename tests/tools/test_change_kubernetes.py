import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnosis.telemetry import Change, ChangeKind, LogRecord, Window
from tools.change_feeds.kubernetes import KubernetesFeed

NOON = 1_795_521_600.0
HOUR = Window(NOON - 3_600, NOON + 3_600)
NEW, OLD = "store-7d9c5b6f4d", "store-5f6b8c9d7e"


def line(body: str, after: float = 0.0, **attributes: str) -> LogRecord:
    return LogRecord(NOON + after, "", "", body, attributes=attributes)


def event(reason: str, message: str, after: float = 0.0, kind: str = "Deployment", name: str = "store") -> LogRecord:
    about = {"kind": kind, "namespace": "shop", "name": name}
    return line(json.dumps({"kind": "Event", "involvedObject": about, "reason": reason, "message": message}), after)


def scaled(direction: str, replica_set: str, counts: str, after: float = 0.0) -> LogRecord:
    return event("ScalingReplicaSet", f"Scaled {direction} replica set {replica_set} {counts}", after)


def pulled(image: str, after: float, pod: str = f"{NEW}-x2x9z") -> LogRecord:
    return event("Pulled", f'Successfully pulled image "{image}" in 1.2s', after, "Pod", pod)


def changes(*records: LogRecord) -> tuple[Change, ...]:
    return tuple(sorted(KubernetesFeed(lambda _: records).changes(HOUR), key=lambda c: (c.time, c.id)))


def test_a_rollout_is_one_deploy_from_its_first_event_with_the_version_that_was_pulled():
    records = [scaled("up", NEW, "to 1 from 0"), pulled("registry.example:5000/shop/store:1.5", 5.0),
               scaled("down", OLD, "to 2 from 3", 20.0), scaled("up", NEW, "to 3 from 1", 30.0), scaled("down", OLD, "to 0 from 2", 60.0)]  # fmt: skip
    (found,) = changes(*records, *records)
    assert (found.kind, found.time, found.entity, found.version) == (ChangeKind.DEPLOY, NOON, "store", "1.5")
    assert found.title == "store rolled out 1.5"


def test_two_rollouts_far_apart_are_two():
    found = changes(scaled("up", OLD, "to 1"), scaled("up", NEW, "to 1", 1_500.0))
    assert [(change.kind, change.time - NOON) for change in found] == [("deploy", 0.0), ("deploy", 1_500.0)]


@pytest.mark.parametrize(
    "body",
    [
        "I1124 12:00:00.000000       1 event.go:216] Event(v1.ObjectReference{Kind:\"Deployment\", Namespace:\"shop\", Name:\"store\", UID:\"1\"}): "
        f"type: 'Normal' reason: 'ScalingReplicaSet' Scaled up replica set {NEW} to 1",
        f'I1124 12:00:00.000000       1 event.go:307] "Event occurred" object="shop/store" fieldPath="" kind="Deployment" apiVersion="apps/v1" '
        f'type="Normal" reason="ScalingReplicaSet" message="Scaled up replica set {NEW} from 0 to 1"',
        f"shop   2m13s   Normal   ScalingReplicaSet   deployment/store   Scaled up replica set {NEW} to 1 from 0",
        "deployment.apps/store restarted",
        "deployment.apps/store rolled back",
        "statefulset.apps/store image updated",
        json.dumps({"event": {"regarding": {"kind": "Deployment", "name": "store"}, "reason": "ScalingReplicaSet", "note": f"Scaled up replica set {NEW} to 1 from 0"}}),
    ],
)  # fmt: skip
def test_all_forms_of_a_rollout_are_read(body: str):
    (found,) = changes(line(body))
    assert (found.kind, found.entity, found.time) == (ChangeKind.DEPLOY, "store", NOON)


def test_events_of_an_opentelemetry_receiver_are_read():
    attributes = {"k8s.event.reason": "ScalingReplicaSet", "k8s.object.kind": "Deployment", "k8s.object.name": "store"}
    (found,) = changes(line(f"Scaled up replica set {NEW} to 1 from 0", **attributes))
    assert found.entity == "store"


def test_a_pod_that_starts_again_with_the_same_image_is_no_rollout():
    crash = [event("Started", "Started container store", 10.0 * n, "Pod", f"{NEW}-x2x9z") for n in range(5)]
    assert changes(pulled("shop/store:1.4", 0.0), *crash, pulled("shop/store:1.4", 900.0)) == ()


@pytest.mark.parametrize("apart", [60.0, 1_800.0])
def test_another_image_than_before_is_a_rollout(apart: float):
    (found,) = changes(pulled("shop/store:1.4", 0.0, "store-0"), pulled("shop/store:1.5", apart, "store-0"))
    assert (found.time, found.before, found.after, found.entity) == (NOON + apart, "1.4", "1.5", "store")


def test_a_scale_down_without_a_rollout_is_a_setting_and_a_scale_up_is_nothing():
    (found,) = changes(scaled("down", OLD, "to 0 from 3"))
    assert (found.kind, found.before, found.after) == (ChangeKind.CONFIG, "3", "0")
    assert changes(scaled("up", OLD, "to 5 from 3")) == ()


@pytest.mark.parametrize(
    "body",
    ["configmap/store-config configured", 'configmap "store-config" updated', "Updated ConfigMap shop/store-config"],
)
def test_a_config_map_is_a_setting_of_its_workload(body: str):
    (found,) = changes(line(body))
    assert (found.kind, found.entity) == (ChangeKind.CONFIG, "store") and "store-config" in found.title


def test_kubectl_and_the_controller_tell_of_one_rollout():
    (found,) = changes(line("deployment.apps/store restarted"), scaled("up", NEW, "to 1 from 0", 2.0))
    assert (found.time, found.title) == (NOON, "store restarted")


@pytest.mark.parametrize(
    "body",
    [
        'GET /search?q="deployment.apps/store restarted" 200',
        "user said: deployment.apps/store restarted",
        "deployment.apps/store restarted, or so they say",
        "deployment.apps/store unchanged",
        '{"message": "deployment.apps/store restarted"}',
        json.dumps(
            {
                "involvedObject": {"kind": "Deployment", "name": "a\nb"},
                "reason": "ScalingReplicaSet",
                "message": "Scaled up replica set x to 1",
            }
        ),
        "{" * 5_000,
        "x" * 100_000,
        "",
    ],
)
def test_what_a_user_got_into_a_line_is_no_event(body: str):
    assert changes(line(body)) == ()


def test_a_change_is_read_by_its_id():
    records = [scaled("up", NEW, "to 1 from 0")]
    feed = KubernetesFeed(lambda window: [record for record in records if record.time in window])
    (listed,) = feed.changes(HOUR)
    assert feed.read(listed.id) == listed
    assert feed.read("kubernetes/shop/store/deploy/1") is None and feed.read("event-1") is None


def test_a_rollout_that_began_before_the_window_is_not_of_it():
    early = [
        replace(scaled("up", NEW, "to 1 from 0"), time=HOUR.start - 30.0),
        replace(scaled("up", NEW, "to 3 from 1"), time=HOUR.start + 30.0),
    ]
    assert changes(*early) == ()


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from("involvedObject regarding kind name namespace reason message note eventTime event object source".split()), inner, max_size=6)))  # fmt: skip
def test_hostile_event_objects_are_no_crash(body: object):
    for found in changes(line(json.dumps(body))):
        assert found.entity and found.time in HOUR
