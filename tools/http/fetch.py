"""Plain JSON over HTTP, for systems that need no client library."""

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

import orjson

from tools.http.adapter import session
from tools.http.connection import Connection
from tools.http.errors import BackendError
from tools.http.guard import Guard

Fetch = Callable[[str, Mapping[str, str]], object]


def json_fetcher(connection: Connection, guard: Guard) -> Fetch:
    """A function from path (quoted by the caller) and query parameters to decoded JSON; raises ``BackendError``."""
    made = session(connection, guard)

    def fetch(path: str, parameters: Mapping[str, str]) -> object:
        query = f"?{urlencode(parameters)}" if parameters else ""
        try:
            answer = made.get(f"{connection.url}{path}{query}", headers={"Accept": "application/json"})
        except ValueError as error:  # of the client, whose words may quote a header with the token
            raise BackendError(f"{connection.name} cannot be asked: {type(error).__name__}") from None
        if answer.status_code >= 400:
            raise BackendError(f"{connection.name} answered {answer.status_code} to {path[:80]}")
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError as error:
            guard.strike(f"{connection.name} answered with broken JSON")
            raise BackendError(f"{connection.name} answered with broken JSON ({error})") from error

    return fetch
