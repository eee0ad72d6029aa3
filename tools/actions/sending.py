"""One request, sent once: no redirect, no retry, no proxy of the environment, bounded time and answer, signed.

Reading backends go through ``tools/http``, which asks again where that may help. An action is never just sent again.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
import requests
from pydantic import SecretStr
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from tools.actions.known_secrets import KnownSecrets
from tools.actions.reaching import GATEWAY_GAVE_UP, NotSentError, asked, note_sending
from tools.actions.spec import ActionError, NoAnswer
from tools.http.connection import Connection

_MOST_BYTES = 4_000_000
_CHUNK_BYTES = 1 << 16
_LONGEST_QUOTE = 200
_HOST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` below 300 is a success; ``body`` is whatever came with it."""

    status: int
    body: bytes

    def json(self) -> object:
        """The decoded body, None where it is no JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    @property
    def text(self) -> str:
        """The beginning of the body. Long enough for whoever cuts secrets out of it and then quotes a part."""
        return self.body[:_CHUNK_BYTES].decode("utf-8", "replace")


class Sender:
    """Sends to one host. ``signing`` signs each request; ``now`` gives epoch seconds. ``held`` are further secrets that
    no message may repeat, whatever the host answers."""

    def __init__(
        self, connection: Connection, signing: SecretStr | None = None, now: Callable[[], float] = time.time,
        held: Iterable[SecretStr] = (),
    ) -> None:  # fmt: skip
        self._connection, self._signing, self._now = connection, signing, now
        self.secrets = KnownSecrets(signing, connection.token, connection.password, *held)

    @property
    def settles_seconds(self) -> float:
        """For how long a request may still take effect that was sent and not answered: the host may be slow, too."""
        return self._connection.timeout_seconds + _HOST_SECONDS

    def send(self, method: str, url: str, body: object = None, key: str = "") -> Answer:
        """The answer of the host, whatever its status. ``body`` is sent as JSON; ``key`` as ``Idempotency-Key``.

        Raises ``NoAnswer`` where it may have done what was asked all the same, else ``ActionError``.
        """
        at, meant = urlsplit(url), urlsplit(self._connection.url)
        if (at.scheme, at.netloc) != (meant.scheme, meant.netloc):
            raise ActionError(f"{self._name}: {at.netloc!r} is not the configured host; nothing was sent")
        raw = b"" if body is None else orjson.dumps(body)
        headers = {**self._connection.all_headers, "Accept": "application/json"}
        if raw:
            headers["Content-Type"] = "application/json"
        if key:
            headers["Idempotency-Key"] = key
        return self._bounded(lambda: self._once(method, url, raw, headers))

    def done(self, method: str, url: str, body: object = None, key: str = "") -> Answer:
        """As ``send``; an answer that is no success is an ``ActionError``, too."""
        answer = self.send(method, url, body, key)
        if answer.status < 300:
            return answer
        if answer.status < 400:
            raise ActionError(f"{self._name} answered with a redirect, which is not followed; set its final address")
        remedy = {401: "see its secret and header_env", 403: "it lacks the right to do this", 404: "see its url"}
        hint = f" ({remedy[answer.status]})" if answer.status in remedy else ""
        said = " ".join(self.secrets.cut(answer.text).split())[:_LONGEST_QUOTE]
        kind = NoAnswer if answer.status in GATEWAY_GAVE_UP else ActionError
        raise kind(f"{self._name} answered {answer.status}{hint}: {said or 'nothing more'}")

    @property
    def _name(self) -> str:
        return self._connection.name

    def _signed(self, method: str, target: str, key: str, raw: bytes) -> Mapping[str, str]:
        if self._signing is None:
            return {}
        stamp = str(int(self._now()))
        signed = "\n".join((stamp, method, target, key, "")).encode() + raw
        digest = hmac.new(self._signing.get_secret_value().encode(), signed, hashlib.sha256).hexdigest()
        return {"X-PCause-Timestamp": stamp, "X-PCause-Signature": f"v2={digest}"}

    def _bounded(self, call: Callable[[], Answer]) -> Answer:
        seconds = self._connection.timeout_seconds
        try:
            return asked(seconds, call)
        except NotSentError as error:
            raise ActionError(self._unreached(error.cause)) from None
        except (TimeoutError, requests.exceptions.Timeout):
            raise NoAnswer(f"{self._name} gave no whole answer within {seconds:g} s") from None
        except (requests.exceptions.RequestException, HTTPError, OSError) as error:
            raise NoAnswer(f"{self._name} broke off before it had answered ({type(error).__name__})") from None

    def _unreached(self, cause: Exception) -> str:
        if isinstance(cause, requests.exceptions.SSLError):
            return f"{self._name} cannot be trusted: its certificate is none of ours; set ca_file"
        return f"{self._name} cannot be reached ({type(cause).__name__}); nothing was sent; see its url"

    def _once(self, method: str, url: str, raw: bytes, headers: Mapping[str, str]) -> Answer:
        seconds = self._connection.timeout_seconds
        with requests.Session() as session:
            session.trust_env = False
            adapter = HTTPAdapter()
            note_sending(adapter.poolmanager)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            request = session.prepare_request(
                requests.Request(method, url, dict(headers), data=raw or None, auth=self._connection.basic)
            )
            target = adapter.request_url(request, {})  # as it is sent: libraries spell an address in their own way
            request.headers.update(self._signed(method, target, headers.get("Idempotency-Key", ""), raw))
            answer = session.send(
                request, stream=True, timeout=(min(5.0, seconds), seconds), allow_redirects=False,
                verify=self._connection.checks,
            )  # fmt: skip
            with answer:
                pieces, size = [], 0
                while size <= _MOST_BYTES and (piece := answer.raw.read1(_CHUNK_BYTES, decode_content=True)):
                    pieces.append(piece)
                    size += len(piece)
                return Answer(answer.status_code, b"".join(pieces)[:_MOST_BYTES])
