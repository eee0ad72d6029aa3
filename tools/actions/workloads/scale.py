"""Give a workload more replicas, within the bounds of the settings."""

import json
import math

from diagnosis.findings import Remediation
from tools.actions.spec import ActionError, ActionSpec, Done, DryRun
from tools.actions.workloads.arguments import ScaleArguments, fitted
from tools.actions.workloads.cluster import Cluster
from tools.actions.workloads.found import Entry, Found
from tools.actions.workloads.rollback import memo_of
from tools.spec import Risk

NAME = "scale_workload"


def scale_workload(cluster: Cluster) -> ActionSpec[ScaleArguments]:
    """The action over one cluster."""
    doing = _Doing(cluster)
    return ActionSpec(
        name=NAME,
        summary="Give the Kubernetes workload more replicas.",
        risk=Risk.REVERSIBLE,
        remediations=frozenset((Remediation.SCALE,)),
        arguments=ScaleArguments,
        fit=lambda target: fitted(cluster.policy, target, ScaleArguments),
        dry_run=doing.dry_run,
        run=doing.run,
        happened=cluster.happened,
        undo=doing.undo,
        undo_dry_run=doing.undo_dry_run,
        settles_seconds=cluster.settles_seconds,
    )


class _Doing:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def dry_run(self, arguments: ScaleArguments) -> DryRun:
        found = self._cluster.find(arguments)
        wanted = self._wanted(found, arguments)
        would = self._cluster.tried(found, {"replicas": wanted})
        given = (would.get("spec") or {}).get("replicas")
        if given != wanted:
            raise ActionError(
                f"the cluster would make it {given} replicas instead of {wanted}; something there decides it"
            )
        lines = (
            f"replicas {found.replicas} → {wanted}",
            f"at most {self._cluster.policy.max_replicas} by the settings",
        )
        return DryRun(f"scales {found} from {found.replicas} to {wanted} replicas", lines, f"{found.seen}; to {wanted}")

    def run(self, arguments: ScaleArguments, key: str) -> Done:
        found = self._cluster.find(arguments)
        if entry := found.done(key):
            return Done(f"{found} was scaled before", entry.memo)
        wanted = self._wanted(found, arguments)
        memo = json.dumps({"before": found.replicas, "after": wanted})
        self._cluster.change(found, {"replicas": wanted}, Entry(key, NAME, memo))
        return Done(f"scaled {found} from {found.replicas} to {wanted} replicas", memo)

    def undo(self, arguments: ScaleArguments, key: str, memo: str) -> Done:
        """Back to the number before, unless somebody has set another one since."""
        found = self._cluster.find(arguments)
        if found.done(key):
            return Done(f"the scaling of {found} was undone before")
        before = self._before(found, memo)
        self._cluster.change(found, {"replicas": before}, Entry(key, f"undo {NAME}", ""))
        return Done(f"{found} is back at {before} replicas")

    def undo_dry_run(self, arguments: ScaleArguments, memo: str) -> DryRun:
        found = self._cluster.find(arguments)
        before = self._before(found, memo)
        self._cluster.tried(found, {"replicas": before})
        effect = f"scales {found} back from {found.replicas} to {before} replicas"
        return DryRun(effect, (f"replicas {found.replicas} → {before}",), f"{found.seen}; to {before}")

    def _before(self, found: Found, memo: str) -> int:
        """The replicas that it had; raises ``ActionError`` where it no longer has those that we gave it."""
        told = json.loads(memo_of(found, NAME, memo))
        if found.replicas != int(told["after"]):
            raise ActionError(
                f"{found} has {found.replicas} replicas by now, not {told['after']}: somebody else scales it"
            )
        return int(told["before"])

    def _wanted(self, found: Found, arguments: ScaleArguments) -> int:
        """The replicas that it is to have; raises ``ActionError`` where that is outside the bounds."""
        policy = self._cluster.policy
        if found.workload.kind == "DaemonSet":
            raise ActionError(f"{found} has one pod a node; add nodes instead")
        if found.replicas < 1:
            raise ActionError(f"{found} has no replicas: somebody switched it off; switch it on by hand")
        self._alone(found)
        most = min(math.floor(found.replicas * policy.max_factor), policy.max_replicas)
        wanted = most if arguments.replicas is None else arguments.replicas
        least = math.ceil(found.replicas / policy.max_factor)
        if wanted == found.replicas or (arguments.replicas is None and most < found.replicas):
            raise ActionError(
                f"{found} has {found.replicas} replicas and may not have more; see max_replicas, max_factor"
            )
        if not least <= wanted <= most:
            raise ActionError(
                f"{wanted} replicas for {found} are outside {least} to {most}; see max_replicas, max_factor"
            )
        return wanted

    def _alone(self, found: Found) -> None:
        """Where an autoscaler decides, a number of ours would be gone within seconds."""
        for item in self._cluster.listed("autoscaling", "v2", found.workload.namespace, "horizontalpodautoscalers"):
            at = (item.get("spec") or {}).get("scaleTargetRef") or {}
            if (at.get("kind"), at.get("name")) == (found.workload.kind, found.workload.name):
                name = item["metadata"]["name"]
                raise ActionError(
                    f"the autoscaler {name} decides the replicas of {found}; raise its maxReplicas instead"
                )
