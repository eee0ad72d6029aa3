"""What was changed during an incident, as it goes into the change feed."""

from dataclasses import dataclass

from evals.lab.clock import rfc3339


@dataclass(frozen=True)
class Commit:
    """A commit that was made. ``id`` is the SHA-1 of its parent's id, its metadata and its diff."""

    id: str
    time: float
    author: str
    title: str
    files: tuple[str, ...]
    diff: str

    def to_record(self) -> dict[str, object]:
        """Its line of ``changes.ndjson``."""
        return {
            "kind": "commit",
            "id": self.id,
            "timestamp": rfc3339(self.time),
            "author": self.author,
            "title": self.title,
            "files": list(self.files),
            "diff": self.diff,
        }


@dataclass(frozen=True)
class Deploy:
    """A service that was restarted on the release of a commit."""

    time: float
    service: str
    commit: str
    version: str

    def to_record(self) -> dict[str, object]:
        """Its line of ``changes.ndjson``."""
        return {
            "kind": "deploy",
            "id": f"{self.service}-{self.version}",
            "timestamp": rfc3339(self.time),
            "service": self.service,
            "commit": self.commit,
            "version": self.version,
        }


@dataclass(frozen=True)
class FlagChange:
    """A flag of a service that was switched."""

    time: float
    flag: str
    service: str
    before: bool
    after: bool
    author: str

    def to_record(self) -> dict[str, object]:
        """Its line of ``changes.ndjson``."""
        return {
            "kind": "flag",
            "id": self.flag,
            "timestamp": rfc3339(self.time),
            "service": self.service,
            "from": "on" if self.before else "off",
            "to": "on" if self.after else "off",
            "author": self.author,
        }


Change = Commit | Deploy | FlagChange
