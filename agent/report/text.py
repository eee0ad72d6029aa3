"""Text from outside made inert: no control characters, no escape sequences, no direction overrides, bounded length."""

import unicodedata

_LONGEST = 600
_KEPT = frozenset("\n\t")


def inert(text: str, longest: int = _LONGEST) -> str:
    """``text`` with everything that acts on a terminal or a reader's eye replaced by what can be seen.

    Control, format (direction overrides, zero width) and surrogate characters become ``�``; line breaks become spaces.
    """
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    shown = "".join(char if _harmless(char) else "\N{REPLACEMENT CHARACTER}" for char in cut)
    return " ".join(shown.split())


def _harmless(char: str) -> bool:
    return char in _KEPT or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")


def share(probability: float) -> str:
    """A probability for people: whole percent, never a false 0 or 100."""
    percent = probability * 100
    if 0 < percent < 1:
        return "under 1 %"
    if 99 < percent < 100:
        return "over 99 %"
    return f"{percent:.0f} %"


def span_of(seconds: float) -> str:
    """A duration: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    seconds = abs(seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
