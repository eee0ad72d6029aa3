"""Syncs of Argo CD: which revision each application was brought to, and when."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from diagnosis.telemetry import Change, ChangeKind, Window
from tools.change_feeds.fields import Fields, first, mapping, moment, sequence, sha, text
from tools.spec import ToolError

MOST_APPLICATIONS = 5_000
MOST_SYNCS = 100  # of one application; Argo CD keeps ten unless told otherwise


class ArgoCdFeed:
    """The sync history of all applications that the token may see. ``fetch`` returns decoded JSON of a path."""

    name = "Argo CD"

    def __init__(self, fetch: Callable[[str, Mapping[str, str]], object]) -> None:
        self._fetch = fetch

    def changes(self, window: Window) -> Sequence[Change]:
        """Syncs that ended in the window; raises ``ToolError`` for an answer of another shape."""
        return tuple(change for change in self._syncs() if change.time in window)

    def read(self, id: str) -> Change | None:
        """A sync by its id as listed; the diff is that of its commit."""
        return next((change for change in self._syncs() if change.id == id), None) if id.startswith("argocd/") else None

    def _syncs(self) -> Iterator[Change]:
        answer = self._fetch("/api/v1/applications", {})
        # An installation without applications says null.
        if not isinstance(answer, Mapping) or not isinstance(answer.get("items", []), list | None):
            raise ToolError("Argo CD answered without a list of applications: is the URL that of its server?")
        for application in sequence(answer.get("items"))[:MOST_APPLICATIONS]:
            yield from _of(mapping(application))


def _of(application: Fields) -> Iterator[Change]:
    metadata, status = mapping(application.get("metadata")), mapping(application.get("status"))
    name, namespace = first(metadata, "name"), first(metadata, "namespace")
    history = [mapping(item) for item in sequence(status.get("history"))[-MOST_SYNCS:]]
    before = ""
    for place, sync in enumerate(history):
        revision, time = _revision(sync), moment(sync.get("deployedAt")) or moment(sync.get("deployStartedAt"))
        if name and revision and time is not None:
            # Images are told of the present state only.
            image = _version(status) if place == len(history) - 1 else ""
            yield Change(
                ChangeKind.DEPLOY, f"argocd/{namespace}/{name}/{text(sync.get('id'))}", time, name,
                f"sync of {name} to {revision[:12]}", _initiator(sync), commit=sha(revision),
                version=image or ("" if sha(revision) else revision), before=before, after=revision,
            )  # fmt: skip
        before = revision or before


def _revision(sync: Fields) -> str:
    """The revision; of an application with several sources that of the first that is a commit."""
    several = [text(item) for item in sequence(sync.get("revisions"))[:20]]
    return text(sync.get("revision")) or next((item for item in several if sha(item)), several[0] if several else "")


def _version(status: Fields) -> str:
    """The tag of the image, where the application runs but one."""
    images = [text(item) for item in sequence(mapping(status.get("summary")).get("images"))[:20]]
    return images[0].rpartition("/")[2].partition("@")[0].partition(":")[2] if len(images) == 1 else ""


def _initiator(sync: Fields) -> str:
    initiated = mapping(sync.get("initiatedBy"))
    return first(initiated, "username") or ("automated sync" if initiated.get("automated") is True else "")
