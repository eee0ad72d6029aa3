"""What the scripted model says: honest, looping, failing, broken. (``lying_model`` and ``obedient_model`` have the others.)

Each fills any JSON schema that a request asks for, in ``response_format`` or as the parameters of a forced tool. What is
filled in is valid in the schema, as with a server that enforces it: a lie passes the parser and must be caught by a check.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evals.doubles.schema_filling import Filler, Schema, fill, filled, resolved, tools_of, wanted
from evals.doubles.scripted_model import Reply, Request, Script, ToolCall

Answer = Mapping[str, Any] | Callable[[Request], Mapping[str, Any]]


def honest(answers: Mapping[str, Answer] | None = None, text: str = "Done.") -> Script:
    """By the title of the schema (or the tool's name), the answer; keys that it leaves out, and other schemas, are filled
    with the least that is valid. ``text`` answers a request without a schema."""

    def script(request: Request, _: int) -> Reply:
        asked = wanted(request)
        if asked is None:
            return Reply(content=text)
        known = answers or {}
        answer = known.get(asked.title, known.get(asked.tool, {}))
        given = answer(request) if callable(answer) else answer
        schema = resolved(asked.schema, asked.schema)
        missing = [key for key in schema.get("required", ()) if key not in given]
        return asked.reply({**fill({**schema, "required": missing}, Filler(), asked.schema), **given})

    return script


class _Looping(Filler):
    """Asks the same again: one item in every array, the first of an enum unless one of them asks on, and nothing is done."""

    fills_optional = True

    def string(self, name: str) -> str:
        return "What do the logs say?"

    def boolean(self, name: str) -> bool:
        return bool(re.search("more|continue|need|ask|again", name))

    def choice(self, name: str, options: Sequence[Any]) -> Any:
        return next(
            (option for option in options if re.search("ask|more|query|continue|fetch", str(option))), options[0]
        )

    def absent(self, name: str) -> bool:
        return bool(re.search("verdict|answer|conclusion|final|done", name))

    def items(self, name: str, item: Schema) -> Sequence[Filler]:
        return [self]


def looping() -> Script:
    """Always the same question, never done. With tools to choose from it calls the first, always with the same arguments."""

    def script(request: Request, turn: int) -> Reply:
        tools = tools_of(request)
        if wanted(request) or not tools:
            return filled(lambda *_: _Looping())(request, turn)
        name, schema = next(iter(tools.items()))
        return Reply(tool_calls=(ToolCall(name, json.dumps(fill(schema, _Looping()))),))

    return script


def failing(status: int, retry_after: str | float | None = None, code: str | None = None) -> Script:
    """An error with OpenAI's body. ``retry_after`` is the header's value: seconds, or a date."""
    error = {"message": f"scripted failure {status}", "type": "scripted", "param": None, "code": code}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return lambda *_: Reply(status=status, headers=headers, body={"error": error})


def broken_json() -> Script:
    """A message, or the arguments of a forced tool, that is no JSON."""
    text = '{"cause": "store", "because": [1, 2'
    return lambda request, _: asked.reply(text) if (asked := wanted(request)) else Reply(content=text)


def refusing(text: str = "I cannot help with that.") -> Script:
    return lambda *_: Reply(refusal=text)


def truncated(script: Script | None = None) -> Script:
    """Half of the script's message, with ``finish_reason`` "length"."""

    def half(request: Request, turn: int) -> Reply:
        reply = (script or honest())(request, turn)
        content = reply.content and reply.content[: len(reply.content) // 2]
        calls = tuple(replace(call, arguments=call.arguments[: len(call.arguments) // 2]) for call in reply.tool_calls)
        return replace(reply, content=content, tool_calls=calls, finish_reason="length")

    return half


def slow(seconds: float, script: Script | None = None, pause_seconds: float = 0.0) -> Script:
    """The script's reply after ``seconds``; a stream also rests ``pause_seconds`` after each piece."""
    return lambda request, turn: replace(
        (script or honest())(request, turn), delay_seconds=seconds, pause_seconds=pause_seconds
    )


def html(status: int = 200) -> Script:
    """A web page, as of a proxy that wants a log-in."""
    return lambda *_: Reply(status=status, raw="<!doctype html><html><body>Please log in.</body></html>")


def dropping(script: Script | None = None) -> Script:
    """The connection is closed in the middle of the script's reply."""
    return lambda request, turn: replace((script or honest())(request, turn), hang_up=True)


def in_turn(*scripts: Script) -> Script:
    """The first call's answer is the first script's, and so on; the last one repeats."""
    return lambda request, turn: scripts[min(turn, len(scripts) - 1)](request, turn)
