"""OpenSearch's API behind the guard: bodies as dictionaries, errors for people, and what an answer leaves out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from opensearchpy import OpenSearch, RequestsHttpConnection
from opensearchpy.exceptions import OpenSearchException, SerializationError, TransportError

from tools.http.adapter import session
from tools.http.connection import Connection
from tools.http.errors import BackendError
from tools.http.guard import Guard

Json = dict[str, Any]
_LENIENT = {"ignore_unavailable": "true", "allow_no_indices": "true", "expand_wildcards": "open"}


class Rejected(BackendError):  # noqa: N818 - a state, named as one reads it
    """OpenSearch refused this request (4xx); ``kind`` is its name for the error."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass
class Notes:
    """What an answer lacks, told once each."""

    told: dict[str, None] = field(default_factory=dict)

    def add(self, text: str) -> None:
        self.told[text] = None

    def __str__(self) -> str:
        return "; ".join(self.told)


class SearchClient:
    """One OpenSearch. Every method raises ``BackendError``; a refused request is ``Rejected``."""

    def __init__(self, connection: Connection, guard: Guard) -> None:
        self.name, self.guard = connection.name, guard
        self._transport = OpenSearch(
            connection.url,
            connection_class=_guarded(connection, guard),
            max_retries=0,
            retry_on_timeout=False,
            retry_on_status=(),
            timeout=connection.timeout_seconds,
        ).transport

    def ask(
        self, method: str, path: str, body: Json | None = None, parameters: Mapping[str, str] | None = None
    ) -> Json:
        """One request. Raises ``BackendError`` for whatever is no JSON object."""
        try:
            answer = self._transport.perform_request(method, path, params=dict(parameters or {}), body=body)
        except SerializationError as error:
            self.guard.strike(f"{self.name} answered with broken JSON")
            raise BackendError(f"{self.name} answered with broken JSON") from error
        except TransportError as error:
            raise self._explained(error) from error
        except OpenSearchException as error:
            raise BackendError(f"{self.name} cannot be asked: {str(error)[:200]}") from error
        if not isinstance(answer, dict):
            raise BackendError(f"{self.name} answered {path[:60]} with no JSON object: is this OpenSearch?")
        return answer

    def search(self, indices: Iterable[str], body: Json, notes: Notes) -> Json:
        """Search indices that may be gone by now; what shards could not answer is noted."""
        if "pit" in body:
            answer = self.ask("POST", "/_search", body)
        else:
            answer = self.ask("POST", f"/{indices_path(indices)}/_search", body, _LENIENT)
        if not isinstance(answer.get("hits"), dict):
            self.guard.strike(f"{self.name} answered a search without hits")
            raise BackendError(f"{self.name} answered a search with nothing, not even no hits: is this OpenSearch?")
        shards = answer.get("_shards")
        if isinstance(shards, dict) and shards.get("failed"):
            notes.add(f"{shards['failed']} of {shards.get('total', '?')} shards did not answer{_first_failure(shards)}")
        if answer.get("timed_out"):
            notes.add(f"{self.name} stopped a search before its end; counts are too low")
        return answer

    def open_pit(self, indices: Iterable[str]) -> str:
        """A point in time: what is paged through stays as it is. Raises ``Rejected`` where the engine has none."""
        path = f"/{indices_path(indices)}/_search/point_in_time"
        answer = self.ask("POST", path, None, {"keep_alive": "1m", "expand_wildcards": "open"})
        return str(answer.get("pit_id") or "")

    def close_pit(self, pit: str) -> None:
        """Give it back; a failure costs nothing but a minute of the engine's memory."""
        try:
            self.ask("DELETE", "/_search/point_in_time", {"pit_id": [pit]})
        except BackendError:
            return

    def _explained(self, error: TransportError) -> BackendError:
        inner = error.args[2] if len(error.args) > 2 else None
        if isinstance(inner, BackendError):
            return inner
        status = error.args[0] if error.args else "?"
        kind = str(error.args[1]) if len(error.args) > 1 else ""
        remedy = "; check its url in pcause.yaml" if status == 404 and "index_not_found" not in kind else ""
        return Rejected(f"{self.name} refused a request ({status} {kind}): {_root_cause(inner)}{remedy}", kind)


def indices_path(indices: Iterable[str]) -> str:
    """Names for a path; nothing in them can leave its place."""
    return quote(",".join(indices), safe=",*")


def _guarded(connection: Connection, guard: Guard) -> type[RequestsHttpConnection]:
    class GuardedConnection(RequestsHttpConnection):
        """The library's connection with our session: its guard, credentials and trust, no redirects, no environment."""

        def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - whatever the library passes on
            super().__init__(*arguments, **options)
            self.session = session(connection, guard)
            self.session.headers.update({"Content-Type": "application/json", "Accept": "application/json"})
            self.base_url = connection.url

        def perform_request(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            options["allow_redirects"] = False
            return super().perform_request(*arguments, **options)

        # The library would log every request with its body, which holds what somebody searched for.
        def log_request_fail(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
            return

        def log_request_success(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
            return

    return GuardedConnection


def _first_failure(shards: Json) -> str:
    try:
        return f" ({str(shards['failures'][0]['reason']['reason'])[:120]})"
    except (KeyError, IndexError, TypeError):  # it does not say
        return ""


def _root_cause(info: object) -> str:
    error = info.get("error", info) if isinstance(info, dict) else info
    if isinstance(error, dict):
        causes = error.get("root_cause") or [error]
        first = causes[0] if isinstance(causes, list) and isinstance(causes[0], dict) else error
        return str(first.get("reason") or error.get("reason") or error)[:240]
    return str(error)[:240]
