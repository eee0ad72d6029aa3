"""CDEvents (cdevents.dev, 0.3 to 0.5): a ``context`` with type, id and time, and a ``subject`` with its content."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from diagnosis.telemetry import Change, ChangeKind
from tools.change_feeds.event_errors import ChangeEventError, NotAChangeError
from tools.change_feeds.fields import Fields, clipped_diff, file_names, first, mapping, moment, scoped, sha, text

_TYPE = re.compile(r"(?:dev\.cdevents|cd)\.([a-z]+)\.([a-z]+)(?:\.|$)", re.IGNORECASE)
_PURL = re.compile(r"pkg:[^@?#]*?/?([^/@?#]+)@([^?#]+)")
_SERVICE = {
    "deployed": "deployed",
    "upgraded": "upgraded",
    "rolledback": "rolled back",
    "removed": "removed",
}


def is_cdevent(data: Fields) -> bool:
    """True for an object with the two parts that every CDEvent has."""
    return isinstance(data.get("context"), dict) and isinstance(data.get("subject"), dict)


@dataclass(frozen=True, slots=True)
class _Event:
    id: str
    time: float
    subject: str
    content: Fields
    custom: Fields

    @property
    def name(self) -> str:
        """The subject without the path before it: service/myapp is myapp."""
        return first(self.content, "name") or self.subject.rstrip("/").rpartition("/")[2]

    @property
    def commit(self) -> str:
        return first(self.custom, "commit", "sha", "revision") or sha(self.version)

    @property
    def version(self) -> str:
        """The version in the package URL of the artifact, or what the sender added."""
        found = _PURL.match(text(self.content.get("artifactId")))
        return unquote(found[2], errors="replace") if found else first(self.custom, "version")


def change_of(data: Fields) -> Change:
    """The change that a CDEvent tells of.

    An artifact that is published changes nothing that runs: like a commit, it waits for the deploy that ships it.
    Raises ``NotAChangeError`` for events that are no change, ``ChangeEventError`` for what is broken.
    """
    context, subject = mapping(data.get("context")), mapping(data.get("subject"))
    type_name = text(context.get("type"))
    parts = _TYPE.match(type_name)
    if parts is None:
        raise ChangeEventError(
            f"{type_name[:80]!r} is no type of a CDEvent: it is like dev.cdevents.service.deployed.0.2.0"
        )
    kind, did = parts[1].lower(), parts[2].lower()
    match kind, did:
        case "service", _ if did in _SERVICE:
            return _service(_event(context, subject, data), _SERVICE[did])
        case "environment", "modified":
            return _environment(_event(context, subject, data))
        case "change", "merged":
            return _merged(_event(context, subject, data))
        case "artifact", "published":
            return _published(_event(context, subject, data))
        case "incident", _:
            raise NotAChangeError(f"{type_name[:80]} is an incident and no change: post alerts to /alerts")
        case _:
            raise NotAChangeError(
                f"{type_name[:80]} changes nothing that runs: send service.deployed, upgraded, rolledback or removed, "
                "environment.modified, change.merged, artifact.published"
            )


def _event(context: Fields, subject: Fields, data: Fields) -> _Event:
    time = moment(context.get("timestamp")) or moment(context.get("time"))
    id, about = first(context, "id"), first(subject, "id")
    if time is None:
        given = text(context.get("timestamp"))[:60]
        raise ChangeEventError(f"context.timestamp {given!r} is no time: write it like 2026-11-24T03:00:00Z")
    if not id or not about:
        raise ChangeEventError("a CDEvent needs context.id and subject.id")
    told = scoped(id, first(context, "source"))
    return _Event(told, time, about, mapping(subject.get("content")), mapping(data.get("customData")))


def _service(event: _Event, did: str) -> Change:
    where = first(event.content, "environment")
    title = first(event.custom, "title") or f"{event.name} {did}{f' in {where}' if where else ''}"
    return _change(event, ChangeKind.DEPLOY, event.id, event.name, title, event.commit, event.version)


def _environment(event: _Event) -> Change:
    title = first(event.custom, "title") or f"environment {event.name} modified"
    return _change(event, ChangeKind.CONFIG, event.id, first(event.custom, "service", "entity"), title)


def _merged(event: _Event) -> Change:
    repository = first(mapping(event.content.get("repository")), "name", "id")
    title = first(event.custom, "title") or f"change {event.name} merged{f' into {repository}' if repository else ''}"
    id = first(event.custom, "commit", "sha", "revision") or sha(event.name) or event.subject
    return _change(event, ChangeKind.COMMIT, id, "", title)


def _published(event: _Event) -> Change:
    found = _PURL.match(event.subject)
    name, version = (found[1], unquote(found[2], errors="replace")) if found else (event.name, "")
    id = sha(version.removeprefix("sha256:")) or event.id
    return _change(event, ChangeKind.COMMIT, id, "", f"artifact {name} {version} published", version=version)


def _change(
    event: _Event, kind: ChangeKind, id: str, entity: str, title: str, commit: str = "", version: str = ""
) -> Change:
    author = first(event.custom, "author", "user") or first(event.content, "user")
    return Change(
        kind, id, event.time, entity, title, author, file_names(event.custom.get("files")),
        clipped_diff(event.custom.get("diff")), commit, version,
        first(event.custom, "from", "before"), first(event.custom, "to", "after"),
    )  # fmt: skip
