"""What an action on a workload is asked with, and how a service becomes a workload."""

import re
from typing import Literal, TypeVar

from pydantic import Field

from tools.actions.spec import ActionArguments, Target
from tools.actions.workloads.policy import Kind, KubernetesPolicy, Namespace, WorkloadName

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?", re.ASCII)  # a name of an object that is a label's value, too


class WorkloadArguments(ActionArguments):
    """``kind`` and ``name`` are empty where the settings map the service to none: then it is looked for by name and by
    label in ``namespace``, and the dry run says what was found."""

    namespace: Namespace
    kind: Kind | Literal[""] = ""
    name: WorkloadName | Literal[""] = ""


class ScaleArguments(WorkloadArguments):
    """``replicas`` None: as many more as the settings allow in one step."""

    replicas: int | None = Field(default=None, ge=1, le=10_000)


A = TypeVar("A", bound=WorkloadArguments)


def fitted(policy: KubernetesPolicy, target: Target, made: type[A]) -> A | None:
    """The arguments for the service of a verdict; None where there is no workload for it."""
    if target.entity not in target.services and target.entity not in policy.workloads:
        return None
    return arguments_of(policy, target.entity, made)


def arguments_of(policy: KubernetesPolicy, entity: str, made: type[A]) -> A | None:
    """What the settings say of a service. The only way from a service to a workload."""
    mapped = policy.workloads.get(entity)
    if mapped is not None:
        return made(entity=entity, namespace=mapped.namespace, kind=mapped.kind, name=mapped.name)
    if policy.namespace and _NAME.fullmatch(entity):
        return made(entity=entity, namespace=policy.namespace)
    return None
