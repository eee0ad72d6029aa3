"""Who may enter, and the headers on everything that leaves."""

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.doors.serving.guesses import Guesses
from agent.doors.serving.people import LEAST_CHARACTERS, person_of, same_secret, shown_token
from agent.policy import PolicyError, load_policy

_OPEN_PATHS = frozenset(("/healthz", "/readyz"))  # asked by what runs us, which holds no token; they tell nothing


class Gate:
    """Lets in who shows the token or, as an approver, their own; without a token, who asks this machine by a name of its
    own. ``policy`` is the file that names the approvers. The ``proven`` paths are let through: who
    posts there proves it by what is set for that sender.

    The latter keeps out a foreign page in somebody's browser that has its name resolve to this machine. A browser
    shows the token as the password of a Basic login, under any user name.
    """

    def __init__(
        self, app: ASGIApp, token: str | None, policy: Path | None = None, proven: frozenset[str] = frozenset()
    ) -> None:
        self._app, self._token, self._policy, self._proven = app, token, policy, proven
        self._guesses = Guesses()

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
        if path in _OPEN_PATHS or path in self._proven:
            return None
        if self._token is None:
            return None if is_this_machine(_host_name(headers)) else _stranger()
        shown = shown_token(headers.get("authorization", ""))
        if shown is not None and (same_secret(shown, self._token) or self._is_person(headers)):
            return None
        seconds = self._guesses.wrong() if shown else 0
        return _too_many(seconds) if seconds else _unknown(wants_html(headers))

    def _is_person(self, headers: Headers) -> bool:
        """Whether somebody's personal token is shown; the policy is asked each time, since it says who is somebody."""
        shown = shown_token(headers.get("authorization", "")) or ""
        try:
            # Nobody has a file read for a token that is too short to be one.
            return len(shown) >= LEAST_CHARACTERS and person_of(headers, load_policy(self._policy)) is not None
        except PolicyError:
            return False  # said where it is needed, and ``pcause policy test`` tells more


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


def _stranger() -> Response:
    said = "without a token this server answers only to 127.0.0.1 and localhost; set PCAUSE_SERVER_TOKEN to be asked by another name"  # fmt: skip
    return JSONResponse({"error": said}, 403)


def _unknown(browser: bool) -> Response:
    scheme = 'Basic realm="Probable Cause"' if browser else "Bearer"
    said = "show the server's token: Authorization: Bearer … (in Alertmanager: http_config.authorization.credentials)"
    return JSONResponse({"error": said}, 401, headers={"WWW-Authenticate": scheme})


def _too_many(seconds: int) -> Response:
    said = f"too many wrong tokens were shown here: try again in {seconds} s; the right one passes at any time"
    return JSONResponse({"error": said}, 429, headers={"Retry-After": str(seconds)})


def _protect(headers: MutableHeaders) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cache-Control"] = "no-store"
    if headers.get("content-type", "").startswith("text/html"):
        headers["Content-Security-Policy"] = _page_policy()


def _page_policy() -> str:
    """Style sheet, script and sign of our own, what the script asks for, and forms to us; nothing else."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )
