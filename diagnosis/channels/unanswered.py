"""Calls that nobody answers: the caller's side goes on, and the callee's side of the trace is missing."""

from typing import TYPE_CHECKING

import numpy as np

from diagnosis.findings import Channel
from diagnosis.symptoms import Symptom
from diagnosis.traces import within_itself

if TYPE_CHECKING:
    from diagnosis.channels.clue import Observation

_LEAST_CALLS = 5  # of one operation in each period
_ANSWERED = 0.9  # share of calls with a span of the callee, before; and without one, after


def unanswered(seen: "Observation") -> dict[str, Symptom]:
    """Services whose callers go on calling, while no span of theirs answers any more."""
    spans, width = seen.spans, len(seen.spans.names)
    operation = spans.entity.astype(np.int64) * max(width, 1) + spans.name
    asks = within_itself(spans)
    linked = np.zeros(len(spans), dtype=bool)
    linked[seen.calls.client] = True
    callee = dict(zip(operation[seen.calls.client].tolist(), seen.calls.callee.tolist(), strict=True))
    found: dict[str, Symptom] = {}
    for key in sorted(callee):
        mine = (operation == key) & asks
        was, now = mine & seen.span_is_normal, mine & seen.span_is_recent
        if (
            min(was.sum(), now.sum()) < _LEAST_CALLS
            or linked[was].mean() < _ANSWERED
            or linked[now].mean() > 1 - _ANSWERED
        ):
            continue
        name, caller = spans.entities[callee[key]], spans.entities[key // width]
        found[name] = Symptom(
            Channel.TRACES, name, spans.names[key % width], frozenset({"unanswered"}), f"{caller} {name}",
            strength=1.0, bad=True,
            sentence=f"{caller} goes on calling {name}, and no span of {name} answers any more",
            onset=seen.periods.recent.start, before=float(linked[was].mean()), after=float(linked[now].mean()),
        )  # fmt: skip
    return found
