"""Restart a workload as kubectl does: pods are replaced one after another."""

from collections.abc import Callable
from datetime import UTC, datetime

from diagnosis.findings import Remediation
from tools.actions.spec import ActionError, ActionSpec, Done, DryRun
from tools.actions.workloads.arguments import WorkloadArguments, fitted
from tools.actions.workloads.cluster import Cluster
from tools.actions.workloads.found import Entry, Found
from tools.spec import Risk

NAME = "restart_workload"
_RESTARTED = "kubectl.kubernetes.io/restartedAt"


def restart_workload(cluster: Cluster, now: Callable[[], float]) -> ActionSpec[WorkloadArguments]:
    """The action over one cluster; ``now`` gives epoch seconds. It has no undo: a restart cannot be taken back."""

    def patch() -> dict[str, object]:
        at = datetime.fromtimestamp(now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"template": {"metadata": {"annotations": {_RESTARTED: at}}}}

    def dry_run(arguments: WorkloadArguments) -> DryRun:
        found = _restartable(cluster.find(arguments))
        cluster.tried(found, patch())
        last = str((found.template.get("metadata") or {}).get("annotations", {}).get(_RESTARTED, "never"))
        how = (f"its pods now: {_pods(found)}", f"last restarted: {last}", "same image, same settings")
        return DryRun(f"restarts the pods of {found}, one after another", how, found.seen)

    def run(arguments: WorkloadArguments, key: str) -> Done:
        found = cluster.find(arguments)
        if found.done(key):
            return Done(f"{found} was restarted before")
        cluster.change(_restartable(found), patch(), Entry(key, NAME, ""))
        return Done(f"restarts the pods of {found}, one after another")

    return ActionSpec(
        name=NAME,
        summary="Restart the pods of the Kubernetes workload, one after another.",
        risk=Risk.REVERSIBLE,
        remediations=frozenset((Remediation.RESTART,)),
        arguments=WorkloadArguments,
        fit=lambda target: fitted(cluster.policy, target, WorkloadArguments),
        dry_run=dry_run,
        run=run,
        happened=cluster.happened,
        settles_seconds=cluster.settles_seconds,
    )


def _restartable(found: Found) -> Found:
    if found.spec.get("paused"):
        raise ActionError(f"{found} is paused, so nothing would restart; resume it first")
    if (found.spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        raise ActionError(
            f"{found} replaces pods only when somebody deletes them (OnDelete); delete its pods one by one"
        )
    return found


def _pods(found: Found) -> object:
    return found.status.get("desiredNumberScheduled", found.spec.get("replicas", "unknown"))
