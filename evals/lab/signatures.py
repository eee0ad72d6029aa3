"""Signed requests, as the product sends them: HMAC-SHA256 over the time, what is asked, the key and the raw body."""

import hashlib
import hmac
import re
from collections.abc import Mapping

STALE_SECONDS = 300.0
_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)


class SignatureError(Exception):
    """A request that is not known to come from the product; the message says what is wrong with it."""


def sign(secret: bytes, timestamp: str, method: str, target: str, key: str, body: bytes) -> str:
    """The value of ``X-PCause-Signature``. ``target`` is the path with its query; ``key`` may be empty."""
    signed = "\n".join((timestamp, method, target, key, "")).encode() + body
    return "v2=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()


def check_signature(
    secret: bytes, method: str, target: str, headers: Mapping[str, str], body: bytes, now: float
) -> None:  # fmt: skip
    """Raises ``SignatureError`` unless this request was signed with the secret within the last five minutes.

    ``headers`` has its names in lower case; ``now`` is in epoch seconds.
    """
    timestamp, signature = headers.get("x-pcause-timestamp", ""), headers.get("x-pcause-signature", "")
    if not timestamp or not signature:
        raise SignatureError("the request is not signed")
    if not _TIME.fullmatch(timestamp):
        raise SignatureError("X-PCause-Timestamp is no time in whole seconds")
    wanted = sign(secret, timestamp, method, target, headers.get("idempotency-key", ""), body)
    if not hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace")):
        raise SignatureError("the signature does not fit the request")
    if abs(now - int(timestamp)) > STALE_SECONDS:
        raise SignatureError("the request was signed more than five minutes ago")
