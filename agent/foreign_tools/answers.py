"""What another server's tool answered, as a table: bounded, inert, never more than data."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agent.redaction import cut_secrets
from agent.report.text import inert
from tools.spec import Answer, Empty, Failed, Rows, Table

if TYPE_CHECKING:
    from mcp.types import CallToolResult

MOST_ROWS = 200
_MOST_COLUMNS, _CELL, _LINE = 12, 300, 600
_LONGEST = 4_000  # characters that are looked at


def answer_of(result: "CallToolResult", title: str) -> Answer:
    """Structured content as columns where it is a list of objects, else as names and values; text by its lines."""
    if result.isError:
        return Failed(
            f"{title} says: {inert(cut_secrets(' '.join(_texts(result))[:_LONGEST]), _LINE) or 'an error, and not which'}"
        )
    table = _structured(result.structuredContent, title) if result.structuredContent else None
    if table is None:
        table = Table(title, ("text",), tuple((line,) for line in _lines(result)))
    if not table.rows:
        return Empty()
    if len(table.rows) <= MOST_ROWS:
        return Rows(table, len(table.rows))
    return Rows(Table(title, table.columns, table.rows[:MOST_ROWS]), MOST_ROWS, f"more than {MOST_ROWS} rows; the rest is left out")  # fmt: skip


def _lines(result: "CallToolResult") -> list[str]:
    """One more than is shown at most. Secrets go first, over all lines: what is cut off could hide the half of one."""
    lines = [line[:_LONGEST] for text in _texts(result) for line in text.splitlines() if line.strip()]
    return [inert(line, _LINE) for line in cut_secrets("\n".join(lines[: MOST_ROWS + 1])).splitlines()]


def _texts(result: "CallToolResult") -> list[str]:
    """Text blocks; of pictures, sounds and links only that they were there, for nothing is fetched."""
    return [block.text if block.type == "text" else f"({block.type} left out)" for block in result.content]


def _structured(content: Mapping[str, Any], title: str) -> Table | None:
    listed = next(iter(content.values())) if len(content) == 1 else None
    if isinstance(listed, list) and listed and all(isinstance(item, Mapping) for item in listed[:MOST_ROWS]):
        return _columns(listed, title)
    if isinstance(listed, list):
        cells = tuple((_cell(item),) for item in listed[: MOST_ROWS + 1])
        return Table(title, (inert(str(next(iter(content))), 60),), cells)
    pairs = list(content.items())[: MOST_ROWS + 1]
    return Table(title, ("name", "value"), tuple((inert(str(key), 60), _cell(value, str(key))) for key, value in pairs))


def _columns(items: Sequence[Any], title: str) -> Table:
    items = items[: MOST_ROWS + 1]
    names = list(dict.fromkeys(str(name) for item in items if isinstance(item, Mapping) for name in item))
    names = names[:_MOST_COLUMNS]
    rows = tuple(
        tuple(_cell(item.get(name, "") if isinstance(item, Mapping) else "", name) for name in names) for item in items
    )
    return Table(title, tuple(inert(name, 60) for name in names), rows)


def _cell(value: object, name: str = "") -> str | float:
    """With its name before it while secrets are cut, since that is what tells a password from a word."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return value
    text = (value if isinstance(value, str) else str(value))[:_LONGEST]
    cut = cut_secrets(f"{name}={text}")
    if name and not cut.startswith(f"{name}="):
        return "[secret]"
    return inert(cut[len(name) + 1 :], _CELL)
