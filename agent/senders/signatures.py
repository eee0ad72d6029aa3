"""Signatures of deliveries: HMAC-SHA256 over the raw body, as each sender documents it.

Grafana signs the body, or time, colon and body where it sends a time; PagerDuty the body, as ``v1=…``, several while a
key is changed; Standard Webhooks id, time and body. Nothing is compared in a time that tells of a secret.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Protocol

STALE_SECONDS = 300.0
_TIME = re.compile(r"[0-9]{1,13}", re.ASCII)
_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_ID = re.compile(r"[!-~]{1,200}", re.ASCII)
_LATEST_SECONDS = 100_000_000_000  # a time beyond is in milliseconds
_MOST_SIGNATURES = 10


class Forged(Exception):  # noqa: N818 - said as one says it
    """The delivery does not show what its sender shows. The message tells nothing of a secret."""


class Signature(Protocol):
    """One way to sign. Headers have their names in lower case."""

    def check_headers(self, headers: Mapping[str, str], now: float) -> None:
        """What can be told without the body. Raises ``Forged``."""

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """After ``check_headers``. Raises ``Forged``."""

    def number(self, headers: Mapping[str, str]) -> str:
        """What this one attempt to deliver has alone; "" where the scheme has no such thing."""


class HexSignature:
    """HMAC over the body, or over a time, ``between`` and the body, as hex in one header, after one of ``prefixes``."""

    def __init__(
        self, key: bytes, header: str, prefixes: tuple[str, ...] = ("",), time_header: str = "", between: bytes = b"."
    ) -> None:
        self._key, self._header, self._prefixes = key, header.lower(), prefixes
        self._time_header, self._between = time_header.lower(), between

    def check_headers(self, headers: Mapping[str, str], now: float) -> None:
        if not self._shown(headers):
            raise Forged(f"the header {self._header} has no signature in it")
        if self._time_header:
            _check_time(headers.get(self._time_header, ""), self._time_header, now)

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        made = hmac.new(self._key, digestmod=hashlib.sha256)
        if self._time_header:
            made.update(headers[self._time_header].strip().encode("ascii") + self._between)
        made.update(body)
        if not _is_among(made.digest(), [bytes.fromhex(shown) for shown in self._shown(headers)]):
            raise Forged(f"the signature in {self._header} does not fit the body")

    def number(self, headers: Mapping[str, str]) -> str:
        return ""

    def _shown(self, headers: Mapping[str, str]) -> list[str]:
        found = []
        for part in headers.get(self._header, "").split(",", _MOST_SIGNATURES):
            prefix = next((known for known in self._prefixes if part.strip().startswith(known)), None)
            if prefix is not None and _HEX.fullmatch(part.strip().removeprefix(prefix)):
                found.append(part.strip().removeprefix(prefix))
        return found


class StandardWebhooks:
    """https://www.standardwebhooks.com: base64 of HMAC over ``id.time.body``, each after ``v1,``, blanks between."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, text: str) -> "StandardWebhooks":
        """The key is base64 behind ``whsec_``, or the text itself. Raises ``ValueError``."""
        return cls(base64.b64decode(text[6:], validate=True) if text.startswith("whsec_") else text.encode())

    def check_headers(self, headers: Mapping[str, str], now: float) -> None:
        if not _ID.fullmatch(headers.get("webhook-id", "")):
            raise Forged("the header webhook-id is missing, too long or not plain")
        _check_time(headers.get("webhook-timestamp", ""), "webhook-timestamp", now)
        if not self._shown(headers):
            raise Forged("the header webhook-signature has no signature in it")

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        wanted = hmac.new(self._key, self.number(headers).encode("ascii") + b"." + body, hashlib.sha256).digest()
        if not _is_among(wanted, self._shown(headers)):
            raise Forged("the signature in webhook-signature does not fit the delivery")

    def number(self, headers: Mapping[str, str]) -> str:
        return f"{headers['webhook-id']}.{headers['webhook-timestamp'].strip()}"

    def _shown(self, headers: Mapping[str, str]) -> list[bytes]:
        found = []
        for part in headers.get("webhook-signature", "").split(" ", _MOST_SIGNATURES):
            version, _, text = part.partition(",")
            decoded = decoded_base64(text)
            if version == "v1" and decoded:
                found.append(decoded)
        return found


def decoded_base64(text: str) -> bytes:
    """Nothing where it is none, or not written in the one way: the last character has bits that decode to nothing."""
    try:
        found = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return found if base64.b64encode(found) == text.encode("ascii") else b""


def _is_among(wanted: bytes, shown: list[bytes]) -> bool:
    # All are compared, so that the time does not tell which one it was.
    return any([hmac.compare_digest(one, wanted) for one in shown])  # noqa: C419


def _check_time(text: str, header: str, now: float) -> None:
    if not _TIME.fullmatch(text.strip()):
        raise Forged(f"the header {header} is no time in whole seconds")
    moment = float(text)
    if moment > _LATEST_SECONDS:
        moment /= 1000.0
    if abs(now - moment) > STALE_SECONDS:
        raise Forged(f"the time in {header} is more than {STALE_SECONDS / 60:.0f} minutes away: is a clock wrong?")
