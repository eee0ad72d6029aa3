"""Reading a value out of a document, wherever its writer put the dots: ``a.b`` is one key or an object in an object."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
Scalar = str | float | bool


def value_at(document: Document, name: str) -> Any:  # noqa: ANN401 - whatever the JSON holds
    """The value of a dotted field name, or None."""
    if name in document:
        return document[name]
    at = name.find(".")
    while at > 0:
        inner = document.get(name[:at])
        if isinstance(inner, Mapping) and (found := value_at(inner, name[at + 1 :])) is not None:
            return found
        at = name.find(".", at + 1)
    return None


def text_at(document: Document, name: str) -> str:
    """The value as text; "" where there is none. Of a list the first one counts."""
    found = value_at(document, name) if name else None
    if isinstance(found, list):
        found = found[0] if found else None
    return "" if found is None or isinstance(found, Mapping) else str(found)


def leaves(document: Document, prefix: str = "") -> Iterator[tuple[str, Scalar]]:
    """All scalars with their dotted names; lists and nulls are left out."""
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        elif isinstance(value, str | int | float):
            yield f"{prefix}{name}", value


def plain_name(name: str, prefixes: Iterable[str]) -> str:
    """An attribute's own name: without the place that an exporter put it in, and with dots for Data Prepper's ``@``."""
    for prefix in prefixes:
        if name.startswith(prefix):
            return name[len(prefix) :].replace("@", ".")
    return name.replace("@", ".") if not name.startswith("@") else name
