"""Text from outside made inert: no control characters, no escape sequences, no direction overrides, bounded length."""

import re
import unicodedata

_LONGEST = 600
_KEPT = frozenset("\n\t")
_ACTING = ("Cc", "Cf", "Cs", "Co", "Cn")
# A letter carries two or three marks in any living script; hundreds of them paint over the neighbouring lines.
_STACKED = re.compile(r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")  # fmt: skip


def inert(text: str, longest: int = _LONGEST) -> str:
    """``text`` with everything that acts on a terminal or a reader's eye replaced by what can be seen.

    Control, format (direction overrides, zero width) and surrogate characters become ``�``; line breaks become spaces.
    """
    return " ".join(_seen(text, longest).split())


def inert_lines(text: str, most: int = 12, longest: int = 200) -> tuple[str, ...]:
    """The lines of a quoted diff, each inert, with its indentation; what was left out is said in the last one."""
    lines = text.splitlines()
    shown = tuple(_seen(line.expandtabs(4), longest).rstrip() for line in lines[:most])
    more = len(lines) - most
    return (*shown, f"… and {more:,} more line{'s' if more > 1 else ''}") if more > 0 else shown


def _seen(text: str, longest: int) -> str:
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    shown = "".join(char if _harmless(char) else "\N{REPLACEMENT CHARACTER}" for char in cut)
    return _STACKED.sub(r"\1", shown)


def _harmless(char: str) -> bool:
    return char in _KEPT or unicodedata.category(char) not in _ACTING
