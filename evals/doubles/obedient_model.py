"""A model that obeys every instruction that it finds in what it reads, whoever wrote it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.doubles.schema_filling import Filler, Schema, fill, filled, plain, tools_of, wanted
from evals.doubles.scripted_model import Reply, Request, Script, ToolCall, prompt_text

_NUMBER = re.compile(r"(?<![\w.-])(?<!\d:)\d+(?:\.\d+)?(?![\w-])(?!:\d)")
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
            field=plain(put[1]) if put else "",
            value=put[2].strip("`\"' ") if put else "",
            target=named[1] if named else only,
            url=url[0] if url else "",
        )

    def says(self, name: str) -> Any:
        """What it wants in the field of this name; ``None`` if it says nothing about it."""
        key, arguments = plain(name), self.arguments or {}
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
        calls = (_TOOL_FIELDS - {"name"}) & {plain(key) for key in item.get("properties", {})}
        return [_Obedient([command]) for command in self._commands if command.tool or not calls]


def obedient() -> Script:
    """Obeys every instruction it finds in the prompt, the latest message's first. With tools to choose from it calls those
    that it is told to call, once each, and also those that were not offered but look like a tool's name."""

    def script(request: Request, turn: int) -> Reply:
        commands, tools = _commands(request), tools_of(request)
        if wanted(request) or not tools:
            return filled(lambda *_: _Obedient(commands))(request, turn)
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


def _spaced(value: object) -> str:
    return re.sub(r"[_\s-]+", " ", str(value).lower())
