"""Names stop resolving."""

from diagnosis.failure_text import Failure
from diagnosis.findings import FaultKind, Remediation
from diagnosis.no_change.case import Case, View, share_of


def dns(view: View) -> Case | None:
    """Names stop resolving: resolver errors are among the first and most frequent failing lines."""
    texts = view.with_text(Failure.DNS)
    if not texts:
        return None
    supports = [view.support(4.8 * share_of(texts[0], view), f"names do not resolve: {texts[0].sentence}", texts[0])]
    who = {s.entity for s in texts}
    if len(who) > 1:
        supports.append(view.support(1.2, f"{len(who)} services fail to resolve names at once", texts[1]))
    metric = next((s for s in view.scene.symptoms if "dns" in s.subject.lower() or "coredns" in s.entity.lower()), None)
    if metric is not None:
        supports.append(view.support(1.5, metric.sentence, metric))
    return Case(view.scene.entity, FaultKind.DNS, Remediation.FAILOVER, "name resolution fails", tuple(supports))
