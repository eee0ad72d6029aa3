"""A cluster with a store in it that was rolled out twice, and the actions over it."""

from typing import Any

from pydantic import SecretStr

from tests.kubernetes_double import TOKEN, Kubernetes
from tools.actions.spec import ActionSpec, registry
from tools.actions.workloads.actions import workload_actions
from tools.actions.workloads.arguments import WorkloadArguments
from tools.actions.workloads.cluster import Cluster
from tools.actions.workloads.policy import KubernetesPolicy

KEY, OTHER = "a" * 32, "b" * 32
KINDS = ("Deployment", "StatefulSet", "DaemonSet")
BY_NAME = WorkloadArguments(entity="store", namespace="shop")


def template(image: str, **env: str) -> dict[str, Any]:
    container = {"name": "web", "image": image, "env": [{"name": name, "value": value} for name, value in env.items()]}
    return {"metadata": {"labels": {"app": "store"}}, "spec": {"containers": [container]}}


OLD, NEW = template("store:1", POOL="24"), template("store:2", POOL="3", PASSWORD="hunter2hunter2")


def actions(double: Kubernetes, **policy: object) -> dict[str, ActionSpec[Any]]:
    given = {"url": double.url, "namespace": "shop", "timeout_seconds": 5.0, **policy}
    made = Cluster(KubernetesPolicy.model_validate(given), SecretStr(TOKEN))
    return dict(registry(*workload_actions(made, lambda: 1_790_000_000.0)))


def deployed(double: Kubernetes, kind: str = "Deployment", **fields: Any) -> tuple[str, str, str]:
    path = double.add(kind, "store", OLD, **fields)
    double.roll_out(path, NEW)
    return path


def image(double: Kubernetes, path: tuple[str, str, str]) -> str:
    return double.objects[path]["spec"]["template"]["spec"]["containers"][0]["image"]
