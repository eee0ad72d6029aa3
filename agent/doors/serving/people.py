"""Who asks: a person is who shows their own token. The server's token lets in, but is nobody."""

import base64
import binascii
import hashlib
import hmac
import logging
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from agent.policy import Approver, Policy
from agent.settings import SettingsError, secret, secret_is_set

_log = logging.getLogger(__name__)

LEAST_CHARACTERS = 16  # of a personal token: it is what an approval rests on


def person_of(headers: Headers, policy: Policy, server_token: str | None = None) -> str | None:
    """The approver whose token is shown as Bearer or as the password of a Basic login; None for anybody else.

    Two people with one token are nobody, and so is one whose token is the server's.
    """
    shown = shown_token(headers.get("authorization", ""))
    if shown is None:
        return None
    fits = [approver.name for approver in policy.approvers if _fits(shown, approver)]
    shared = server_token is not None and same_secret(shown, server_token)
    return fits[0] if len(fits) == 1 and not shared else None


def anybody_decides(policy: Policy) -> bool:
    """Whether an approver has a usable token for the pages."""
    return any(_token(approver) is not None for approver in policy.approvers)


def shown_token(authorization: str) -> str | None:
    """The token of a Bearer or Basic header; None where it has neither."""
    scheme, _, rest = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            try:
                return base64.b64decode(rest, validate=True).decode().partition(":")[2]
            except (binascii.Error, ValueError):
                return None
        case _:
            return None


def same_secret(one: str, other: str) -> bool:
    """In a time that tells nothing of either, nor of its length."""
    return hmac.compare_digest(_digest(one), _digest(other))


def is_foreign(headers: Headers, public_url: str = "") -> bool:
    """Whether a page of another site had this request sent. Programs say nothing of a site, and are not foreign."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return True
    if origin is None or (origin == "null" and site == "same-origin"):  # no-referrer makes a page's own origin null
        return False
    return _host(origin) not in {headers.get("host", "").lower(), _host(public_url)} - {""}


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _fits(shown: str, approver: Approver) -> bool:
    token = _token(approver)
    return token is not None and same_secret(shown, token)


def _token(approver: Approver) -> str | None:
    """None where it is not set, or too short to be worth an approval."""
    if not approver.web_token_env or not secret_is_set(approver.web_token_env):
        return None
    try:
        token = secret(approver.web_token_env, f"web_token_env of {approver.name}")
    except SettingsError as error:
        _warn(str(error))
        return None
    if token is None:
        return None
    value = token.get_secret_value()
    if len(value) < LEAST_CHARACTERS:
        _warn(
            f"{approver.web_token_env} of {approver.name} does not count: it has fewer than {LEAST_CHARACTERS} characters"
        )
        return None
    return value


@lru_cache(maxsize=64)
def _warn(said: str) -> None:
    """Once each."""
    _log.warning("%s", said)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
