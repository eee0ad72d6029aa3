"""How much one delivery may take up: looking for secrets costs time by the character, and a sender chooses how many."""

from agent.redaction import cut_secrets

CUT = "… [cut]"  # where a text was longer
_MOST_ALERTS = 1_000
_MOST_CHARACTERS = 200_000
_LONGEST = 4_000  # of one text
_BEYOND = 4_000  # looked at behind it, so that a secret across the end is known as one
MOST_LOOKED_AT = _LONGEST + _BEYOND
_LONGEST_NAME = 500  # that is taken whole, room or not
_LEAST = 100  # of one text, where the room is used up


class Room:
    """Of one delivery: so many alerts, and so many characters of their texts; what comes after is told in brief."""

    def __init__(self, alerts: int = _MOST_ALERTS, characters: int = _MOST_CHARACTERS) -> None:
        self._alerts, self._characters = alerts, characters

    def seats(self, wanted: int) -> int:
        """How many of these alerts are read."""
        given = min(wanted, self._alerts)
        self._alerts -= given
        return given

    def take(self, text: str) -> str:
        """As much of a text as there is room for, with a sign where it was cut; half a secret is never left."""
        whole = len(text) <= _LONGEST
        cost = len(text) if whole else min(len(text), _LONGEST + _BEYOND)
        if len(text) > _LEAST and cost > self._characters:
            return to_a_blank(text, _LEAST)
        self._characters = max(self._characters - cost, 0)
        return text if whole else shortened(text)

    def take_name(self, name: str) -> str:
        """The same of what an alert is known by, which is cut only where it is far too long."""
        return name if len(name) <= _LONGEST_NAME else self.take(name)


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Without its secrets, and not longer; of what is very long no more is looked at than is needed."""
    if len(text) > longest + _BEYOND:
        text = _up_to_a_blank(text, longest, longest + _BEYOND) or text[: longest + _BEYOND]
    text = cut_secrets(text)
    return text if len(text) <= longest else text[:longest] + CUT


def to_a_blank(text: str, longest: int) -> str:
    """Its first whole words, at no cost; nothing of one that has no blank there, since it may be a secret."""
    return text if len(text) <= longest else _up_to_a_blank(text, 0, longest) + CUT


def _up_to_a_blank(text: str, least: int, most: int) -> str:
    """Ends before the last blank between two places; "" where there is none."""
    at = next((at for at in range(most, least, -1) if text[at].isspace()), 0)
    return text[:at]
