"""The three actions on workloads, as far as the settings allow them."""

from collections.abc import Callable
from typing import Any

from tools.actions.spec import ActionSpec
from tools.actions.workloads.cluster import Cluster
from tools.actions.workloads.restart import restart_workload
from tools.actions.workloads.rollback import rollback_workload
from tools.actions.workloads.scale import scale_workload


def workload_actions(cluster: Cluster, now: Callable[[], float]) -> tuple[ActionSpec[Any], ...]:
    """Those that ``policy.allow`` names."""
    made: tuple[ActionSpec[Any], ...] = (
        rollback_workload(cluster),
        restart_workload(cluster, now),
        scale_workload(cluster),
    )
    return tuple(spec for spec in made if spec.name in cluster.policy.allow)
