"""Whose series it is: read from the labels, as scrapers, operators and meshes set them."""

import re
from collections.abc import Mapping, Sequence

# The first label that a series has. What a series says of itself goes before what its scraper says: where both say
# "service", the scraper's stays and the other becomes "exported_service". A pod's workload goes before its container:
# containers are often called "app".
ENTITY_LABELS = (
    "exported_service", "service_name", "exported_job", "service", "deployment", "k8s_deployment_name", "statefulset",
    "k8s_statefulset_name", "daemonset", "k8s_daemonset_name", "destination_workload", "destination_service_name",
    "workload", "app", "app_kubernetes_io_name", "pod", "k8s_pod_name", "kubernetes_pod_name", "container",
    "job", "node", "instance",
)  # fmt: skip
HOST_LABELS = ("node", "nodename", "host", "hostname", "instance")
POD_LABELS = frozenset({"pod", "exported_pod", "k8s_pod_name", "kubernetes_pod_name", "pod_name"})
# Few-valued labels that tell where a fault sits.
DIMENSION_LABELS = (
    "peer", "upstream", "destination", "server_address", "net_peer_name", "client", "dependency", "feature", "model",
    "model_name", "queue", "topic", "consumergroup", "pool", "cache", "mountpoint", "device", "gpu",
    "persistentvolumeclaim",
)  # fmt: skip

# Kubernetes makes the random parts of names from these letters only, so words like "redis" are no such part.
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"
_POD = re.compile(rf"(?P<stem>.+?)(?:(?:-{_RANDOM}{{6,10}})?-{_RANDOM}{{5}}|-\d{{8,}}-{_RANDOM}{{5}}|-\d{{1,3}})")
_PORT = re.compile(r"(?P<host>.+):\d{1,5}")
NAMELESS = frozenset({"", "unknown"})  # what a mesh writes where it knows no name is none


def entity_label(labels: Mapping[str, str], order: Sequence[str]) -> str:
    """The label that names the entity of a series; empty where it has none of them."""
    return next((label for label in order if labels.get(label, "") not in NAMELESS), "")


def entity_of(label: str, value: str) -> str:
    """The entity that a label's value means: a pod's workload, a host without its port, a job without its namespace."""
    if label in POD_LABELS:
        match = _POD.fullmatch(value)
        return match["stem"] if match else value
    if label in ("job", "exported_job"):
        return value.rpartition("/")[2] or value
    if label == "instance":
        match = _PORT.fullmatch(value)
        return match["host"].strip("[]") if match else value
    return value
