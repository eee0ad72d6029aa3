"""Somebody else's system fails, and nothing of ours that the calls pass through is at fault itself."""

import re

from diagnosis.failure_text import Failure
from diagnosis.findings import FaultKind, Remediation
from diagnosis.no_change.case import Case, View, share_of
from diagnosis.symptoms import Symptom
from diagnosis.words import split_identifier

_HOST = re.compile(r"(?:https?://)?((?:[a-z0-9-]+\.)+(?:[a-z]{2,24}))(?::\d+)?", re.I)
_PEER_WORDS = frozenset("external thirdparty vendor provider partner saas".split())
_PEER_FAILS = (
    Failure.UNAVAILABLE,
    Failure.TIMEOUT,
    Failure.REFUSED,
    Failure.RESET,
    Failure.RATE_LIMITED,
    Failure.UNREACHABLE,
    Failure.OVERLOADED,
)


def foreign_peer(view: View) -> Case | None:
    """Calls to somebody else's system fail, and nothing of ours that they pass through is at fault itself."""
    blamed: dict[str, list[Symptom]] = {}
    for symptom in view.scene.symptoms:
        if symptom.channel.value == "logs" and _STATUS.search(symptom.text):
            for peer in _foreign_names(symptom.text, view):
                blamed.setdefault(peer, []).append(symptom)
    for symptom in view.with_text(*_PEER_FAILS, Failure.OTHER, Failure.EXCEPTION):
        for peer in _foreign_names(symptom.text, view):
            blamed.setdefault(peer, []).append(symptom)
    for symptom in view.scene.symptoms:
        node = view.scene.topology.node(symptom.entity)
        if symptom.bad and ((node is not None and not node.owned) or _is_foreign(symptom.entity)):
            blamed.setdefault(symptom.entity, []).append(symptom)
    if not blamed:
        return None
    peer, texts = max(sorted(blamed.items()), key=lambda item: sum(s.strength for s in item[1]))
    supports = [
        view.support(
            3.8 * max(share_of(s, view) for s in texts),
            f"failing calls name {peer}, which is not ours: {texts[0].sentence}",
            texts[0],
        )
    ]
    metrics = [
        s for s in view.scene.symptoms if s.channel.value == "metrics" and s.bad and _mentions_peer(s.subject, peer)
    ]
    if metrics:
        supports.append(view.support(1.2, metrics[0].sentence, metrics[0]))
    status = next((s for s in texts if s.channel.value == "logs" and _STATUS.search(s.text)), None)
    if status is not None:
        supports.append(view.support(2.0, f"the provider reports trouble: {status.sentence}", status))
    if len(texts) > 1:
        supports.append(view.support(0.6, f"{len(texts)} kinds of failing lines agree on {peer}", texts[1]))
    return Case(
        view.scene.entity,
        FaultKind.DEPENDENCY_OUTAGE,
        Remediation.FAILOVER,
        f"{peer}, a dependency outside our control, is failing",
        tuple(supports),
    )


def _foreign_names(text: str, view: View) -> set[str]:
    ours = {entity.lower() for entity in view.scene.entities}
    found = set()
    for host in _HOST.findall(text):
        name = host.lower()
        if (
            name.endswith((".internal", ".local", ".svc", ".cluster", ".lan", ".corp", ".intra", *_FILE_ENDINGS))
            or ".svc." in name
        ):
            continue
        labels = name.split(".")
        if any(entity in labels or entity.replace("-", "") in labels for entity in ours) or labels[-1] not in _PUBLIC:
            continue
        found.add(name)
    return found | {word for word in re.findall(r"[A-Za-z][\w-]{3,}", text) if _is_foreign(word)}


# What providers and those who watch them call it when a provider is in trouble.
_STATUS = re.compile(r"status ?page|incident|outage|degraded|partial(ly)? unavailable|maintenance", re.I)
_FILE_ENDINGS = (
    ".go",
    ".py",
    ".java",
    ".js",
    ".ts",
    ".rs",
    ".sql",
    ".yaml",
    ".json",
    ".html",
    ".css",
    ".class",
    ".lock",
)
_PUBLIC = frozenset(
    "com net org io dev co ai app cloud eu us uk de fr jp info biz example test tech online systems services".split()
)


def _is_foreign(name: str) -> bool:
    words = split_identifier(name)
    return bool(_PEER_WORDS & set(words)) and len(words) > 1


def _mentions_peer(metric: str, peer: str) -> bool:
    words = {word for word in split_identifier(peer.replace(".", "_")) if len(word) > 3 and word not in _PUBLIC}
    return bool(words & set(split_identifier(metric.replace(".", "_")))) or _is_foreign(metric)
