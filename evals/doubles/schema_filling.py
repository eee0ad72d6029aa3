"""Any JSON schema filled with values that are valid in it: what every scripted model's answer is made of."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.doubles.scripted_model import Reply, Request, Script, ToolCall

Schema = Mapping[str, Any]
ID = re.compile(r"\b[A-Z](?:-[A-Z])?\d{1,4}\b")  # of a claim, a finding, an answer
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
    schema = resolved(schema, root)
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


def resolved(schema: Schema, root: Schema) -> Schema:
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
    item = resolved(schema.get("items") or {}, root)
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
        for known in (text, *ID.findall(text), *_FOR_PATTERNS):
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
    choice, tools = request.get("tool_choice"), tools_of(request)
    name = next(iter(tools), "") if choice == "required" else ""
    if isinstance(choice, dict):
        name = choice["function"]["name"]
    return Wanted(tools[name].get("title", name), tools[name], name) if name else None


def tools_of(request: Request) -> dict[str, Schema]:
    return {tool["function"]["name"]: tool["function"].get("parameters", {}) for tool in request.get("tools") or ()}


def filled(filler_for: Callable[[Request, int], Filler]) -> Script:
    def script(request: Request, turn: int) -> Reply:
        asked, filler = wanted(request), filler_for(request, turn)
        return Reply(content=filler.string("text")) if asked is None else asked.reply(fill(asked.schema, filler))

    return script


def plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
