"""What is shown of a request or a command before it is made: the whole of it, in lines that a person can read, or nothing."""

from collections.abc import Sequence

from tools.actions.spec import MOST_LINES, ActionError, DryRun

LONGEST_LINE = 300


def shown_whole(effect: str, details: str, told: Sequence[str], seen: str = "") -> DryRun:
    """``effect`` and ``details`` are ours and exact, ``told`` is what the other side says of it.

    Raises ``ActionError`` where they are longer than what is shown: nobody can approve what they have not seen.
    """
    lines = []
    if len(effect) > LONGEST_LINE:
        lines += _pieces(effect)
        effect = f"{lines[0]}… (whole below)"
    if details:
        lines += _pieces(details)
    most = MOST_LINES - len(told)
    if len(lines) > most:
        raise ActionError(
            f"it takes {len(lines)} lines of {LONGEST_LINE} characters to show it whole, and {most} can be shown; "
            "make its body or its arguments shorter in the settings"
        )
    return DryRun(effect, (*lines, *told), seen)


def _pieces(text: str) -> list[str]:
    return [text[at : at + LONGEST_LINE] for at in range(0, len(text), LONGEST_LINE)]
