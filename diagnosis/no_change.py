"""The case for "nobody's change": causes that come from outside, from time, from demand, from machines or from data.

Each detector looks for the mechanism itself and returns a case with its reasons, or nothing.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from diagnosis.change_linking import Scene
from diagnosis.failure_text import Failure
from diagnosis.findings import FaultKind, Remediation, Support
from diagnosis.measures import Measure, measure_of
from diagnosis.symptoms import Symptom, amount
from diagnosis.telemetry import LogPattern, PatternTable, SeriesMatrix
from diagnosis.words import split_identifier


@dataclass(frozen=True, slots=True)
class Case:
    """A cause that is no change: where, of which kind, how strong (nats), and why."""

    entity: str
    fault_kind: FaultKind
    remediation: Remediation
    sentence: str
    supports: tuple[Support, ...]

    @property
    def score(self) -> float:
        return sum(support.weight for support in self.supports)


@dataclass(frozen=True, slots=True)
class View:
    """All that the detectors may look at."""

    scene: Scene
    matrix: SeriesMatrix
    table: PatternTable
    hosts: dict[str, str]
    baseline_end: float

    def support(self, weight: float, reason: str, symptom: Symptom | None = None) -> Support:
        finding = self.scene.finding_ids.get(id(symptom), "") if symptom is not None else ""
        return Support(weight=weight, reason=reason, finding_id=finding)

    def with_text(self, *families: Failure) -> list[Symptom]:
        """Failing texts of these families that began with the incident, strongest first."""
        signals = {f"text:{family.value}" for family in families}
        found = [s for s in self.scene.symptoms if s.signals & signals and s.bad]
        return sorted(found, key=lambda s: (-s.strength, s.onset or 0.0, s.entity))


def cases(view: View) -> list[Case]:
    """Every case that can be made, strongest first."""
    made = [case for detector in _DETECTORS if (case := detector(view)) is not None]
    return sorted(made, key=lambda case: -case.score)


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


def dns(view: View) -> Case | None:
    """Names stop resolving: resolver errors are among the first and most frequent failing lines."""
    texts = view.with_text(Failure.DNS)
    if not texts:
        return None
    supports = [view.support(4.8 * _share(texts[0], view), f"names do not resolve: {texts[0].sentence}", texts[0])]
    who = {s.entity for s in texts}
    if len(who) > 1:
        supports.append(view.support(1.2, f"{len(who)} services fail to resolve names at once", texts[1]))
    metric = next((s for s in view.scene.symptoms if "dns" in s.subject.lower() or "coredns" in s.entity.lower()), None)
    if metric is not None:
        supports.append(view.support(1.5, metric.sentence, metric))
    return Case(view.scene.entity, FaultKind.DNS, Remediation.FAILOVER, "name resolution fails", tuple(supports))


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
            3.8 * max(_share(s, view) for s in texts),
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
    supports = [
        view.support(weight, f"demand rose {amount(ratio)} times, not after the first symptom: {first.sentence}", first)
    ]
    others = {s.entity: (s.after or 0) / (s.before or 1) for s in rises if s.entity != first.entity}
    alike = [entity for entity, other in others.items() if 0.6 <= other / ratio <= 1.6]
    if alike:
        supports.append(
            view.support(2.0, f"{', '.join(sorted(alike)[:4])} grew by the same factor: one cause in front of all")
        )
    if any(s.has("cpu+", "queue+", "text:overloaded", "limit-") for s in view.scene.symptoms):
        supports.append(view.support(1.2, "what is short is capacity: queues or processors are full"))
    if any(s.has("fanout+") for s in view.scene.symptoms) or (others and not alike):
        supports.append(view.support(-2.5, "the growth is uneven: calls per request changed"))
    return Case(
        view.scene.entity,
        FaultKind.TRAFFIC_SURGE,
        Remediation.SCALE,
        f"demand outgrew the capacity of {view.scene.entity}",
        tuple(supports),
    )


def infrastructure(view: View) -> Case | None:
    """A machine or a zone is ill: what shares it suffers together, whatever the software."""
    supports: list[Support] = []
    texts = view.with_text(Failure.NODE, Failure.HARDWARE)
    if texts:
        supports.append(
            view.support(
                3.6 * max(0.6, _share(texts[0], view)),
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


_IDENTITY = re.compile(
    r"(^|[._])(offset|message_?id|msg_?id|record_?id|event_?id|job_?id|row(_?id)?|document_?id|doc_?id|file(_?name)?|object(_?key)?|payload_?id|order_?id|item_?id|batch_?id|delivery_?tag|task_?id|key|uuid|entry_?id|image_?id|asset_?id|media_?id|invoice_?id|shipment_?id|tracking_?(id|number))$",
    re.I,
)


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
            if count >= 4 and count >= 0.7 * sum(values.values()) and (best is None or count > best[0]):
                best = (count, pattern, name, value)
    if best is None:
        return None
    count, pattern, name, value = best
    symptom = next(
        (s for s in view.scene.symptoms if s.subject == pattern.template and s.entity == pattern.entity), None
    )
    supports = [view.support(4.2, f"{count} failing lines are about the same {name} {value}", symptom)]
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


def growth(view: View) -> Case | None:
    """A store filled by steady growth: the ramp is as old as the window, and it met its limit at the onset."""
    texts = view.with_text(Failure.DISK_FULL, Failure.RATE_LIMITED)
    if not texts:
        return None
    before = view.matrix.times < view.scene.onset
    if before.sum() < 8:
        return None
    for key, row in zip(view.matrix.keys, view.matrix.values, strict=True):
        words = set(split_identifier(key.metric))
        if not words & {
            "disk",
            "volume",
            "filesystem",
            "storage",
            "used",
            "usage",
            "quota",
            "inodes",
            "bytes",
            "capacity",
        }:
            continue
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


def _share(symptom: Symptom, view: View) -> float:
    """How much of the failing text around the onset this symptom is, 0.4 to 1: the main noise, or one of many."""
    first = [s for s in view.scene.symptoms if s.bad and s.channel.value != "metrics"]
    earliest = min((s.onset for s in first if s.onset is not None), default=None)
    early = symptom.onset is None or earliest is None or symptom.onset <= earliest + 120
    return 0.4 + 0.3 * symptom.strength + (0.3 if early else 0.0)


_DETECTORS: Sequence[Callable[[View], Case | None]] = (
    certificate,
    dns,
    foreign_peer,
    surge,
    infrastructure,
    bad_record,
    growth,
    clock,
)
