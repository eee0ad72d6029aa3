"""The transport below the client libraries: deadlines that hold, bounded answers, no redirects, errors for people.

prometheus-api-client and opensearch-py both speak through ``requests``; mounting this adapter puts every call of
theirs behind the guard without a wrapper around each of their methods.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from tools.http.connection import Connection
from tools.http.errors import BackendError, NoAnswer, Refusal
from tools.http.guard import Guard

_CHUNK_BYTES = 1 << 16
_LONGEST_RETRY_AFTER_SECONDS = 3600.0
_WHAT_TO_DO = {
    401: "the credentials are missing or wrong; see its token_env, username and password_env in pcause.yaml",
    403: "the credentials may not read this; ask for read access",
    404: "there is no such API at this address; check the url (with its path prefix)",
}

T = TypeVar("T")


def session(connection: Connection, guard: Guard) -> requests.Session:
    """A session for one backend. Credentials are the connection's own: no ``.netrc``, no redirects."""
    made = requests.Session()
    made.trust_env = False
    made.verify = connection.checks
    made.headers.update(connection.all_headers)
    made.auth = connection.basic
    mount(made, connection, guard)
    return made


def mount(made: requests.Session, connection: Connection, guard: Guard) -> None:
    """Put the guard below every call of a session that a library made."""
    made.adapters.clear()
    for prefix in ("http://", "https://"):
        made.mount(prefix, GuardedAdapter(connection, guard))


class GuardedAdapter(HTTPAdapter):
    """Sends through the guard; raises ``BackendError`` for whatever is no usable answer."""

    def __init__(self, connection: Connection, guard: Guard) -> None:
        super().__init__(pool_maxsize=connection.at_once, max_retries=0)
        self._connection, self._guard = connection, guard

    def send(  # the signature is that of requests
        self, request: requests.PreparedRequest, stream: bool = False, timeout: Any = None, verify: bool | str = True,  # noqa: ANN401
        cert: Any = None, proxies: Any = None,  # noqa: ANN401
    ) -> requests.Response:  # fmt: skip
        """One answer, read whole. ``stream`` and ``timeout`` of the caller do not count: the connection's do."""
        seconds = self._connection.timeout_seconds

        def once() -> requests.Response:
            answer = super(GuardedAdapter, self).send(
                request, stream=True, timeout=(min(5.0, seconds), seconds), verify=verify, cert=cert, proxies=proxies
            )
            self._read(answer)
            return answer

        def bounded() -> requests.Response:
            try:
                return self._usable(within(seconds, once))
            except TimeoutError:
                raise NoAnswer(f"{self._name} gave no whole answer within {seconds:g} s") from None
            except requests.exceptions.SSLError as error:
                raise BackendError(f"{self._name} cannot be trusted ({_reason(error)}); set ca_file for it") from error
            except requests.exceptions.ConnectTimeout as error:
                raise NoAnswer(f"{self._name} cannot be reached: no connection in time") from error
            except requests.exceptions.Timeout as error:
                raise NoAnswer(f"{self._name} gave no answer within {seconds:g} s") from error
            except (requests.exceptions.RequestException, HTTPError, OSError) as error:
                raise Refusal(f"{self._name} cannot be reached: {_reason(error)}") from error

        return self._guard.run(bounded)

    @property
    def _name(self) -> str:
        return self._connection.name

    def _read(self, answer: requests.Response) -> None:
        """Read the body piece by piece, so that neither a flood nor a trickle is taken for an answer."""
        pieces, size = [], 0
        while piece := answer.raw.read1(_CHUNK_BYTES, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > self._connection.most_bytes:
                answer.close()
                raise BackendError(
                    f"{self._name} sent more than {self._connection.most_bytes / 1e6:.0f} MB; ask for less"
                )
        answer._content = b"".join(pieces)  # what requests itself does after reading
        answer._content_consumed = True  # type: ignore[attr-defined]
        answer.raw.release_conn()

    def _usable(self, answer: requests.Response) -> requests.Response:
        status, body = answer.status_code, answer.content
        if answer.is_redirect:
            raise BackendError(f"{self._name} answered with a redirect, which is not followed; set its final address")
        if status == 429 or status >= 500:
            raise Refusal(f"{self._name} answered {status}{_said(body)}", _retry_after(answer.headers))
        if status in _WHAT_TO_DO and not _is_json(body):
            raise BackendError(f"{self._name} answered {status}: {_WHAT_TO_DO[status]}")
        if status in (401, 403):
            raise BackendError(f"{self._name} answered {status}: {_WHAT_TO_DO[status]}")
        if status < 300 and body and not _is_json(body):
            kind = answer.headers.get("Content-Type", "unknown").partition(";")[0][:40]
            raise BackendError(
                f"{self._name} answered with {kind}, no JSON: is this its API, or a login page or a proxy in front of it?"
            )
        return answer


def within(seconds: float, call: Callable[[], T]) -> T:
    """The result of ``call``, or ``TimeoutError``.

    A time-out of a socket counts from byte to byte, so one byte a second never meets it. The call runs in a thread
    of its own, which is left behind when time is up; as a daemon it does not keep the process alive.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="backend-call", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]


def _is_json(body: bytes) -> bool:
    text = body.strip()
    return text[:1] in (b"{", b"[") and text[-1:] in (b"}", b"]")


def _said(body: bytes) -> str:
    text = body[:300].decode("utf-8", "replace").strip()
    return f": {text.splitlines()[0][:120]}" if text and not text.startswith("<") else ""


def _reason(error: BaseException) -> str:
    """The innermost plain reason: libraries wrap "Connection refused" four times."""
    inner: BaseException = error
    while (deeper := getattr(inner, "reason", None) or inner.__cause__ or inner.__context__) is not None and isinstance(
        deeper, BaseException
    ):
        inner = deeper
    return (getattr(inner, "strerror", None) or str(inner) or type(inner).__name__)[:160]


def _retry_after(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return 0.0
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_SECONDS) if seconds == seconds else 0.0  # noqa: PLR0124 - NaN
