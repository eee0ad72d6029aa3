"""Values in templates: which there are, what they may look like, and how each place takes them.

A template is written by whoever owns this installation; a value was read from telemetry, so anybody may have written it.
A value is checked against an allow-list, then put where it can be nothing but a value: percent-encoded in an address,
as a whole string in a JSON body, as a whole argument of a program.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, urlsplit

from pydantic import JsonValue

from tools.actions.spec import ActionError

IN_ADDRESS = frozenset({"entity", "change", "flag", "before", "key"})
IN_ARGUMENTS = IN_ADDRESS
IN_BODY = IN_ADDRESS | {"title"}
IN_UNDO = frozenset({"undoes"})  # beside the others: the key of the action that is taken back
KEY_NOT_YET = "KEY-OF-THE-ACTION"  # what a dry run shows in place of the key

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:/@+-]{0,252}", re.ASCII)
_VALUE = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?%?|[A-Za-z0-9_][A-Za-z0-9._:/@+=, -]{0,199}", re.ASCII)
_LONGEST_TITLE = 200
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-_\[\]:]+(?=/|$)")
_PLACE = re.compile(r"\{([^{}]*)\}")
_DEEPEST = 20


def why_not(name: str, value: str) -> str:
    """Why a value cannot stand for a placeholder; "" where it can. Quotes no value: it may be anything."""
    if name == "title":
        bad = not value or len(value) > _LONGEST_TITLE or not value.isprintable()
        return "a title is one printable line of up to 200 characters" if bad else ""
    if name == "undoes" and not value:
        return "the key of the action that is to be taken back is not known any more"
    allowed = _VALUE if name == "before" else _NAME
    if not allowed.fullmatch(value):
        return f"{{{name}}} may hold letters, digits and . _ : / @ + - only, beginning with a letter or digit"
    if any(part in ("", ".", "..") for part in value.split("/")) or ".." in value:
        return f"{{{name}}} may not walk through folders"
    return ""


def title_of(*parts: str) -> str:
    """One printable line of what an alert says, for a body."""
    text = " ".join(" ".join(part.split()) for part in parts if part)
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)[:_LONGEST_TITLE]


def names_in(*templates: JsonValue | Sequence[str]) -> frozenset[str]:
    """The placeholders of addresses, bodies and lists of arguments."""
    return frozenset(name for template in templates for text in _texts(template) for name in _PLACE.findall(text))


def check_address(template: str, *, more: frozenset[str] = frozenset()) -> str:
    """``more`` are placeholders that are known in this place only. Raises ``ValueError`` unless scheme, host and port are written out and all placeholders are known."""
    host = _ORIGIN.match(template)
    if host is None:
        raise ValueError(
            "write the address out, like https://deploys.example:8443/rollback/{entity}; no placeholder in the host"
        )
    if "#" in template or "@" in host[0] or not urlsplit(host[0]).hostname:
        raise ValueError("an address has no fragment and no credentials; name those in header_env")
    _known(template, IN_ADDRESS | more)
    if re.search(r"[\s\\]|\.\.", template):
        raise ValueError("an address holds no blank, no backslash and no ..")
    return template


def origin(address: str) -> str:
    """Scheme, host and port of an address of the settings."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def check_body(template: JsonValue, *, more: frozenset[str] = frozenset()) -> JsonValue:
    """Raises ``ValueError`` unless each placeholder is a whole string value."""
    for text in _texts(template):
        _whole(text, IN_BODY | more, "a string of the body")
    return template


def check_arguments(template: Sequence[str], *, more: frozenset[str] = frozenset()) -> None:
    """Raises ``ValueError`` unless the program is written out and each placeholder is a whole argument."""
    if not template:
        raise ValueError("it names no program")
    if _PLACE.search(template[0]):
        raise ValueError("the program is written out, no placeholder")
    for text in template[1:]:
        _whole(text, IN_ARGUMENTS | more, "an argument")


def fill_address(template: str, values: Mapping[str, str]) -> str:
    """The address with its values percent-encoded. Raises ``ActionError`` where a value is none for an address."""
    return _PLACE.sub(lambda place: quote(_checked(place[1], values), safe=""), template)


def fill_body(template: JsonValue, values: Mapping[str, str]) -> JsonValue:
    """The body with whole strings replaced; its structure is the template's. Raises ``ActionError``."""
    if isinstance(template, str):
        place = _PLACE.fullmatch(template)
        return template if place is None else _checked(place[1], values)
    if isinstance(template, list):
        return [fill_body(item, values) for item in template]
    if isinstance(template, dict):
        return {name: fill_body(item, values) for name, item in template.items()}
    return template


def fill_arguments(template: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """The arguments of a program; a value never begins with a dash, which would be an option. Raises ``ActionError``."""
    filled = [template[0]]
    for text in template[1:]:
        place = _PLACE.fullmatch(text)
        value = text if place is None else _checked(place[1], values)
        if place is not None and value.startswith("-"):
            raise ActionError(f"the value of {{{place[1]}}} begins with a dash: a program would take it for an option")
        filled.append(value)
    return tuple(filled)


def _checked(name: str, values: Mapping[str, str]) -> str:
    value = values.get(name, "")
    if problem := why_not(name, value):
        raise ActionError(f"a value does not fit its place: {problem}; nothing was sent")
    return value


def _known(text: str, known: frozenset[str]) -> None:
    for name in _PLACE.findall(text):
        if name not in known:
            raise ValueError(f"there is no placeholder {{{name}}} here; there are {', '.join(sorted(known))}")
    if re.search(r"[{}]", _PLACE.sub("", text)):
        raise ValueError("a brace stands for nothing but a placeholder")


def _whole(text: str, known: frozenset[str], what: str) -> None:
    if _PLACE.search(text):
        _known(text, known)
        if not _PLACE.fullmatch(text):
            raise ValueError(f"a placeholder is the whole of {what}, not a part of it")


def _texts(template: JsonValue | Sequence[str], depth: int = 0) -> Iterator[str]:
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    if isinstance(template, str):
        yield template
    elif isinstance(template, Mapping):
        for name, item in template.items():
            if _PLACE.search(name):
                raise ValueError("the name of a field is written out, no placeholder")
            yield from _texts(item, depth + 1)
    elif isinstance(template, Sequence):
        for item in template:
            yield from _texts(item, depth + 1)
