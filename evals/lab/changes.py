"""What was changed during a run, and how it is told to the product: as CloudEvents, typed as CDEvents where they have one."""

from dataclasses import dataclass

from evals.lab.clock import rfc3339

Event = dict[str, object]


@dataclass(frozen=True)
class Commit:
    """A commit of the run's repository; ``id`` is its SHA. The product reads commits from git, so it has no event."""

    id: str
    time: float
    author: str
    title: str

    @property
    def names(self) -> frozenset[str]:
        """Ids under which a report may name it."""
        return frozenset((self.id,))


@dataclass(frozen=True)
class Deploy:
    """A service that was put on the release of a commit."""

    time: float
    service: str
    commit: str
    version: str
    author: str = "release-bot"

    @property
    def id(self) -> str:
        """Unique within a run: a version may be deployed again after it was rolled back."""
        return f"{self.service}-{self.version}-{int(self.time)}"

    def to_event(self) -> Event:
        """The CloudEvent of the deploy."""
        data = {"kind": "deploy", "service": self.service, "version": self.version, "commit": self.commit}
        told = {"author": self.author, "title": f"Deploy {self.service} {self.version}"}
        return _event(self.id, "dev.cdevents.service.deployed.0.1.1", self.service, self.time, data | told)


@dataclass(frozen=True)
class FlagChange:
    """A flag of a service that was switched."""

    time: float
    flag: str
    service: str
    before: bool
    after: bool
    author: str

    @property
    def id(self) -> str:
        """The flag with the time, since a flag is switched more than once."""
        return f"{self.flag}-{int(self.time)}"

    @property
    def names(self) -> frozenset[str]:
        """Ids under which a report may name it."""
        return frozenset((self.id, self.flag))

    def to_event(self) -> Event:
        """The CloudEvent of the switch."""
        before, after = ("on" if value else "off" for value in (self.before, self.after))
        data = {"kind": "flag", "service": self.service, "flag": self.flag, "from": before, "to": after}
        told = {"author": self.author, "title": f"Switch {self.flag} {after}"}
        return _event(self.id, "dev.openfeature.flag.changed", self.service, self.time, data | told)


@dataclass(frozen=True)
class ConfigChange:
    """A setting that was changed outside the source: ``key`` of ``service``, such as the version of a model."""

    time: float
    service: str
    key: str
    before: str
    after: str
    author: str
    title: str

    @property
    def id(self) -> str:
        """The setting with its new value."""
        return f"{self.service}-{self.key}-{self.after}-{int(self.time)}"

    @property
    def names(self) -> frozenset[str]:
        """Ids under which a report may name it."""
        return frozenset((self.id,))

    def to_event(self) -> Event:
        """The CloudEvent of the change."""
        data = {"kind": "config", "service": self.service, "key": self.key, "from": self.before, "to": self.after}
        told = {"version": self.after, "author": self.author, "title": self.title}
        return _event(self.id, "dev.cdevents.environment.modified.0.1.1", self.service, self.time, data | told)


Change = Commit | Deploy | FlagChange | ConfigChange


def _event(id: str, kind: str, subject: str, time: float, data: dict[str, str]) -> Event:
    return {
        "specversion": "1.0",
        "id": id,
        "source": "/shop/changes",
        "type": kind,
        "subject": subject,
        "time": rfc3339(time),
        "datacontenttype": "application/json",
        "data": data,
    }
