"""What another server says its arguments are, made harmless: bounded, no reference, no pattern, no sentence.

What is left out here (patterns, formats, conditions) only that server checks. Nothing of it is a text for a model: names
must be names, and descriptions, titles, defaults and examples are dropped.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from agent.report.text import inert
from tools.spec import Arguments

ANYTHING: Mapping[str, Any] = {"type": "object"}
_NAME = re.compile(r"[A-Za-z_$@][A-Za-z0-9_.$@-]{0,63}")
_WORD = re.compile(r"[\w.:/@+ -]{0,64}")
_MOST_NODES, _DEEPEST, _MOST_CHOICES = 2_000, 8, 50
_MOST_ARGUMENT_CHARS = 20_000
_TYPES = frozenset(("object", "array", "string", "number", "integer", "boolean", "null"))
_NUMBERS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
)  # fmt: skip


class SchemaRefused(ValueError):  # noqa: N818 - said as one says it
    """The arguments of a tool cannot be told safely; the message says why."""


def harmless(schema: object) -> dict[str, Any]:
    """A schema of the same shape that refers to nothing and ends. Raises ``SchemaRefused``."""
    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
        raise SchemaRefused("its arguments are no object")
    return {**_Plain(schema).node(schema, 0), "type": "object"}


class _Plain:
    """One walk over a schema; what is too deep or too much becomes "anything"."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root, self._left = root, _MOST_NODES

    def node(self, schema: object, depth: int) -> dict[str, Any]:
        self._left -= 1
        if not isinstance(schema, Mapping) or depth > _DEEPEST or self._left < 0:
            return {}
        if "$ref" in schema:
            return self.node(self._referred(schema["$ref"]), depth + 1)
        plain: dict[str, Any] = {}
        if (kind := _kind(schema.get("type"))) is not None:
            plain["type"] = kind
        plain |= {key: schema[key] for key in _NUMBERS if _is_number(schema.get(key))}
        if (choices := _choices(schema)) is not None:
            plain["enum"] = choices
        if isinstance(schema.get("properties"), Mapping):
            plain["properties"] = {_named(name): self.node(of, depth + 1) for name, of in schema["properties"].items()}
        if isinstance(schema.get("required"), list):
            plain["required"] = [_named(name) for name in schema["required"][:200]]
        if "additionalProperties" in schema and "patternProperties" not in schema:
            plain["additionalProperties"] = self._of(schema["additionalProperties"], depth)
        if "items" in schema and "prefixItems" not in schema:
            plain["items"] = self._of(schema["items"], depth)
        for key in ("anyOf", "oneOf"):
            if isinstance(schema.get(key), list) and schema[key]:
                # As "any of": what was dropped above may make two of "one of" fit.
                plain["anyOf"] = [self.node(of, depth + 1) for of in schema[key][:_MOST_CHOICES]]
        return plain

    def _of(self, schema: object, depth: int) -> bool | dict[str, Any]:
        return schema if isinstance(schema, bool) else self.node(schema, depth + 1)

    def _referred(self, reference: object) -> object:
        """Only within the schema itself: nothing is fetched."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise SchemaRefused("its arguments refer to something outside of them")
        found: object = self._root
        for part in reference[1:].split("/")[1:12]:
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        return found


def _kind(given: object) -> str | list[str] | None:
    if isinstance(given, list):
        return [one for one in given if isinstance(one, str) and one in _TYPES] or None
    return given if isinstance(given, str) and given in _TYPES else None


def _choices(schema: Mapping[str, Any]) -> list[Any] | None:
    given = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(given, list) or not given or len(given) > _MOST_CHOICES:
        return None
    plain = all(one is None or isinstance(one, bool | int | float) or _is_word(one) for one in given)
    return given if plain else None


def _is_word(value: object) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _named(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SchemaRefused("one of its arguments has a name that is no name")
    return name


class ForeignArguments(Arguments):
    """Any names, checked against ``wanted`` (a harmless schema)."""

    model_config = ConfigDict(frozen=True, extra="allow")
    wanted: ClassVar[Mapping[str, Any]] = ANYTHING

    @model_validator(mode="before")
    @classmethod
    def _fits(cls, given: object) -> object:
        if problem := misfit(cls.wanted, given):
            raise ValueError(problem)
        return given

    @property
    def given(self) -> dict[str, Any]:
        """What is sent."""
        return dict(self.model_extra or {})

    def __hash__(self) -> int:
        return hash(json.dumps(self.given, sort_keys=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ForeignArguments) and self.given == other.given

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return dict(cls.wanted)

    @classmethod
    def of(cls, name: str, wanted: Mapping[str, Any]) -> type[Self]:
        """A class of its own for one tool."""
        return type(name, (cls,), {"wanted": wanted, "__module__": cls.__module__, "__doc__": None})


def misfit(wanted: Mapping[str, Any], given: object) -> str:
    """Why arguments do not fit a harmless schema, in one line; "" where they do."""
    from jsonschema import Draft202012Validator

    if len(json.dumps(given, default=str)) > _MOST_ARGUMENT_CHARS:
        return f"the arguments are longer than {_MOST_ARGUMENT_CHARS:,} characters"
    error = next(iter(Draft202012Validator(wanted).iter_errors(given)), None)
    if error is None:
        return ""
    where = ".".join(str(part) for part in error.absolute_path)
    return inert(f"{where}: {error.message}" if where else error.message, 200)
