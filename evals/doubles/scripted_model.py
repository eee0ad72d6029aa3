"""A local server that speaks OpenAI's Chat Completions, and answers what a script says. The scripts are in ``model_scripts``.

    with scripted_model(honest({"Verdict": {"cause": "store"}})) as server:
        model = init_chat_model("openai:scripted", base_url=server.url, api_key="none")

Only ``POST /v1/chat/completions`` and ``GET /v1/models`` exist: a client that needs the Responses API gets a 404.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Request = dict[str, Any]
_TOKEN = re.compile(r"[^\W\d]{1,6}|\d{1,3}|[^\w\s]")
_STREAM_PIECE = re.compile(r"\s*\S{1,12}|\s+")


@dataclass(frozen=True)
class ToolCall:
    """``arguments`` is JSON text, so that a script can break it."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Reply:
    """What the server sends back: a message, or (``status`` not 200) an error with ``body``, or ``raw`` text as it stands.

    ``delay_seconds`` pass before the first byte, ``pause_seconds`` before each further piece of a stream. ``hang_up``
    closes the connection in the middle of the answer. The token counts are reported in ``usage``; a request's
    ``max_tokens`` cuts the message as a real server does, unless ``over_limit`` is set.
    """

    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    finish_reason: str = ""
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    raw: str | None = None
    delay_seconds: float = 0.0
    pause_seconds: float = 0.0
    hang_up: bool = False
    over_limit: bool = False


Script = Callable[[Request, int], Reply]


class ScriptedModel:
    """The server as a test sees it. ``requests`` are the decoded bodies in the order of their arrival."""

    def __init__(self, script: Script) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.errors: list[Exception] = []
        self.closing = threading.Event()
        self._script = script
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        """How many completions were asked for, retries included."""
        return len(self.requests)

    def answer(self, request: Request) -> tuple[int, Reply]:
        """The request's turn, from 0, and its reply. A script that raises is answered with a 400, which no client retries."""
        with self._lock:
            turn = len(self.requests)
            self.requests.append(request)
        try:
            reply = self._script(request, turn)
        except Exception as error:
            self.errors.append(error)
            return turn, Reply(status=400, body={"error": {"message": f"the script failed: {error!r}"}})
        limit = request.get("max_completion_tokens") or request.get("max_tokens")
        return turn, reply if limit is None or reply.over_limit else _cut(reply, limit)


@contextmanager
def scripted_model(script: Script) -> Iterator[ScriptedModel]:
    """A running server. Raises on leaving what the script raised, if it did."""
    model = ScriptedModel(script)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"model": model}))
    server.daemon_threads = False  # joined by server_close: no socket outlives the test
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield model
    finally:
        model.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
    if model.errors:
        raise model.errors[0]


def prompt_text(request: Request) -> str:
    """All that the model reads: the texts of all messages, in order, one after the other."""
    texts = []
    for message in request["messages"]:
        content = message.get("content") or ""
        texts.append(content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content))
    return "\n".join(texts)


def tokens(text: str) -> int:
    """A fixed count: up to six letters, up to three digits or one other sign are a token; white space is none."""
    return len(_TOKEN.findall(text))


def usage(request: Request, reply: Reply) -> dict[str, Any]:
    """The ``usage`` of a completion: messages (four tokens more for each), tools and schema in; all texts and the reasoning out."""
    asked = [request[key] for key in ("tools", "response_format") if request.get(key)]
    made = [call for message in request["messages"] for call in message.get("tool_calls") or ()]
    prompt = tokens(prompt_text(request)) + tokens(json.dumps([*asked, *made])) + 4 * len(request["messages"])
    calls = [text for call in reply.tool_calls for text in (call.name, call.arguments)]
    completion = sum(map(tokens, (reply.content or "", reply.refusal or "", *calls))) + reply.reasoning_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": min(reply.cached_tokens, prompt)},
        "completion_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
    }


def _cut(reply: Reply, limit: int) -> Reply:
    """The reply within ``limit`` tokens of output. Reasoning comes first, then the text, then each call's arguments."""
    left = max(limit - reply.reasoning_tokens, 0)

    def first(text: str) -> str:
        nonlocal left
        ends = [match.end() for match in _TOKEN.finditer(text)]
        kept = text if len(ends) <= left else text[: ends[left - 1] if left else 0]
        left -= min(left, len(ends))
        return kept

    content = None if reply.content is None else first(reply.content)
    refusal = None if reply.refusal is None else first(reply.refusal)
    calls = tuple(
        replace(call, arguments=first(call.arguments)) for call in reply.tool_calls if first(call.name) == call.name
    )
    kept = replace(
        reply, content=content, refusal=refusal, tool_calls=calls, reasoning_tokens=min(reply.reasoning_tokens, limit)
    )
    return kept if kept == reply else replace(kept, finish_reason="length")


def _message(reply: Reply, turn: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.content, "refusal": reply.refusal}
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": f"call_{turn}_{place}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for place, call in enumerate(reply.tool_calls)
        ]
    return message


def _finish(reply: Reply) -> str:
    return reply.finish_reason or ("tool_calls" if reply.tool_calls else "stop")


def _deltas(reply: Reply, turn: int) -> Iterator[dict[str, Any]]:
    """The message in pieces, as the ``delta`` of each chunk."""
    yield {"role": "assistant", "content": None if reply.content is None else ""}
    for key, text in (("content", reply.content), ("refusal", reply.refusal)):
        yield from ({key: piece} for piece in _STREAM_PIECE.findall(text or ""))
    for place, call in enumerate(_message(reply, turn).get("tool_calls", ())):
        arguments = call["function"]["arguments"]
        yield {"tool_calls": [{**call, "index": place, "function": {**call["function"], "arguments": ""}}]}
        for piece in _STREAM_PIECE.findall(arguments):
            yield {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 10  # a client that says nothing does not hold the test's end
    model: ScriptedModel

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            return self._send_json(404, _error(f"no such path: {self.path}"))
        one = {"id": "scripted", "object": "model", "created": 0, "owned_by": "tests"}
        return self._send_json(200, {"object": "list", "data": [one]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/v1/chat/completions":
            return self._send_json(404, _error(f"no such path: {self.path}"))
        try:
            request = json.loads(body)
        except ValueError as error:
            return self._send_json(400, _error(f"the body is not JSON: {error}"))
        turn, reply = self.model.answer(request)
        try:
            self._reply(request, turn, reply)
        except ConnectionError:
            self.close_connection = True  # the client gave up waiting, which is what some tests are about

    def _reply(self, request: Request, turn: int, reply: Reply) -> None:
        self.model.closing.wait(reply.delay_seconds)
        head = {"id": f"chatcmpl-{turn}", "created": 0, "model": request.get("model", "scripted")}
        if reply.raw is not None:
            self._send(reply.status, reply.raw.encode(), {"Content-Type": "text/html", **reply.headers}, reply.hang_up)
        elif reply.status != 200:
            self._send_json(reply.status, reply.body, reply.headers, reply.hang_up)
        elif request.get("stream"):
            self._stream(request, turn, reply, {**head, "object": "chat.completion.chunk"})
        else:
            choice = {"index": 0, "message": _message(reply, turn), "finish_reason": _finish(reply)}
            whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage(request, reply)}
            self._send_json(200, whole, reply.headers, reply.hang_up)

    def _stream(self, request: Request, turn: int, reply: Reply, head: dict[str, Any]) -> None:
        self._head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", **reply.headers})
        deltas = list(_deltas(reply, turn))
        for delta in deltas[: len(deltas) // 2 + 1] if reply.hang_up else deltas:
            self._event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            self.model.closing.wait(reply.pause_seconds)
        if reply.hang_up:
            return
        self._event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": _finish(reply)}]})
        if (request.get("stream_options") or {}).get("include_usage"):
            self._event({**head, "choices": [], "usage": usage(request, reply)})
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: object) -> None:
        line = f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))

    def _send_json(
        self, status: int, data: object, headers: Mapping[str, str] | None = None, hang_up: bool = False
    ) -> None:
        self._send(status, json.dumps(data).encode(), {"Content-Type": "application/json", **(headers or {})}, hang_up)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str], hang_up: bool) -> None:
        self._head(status, {**headers, "Content-Length": str(len(body))})
        self.wfile.write(body[: len(body) // 2] if hang_up else body)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")  # a pooled socket would be left open when the client is collected
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
