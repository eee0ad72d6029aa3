"""The live systems of the settings, each with one client and one guard for the whole process.

Shared by all investigations, so that a struggling backend is left alone by all of them at once.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from agent.settings import Backend, Settings
from diagnosis.telemetry import Change, LogRecord, Window
from tools.change_feeds.lateness import in_time
from tools.http.connection import Connection
from tools.http.fetch import Fetch, json_fetcher
from tools.http.guard import Guard
from tools.live import live_tools
from tools.spec import Failed, LogBatch, Rows, SearchLogs, Tool, ToolError, ToolName

if TYPE_CHECKING:
    from agent.runbook_index import Runbooks
    from tools.changes import ChangeFeed

_log = logging.getLogger(__name__)

_ROLLOUT_LINES = 500  # a word
# What Kubernetes and kubectl write when a workload or its configuration is changed.
_ROLLOUT_WORDS = (
    "ScalingReplicaSet",
    "Pulled",
    "Pulling",
    "rollout",
    "configmap",
    "restarted",
    "rolled back",
    "image updated",
)


class Backends:
    """Builds what is asked for when it is first asked for; connecting nowhere by itself."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._settings, self._now = settings, now

    @cached_property
    def tools(self) -> Mapping[str, Tool[Any]]:
        """All tools over all configured systems; for what is not configured they answer "absent"."""
        from tools.changes import change_tools

        return live_tools(self._metrics, self._logs, change_tools(self._feeds), self._foreign)

    @cached_property
    def _foreign(self) -> Mapping[str, Tool[Any]]:
        """Those of other MCP servers; none is started before somebody asks."""
        if not self._settings.mcp.servers:
            return {}
        from agent.foreign_tools.calling import foreign_tools

        return foreign_tools(self._settings)

    @cached_property
    def _metrics(self) -> Mapping[str, Tool[Any]]:
        backend = self._settings.prometheus
        if backend is None:
            return {}
        from tools.prometheus import prometheus_tools

        connection = backend.connection("Prometheus")
        return prometheus_tools(connection, _guard(connection), backend.metrics, self._now)

    @cached_property
    def runbooks(self) -> "Runbooks":
        """What asks the index of the runbooks and that of confirmed incidents."""
        from agent.runbook_index import Runbooks

        return Runbooks(self._settings)

    @cached_property
    def _logs(self) -> Mapping[str, Tool[Any]]:
        backend = self._settings.opensearch
        if backend is None:
            return {}
        from tools.opensearch import opensearch_tools

        connection = backend.connection("OpenSearch")
        return opensearch_tools(connection, _guard(connection), backend.logs, self._now)

    @cached_property
    def _feeds(self) -> "tuple[ChangeFeed, ...]":
        """Posted changes always; the others where they are configured."""
        from agent.change_store import ChangeStore
        from tools.change_feeds.argocd import ArgoCdFeed
        from tools.change_feeds.git import GitFeed
        from tools.change_feeds.github import GitHubFeed
        from tools.change_feeds.kubernetes import KubernetesFeed
        from tools.change_feeds.mlflow import MlflowFeed

        wanted = self._settings.changes
        feeds: list[ChangeFeed] = [ChangeStore(self._settings.home), *(GitFeed(path) for path in wanted.git)]
        if wanted.github is not None and wanted.github.has_token:
            feeds.append(GitHubFeed(wanted.github.repository, _fetcher(wanted.github, "GitHub")))
        elif wanted.github is not None:
            feeds.append(_Unasked(f"GitHub {wanted.github.repository}", f"{wanted.github.token_env} is not set"))
        if wanted.argocd is not None:
            feeds.append(ArgoCdFeed(_fetcher(wanted.argocd, "ArgoCD")))
        if wanted.mlflow is not None:
            feeds.append(MlflowFeed(_fetcher(wanted.mlflow, "MLflow")))
        if ToolName.SEARCH_LOGS in self._logs:
            feeds.append(KubernetesFeed(self._rollout_lines))
        return tuple(feeds)

    def _rollout_lines(self, window: Window) -> tuple[LogRecord, ...]:
        """Log lines that may tell of a rollout; what they say is read by the feed."""
        search = in_time(self._logs[ToolName.SEARCH_LOGS].run)
        found: list[LogRecord] = []
        for word in _ROLLOUT_WORDS:
            answer = search(SearchLogs(start=window.start, end=window.end, contains=word, limit=_ROLLOUT_LINES))
            if isinstance(answer, Failed):
                raise ToolError(answer.reason)
            if isinstance(answer, Rows) and isinstance(answer.body, LogBatch):
                found += answer.body.records
                if answer.note:
                    _log.warning("Kubernetes events with %r: %s", word, answer.note)
        return tuple(found)


@dataclass(frozen=True)
class _Unasked:
    """A feed that is configured and cannot be asked: the report names it instead of saying that nothing was changed."""

    name: str
    reason: str

    def changes(self, window: Window) -> Sequence[Change]:
        raise ToolError(self.reason)

    def read(self, id: str) -> Change | None:
        raise ToolError(self.reason)


def _guard(connection: Connection) -> Guard:
    return Guard(connection.name, connection.at_once, connection.timeout_seconds)


def _fetcher(backend: Backend, name: str) -> Fetch:
    connection = backend.connection(name)
    return json_fetcher(connection, _guard(connection))
