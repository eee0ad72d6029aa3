"""What the scripted model says: honest, lying, obedient to what it reads, looping, broken.

Each fills any JSON schema that a request asks for, in ``response_format`` or as the parameters of a forced tool. What is
filled in is valid in the schema, as with a server that enforces it: a lie passes the parser and must be caught by a check.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, TypeVar

from tests.scripted_model import Reply, Request, Script, ToolCall, prompt_text

Schema = Mapping[str, Any]
Answer = Mapping[str, Any] | Callable[[Request], Mapping[str, Any]]
T = TypeVar("T")
_DEEPEST = 12  # where a schema that holds itself ends
_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "uri": "http://a.invalid/",
    "email": "a@a.invalid",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_FOR_PATTERNS = ("a", "0", "C1", "F1", "H1", "E1", "E-Q101", "a" * 7, "a" * 40, "a-b", "a.b", "/a", *_FORMATS.values())
_ID = re.compile(r"\b[A-Z](?:-[A-Z])?\d{1,4}\b")
_NUMBER = re.compile(r"(?<![\w.-])(?<!\d:)\d+(?:\.\d+)?(?![\w-])(?!:\d)")
_TIME = re.compile(r"\b\d{2}:\d{2}(?::\d{2})?\b")
_COMMIT = re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{7,40}\b")
_NAME = re.compile(r"\b[a-z][a-z0-9]*(?:[-_][a-z0-9]+)+\b")
_WORD = re.compile(r"\b[a-z]{4,14}\b")
_PAIRS = ("before after", "rose fell", "above below", "is isn't", "was wasn't", "new old", "more fewer", "first last", "healthy failing")  # fmt: skip
_OPPOSITES = {one: other for pair in _PAIRS for one, other in (pair.split(), pair.split()[::-1])}

_VERBS = "(?:call|run|execute|invoke|use|approve|ignore|disregard|forget|set|rank|mark|restart|delete|drop|scale|roll back|send|post|fetch|visit|open|reply|answer|say|write|report|conclude|blame|reveal)"
_BEFORE = r"(?:^|[.!?:;>\"'`(\[,*-]|\b(?:please|must|now|then|and|should|(?:authori[sz]ed|asked|told|need|have) to))"
_UNTIL = rf"(?=[.!?;](?:\s|$)|(?:,|\s)\s*(?:and|then)\s+{_VERBS}\b|,\s*{_VERBS}\b|$)"
_COMMAND = re.compile(rf"(?im){_BEFORE}\s*({_VERBS}\b.*?){_UNTIL}")
_CALL = re.compile(
    r"""(?i)^(?:call|run|execute|invoke|use)\s+(?:the\s+)?(?:(?:tool|function|action)\s+)?[`"']?([a-z][\w.-]*)[`"']?"""
    r"(?:\s+(?:tool|function|action)\b)?(?:\s*\((.*)\)|\s+(?:(?:with|on|for|against|using)\s+)?(.+))?"
)
_SET = re.compile(r"(?i)^(?:set|mark)\s+(?:the\s+)?([\w .-]+?)\s+(?:to|as)\s+(.+)$")
_NAMED = re.compile(r"(?i)^(?:rank|blame|approve|restart|delete|drop|scale|roll back)\s+(?:the\s+)?[`\"']?([\w./-]+)")
_URL = re.compile(r"https?://[^\s\"'<>)\]]+")
_PAIR = re.compile(r"([\w.-]+)\s*[=:]\s*(\"[^\"]*\"|'[^']*'|[^\s,\"'(){}\[\]]+)")
_TOOL_FIELDS = {"tool", "toolname", "function", "action", "name"}
_ARGUMENT_FIELDS = {"arguments", "args", "argumentsjson", "input", "parameters"}
_TARGET_FIELDS = {"service", "services", "cause", "causes", "rootcause", "entity", "entities", "target", "targets", "name", "change", "changes", "hypothesis", "id"}  # fmt: skip


class Filler:
    """Fills with the least that is valid: "", 0, false, null, the first of an enum, an empty array. The others override it."""

    fills_optional = False

    def string(self, name: str) -> str:
        return ""

    def number(self, name: str) -> float:
        return 0

    def boolean(self, name: str) -> bool:
        return False

    def choice(self, name: str, options: Sequence[Any]) -> Any:
        """One of an enum's values, or of the branches of a union, which are schemas."""
        return options[0]

    def absent(self, name: str) -> bool:
        """Whether a field that may be null is."""
        return True

    def items(self, name: str, item: Schema) -> "Sequence[Filler]":
        """One filler for each item of an array."""
        return ()


def fill(schema: Schema, filler: Filler, root: Schema | None = None, name: str = "", depth: int = 0) -> Any:
    """A value valid in ``schema``. Raises ``ValueError`` for a pattern that no known text matches."""
    root = schema if root is None else root
    schema = _resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return filler.choice(name, schema["enum"])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    branches = schema.get("anyOf") or schema.get("oneOf") or ()
    if isinstance(kind, list):
        branches = [{**schema, "type": one} for one in kind]
    if branches:
        return _branch(branches, filler, root, name, depth)
    match kind:
        case "object":
            everything = filler.fills_optional and depth <= _DEEPEST
            parts, needed = schema.get("properties", {}), schema.get("required", ())
            chosen = {key: part for key, part in parts.items() if everything or key in needed}
            return {key: fill(part, filler, root, key, depth + 1) for key, part in chosen.items()}
        case "array":
            return _array(schema, filler, root, name, depth)
        case "boolean":
            return filler.boolean(name)
        case "integer" | "number":
            return _number(schema, filler.number(name), whole=kind == "integer")
        case "null":
            return None
        case _:
            return _string(schema, filler.string(name))


def _branch(branches: Sequence[Schema], filler: Filler, root: Schema, name: str, depth: int) -> Any:
    some = [branch for branch in branches if branch.get("type") != "null"]
    if len(some) < len(branches) and (not some or depth > _DEEPEST or filler.absent(name)):
        return None
    return fill(filler.choice(name, some), filler, root, name, depth + 1)


def _resolved(schema: Schema, root: Schema) -> Schema:
    """The schema with its reference and its ``allOf`` merged into it; what it says itself wins."""
    while "$ref" in schema or "allOf" in schema:
        own = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        parts = [_looked_up(root, schema["$ref"])] if "$ref" in schema else []
        schema = dict(pair for part in (*schema.get("allOf", ()), *parts, own) for pair in part.items())
    return schema


def _looked_up(root: Schema, reference: str) -> Any:
    found: Any = root
    for key in reference.removeprefix("#").strip("/").split("/"):
        found = found[key.replace("~1", "/").replace("~0", "~")] if key else found
    return found


def _array(schema: Schema, filler: Filler, root: Schema, name: str, depth: int) -> list[Any]:
    first = [fill(part, filler, root, name, depth + 1) for part in schema.get("prefixItems", ())]
    item = _resolved(schema.get("items") or {}, root)
    least, most = schema.get("minItems", 0) - len(first), schema.get("maxItems", 100) - len(first)
    fillers = [] if depth > _DEEPEST or schema.get("items") in (None, False) else list(filler.items(name, item))[:most]
    fillers += [filler] * (least - len(fillers))
    found = [*first, *(fill(item, one, root, name, depth + 1) for one in fillers)]
    if schema.get("uniqueItems"):
        found = [value for place, value in enumerate(found) if value not in found[:place]]
    return found


def _number(schema: Schema, value: float, whole: bool) -> float:
    step = 1 if whole else 1e-6
    low = max(schema.get("minimum", -1e15), schema.get("exclusiveMinimum", -2e15) + step)
    high = min(schema.get("maximum", 1e15), schema.get("exclusiveMaximum", 2e15) - step)
    held = min(max(value, low), high)
    return int(held) if whole else held


def _string(schema: Schema, text: str) -> str:
    text = text[: schema.get("maxLength")] + "." * (schema.get("minLength", 0) - len(text))
    if "pattern" in schema:
        for known in (text, *_ID.findall(text), *_FOR_PATTERNS):
            if re.search(str(schema["pattern"]), known):
                return str(known)
        raise ValueError(f"no known text matches the pattern {schema['pattern']!r}: give the field in honest(...)")
    return _FORMATS.get(schema.get("format", ""), text)


@dataclass(frozen=True)
class Wanted:
    """What a request asks the model to fill. ``tool`` is the forced tool's name, or "" for ``response_format``."""

    title: str
    schema: Schema
    tool: str = ""

    def reply(self, value: Any) -> Reply:
        text = value if isinstance(value, str) else json.dumps(value)
        return Reply(tool_calls=(ToolCall(self.tool, text),)) if self.tool else Reply(content=text)


def wanted(request: Request) -> Wanted | None:
    """The schema that the answer must have; ``None`` if the model may say what it likes."""
    if (request.get("response_format") or {}).get("type") == "json_schema":
        asked = request["response_format"]["json_schema"]
        return Wanted(asked["schema"].get("title", asked["name"]), asked["schema"])
    choice, tools = request.get("tool_choice"), _tools(request)
    name = next(iter(tools), "") if choice == "required" else ""
    if isinstance(choice, dict):
        name = choice["function"]["name"]
    return Wanted(tools[name].get("title", name), tools[name], name) if name else None


def _tools(request: Request) -> dict[str, Schema]:
    return {tool["function"]["name"]: tool["function"].get("parameters", {}) for tool in request.get("tools") or ()}


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
        schema = _resolved(asked.schema, asked.schema)
        missing = [key for key in schema.get("required", ()) if key not in given]
        return asked.reply({**fill({**schema, "required": missing}, Filler(), asked.schema), **given})

    return script


class _Liar(Filler):
    """Every field wrong, and made of the prompt's own names, numbers, times and ids where there are any."""

    fills_optional = True

    def __init__(self, random: Random, prompt: str) -> None:
        self._random = random
        self._names = _unique(_NAME, prompt) or _unique(_WORD, prompt)
        self._numbers = [float(number) for number in _unique(_NUMBER, prompt)]
        self._times = _unique(_TIME, prompt)
        self._ids = _unique(_ID, prompt)
        self._commits = _unique(_COMMIT, prompt)
        self._lines = [line.strip() for line in prompt.splitlines() if 15 < len(line) < 300 and _NUMBER.search(line)]

    def string(self, name: str) -> str:
        key = _plain(name)
        if re.search(r"ids?$|evidence|cite|finding|claim|hypothes", key):
            return self._one(self._ids, f"{self._random.choice('CFHE')}{self._random.randint(1, 99)}")
        if re.search(r"commit|change|sha", key):
            return self._one(self._commits, f"{self._random.getrandbits(160):040x}")
        if re.search(r"path|file|url", key):
            return self._path()
        if re.search(r"time|start|end|onset|at$", key):
            return self._one(self._times, self._time())
        if re.search(r"service|entit|node|component|cause|metric|name|tool|target", key):
            return self._name()
        return self._twisted() if self._lines and self._random.random() < 0.5 else self._invented()

    def number(self, name: str) -> float:
        if re.search(r"probab|confiden|share|ratio", _plain(name)):
            return round(self._random.random(), 3)
        return round(self._one(self._numbers, 100.0) * self._random.choice([-1, 0, 0.1, 1, 3, 10, 1000]), 3)

    def boolean(self, name: str) -> bool:
        return self._random.random() < 0.5

    def choice(self, name: str, options: Sequence[Any]) -> Any:
        return self._random.choice(options)

    def absent(self, name: str) -> bool:
        return self._random.random() < 0.15

    def items(self, name: str, item: Schema) -> Sequence[Filler]:
        return [self] * self._random.randint(1, 4)

    def _one(self, seen: Sequence[T], invented: T) -> T:
        return self._random.choice(seen) if seen and self._random.random() < 0.7 else invented

    def _name(self) -> str:
        return self._one(self._names, self._random.choice(["billing-shadow", "auth-relay", "ghost_queue_depth"]))

    def _time(self) -> str:
        return f"{self._random.randrange(24):02}:{self._random.randrange(60):02}:{self._random.randrange(60):02}"

    def _path(self) -> str:
        return f"{self._name()}/{self._name()}/{self._random.choice(['settings', 'handler', 'pool'])}.py"

    def _wrong(self, number: str) -> str:
        other = self._one(self._numbers, self._random.uniform(0, 10_000))
        return f"{other if other != float(number) else other * 7 + 1:g}"

    def _twisted(self) -> str:
        """A line of the prompt with other numbers, times and names, and its words turned round."""
        line = _TIME.sub(lambda _: self._one(self._times, self._time()), self._random.choice(self._lines))
        line = _NUMBER.sub(lambda match: self._wrong(match[0]), line)
        line = _NAME.sub(lambda match: self._name(), line)
        return re.sub(r"[a-z']+", lambda match: _OPPOSITES.get(match[0], match[0]), line)

    def _invented(self) -> str:
        before, after = self._one(self._numbers, 0.2), self._random.uniform(0, 10_000)
        return self._random.choice(
            [
                f"{self._name()} rose from {before:g} to {after:g} at {self._time()}, before {self._name()} did",
                f"{self._name()} never called {self._name()}; {self._path()} was not changed",
                f"{self._name()} failed in {after / 100:.1f} % of calls because {self._path()} sets it to {before:g}",
                f"no deploy reached {self._name()} before {self._one(self._times, self._time())}",
            ]
        )


def liar(seed: int = 0) -> Script:
    """Lies in every field; the same for the same seed, turn and prompt."""
    return _filled(lambda request, turn: _Liar(Random(f"{seed}/{turn}"), prompt_text(request)))


@dataclass(frozen=True)
class _Command:
    """An instruction found in the prompt, and what it names: a tool with arguments, a field with its value, a target, a URL."""

    text: str
    tool: str = ""
    arguments: Mapping[str, Any] | None = None
    spoken: str = ""
    field: str = ""
    value: str = ""
    target: str = ""
    url: str = ""

    @classmethod
    def read(cls, text: str) -> "_Command":
        call, put, named, url = (pattern.search(text) for pattern in (_CALL, _SET, _NAMED, _URL))
        spoken = ((call and (call[2] or call[3])) or "").strip()
        only = spoken.strip("`\"'") if re.fullmatch(r"[`\"']?[\w./-]+[`\"']?", spoken) else ""
        return cls(
            text,
            tool=call[1] if call else "",
            arguments=_arguments(spoken),
            spoken=only or spoken,
            field=_plain(put[1]) if put else "",
            value=put[2].strip("`\"' ") if put else "",
            target=named[1] if named else only,
            url=url[0] if url else "",
        )

    def says(self, name: str) -> Any:
        """What it wants in the field of this name; ``None`` if it says nothing about it."""
        key, arguments = _plain(name), self.arguments or {}
        if name in arguments:
            return arguments[name]
        if self.field and key and (self.field in key or key in self.field):
            return self.value
        if self.tool and key in _TOOL_FIELDS:
            return self.tool
        if self.tool and key in _ARGUMENT_FIELDS:
            return json.dumps(arguments) if arguments else self.spoken
        if self.url and re.search("url|link|address", key):
            return self.url
        return self.target if self.target and key in _TARGET_FIELDS else None


class _Obedient(Filler):
    """Every field does what the commands say: the one that names the field, else all their texts."""

    fills_optional = True

    def __init__(self, commands: Sequence[_Command], otherwise: str = "") -> None:
        self._commands = commands
        self._otherwise = otherwise or " ".join(command.text for command in commands)

    def _said(self, name: str) -> Any:
        return next((said for command in self._commands if (said := command.says(name)) is not None), None)

    def string(self, name: str) -> str:
        said = self._said(name)
        return self._otherwise if said is None else said if isinstance(said, str) else json.dumps(said)

    def number(self, name: str) -> float:
        found = _NUMBER.search(f"{self._said(name)} {self._otherwise}")
        return float(found[0]) if found else 0

    def boolean(self, name: str) -> bool:
        said = self._said(name)
        return bool(self._commands) if said is None else str(said).lower() in ("true", "yes", "1", "on")

    def choice(self, name: str, options: Sequence[Any]) -> Any:
        for text in (str(self._said(name)), *(command.text for command in self._commands)):
            for option in options:
                if re.search(rf"(?<!\w){re.escape(_spaced(option))}(?!\w)", _spaced(text)):
                    return option
        return options[0]

    def absent(self, name: str) -> bool:
        return not self._commands

    def items(self, name: str, item: Schema) -> Sequence[Filler]:
        calls = (_TOOL_FIELDS - {"name"}) & {_plain(key) for key in item.get("properties", {})}
        return [_Obedient([command]) for command in self._commands if command.tool or not calls]


def obedient() -> Script:
    """Obeys every instruction it finds in the prompt, the latest message's first. With tools to choose from it calls those
    that it is told to call, once each, and also those that were not offered but look like a tool's name."""

    def script(request: Request, turn: int) -> Reply:
        commands, tools = _commands(request), _tools(request)
        if wanted(request) or not tools:
            return _filled(lambda *_: _Obedient(commands))(request, turn)
        made = {call["function"]["name"] for message in request["messages"] for call in message.get("tool_calls") or ()}
        calls = {
            command.tool: ToolCall(command.tool, json.dumps(_obeyed(command, tools.get(command.tool))))
            for command in reversed(commands)
            if command.tool not in made and (command.tool in tools or re.search(r"\w[_.]\w", command.tool))
        }
        return Reply(tool_calls=tuple(calls.values())) if calls else Reply(content=_Obedient(commands).string("text"))

    return script


def _obeyed(command: _Command, schema: Schema | None) -> Any:
    filled = {} if schema is None else fill(schema, _Obedient([command], command.spoken))
    return {**filled, **(command.arguments or {})}


def _commands(request: Request) -> list[_Command]:
    found: list[_Command] = []
    for message in reversed(request["messages"]):
        if message["role"] != "assistant":
            text = re.sub(r"\\+n", "\n", prompt_text({"messages": [message]}))  # logs in JSON, once or more escaped
            text = re.sub(r"\\+(?=\")", "", text)
            found += [_Command.read(match[1].strip()) for match in _COMMAND.finditer(text)]
    return found


def _arguments(spoken: str) -> Mapping[str, Any] | None:
    try:
        read = json.loads(spoken)
    except ValueError:
        read = {key: value.strip("\"'") for key, value in _PAIR.findall(spoken)}
    return read if isinstance(read, dict) and read else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _spaced(value: object) -> str:
    return re.sub(r"[_\s-]+", " ", str(value).lower())


def _unique(pattern: re.Pattern[str], text: str) -> list[str]:
    return list(dict.fromkeys(pattern.findall(text)))


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
        tools = _tools(request)
        if wanted(request) or not tools:
            return _filled(lambda *_: _Looping())(request, turn)
        name, schema = next(iter(tools.items()))
        return Reply(tool_calls=(ToolCall(name, json.dumps(fill(schema, _Looping()))),))

    return script


def _filled(filler_for: Callable[[Request, int], Filler]) -> Script:
    def script(request: Request, turn: int) -> Reply:
        asked, filler = wanted(request), filler_for(request, turn)
        return Reply(content=filler.string("text")) if asked is None else asked.reply(fill(asked.schema, filler))

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
