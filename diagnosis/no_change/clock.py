"""A clock is wrong."""

import re

from diagnosis.failure_text import Failure
from diagnosis.findings import FaultKind, Remediation
from diagnosis.no_change.case import Case, View


def clock(view: View) -> Case | None:
    """Clocks disagree: tokens or signatures are refused for their time."""
    texts = view.with_text(Failure.CLOCK)
    if not texts:
        return None
    drift = next(
        (
            s
            for s in view.scene.symptoms
            if re.search(r"clock|ntp|chrony|timex|skew", s.subject, re.I) and s.channel.value == "metrics"
        ),
        None,
    )
    supports = [view.support(3.0, f"clocks disagree: {texts[0].sentence}", texts[0])]
    if drift is not None:
        supports.append(view.support(3.2, drift.sentence, drift))
    return Case(view.scene.entity, FaultKind.INFRASTRUCTURE, Remediation.RESTART, "a clock is wrong", tuple(supports))
