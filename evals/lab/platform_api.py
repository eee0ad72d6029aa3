"""The platform's HTTP interface: what a CD system, a flag service and a configuration service would offer.

Every request is signed. What changes something carries an ``Idempotency-Key``: a key is done once, and answered the same
again. GET of ``…/dry-run`` tells what would be done, of ``/actions/KEY`` whether a key was; POST of ``…/undo`` with the
body of what was done takes it back, as a change with a key of its own.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from evals.lab.change_maker import ChangeMaker
from evals.lab.platform_actions import Operation, PlatformError, ResizePool, RollBack, SwitchFlag
from evals.lab.processes import StartError
from evals.lab.signatures import SignatureError, check_signature

_MOST_BYTES = 65_536
_LONGEST_KEY = 200
_DRY_RUN, _UNDO = "dry-run", "undo"
Answer = tuple[int, dict[str, object]]


@dataclass
class _Change:
    """What was done with a key: ``undo`` takes it back, None where that was done, or where it was itself an undo."""

    route: tuple[str, ...]
    body: bytes
    answer: Answer
    undo: Operation | None


class PlatformApi:
    """Listens on ``port`` of 127.0.0.1 until ``close`` is called. ``now`` gives epoch seconds."""

    def __init__(self, port: int, secret: bytes, maker: ChangeMaker, now: Callable[[], float] = time.time) -> None:
        self._secret, self._maker, self._now = secret, maker, now
        self._done: dict[str, _Change] = {}  # by key, in order
        self._one_at_a_time = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="platform", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Free the port. Safe to call twice."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one request (header names in lower case); what it refuses is an answer too."""
        try:
            check_signature(self._secret, method, target, headers, body, self._now())
        except SignatureError as error:
            return 401, {"error": str(error)}
        split = urlsplit(target)
        path, query = tuple(unquote(part) for part in split.path.strip("/").split("/")), dict(parse_qsl(split.query))
        try:
            if method == "GET":
                return self._tell(path, query)
            return self._act(path, headers.get("idempotency-key", ""), body)
        except PlatformError as error:
            return error.status, {"error": str(error)}
        except (StartError, RuntimeError, ValueError, OSError) as error:  # a deploy that did not come up, say
            return 500, {"error": f"{type(error).__name__}: {error}"}

    def _tell(self, path: tuple[str, ...], query: Mapping[str, str]) -> Answer:
        match path:
            case ("actions", key):
                return self._known(key)
            case (*route, last) if last == _DRY_RUN:
                with self._one_at_a_time:
                    return 200, asdict(_operation(tuple(route), query).look(self._maker))
        raise PlatformError(404, f"there is nothing at /{'/'.join(path)}")

    def _known(self, key: str) -> Answer:
        with self._one_at_a_time:
            if key not in self._done:
                raise PlatformError(404, "nothing was done with this key")
            return self._done[key].answer

    def _act(self, path: tuple[str, ...], key: str, body: bytes) -> Answer:
        if not key or len(key) > _LONGEST_KEY:
            raise PlatformError(400, "what changes something needs an Idempotency-Key")
        with self._one_at_a_time:
            if (before := self._done.get(key)) is None:
                before = self._done[key] = self._do(path, key, body)
            elif (before.route, before.body) != (path, body):
                raise PlatformError(422, "this Idempotency-Key was used for another request")
            return before.answer

    def _do(self, route: tuple[str, ...], key: str, body: bytes) -> _Change:
        undone = self._last(route[:-1], body) if route[-1] == _UNDO else None
        operation = undone.undo if undone and undone.undo else _operation(route, _fields(body))
        look = operation.look(self._maker)
        undo = operation.do(self._maker)
        if undone is not None:
            undone.undo = None
        answer: Answer = (200, {"status": "done", "key": key, "detail": look.effect, "lines": look.lines})
        return _Change(route, body, answer, undo if undone is None else None)

    def _last(self, route: tuple[str, ...], body: bytes) -> _Change:
        """The newest change by this request that was not taken back."""
        for change in reversed(self._done.values()):
            if change.undo is not None and (change.route, change.body) == (route, body):
                return change
        raise PlatformError(404, "nothing was done by such a request, or it was taken back already")


def _operation(route: tuple[str, ...], fields: Mapping[str, object]) -> Operation:
    """What a route with its fields asks for. Raises ``PlatformError``."""
    match route:
        case ("deploys", service, "rollback"):
            return RollBack(service, _text(fields, "change"))
        case ("flags", flag):
            return SwitchFlag(flag, _text(fields, "service"), _is_on(fields.get("value")))
        case ("pools", service):
            return ResizePool(service, _whole(fields.get("size")))
        case _:
            raise PlatformError(404, f"there is nothing at /{'/'.join(route)}")


def _fields(body: bytes) -> Mapping[str, object]:
    try:
        found: Any = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise PlatformError(400, "the body is no JSON object")
    return found


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise PlatformError(422, f"{name} is missing")
    return value


def _is_on(value: object) -> bool:
    words: dict[object, bool] = {"on": True, "true": True, "off": False, "false": False}
    word = str(value).lower() if isinstance(value, str | bool) else ""
    if word not in words:
        raise PlatformError(422, "value is neither on nor off")
    return words[word]


def _whole(value: object) -> int:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise PlatformError(422, "size is no whole number")
    return int(text)


def _handler(api: PlatformApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0

        def do_GET(self) -> None:
            self._answer("GET", b"")

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "0")
            if not length.isdigit() or int(length) > _MOST_BYTES:
                self.close_connection = True
                self._send(413, {"error": f"a body has at most {_MOST_BYTES} bytes"})
                return
            self._answer("POST", self.rfile.read(int(length)))

        def _answer(self, method: str, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._send(*api.answer(method, self.path, headers, body))

        def _send(self, status: int, content: dict[str, object]) -> None:
            raw = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the answers are what counts."""

    return Handler
