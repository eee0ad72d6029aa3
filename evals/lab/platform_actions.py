"""What the platform can do to the running shop: roll a change back, switch a flag, resize a pool. Each can be undone.

A platform knows deploys and flags, not incidents: it is told which change is to go, and finds out which release is
without it.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from evals.lab.change_maker import ChangeMaker
from evals.lab.source_tree import CommitDraft, Edit, Release
from evals.lab.steps import FlagStep

ON_BEHALF = "probable-cause"
_SETTINGS = "shop/settings.py"
_POOLS = {
    "inventory": "DB_POOL_SIZE",
    "pricing": "PRICING_DB_POOL_SIZE",
    "catalog": "CATALOG_DB_POOL_SIZE",
    "features": "FEATURES_DB_POOL_SIZE",
}
_LARGEST_POOL = 64
_COMMIT = re.compile(r"[0-9a-f]{7,40}", re.ASCII)


class PlatformError(Exception):
    """Something that the platform does not do; ``status`` is that of its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Look:
    """What an operation would do now; ``seen`` is another text once the shop is in another state."""

    effect: str
    lines: tuple[str, ...]
    seen: str


class Operation(Protocol):
    """One thing to do. Both methods raise ``PlatformError`` where it cannot be done."""

    def look(self, maker: ChangeMaker) -> Look:
        """What it would do; changes nothing."""

    def do(self, maker: ChangeMaker) -> "Operation":
        """Do it; the answer is what undoes it."""


@dataclass(frozen=True)
class PutRelease:
    """Run a release again that a service ran before."""

    service: str
    release: Release

    def look(self, maker: ChangeMaker) -> Look:
        now = _running(maker, self.service)
        lines = (f"version {now.version} → {self.release.version}",)
        return Look(f"{self.service} runs {self.release.version} again", lines, now.commit)

    def do(self, maker: ChangeMaker) -> Operation:
        now = _running(maker, self.service)
        maker.put(self.service, self.release, ON_BEHALF)
        return PutRelease(self.service, now)


@dataclass(frozen=True)
class RollBack:
    """Put a service on the newest release that it ran without ``change``, the id of a commit or of a deploy."""

    service: str
    change: str

    def look(self, maker: ChangeMaker) -> Look:
        now, before = _running(maker, self.service), self._without(maker)
        lines = (f"version {now.version} → {before.version}", f"commit {now.commit[:10]} → {before.commit[:10]}")
        return Look(f"{self.service} is rolled back to {before.version}, without {self.change}", lines, now.commit)

    def do(self, maker: ChangeMaker) -> Operation:
        return PutRelease(self.service, self._without(maker)).do(maker)

    def _without(self, maker: ChangeMaker) -> Release:
        now, tree = _running(maker, self.service), maker.tree
        commit = _commit_of(maker, self.service, self.change)
        if not _carries(tree.commits_in(now), commit):
            raise PlatformError(409, f"{self.service} does not run {self.change}: there is nothing to roll back")
        for deployed in reversed(maker.history(self.service)):
            if not _carries(tree.commits_in(deployed.release), commit):
                return deployed.release
        raise PlatformError(409, f"{self.service} never ran a release without {self.change}")


@dataclass(frozen=True)
class SwitchFlag:
    """Switch a flag that there is."""

    flag: str
    service: str
    on: bool

    def look(self, maker: ChangeMaker) -> Look:
        now = self._now(maker)
        line = f"{self.flag} of {self.service}: {_word(now)} → {_word(self.on)}"
        return Look(f"the flag {self.flag} of {self.service} is switched {_word(self.on)}", (line,), _word(now))

    def do(self, maker: ChangeMaker) -> Operation:
        now = self._now(maker)
        maker.take(FlagStep(self.flag, self.service, self.on, ON_BEHALF))
        return SwitchFlag(self.flag, self.service, now)

    def _now(self, maker: ChangeMaker) -> bool:
        now = maker.flag(self.flag)
        if now is None:
            raise PlatformError(404, f"there is no flag {self.flag!r}")
        _running(maker, self.service)
        return now


@dataclass(frozen=True)
class ResizePool:
    """Commit another size of a service's pool of store connections, and deploy that commit to the service."""

    service: str
    size: int

    def look(self, maker: ChangeMaker) -> Look:
        now = _running(maker, self.service)
        size = self._size_in(now.folder)
        line = f"store connections of {self.service}: {size} → {self.size}"
        return Look(f"{self.service} is deployed with {self.size} store connections", (line,), f"{now.commit} {size}")

    def do(self, maker: ChangeMaker) -> Operation:
        now, newest = _running(maker, self.service), self._size_in(maker.tree.repository)
        if newest != self.size:
            name = self._setting()
            edit = Edit(_SETTINGS, f"\n{name} = {newest}\n", f"\n{name} = {self.size}\n")
            title = f"{self.service}: {self.size} store connections"
            maker.take(CommitDraft(ON_BEHALF, title, (edit,)))
        maker.put(self.service, maker.tree.release, ON_BEHALF)
        return PutRelease(self.service, now)

    def _setting(self) -> str:
        if self.service not in _POOLS:
            raise PlatformError(404, f"{self.service!r} has no pool; there are {', '.join(_POOLS)}")
        if not 1 <= self.size <= _LARGEST_POOL:
            raise PlatformError(422, f"a pool has 1 to {_LARGEST_POOL} connections, not {self.size}")
        return _POOLS[self.service]

    def _size_in(self, folder: Path) -> int:
        found = re.search(rf"^{self._setting()} = (\d+)$", (folder / _SETTINGS).read_text(), re.MULTILINE)
        if found is None:
            raise PlatformError(409, f"{_SETTINGS} of {self.service} names no pool size")
        return int(found[1])


def _running(maker: ChangeMaker, service: str) -> Release:
    deploys = maker.history(service)
    if not deploys:
        raise PlatformError(404, f"there is no service {service!r}")
    return deploys[-1].release


def _commit_of(maker: ChangeMaker, service: str, change: str) -> str:
    """The commit behind a change, in full or by its beginning. A deploy counts as the commit that it brought."""
    known = {deployed.id: deployed.release.commit for deployed in maker.history(service)}
    commit = known.get(change, change)
    if not _COMMIT.fullmatch(commit):
        raise PlatformError(404, f"{service} has no deploy or commit {change!r}")
    return commit


def _carries(commits: frozenset[str], commit: str) -> bool:
    return any(carried.startswith(commit) for carried in commits)


def _word(on: bool) -> str:
    return "on" if on else "off"
