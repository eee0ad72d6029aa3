"""A machine or a zone is ill, and its tenants suffer together."""

import re

from diagnosis.failure_text import Failure
from diagnosis.findings import FaultKind, Remediation, Support
from diagnosis.no_change.case import Case, View, share_of


def infrastructure(view: View) -> Case | None:
    """A machine or a zone is ill: what shares it suffers together, whatever the software."""
    supports: list[Support] = []
    texts = view.with_text(Failure.NODE, Failure.HARDWARE)
    if texts:
        supports.append(
            view.support(
                3.6 * max(0.6, share_of(texts[0], view)),
                f"the platform reports a sick machine: {texts[0].sentence}",
                texts[0],
            )
        )
    sick = {s.entity for s in view.scene.symptoms if s.bad}
    tenants: dict[str, set[str]] = {}
    for entity, host in view.hosts.items():
        tenants.setdefault(host, set()).add(entity)
    shared = [(host, who & sick, who) for host, who in tenants.items() if len(who & sick) >= 2]
    if shared and len(tenants) > 1:
        host, ill, who = max(shared, key=lambda item: (len(item[1]) / len(item[2]), len(item[1]), item[0]))
        elsewhere = sick - who
        if len(ill) / len(who) >= 0.7 and len(elsewhere & set(view.hosts)) <= len(ill) // 2:
            supports.append(view.support(3.0, f"{', '.join(sorted(ill))} all run on {host} and suffer together"))
    node = next(
        (
            s
            for s in view.scene.symptoms
            if s.bad
            and re.search(
                r"\b(node|host|hypervisor|instance|vm|rack|zone|az)\b|^ip-|node[_-]",
                s.entity.replace("_", "-"),
                re.I,
            )
        ),
        None,
    )
    if node is not None:
        supports.append(view.support(1.8, f"the machine itself deviates: {node.sentence}", node))
    steal = next(
        (
            s
            for s in view.scene.symptoms
            if s.bad and re.search(r"steal|iowait|disk_(io|read|write)|await|node_|hardware|ecc|edac", s.subject, re.I)
        ),
        None,
    )
    if steal is not None:
        supports.append(view.support(1.5, steal.sentence, steal))
    if not supports:
        return None
    return Case(
        view.scene.entity,
        FaultKind.INFRASTRUCTURE,
        Remediation.FAILOVER,
        "the machine or zone underneath is failing",
        tuple(supports),
    )
