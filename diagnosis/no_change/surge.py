"""Demand outgrew the capacity: traffic rose before errors and latency did."""

import math

from diagnosis.findings import FaultKind, Remediation
from diagnosis.measures import Measure, measure_of
from diagnosis.no_change.case import Case, View
from diagnosis.symptoms import amount

_SURE = 0.7  # strength of a rise that no burst makes


def surge(view: View) -> Case | None:
    """Demand rose first: traffic at the edge (or everywhere alike) is up before errors and latency are."""
    rises = [s for s in view.scene.symptoms if s.has("traffic+") and s.before and s.after and s.onset is not None]
    rises = [s for s in rises if (s.after or 0) >= 1.5 * (s.before or 1)]
    if not rises:
        return None
    target, topology = view.scene.entity, view.scene.topology
    edge = [s for s in rises if not topology.callers(s.entity) and target in {s.entity, *topology.reach(s.entity)}]
    at_target = [s for s in rises if s.entity == target]
    callers = view.scene.topology.callers(view.scene.entity)
    measured = any(measure_of(key.metric) is Measure.TRAFFIC for key in view.matrix.keys if key.entity in callers)
    # Traffic into an inner service is demand only as far as its callers' traffic is not known to be steady.
    inner = at_target if not measured else []
    first = min((edge or inner), key=lambda s: (s.onset or 0.0, -(s.after or 0) / (s.before or 1)), default=None)
    if first is None or first.onset is None or first.onset > view.scene.onset + 90:
        return None
    if any(s.has("retries+", "text:retry") and (s.onset or 0.0) <= first.onset for s in view.scene.symptoms if s.bad):
        return None  # clients that try again look like demand
    ratio = (first.after or 0) / (first.before or 1)
    weight = (3.2 if edge or not callers else 2.2) + min(0.8, 0.3 * math.log2(ratio / 1.5))
    # Arrivals come in bursts: where they are few, half as many again is nothing unusual, here and behind.
    sure = min(1.0, first.strength / _SURE)
    weight *= sure
    supports = [
        view.support(weight, f"demand rose {amount(ratio)} times, not after the first symptom: {first.sentence}", first)
    ]
    others = {s.entity: (s.after or 0) / (s.before or 1) for s in rises if s.entity != first.entity}
    alike = [entity for entity, other in others.items() if 0.6 <= other / ratio <= 1.6]
    # What grows alike behind one door came in by that door; where it gets stuck first is a matter of capacity.
    place = first.entity if edge and alike else target
    if alike:
        reason = f"{', '.join(sorted(alike)[:4])} grew by the same factor: one cause in front of all"
        supports.append(view.support(2.0 * sure, reason))
    if any(s.has("cpu+", "queue+", "text:overloaded", "limit-") for s in view.scene.symptoms):
        supports.append(view.support(1.2, "what is short is capacity: queues or processors are full"))
    if any(s.has("fanout+") for s in view.scene.symptoms) or (others and not alike):
        supports.append(view.support(-2.5, "the growth is uneven: calls per request changed"))
    came = f"demand at {place} outgrew the capacity" + (f" of {target}" if place != target else "")
    return Case(place, FaultKind.TRAFFIC_SURGE, Remediation.SCALE, came, tuple(supports))
