"""Earlier forms of a workload: replica sets of a Deployment, controller revisions of the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.actions.spec import ActionError
from tools.actions.workloads.cluster import Cluster
from tools.actions.workloads.found import Found

_NUMBER = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class Revision:
    """``name`` stays the same when the cluster goes back to it; ``number`` becomes the newest then."""

    name: str
    number: int
    template: Mapping[str, Any]


def revisions(cluster: Cluster, found: Found) -> tuple[Revision, ...]:
    """All that the cluster still has of it, oldest first."""
    labels = ",".join(
        f"{name}={value}" for name, value in ((found.spec.get("selector") or {}).get("matchLabels") or {}).items()
    )
    deployment = found.workload.kind == "Deployment"
    plural = "replicasets" if deployment else "controllerrevisions"
    owned = [
        item
        for item in cluster.listed("apps", "v1", found.workload.namespace, plural, labels)
        if _owner(item) == found.uid
    ]
    read = [_of_replica_set(item) if deployment else _of_controller(item) for item in owned]
    return tuple(sorted((revision for revision in read if revision), key=lambda revision: revision.number))


def current(found: Found, known: tuple[Revision, ...]) -> Revision:
    """The one that is wanted now. Raises ``ActionError`` where the cluster does not tell."""
    if not found.settled:
        raise ActionError(f"the cluster is still taking in the last change of {found}; try again in a moment")
    match found.workload.kind:
        case "Deployment":
            number = str(found.annotations.get(_NUMBER, ""))
            same = [revision for revision in known if str(revision.number) == number]
        case "StatefulSet":
            same = [revision for revision in known if revision.name == found.status.get("updateRevision")]
        case _:
            same = list(known[-1:])
    if not same:
        raise ActionError(f"the cluster does not tell which revision of {found} runs; roll it back by hand")
    return same[-1]


def previous(found: Found, known: tuple[Revision, ...]) -> Revision:
    """The one before. Raises ``ActionError`` where none is kept."""
    now = current(found, known)
    earlier = [revision for revision in known if revision.number < now.number]
    if not earlier:
        raise ActionError(f"{found} has no earlier revision to go back to (see its revisionHistoryLimit)")
    return earlier[-1]


def becoming(now: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7396) that makes ``now`` be ``wanted``: what is not wanted is null."""
    patch: dict[str, Any] = {name: None for name in now if name not in wanted}
    for name, value in wanted.items():
        if isinstance(value, Mapping):
            before = now.get(name)
            deeper = becoming(before if isinstance(before, Mapping) else {}, value)
            if deeper or not isinstance(before, Mapping):
                patch[name] = deeper
        elif now.get(name) != value:
            patch[name] = value
    return patch


def _owner(item: Mapping[str, Any]) -> str:
    owners = (item.get("metadata") or {}).get("ownerReferences") or ()
    return next((str(owner.get("uid", "")) for owner in owners if owner.get("controller")), "")


def _of_replica_set(item: Mapping[str, Any]) -> Revision | None:
    number = (item["metadata"].get("annotations") or {}).get(_NUMBER, "")
    template = (item.get("spec") or {}).get("template") or {}
    if not str(number).isdecimal() or not template:
        return None
    metadata = template.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != _HASH}
    return Revision(item["metadata"]["name"], int(number), {**template, "metadata": {**metadata, "labels": labels}})


def _of_controller(item: Mapping[str, Any]) -> Revision | None:
    template = (((item.get("data") or {}).get("spec")) or {}).get("template") or {}
    if not template:
        return None
    plain = {name: value for name, value in template.items() if name != "$patch"}
    return Revision(item["metadata"]["name"], int(item.get("revision", 0)), plain)
