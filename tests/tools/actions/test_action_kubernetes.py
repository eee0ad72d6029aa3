"""Workloads are rolled back, restarted and scaled once, as the cluster tried it before, and back again."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from diagnosis.findings import Remediation
from tests.kubernetes_double import TOKEN, Kubernetes
from tests.tools.actions.workload_cases import BY_NAME, KEY, KINDS, NEW, OLD, OTHER, actions, deployed, image, template
from tools.actions.spec import ActionError, Happened, Target
from tools.actions.workloads.actions import workload_actions
from tools.actions.workloads.arguments import WorkloadArguments
from tools.actions.workloads.cluster import Cluster
from tools.actions.workloads.policy import KubernetesPolicy, Workload


@pytest.mark.parametrize("kind", KINDS)
def test_a_rollback_is_shown_run_once_and_undone(cluster: Kubernetes, kind: str):
    path, spec = deployed(cluster, kind), actions(cluster)["rollback_workload"]
    shown = spec.dry_run(BY_NAME)
    assert (cluster.patches(), image(cluster, path)) == ([], "store:2")
    assert shown.effect == f"rolls {kind} shop/store back from revision 2 to revision 1"
    assert "container web: image store:2 → store:1" in shown.lines
    assert spec.happened(BY_NAME, KEY) is Happened.NO
    done = spec.run(BY_NAME, KEY)
    again = spec.run(BY_NAME, KEY)
    assert (len(cluster.patches()), image(cluster, path)) == (1, "store:1")
    assert cluster.objects[path]["spec"]["template"] == OLD
    assert (spec.happened(BY_NAME, KEY), again.memo) == (Happened.YES, done.memo)
    assert spec.undo is not None
    spec.undo(BY_NAME, OTHER, done.memo)
    spec.undo(BY_NAME, OTHER, done.memo)
    assert (len(cluster.patches()), cluster.objects[path]["spec"]["template"]) == (2, NEW)


def test_a_dry_run_shows_no_value_of_a_variable(cluster: Kubernetes):
    deployed(cluster)
    shown = actions(cluster)["rollback_workload"].dry_run(BY_NAME)
    assert "hunter2" not in str(shown)
    assert any("env.PASSWORD" in line for line in shown.lines)


def test_an_undo_finds_what_it_needs_in_the_cluster_where_we_lost_it(cluster: Kubernetes):
    path, spec = deployed(cluster), actions(cluster)["rollback_workload"]
    spec.run(BY_NAME, KEY)
    assert spec.undo is not None
    spec.undo(BY_NAME, OTHER, "")
    assert image(cluster, path) == "store:2"


def test_a_rollback_is_not_undone_over_somebody_elses_rollout(cluster: Kubernetes):
    path, spec = deployed(cluster), actions(cluster)["rollback_workload"]
    done = spec.run(BY_NAME, KEY)
    cluster.roll_out(path, template("store:3"))
    assert spec.undo is not None
    with pytest.raises(ActionError, match="rolled out anew"):
        spec.undo(BY_NAME, OTHER, done.memo)
    assert image(cluster, path) == "store:3"


def test_what_somebody_changed_since_is_another_state(cluster: Kubernetes):
    path, spec = deployed(cluster), actions(cluster)["rollback_workload"]
    before = spec.dry_run(BY_NAME)
    cluster.touch(path)
    assert spec.dry_run(BY_NAME) == before
    cluster.roll_out(path, template("store:3"))
    assert spec.dry_run(BY_NAME).seen != before.seen


def test_a_change_between_reading_and_patching_is_refused(cluster: Kubernetes):
    path, spec = deployed(cluster), actions(cluster)["rollback_workload"]

    def somebody() -> None:
        cluster.before_patch = None
        cluster.roll_out(path, template("store:3"))

    cluster.before_patch = somebody
    with pytest.raises(ActionError, match="changed by somebody else"):
        spec.run(BY_NAME, KEY)
    assert (image(cluster, path), spec.happened(BY_NAME, KEY)) == ("store:3", Happened.NO)


def test_a_state_that_only_moves_does_not_stop_a_rollback(cluster: Kubernetes):
    path, spec = deployed(cluster), actions(cluster)["rollback_workload"]
    left = [2]

    def moves() -> None:
        if left[0]:
            left[0] -= 1
            cluster.touch(path)

    cluster.before_patch = moves
    spec.run(BY_NAME, KEY)
    assert image(cluster, path) == "store:1"


def test_a_lost_answer_is_cleared_up_by_asking(cluster: Kubernetes):
    path, spec = deployed(cluster), actions(cluster)["rollback_workload"]
    cluster.lose_answers = True
    with pytest.raises(ActionError):
        spec.run(BY_NAME, KEY)
    cluster.lose_answers = False
    assert spec.happened(BY_NAME, KEY) is Happened.YES
    spec.run(BY_NAME, KEY)
    assert (len(cluster.patches()), image(cluster, path)) == (1, "store:1")


def test_one_key_from_many_threads_is_one_rollback(cluster: Kubernetes):
    path, spec = deployed(cluster), actions(cluster)["rollback_workload"]
    together = threading.Barrier(8)

    def once(_: int) -> str:
        together.wait()
        try:
            return spec.run(BY_NAME, KEY).detail
        except ActionError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(once, range(8)))
    assert cluster.objects[path]["metadata"]["generation"] == 3
    assert image(cluster, path) == "store:1"


@pytest.mark.parametrize("kind", KINDS)
def test_a_restart_replaces_the_pods_and_nothing_else(cluster: Kubernetes, kind: str):
    path, spec = deployed(cluster, kind), actions(cluster)["restart_workload"]
    spec.dry_run(BY_NAME)
    assert cluster.objects[path]["spec"]["template"] == NEW
    spec.run(BY_NAME, KEY)
    spec.run(BY_NAME, KEY)
    assert len(cluster.patches()) == 1
    now = cluster.objects[path]["spec"]["template"]
    assert now["metadata"].pop("annotations") == {"kubectl.kubernetes.io/restartedAt": "2026-09-21T14:13:20Z"}
    assert now == NEW
    assert (spec.happened(BY_NAME, KEY), spec.undo) == (Happened.YES, None)


def test_a_service_is_found_by_its_label_and_two_are_none(cluster: Kubernetes):
    path = cluster.add("Deployment", "store-v2", OLD)
    cluster.roll_out(path, NEW)
    cluster.objects[path]["metadata"]["labels"]["app.kubernetes.io/name"] = "store"
    spec = actions(cluster)["rollback_workload"]
    assert "Deployment shop/store-v2" in spec.dry_run(BY_NAME).effect
    other = cluster.add("StatefulSet", "store-v3", OLD)
    cluster.objects[other]["metadata"]["labels"]["app.kubernetes.io/name"] = "store"
    with pytest.raises(ActionError, match="more than one"):
        spec.dry_run(BY_NAME)


def test_only_the_workload_of_the_settings_is_touched(cluster: Kubernetes, target: Callable[..., Target]):
    cluster.add("Deployment", "store", OLD, namespace="kube-system")
    mapped = Workload(namespace="shop", kind="Deployment", name="store-v2")
    spec = actions(cluster, workloads={"store": mapped})["restart_workload"]
    fitted = spec.fit(target(remediation=Remediation.RESTART))
    assert fitted == WorkloadArguments(entity="store", namespace="shop", kind="Deployment", name="store-v2")
    for other in ({"namespace": "kube-system"}, {"name": "store"}, {"kind": "DaemonSet"}, {"entity": "front"}):
        with pytest.raises(ActionError, match="settings"):
            spec.run(fitted.model_copy(update=other), KEY)
    assert cluster.requests == []


def test_a_service_that_nobody_knows_and_a_name_that_is_none_fit_nothing(
    cluster: Kubernetes, target: Callable[..., Target]
):
    spec = actions(cluster)["rollback_workload"]
    assert spec.fit(target()) == BY_NAME
    assert spec.fit(target(entity="nobody")) is None
    assert spec.fit(target(change_kind="flag")) is None


@pytest.mark.parametrize(
    "hostile",
    [
        "../x",
        "a/b",
        "a b",
        "A",
        "a\n",
        "-a",
        "a-",
        "%2f",
        "ä",
        "a=b",
        "a,b",
        "a)b",
        "x" * 300,
        "",
        "{}",
        '"',
        "a?b",
        "!a",
    ],
)
def test_a_hostile_name_never_reaches_the_cluster(cluster: Kubernetes, target: Callable[..., Target], hostile: str):
    for name, spec in actions(cluster).items():
        assert spec.fit(target(entity=hostile, services=frozenset((hostile,)))) is None, name
    for field in ("namespace", "name"):
        with pytest.raises(ValueError):
            WorkloadArguments.model_validate(
                {"entity": "store", "namespace": "shop", "kind": "Deployment", field: hostile or " "}
            )
    assert cluster.requests == []


def test_a_refusal_says_what_to_do(cluster: Kubernetes):
    deployed(cluster)
    spec = actions(cluster)["rollback_workload"]
    cluster.forbidden.add("PATCH deployments")
    with pytest.raises(ActionError, match=r"403 .*docs/actions\.md"):
        spec.dry_run(BY_NAME)
    wrong = Cluster(KubernetesPolicy(url=cluster.url, namespace="shop"), SecretStr("wrong"))
    with pytest.raises(ActionError, match="401"):
        workload_actions(wrong, lambda: 0.0)[0].dry_run(BY_NAME)


@pytest.mark.parametrize("status", [302, 429, 500, 503])
def test_a_sick_cluster_is_asked_once(cluster: Kubernetes, status: int):
    spec, cluster.status = actions(cluster)["restart_workload"], status
    with pytest.raises(ActionError, match=str(status)):
        spec.dry_run(BY_NAME)
    assert len(cluster.requests) == 1


def test_what_is_paused_or_still_rolling_out_is_left_alone(cluster: Kubernetes):
    path, specs = deployed(cluster), actions(cluster)
    cluster.objects[path]["metadata"]["generation"] += 1
    with pytest.raises(ActionError, match="still taking in"):
        specs["rollback_workload"].dry_run(BY_NAME)
    cluster.objects[path]["spec"]["paused"] = True
    for name in ("rollback_workload", "restart_workload"):
        with pytest.raises(ActionError, match="paused"):
            specs[name].dry_run(BY_NAME)


def test_without_an_earlier_revision_there_is_nothing_to_roll_back(cluster: Kubernetes):
    cluster.add("Deployment", "store", OLD)
    with pytest.raises(ActionError, match="no earlier revision"):
        actions(cluster)["rollback_workload"].dry_run(BY_NAME)


def test_a_kubeconfig_leads_to_the_cluster_as_well(cluster: Kubernetes, tmp_path: Path):
    path = deployed(cluster)
    file = tmp_path / "config"
    file.write_text(
        json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "one",
            "clusters": [{"name": "c", "cluster": {"server": cluster.url}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
            "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        })
    )  # fmt: skip
    policy = KubernetesPolicy(kubeconfig=file, namespace="shop")
    workload_actions(Cluster(policy), lambda: 0.0)[0].run(BY_NAME, KEY)
    assert image(cluster, path) == "store:1"
    missing = Cluster(KubernetesPolicy(kubeconfig=tmp_path / "none", namespace="shop"))
    with pytest.raises(ActionError, match="no cluster is configured"):
        workload_actions(missing, lambda: 0.0)[0].dry_run(BY_NAME)


def test_the_settings_say_which_actions_there_are(cluster: Kubernetes):
    assert set(actions(cluster, allow=["restart_workload"])) == {"restart_workload"}
    with pytest.raises(ValueError, match="nothing to act on"):
        KubernetesPolicy(url="http://127.0.0.1:1")
