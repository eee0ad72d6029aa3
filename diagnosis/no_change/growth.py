"""Steady growth met a limit."""

import numpy as np

from diagnosis.failure_text import Failure
from diagnosis.findings import FaultKind, Remediation
from diagnosis.no_change.case import Case, View
from diagnosis.words import split_identifier

_STORES = frozenset("disk volume filesystem storage used usage quota inodes bytes capacity".split())


def growth(view: View) -> Case | None:
    """A store filled by steady growth: the ramp is as old as the window, and it met its limit at the onset."""
    texts = view.with_text(Failure.DISK_FULL, Failure.RATE_LIMITED)
    if not texts:
        return None
    before = view.matrix.times < view.scene.onset
    if before.sum() < 8:
        return None
    stores = [place for place, key in enumerate(view.matrix.keys) if _STORES & set(split_identifier(key.metric))]
    # What says that it is full is asked for its own store first; without one its store is somebody else's.
    own = [place for place in stores if view.matrix.keys[place].entity == texts[0].entity]
    for place in own or stores:
        key, row = view.matrix.keys[place], view.matrix.values[place]
        values, times = row[before], view.matrix.times[before]
        ok = np.isfinite(values)
        if ok.sum() < 8 or np.ptp(values[ok]) <= 0.02 * abs(float(values[ok].mean())):
            continue
        fit = float(np.corrcoef(times[ok], values[ok])[0, 1])
        half = times < times[ok][ok.sum() // 2]
        early = float(np.corrcoef(times[ok & half], values[ok & half])[0, 1]) if (ok & half).sum() >= 5 else 0.0
        if abs(fit) >= 0.98 and abs(early) >= 0.9:
            disk = texts[0].has("text:disk_full")
            kind = FaultKind.DISK_FULL if disk else FaultKind.QUOTA_THROTTLING
            supports = [
                view.support(3.2, f"{texts[0].sentence}", texts[0]),
                view.support(
                    3.2,
                    f"{key.entity} {key.metric} moved in a straight line since before any change in the window",
                ),
            ]
            return Case(
                key.entity,
                kind,
                Remediation.SCALE,
                f"{key.entity} grew steadily until it was full",
                tuple(supports),
            )
    return None
