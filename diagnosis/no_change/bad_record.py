"""One record that cannot be processed comes back again and again."""

import re

from diagnosis.failure_text import Failure
from diagnosis.findings import FaultKind, Remediation
from diagnosis.no_change.case import Case, View
from diagnosis.telemetry import LogPattern

_IDENTITY = re.compile(
    r"(^|[._])(offset|message[._]?id|msg[._]?id|record[._]?id|event_?id|job_?id|row(_?id)?|document_?id|doc_?id|file(_?name)?|object(_?key)?|payload_?id|order_?id|item_?id|batch_?id|delivery_?tag|task_?id|key|uuid|entry_?id|image_?id|asset_?id|media_?id|invoice_?id|shipment_?id|tracking_?(id|number))$",
    re.I,
)
_OFTEN, _OFTEN_ENOUGH_ALONE = 4, 3
_EACH_AGAIN, _AGAIN_AT_MOST = 0.4, 4


def bad_record(view: View) -> Case | None:
    """One record fails again and again: the failing lines name the same identity while others pass."""
    best: tuple[int, LogPattern, str, str] | None = None
    for pattern in view.table.patterns:
        if (
            pattern.severity not in ("WARN", "WARNING", "ERROR", "FATAL", "CRITICAL")
            or pattern.first_seen < view.baseline_end
        ):
            continue
        for name, values in pattern.attributes.items():
            if not _IDENTITY.search(name) or not values:
                continue
            value, count = max(values.items(), key=lambda item: (item[1], item[0]))
            enough = count >= _OFTEN or count == sum(values.values()) >= _OFTEN_ENOUGH_ALONE
            if enough and count >= 0.7 * sum(values.values()) and (best is None or count > best[0]):
                best = (count, pattern, name, value)
    if best is None:
        return None
    count, pattern, name, value = best
    symptom = next(
        (s for s in view.scene.symptoms if s.subject == pattern.template and s.entity == pattern.entity), None
    )
    # Broken code fails for whatever comes: each further failure of the same record speaks for the record.
    weight = 4.2 + _EACH_AGAIN * min(count - _OFTEN, _AGAIN_AT_MOST)
    supports = [view.support(weight, f"{count} failing lines are about the same {name} {value}", symptom)]
    again = view.with_text(Failure.POISON, Failure.PARSE, Failure.VALIDATION, Failure.SCHEMA)
    if again:
        supports.append(view.support(1.6, f"it cannot be processed and comes back: {again[0].sentence}", again[0]))
    lag = next((s for s in view.scene.symptoms if s.has("lag+", "queue+")), None)
    if lag is not None:
        supports.append(view.support(0.8, lag.sentence, lag))
    return Case(
        view.scene.entity,
        FaultKind.BAD_DATA,
        Remediation.QUARANTINE_DATA,
        f"one bad record ({name} {value}) fails again and again",
        tuple(supports),
    )
