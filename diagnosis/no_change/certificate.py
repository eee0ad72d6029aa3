"""A certificate ran out: by the clock, at the moment that is written in it."""

import re

from diagnosis.failure_text import Failure
from diagnosis.findings import FaultKind, Remediation, Support
from diagnosis.no_change.case import Case, View


def certificate(view: View) -> Case | None:
    """A certificate ran out: a gauge reached zero at the onset, or handshakes say "expired"."""
    supports: list[Support] = []
    ended = next((s for s in view.scene.symptoms if s.has("expiry0")), None)
    if ended is not None and ended.onset is not None and abs(ended.onset - view.scene.onset) <= 300:
        supports.append(view.support(5.0, f"{ended.sentence} at the onset", ended))
    texts = view.with_text(Failure.CERTIFICATE)
    if texts:
        expired = any(re.search(r"expired|not yet valid|notafter", s.text, re.I) for s in texts)
        supports.append(
            view.support(
                4.5 if expired else 2.5,
                f"new failing lines about a certificate: {texts[0].sentence}",
                texts[0],
            )
        )
        if expired:
            supports.append(view.support(1.0, "validity ends by the clock, not by a deploy"))
    if not supports:
        return None
    entity = view.scene.entity
    return Case(
        entity,
        FaultKind.CERTIFICATE,
        Remediation.ROTATE_CERTIFICATE,
        f"a certificate that {entity} depends on is no longer valid",
        tuple(supports),
    )
