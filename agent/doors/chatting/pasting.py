"""What is taken of one input: a paste is one question of bounded length, and what was cut is said."""

LONGEST_WORDS, LONGEST_JSON = 2_000, 8_000


def bounded(text: str) -> tuple[str, str]:
    """One line of what was given, and what was cut in words ("" for nothing). JSON, as an alert is, may be longer."""
    most = LONGEST_JSON if text.lstrip()[:1] == "{" else LONGEST_WORDS
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    flat = " ".join(line.strip() for line in lines).replace("\x00", "").strip()
    if len(flat) <= most:
        return flat, ""
    return flat[:most], (
        f"That was {len(lines):,} line{'s' if len(lines) > 1 else ''} of {len(text):,} characters: "
        f"the first {most:,} characters are taken, the rest was cut."
    )
