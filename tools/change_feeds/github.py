"""Deployments of a GitHub repository, at the time when they succeeded."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import orjson

from diagnosis.telemetry import Change, ChangeKind, Window
from tools.change_feeds.fields import Fields, first, mapping, moment, text
from tools.change_feeds.lateness import in_time
from tools.http.fetch import Fetch
from tools.spec import ToolError

MOST_PAGES = 10
MOST_DEPLOYMENTS = 100  # whose statuses are read for one window
_PER_PAGE = 100
_LONGEST_SECONDS = 86_400  # between the request of a deployment and its success
_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}")
_REACHED = ("success", "in_progress", "failure", "error")  # in this order the first time of a state counts


class GitHubFeed:
    """Deployments of ``repository`` (owner/name). ``fetch`` gets a path and query parameters, and returns JSON.

    A deployment that is under way or failed half-way counts from its start; one that only waits is none yet.
    """

    def __init__(self, repository: str, fetch: Fetch) -> None:
        if not _REPOSITORY.fullmatch(repository):
            raise ValueError(f"changes.github.repository {repository[:80]!r} is no repository: write owner/name")
        self._base = "/repos/" + "/".join(quote(part, safe="") for part in repository.split("/")) + "/deployments"
        self._repository, self._fetch = repository, fetch
        self.name = f"GitHub {repository}"

    def changes(self, window: Window) -> Sequence[Change]:
        """Deployments that took effect in the window; raises ``ToolError`` for an answer of another shape."""
        fetch = in_time(self._fetch)
        found = [self._change(fetch, deployment) for deployment in self._deployments(fetch, window)]
        return tuple(change for change in found if change is not None and change.time in window)

    def read(self, id: str) -> Change | None:
        """A deployment by its id as listed; GitHub has no diff for it."""
        prefix, _, number = id.rpartition("/")
        if prefix != f"github/{self._repository}" or not re.fullmatch(r"\d{1,20}", number):
            return None
        fetch = in_time(self._fetch)
        return self._change(fetch, mapping(fetch(f"{self._base}/{number}", {})))

    def _deployments(self, fetch: Fetch, window: Window) -> Iterator[Fields]:
        """Newest first, until they are too old; a bound keeps a busy repository from taking all time."""
        taken = 0
        for page in range(1, MOST_PAGES + 1):
            answer = _list(fetch, self._base, page)
            for item in map(mapping, answer):
                created = moment(item.get("created_at"))
                if created is None or created >= window.end:
                    continue
                if created < window.start - _LONGEST_SECONDS or taken == MOST_DEPLOYMENTS:
                    return
                taken += 1
                yield item
            if len(answer) < _PER_PAGE:
                return

    def _change(self, fetch: Fetch, deployment: Fields) -> Change | None:
        number = text(deployment.get("id"))
        if not number.isdigit():
            return None
        reached: dict[str, float] = {}
        for status in map(mapping, _list(fetch, f"{self._base}/{number}/statuses", 1)):
            state, time = text(status.get("state")), moment(status.get("created_at"))
            if time is not None:
                reached[state] = min(time, reached.get(state, time))
        state = next((state for state in _REACHED if state in reached), "")
        if not state:
            return None
        where, entity = text(deployment.get("environment")), self._entity(deployment)
        outcome = "" if state == "success" else " (failed)" if {"failure", "error"} & reached.keys() else " (under way)"
        title = text(deployment.get("description")) or f"deploy of {entity}{f' to {where}' if where else ''}"
        ref, commit = text(deployment.get("ref")), text(deployment.get("sha"))
        return Change(
            ChangeKind.DEPLOY, f"github/{self._repository}/{number}", reached[state], entity, title + outcome,
            first(mapping(deployment.get("creator")), "login"), commit=commit, version="" if ref == commit else ref,
        )  # fmt: skip

    def _entity(self, deployment: Fields) -> str:
        """What was deployed: named in the payload or after the task (deploy:checkout), else the repository."""
        payload = deployment.get("payload")
        if isinstance(payload, str):
            try:
                payload = orjson.loads(payload)
            except orjson.JSONDecodeError:
                payload = {}
        named = first(mapping(payload), "service", "application", "app", "component")
        return named or text(deployment.get("task")).partition(":")[2] or self._repository.rpartition("/")[2]


def _list(fetch: Fetch, path: str, page: int) -> Sequence[object]:
    answer = fetch(path, {"per_page": str(_PER_PAGE), "page": str(page)})
    if not isinstance(answer, list):
        raise ToolError(f"GitHub answered {path} with {type(answer).__name__} instead of a list")
    return answer
