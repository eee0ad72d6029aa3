"""Rollouts and settings of Kubernetes workloads, found in the logs of a cluster.

A rollout is told by a new replica set, by an image other than before, or by somebody's kubectl. A pod that started is
none: it may have crashed, or moved to another node. Events of one workload that are near in time are one change.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from diagnosis.telemetry import Change, ChangeKind, LogRecord, Window
from tools.change_feeds.kubernetes_events import KUBECTL, KubernetesEvent, event_of

MOST_RECORDS = 20_000
ROLLOUT_SECONDS = 600.0  # between two events of one rollout at most
_SCALED = re.compile(r"Scaled (up|down) replica set ([a-z0-9.-]+)(?: from (\d+))? to (\d+)(?: from (\d+))?")
_IMAGE = re.compile(r"(?:Pulling|Successfully pulled|Container) image \"?([^\s\"]{1,500}?)\"?(?:\s.*)?", re.DOTALL)
_OF_DEPLOYMENT = re.compile(r"(.+?)-[0-9a-z]{6,10}-[0-9a-z]{5}")
_OF_SET = re.compile(r"(.+?)-(?:\d{1,4}|[0-9a-z]{5})")
_CONFIG_ENDING = re.compile(r"[-.](?:config|configmap|cm|conf|settings|env|secret|secrets)(?:-[0-9a-z]{10})?$")
_ROLLOUTS = frozenset(("restarted", "rolled back", "image updated"))
_ID = re.compile(r"kubernetes/[^/]*/[^/]+/(?:deploy|config)/(\d{1,12})")


@dataclass(frozen=True, slots=True)
class _Sign:
    """What one event says about a workload: a replica set or an image that it has now, or what kubectl did.

    ``before`` and ``after`` are replicas of the replica set (-1 where not told).
    """

    time: float
    namespace: str
    workload: str
    replica_set: str = ""
    before: int = -1
    after: int = -1
    image: str = ""
    did: str = ""


class KubernetesFeed:
    """``search`` returns log records of a window that may tell of rollouts, in any order, the same ones twice too."""

    name = "Kubernetes events"

    def __init__(self, search: Callable[[Window], Iterable[LogRecord]]) -> None:
        self._search = search

    def changes(self, window: Window) -> Sequence[Change]:
        """Rollouts that began in the window, and settings that were changed in it."""
        # Of a rollout that began before, the window holds but the rest: look back, and sieve by the first event.
        wide = Window(window.start - ROLLOUT_SECONDS, window.end)
        signs: set[_Sign] = set()
        for place, record in enumerate(self._search(wide)):
            event = event_of(record) if place < MOST_RECORDS else None
            sign = _sign(event) if event is not None else None
            if sign is not None:
                signs.add(sign)
        return tuple(change for change in _changes(signs) if change.time in window)

    def read(self, id: str) -> Change | None:
        """A change by its id as listed; events have no diff."""
        found = _ID.fullmatch(id)
        if found is None:
            return None
        window = Window(float(found[1]), float(found[1]) + ROLLOUT_SECONDS)
        return next((change for change in self.changes(window) if change.id == id), None)


def _sign(event: KubernetesEvent) -> _Sign | None:
    match event.kind:
        case "deployment" if event.reason == "ScalingReplicaSet":
            return _scaled(event)
        case "deployment" | "statefulset" | "daemonset" if event.reason == KUBECTL:
            return _Sign(event.time, event.namespace, event.name, did=event.message)
        case "configmap" | "secret":
            workload = _CONFIG_ENDING.sub("", event.name)
            return _Sign(event.time, event.namespace, workload, did=f"{event.kind} {event.name} {event.message[:100]}")
        case "pod" if event.reason in ("Pulled", "Pulling"):
            image = _IMAGE.fullmatch(event.message)
            return _Sign(event.time, event.namespace, _workload(event.name), image=image[1]) if image else None
    return None


def _scaled(event: KubernetesEvent) -> _Sign | None:
    found = _SCALED.match(event.message)
    if found is None:
        return None
    told = found[3] or found[5]
    before = int(told[:9]) if told else -1
    return _Sign(event.time, event.namespace, event.name, found[2], before, int(found[4][:9]))


def _workload(pod: str) -> str:
    of = _OF_DEPLOYMENT.fullmatch(pod) or _OF_SET.fullmatch(pod)
    return of[1] if of else pod


def _changes(signs: Iterable[_Sign]) -> Iterator[Change]:
    for of_workload in _by_workload(signs):
        images: dict[str, str] = {}
        for together in _near(of_workload):
            yield from _settings(together)
            rollout = _rollout(together, images)
            if rollout is not None:
                yield rollout


def _by_workload(signs: Iterable[_Sign]) -> Iterable[list[_Sign]]:
    """Signs of each workload, in order of time. kubectl tells no namespace: where there is but one, it is that."""
    ordered = sorted(signs, key=lambda s: (s.time, s.replica_set, s.image, s.did, s.after))
    homes: dict[str, set[str]] = {}
    for sign in ordered:
        homes.setdefault(sign.workload, set()).update({sign.namespace} - {""})
    grouped: dict[tuple[str, str], list[_Sign]] = {}
    for sign in ordered:
        only = min(homes[sign.workload]) if len(homes[sign.workload]) == 1 else sign.namespace
        here = replace(sign, namespace=sign.namespace or only)
        grouped.setdefault((here.namespace, here.workload), []).append(here)
    return grouped.values()


def _near(signs: Sequence[_Sign]) -> Iterator[list[_Sign]]:
    group: list[_Sign] = []
    for sign in signs:
        if group and sign.time - group[-1].time > ROLLOUT_SECONDS:
            yield group
            group = []
        group.append(sign)
    if group:
        yield group


def _settings(together: Sequence[_Sign]) -> Iterator[Change]:
    """What kubectl or a config map says, and replicas that were taken away without a rollout."""
    at_once: dict[int, list[_Sign]] = {}
    for sign in together:
        if sign.did and sign.did not in _ROLLOUTS:
            at_once.setdefault(int(sign.time), []).append(sign)
    for done in at_once.values():
        told = ", ".join(dict.fromkeys(sign.did for sign in done[:10]))
        yield _change(ChangeKind.CONFIG, done[0], f"{done[0].workload}: {told}")
    scaled = [sign for sign in together if sign.replica_set]
    if len({sign.replica_set for sign in scaled}) == 1 and scaled[-1].after < scaled[0].before:
        replicas = (str(scaled[0].before), str(scaled[-1].after))
        title = f"{scaled[0].workload} scaled from {replicas[0]} to {replicas[1]} replicas"
        yield _change(ChangeKind.CONFIG, scaled[0], title, before=replicas[0], after=replicas[1], key="replicas")


def _rollout(together: Sequence[_Sign], images: dict[str, str]) -> Change | None:
    """The rollout that the signs tell of, if any. ``images`` has the tag of each image so far, and is brought up to date."""
    scaled = [sign for sign in together if sign.replica_set]
    ordered = [sign for sign in together if sign.did in _ROLLOUTS]
    several = len({sign.replica_set for sign in scaled}) > 1
    fresh = [sign for sign in scaled if sign.before == 0 or (sign.before < 0 and sign.after == 1)]
    renewed: list[_Sign] = []
    before = version = ""
    for sign in together:
        if sign.image:
            name, tag = _split(sign.image)
            if images.get(name, tag) != tag:
                renewed.append(sign)
                before, version = images[name], tag
            images[name] = tag
            version = version or tag
    signs = [*ordered, *(scaled if several else fresh), *renewed]
    if not signs:
        return None
    begin = min(signs, key=lambda sign: sign.time)
    what = ordered[0].did if ordered else f"rolled out{f' {version}' if version else ''}"
    return _change(ChangeKind.DEPLOY, begin, f"{begin.workload} {what}", version, before, version if before else "")


def _split(image: str) -> tuple[str, str]:
    """Repository and tag (or digest) of an image; the colon of a registry's port is none of a tag."""
    name, at, digest = image.partition("@")
    folder, slash, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    return f"{folder}{slash}{base}", tag or (digest if at else "latest")


def _change(
    kind: ChangeKind, sign: _Sign, title: str, version: str = "", before: str = "", after: str = "", key: str = ""
) -> Change:
    id = f"kubernetes/{sign.namespace}/{sign.workload}/{kind.value}/{int(sign.time)}"
    return Change(kind, id, sign.time, sign.workload, title, version=version, before=before, after=after, key=key)
