"""One request, sent once: no redirect, no retry, no proxy of the environment, bounded time and answer, signed.

Reading backends go through ``tools/http``, which asks again where that may help. An action is never just sent again.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
import requests
from pydantic import SecretStr
from urllib3.exceptions import HTTPError

from tools.actions.spec import ActionError
from tools.http.adapter import within
from tools.http.connection import Connection

_MOST_BYTES = 4_000_000
_CHUNK_BYTES = 1 << 16
_LONGEST_QUOTE = 200


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
    def said(self) -> str:
        """The beginning of the body, for an error."""
        return " ".join(self.body[:_LONGEST_QUOTE].decode("utf-8", "replace").split())


class Sender:
    """Sends to one host. ``signing`` signs each request; ``now`` gives epoch seconds."""

    def __init__(
        self, connection: Connection, signing: SecretStr | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._connection, self._signing, self._now = connection, signing, now

    def send(self, method: str, url: str, body: object = None, key: str = "") -> Answer:
        """The answer of the host, whatever its status. ``body`` is sent as JSON; ``key`` as ``Idempotency-Key``.

        Raises ``ActionError`` where there is none; it may have done what was asked all the same.
        """
        at, meant = urlsplit(url), urlsplit(self._connection.url)
        if (at.scheme, at.netloc) != (meant.scheme, meant.netloc):
            raise ActionError(f"{self._name}: {at.netloc!r} is not the configured host; nothing was sent")
        raw = b"" if body is None else orjson.dumps(body)
        headers = {**self._connection.all_headers, **self._signed(raw), "Accept": "application/json"}
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
        raise ActionError(f"{self._name} answered {answer.status}{hint}: {answer.said or 'nothing more'}")

    @property
    def _name(self) -> str:
        return self._connection.name

    def _signed(self, raw: bytes) -> Mapping[str, str]:
        if self._signing is None:
            return {}
        stamp = str(int(self._now()))
        secret = self._signing.get_secret_value().encode()
        digest = hmac.new(secret, stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
        return {"X-PCause-Timestamp": stamp, "X-PCause-Signature": f"v1={digest}"}

    def _bounded(self, call: Callable[[], Answer]) -> Answer:
        seconds = self._connection.timeout_seconds
        try:
            return within(seconds, call)
        except (TimeoutError, requests.exceptions.Timeout):
            raise ActionError(f"{self._name} gave no whole answer within {seconds:g} s") from None
        except requests.exceptions.SSLError:
            raise ActionError(f"{self._name} cannot be trusted: its certificate is none of ours; set ca_file") from None
        except (requests.exceptions.RequestException, HTTPError, OSError) as error:
            raise ActionError(
                f"{self._name} cannot be reached or broke off ({type(error).__name__}); see its url"
            ) from None

    def _once(self, method: str, url: str, raw: bytes, headers: Mapping[str, str]) -> Answer:
        seconds = self._connection.timeout_seconds
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                method, url, data=raw or None, headers=dict(headers), auth=self._connection.basic, stream=True,
                timeout=(min(5.0, seconds), seconds), allow_redirects=False, verify=self._connection.checks,
            )  # fmt: skip
            with answer:
                pieces, size = [], 0
                while size <= _MOST_BYTES and (piece := answer.raw.read1(_CHUNK_BYTES, decode_content=True)):
                    pieces.append(piece)
                    size += len(piece)
                return Answer(answer.status_code, b"".join(pieces)[:_MOST_BYTES])
