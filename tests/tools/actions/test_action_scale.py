"""Scaling stays within the bounds of the settings, leaves to others what others decide, and is taken back."""

import pytest

from tests.kubernetes_double import Kubernetes
from tests.tools.actions.workload_cases import KEY, OTHER, actions, deployed
from tools.actions.spec import ActionError, Happened
from tools.actions.workloads.arguments import ScaleArguments


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_scaling_is_bounded_shown_run_once_and_undone(cluster: Kubernetes, kind: str):
    path, spec = deployed(cluster, kind), actions(cluster)["scale_workload"]
    arguments = ScaleArguments(entity="store", namespace="shop")
    shown = spec.dry_run(arguments)
    assert (shown.lines[0], cluster.objects[path]["spec"]["replicas"]) == ("replicas 3 → 6", 3)
    done = spec.run(arguments, KEY)
    spec.run(arguments, KEY)
    assert (cluster.objects[path]["spec"]["replicas"], spec.happened(arguments, KEY)) == (6, Happened.YES)
    assert spec.undo is not None
    spec.undo(arguments, OTHER, done.memo)
    assert cluster.objects[path]["spec"]["replicas"] == 3


@pytest.mark.parametrize("replicas", [1, 3, 7, 10_000])
def test_no_number_outside_the_bounds_is_taken(cluster: Kubernetes, replicas: int):
    path, spec = deployed(cluster), actions(cluster)["scale_workload"]
    asked = ScaleArguments(entity="store", namespace="shop", replicas=replicas)
    for call in (lambda: spec.dry_run(asked), lambda: spec.run(asked, KEY)):
        with pytest.raises(ActionError, match="max_replicas"):
            call()
    assert cluster.objects[path]["spec"]["replicas"] == 3


def test_the_settings_bound_a_step_by_number_too(cluster: Kubernetes):
    path = deployed(cluster)
    spec = actions(cluster, max_replicas=4)["scale_workload"]
    spec.run(ScaleArguments(entity="store", namespace="shop"), KEY)
    assert cluster.objects[path]["spec"]["replicas"] == 4
    with pytest.raises(ActionError, match="may not have more"):
        spec.run(ScaleArguments(entity="store", namespace="shop"), OTHER)


def test_a_scaling_of_somebody_else_is_not_undone(cluster: Kubernetes):
    path, spec = deployed(cluster), actions(cluster)["scale_workload"]
    done = spec.run(ScaleArguments(entity="store", namespace="shop"), KEY)
    cluster.objects[path]["spec"]["replicas"] = 9
    assert spec.undo is not None
    with pytest.raises(ActionError, match="somebody else scales it"):
        spec.undo(ScaleArguments(entity="store", namespace="shop"), OTHER, done.memo)


def test_where_an_autoscaler_decides_nothing_is_scaled(cluster: Kubernetes):
    deployed(cluster)
    scaler = {"metadata": {"name": "store"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "store"}}}
    cluster.objects["shop", "horizontalpodautoscalers", "store"] = scaler
    with pytest.raises(ActionError, match="maxReplicas"):
        actions(cluster)["scale_workload"].dry_run(ScaleArguments(entity="store", namespace="shop"))


def test_what_was_switched_off_and_what_runs_on_every_node_is_not_scaled(cluster: Kubernetes):
    spec = actions(cluster)["scale_workload"]
    deployed(cluster, replicas=0)
    with pytest.raises(ActionError, match="switched it off"):
        spec.dry_run(ScaleArguments(entity="store", namespace="shop"))
    cluster.objects.clear()
    deployed(cluster, "DaemonSet")
    with pytest.raises(ActionError, match="one pod a node"):
        spec.dry_run(ScaleArguments(entity="store", namespace="shop"))
