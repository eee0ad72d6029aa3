"""Who may enter, and the headers on everything that leaves."""

import base64
import binascii
import hashlib
import hmac
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OPEN_PATHS = frozenset(("/healthz", "/readyz"))  # asked by what runs us, which holds no token; they tell nothing


class Gate:
    """Lets in who shows the token; without a token, who asks this machine by a name of its own.

    The latter keeps out a foreign page in somebody's browser that has its name resolve to this machine. A browser
    shows the token as the password of a Basic login, under any user name.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app, self._digest = app, _digest(token) if token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _protect(MutableHeaders(scope=message))
            await send(message)

        refusal = self._refusal(scope["path"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, path: str, headers: Headers) -> Response | None:
        if path in _OPEN_PATHS:
            return None
        if self._digest is None:
            return None if is_this_machine(_host_name(headers)) else _stranger()
        shown = _shown(headers.get("authorization", ""))
        if shown is not None and hmac.compare_digest(_digest(shown), self._digest):
            return None
        return _unknown(wants_html(headers))


def is_this_machine(host: str) -> bool:
    """True for a name or address that leads nowhere but here."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def wants_html(headers: Headers) -> bool:
    """True for a browser; programs get JSON."""
    return "text/html" in headers.get("accept", "")


def _host_name(headers: Headers) -> str:
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _shown(authorization: str) -> str | None:
    """The token of a Bearer or Basic header; None where it has neither."""
    scheme, _, rest = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            try:
                return base64.b64decode(rest, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return None
        case _:
            return None


def _digest(token: str) -> bytes:
    """Of one length, so that comparing tells nothing of the token's."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _stranger() -> Response:
    said = "without a token this server answers only to 127.0.0.1 and localhost; set PCAUSE_SERVER_TOKEN to be asked by another name"  # fmt: skip
    return JSONResponse({"error": said}, 403)


def _unknown(browser: bool) -> Response:
    scheme = 'Basic realm="Probable Cause"' if browser else "Bearer"
    said = "show the server's token: Authorization: Bearer … (in Alertmanager: http_config.authorization.credentials)"
    return JSONResponse({"error": said}, 401, headers={"WWW-Authenticate": scheme})


def _protect(headers: MutableHeaders) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cache-Control"] = "no-store"
    if headers.get("content-type", "").startswith("text/html"):
        headers["Content-Security-Policy"] = _page_policy()


@lru_cache(maxsize=1)
def _page_policy() -> str:
    """No script, no request, no frame; one style sheet, known by its digest."""
    from agent.report.html import report_css

    digest = base64.b64encode(hashlib.sha256(report_css().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
