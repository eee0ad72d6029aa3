"""How a change reached production: its own deploy, a later deploy that carried it along, or the flag that it waits for.

A commit that nobody deployed by its own id rides the next deploy of an entity that its files belong to (of any entity,
where they belong to none): deploys ship the head of the branch, so they carry every commit merged before them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from diagnosis.telemetry import Change, ChangeKind
from diagnosis.words import split_identifier, stem

_GENERIC = frozenset("service svc server app api srv backend web core main src lib pkg cmd internal job".split())


@dataclass(frozen=True, slots=True)
class Delivery:
    """``time`` (epoch seconds) and ``entity`` ("" when unknown) where a change took effect.

    ``how`` is deployed (its own deploy), carried (a later deploy of an entity that it belongs to), flipped (a flag),
    or merged (no deploy is known at all; the change's own time).
    """

    time: float
    entity: str
    how: str
    by: str = ""


def deliveries(change: Change, changes: Iterable[Change], entities: Iterable[str], before: float) -> list[Delivery]:
    """Every way in which ``change`` may have taken effect before ``before``, earliest first."""
    if change.kind is not ChangeKind.COMMIT:
        return [Delivery(change.time, change.entity, "flipped", change.id)] if change.time <= before else []
    deploys = sorted((c for c in changes if c.kind is ChangeKind.DEPLOY), key=lambda c: (c.time, c.entity))
    own = [d for d in deploys if same_commit(d.commit, change.id)]
    if own:
        return [Delivery(d.time, d.entity, "deployed", d.id) for d in own if d.time <= before]
    found: dict[str, Delivery] = {}
    owners = owners_of(change.files, tuple(sorted(set(entities))))
    for deploy in deploys:
        if not change.time <= deploy.time <= before or deploy.entity in found:
            continue
        if owners and deploy.entity not in owners:
            continue
        found[deploy.entity] = Delivery(deploy.time, deploy.entity, "carried", deploy.id)
    if found:
        return sorted(found.values(), key=lambda d: (d.time, d.entity))
    owner = next(iter(sorted(owners)), "") if len(owners) == 1 else ""
    ever = any(d.entity in owners for d in deploys) if owners else bool(deploys)
    if ever or change.time > before:
        return []  # its entity is deployed explicitly, and no deploy carried it in time
    return [Delivery(change.time, owner, "merged", change.id)]


def same_commit(a: str, b: str) -> bool:
    """True for equal commit ids, also where one is abbreviated (seven digits or more)."""
    short, long = sorted((a.lower(), b.lower()), key=len)
    return len(short) >= 7 and long.startswith(short)


@lru_cache(maxsize=10_000)
def entity_stem(entity: str) -> frozenset[str]:
    """The telling words of an entity's name: ``billing-svc`` and ``billingservice`` are both billing."""
    parts = list(split_identifier(entity.replace(".", "_").replace("/", "_")))
    words = {stem(_without_suffix(part)) for part in parts if _without_suffix(part) not in _GENERIC}
    return frozenset(words or {stem(part) for part in parts})


def _without_suffix(part: str) -> str:
    return next(
        (part[: -len(s)] for s in ("service", "server", "svc", "api") if part.endswith(s) and len(part) > len(s) + 2),
        part,
    )


def path_words(path: str) -> list[frozenset[str]]:
    """Words of each folder and of the file name (without its ending), outermost first."""
    parts = path.split("/")
    parts[-1] = parts[-1].split(".")[0]
    return [frozenset(stem(word) for word in split_identifier(part.replace(".", "_"))) for part in parts if part]


@lru_cache(maxsize=20_000)
def owners_of(files: tuple[str, ...], entities: tuple[str, ...]) -> frozenset[str]:
    """Entities that the files' paths name; empty when they name none (shared code, or an unknown layout)."""
    owners: set[str] = set()
    for path in files:
        words = path_words(path)
        flat = frozenset(word for part in words for word in part)
        joined = ["".join(sorted(part)) for part in words]
        for entity in entities:
            stems = entity_stem(entity)
            if not stems:
                continue
            folders = words[:-1] or words
            if (
                any(stems <= part for part in folders)
                or any(_covers(stems, part) for part in folders)
                or "".join(sorted(stems)) in joined
                or (len(stems) > 1 and stems <= flat)
            ):
                owners.add(entity)
    return frozenset(owners)


def _covers(stems: frozenset[str], part: frozenset[str]) -> bool:
    """``parcel`` names parceltracker: a folder word of five letters or more that starts the entity's name."""
    name = "".join(sorted(stems)) if len(stems) == 1 else ""
    return bool(name) and any(len(word) >= 5 and (name.startswith(word) or word.startswith(name)) for word in part)
