"""Roll a workload back to the revision before the one that runs."""

import json

from diagnosis.findings import Remediation
from tools.actions.spec import ActionError, ActionSpec, Done, DryRun, Target
from tools.actions.workloads.arguments import WorkloadArguments, fitted
from tools.actions.workloads.cluster import Cluster
from tools.actions.workloads.found import Entry, Found, images
from tools.actions.workloads.revisions import Revision, becoming, current, previous, revisions
from tools.spec import Risk

NAME = "rollback_workload"
# A flag or a setting lives elsewhere: an earlier template would not bring it back.
_KINDS = frozenset(("", "deploy", "commit"))
_MOST_LINES = 12


def rollback_workload(cluster: Cluster) -> ActionSpec[WorkloadArguments]:
    """The action over one cluster."""
    doing = _Doing(cluster)
    return ActionSpec(
        name=NAME,
        summary="Roll the Kubernetes workload back to its previous revision.",
        risk=Risk.REVERSIBLE,
        remediations=frozenset((Remediation.ROLLBACK,)),
        arguments=WorkloadArguments,
        fit=doing.fit,
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

    def fit(self, target: Target) -> WorkloadArguments | None:
        return fitted(self._cluster.policy, target, WorkloadArguments) if target.change_kind in _KINDS else None

    def dry_run(self, arguments: WorkloadArguments) -> DryRun:
        found = self._cluster.find(arguments)
        now, before = self._way_back(found)
        self._cluster.tried(found, {"template": becoming(found.template, before.template)})
        effect = f"rolls {found} back from revision {now.number} to revision {before.number}"
        return DryRun(effect, _lines(found, before), f"{found.seen}; {now.name} to {before.name}")

    def run(self, arguments: WorkloadArguments, key: str) -> Done:
        found = self._cluster.find(arguments)
        if entry := found.done(key):
            return Done(f"{found} was rolled back before", entry.memo)
        now, before = self._way_back(found)  # of the object that has no such entry: a later one might
        memo = json.dumps({"from": now.name, "to": before.name})
        self._cluster.change(found, {"template": becoming(found.template, before.template)}, Entry(key, NAME, memo))
        return Done(f"rolled {found} back from revision {now.number} to revision {before.number}", memo)

    def undo(self, arguments: WorkloadArguments, key: str, memo: str) -> Done:
        """Back to what ran before, unless somebody has rolled out something else since."""
        found = self._cluster.find(arguments)
        if found.done(key):
            return Done(f"the rollback of {found} was undone before")
        wanted, _ = self._way_forth(found, memo)
        self._cluster.change(
            found, {"template": becoming(found.template, wanted.template)}, Entry(key, f"undo {NAME}", "")
        )
        return Done(f"{found} is back at what ran before the rollback")

    def undo_dry_run(self, arguments: WorkloadArguments, memo: str) -> DryRun:
        found = self._cluster.find(arguments)
        wanted, now = self._way_forth(found, memo)
        self._cluster.tried(found, {"template": becoming(found.template, wanted.template)})
        effect = f"takes the rollback of {found} back: from revision {now.number} to revision {wanted.number}"
        return DryRun(effect, _lines(found, wanted), f"{found.seen}; {now.name} to {wanted.name}")

    def _way_forth(self, found: Found, memo: str) -> tuple[Revision, Revision]:
        """The revision that ran before the rollback, and the one that runs."""
        told = json.loads(memo_of(found, NAME, memo))
        known = revisions(self._cluster, found)
        now = current(found, known)
        if now.name != told["to"]:
            raise ActionError(f"{found} was rolled out anew since the rollback; there is nothing left to undo")
        wanted = next((revision for revision in known if revision.name == told["from"]), None)
        if wanted is None:
            raise ActionError(f"the cluster no longer has the revision {told['from']} of {found}; roll it out again")
        return wanted, now

    def _way_back(self, found: Found) -> tuple[Revision, Revision]:
        """The revision that is wanted now, and the one before."""
        if found.spec.get("paused"):
            raise ActionError(f"{found} is paused, so it would not roll out; resume it first")
        known = revisions(self._cluster, found)
        return current(found, known), previous(found, known)


def memo_of(found: Found, action: str, memo: str) -> str:
    """What undo needs; where it was lost in a crash, the cluster has it, if ours was the last action there."""
    if memo:
        return memo
    last = found.entries[-1:]
    if not last or last[0].action != action:
        raise ActionError(f"what {found} was before is not known any more; look at its history")
    return last[0].memo


def _lines(found: Found, before: Revision) -> tuple[str, ...]:
    """Images before and after; of all else only where it differs, since values may be secrets."""
    now, then = images(found.template), images(before.template)
    shown = [
        f"container {name}: image {now.get(name, 'none')} → {then.get(name, 'none')}"
        for name in sorted({*now, *then}) if now.get(name) != then.get(name)
    ]  # fmt: skip
    fields = sorted(_differing(_by_name(dict(found.template)), _by_name(dict(before.template)), ()))
    shown += [f"{field} differs" for field in fields if not field.endswith(".image")]
    more = len(shown) - _MOST_LINES
    return tuple([*shown[:_MOST_LINES], f"… and {more} more"] if more > 0 else shown) or (
        "image and settings are the same",
    )


def _by_name(value: object) -> object:
    """Lists of named things as mappings, so that their differences have names."""
    if isinstance(value, dict):
        return {name: _by_name(item) for name, item in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {str(item["name"]): _by_name(item) for item in value}
    return value


def _differing(now: object, then: object, path: tuple[str, ...]) -> set[str]:
    if isinstance(now, dict) and isinstance(then, dict):
        parts = (_differing(now.get(name), then.get(name), (*path, str(name))) for name in {*now, *then})
        return set().union(*parts)
    empty: tuple[object, ...] = (None, {}, [])
    return {".".join(path)} if now != then and not (now in empty and then in empty) else set()
