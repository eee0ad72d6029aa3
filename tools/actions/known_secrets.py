"""Values that we hold and nobody else should read: whoever was given one may say it back, in an answer or an output."""

import json
import re
from collections.abc import Iterable

from pydantic import SecretStr

SHOWN = "[secret]"
_LEAST_CHARACTERS = 6  # a shorter value is part of too many other words
_SCHEME = re.compile(r"(?:bearer|basic|token|apikey) +", re.IGNORECASE)


class KnownSecrets:
    """Replaces exactly the values that it was made with, also as JSON spells them. What follows the scheme of an
    ``Authorization`` header counts as a value of its own: that is what a host would quote."""

    def __init__(self, *values: SecretStr | str | None) -> None:
        texts = {value.get_secret_value() if isinstance(value, SecretStr) else value or "" for value in values}
        texts |= {_SCHEME.sub("", text, count=1) for text in texts if _SCHEME.match(text)}
        known = {spelled for text in texts if len(text) >= _LEAST_CHARACTERS for spelled in _spelled(text)}
        longest_first = sorted(known, key=len, reverse=True)  # one may be part of another
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def cut(self, text: str) -> str:
        """The text without them. To be asked before the text is shortened: half a secret is not found."""
        return self._known.sub(SHOWN, text) if self._known else text


def _spelled(text: str) -> Iterable[str]:
    """As it is, and as encoders of JSON write it (some of them escape slashes)."""
    in_json = {json.dumps(text, ensure_ascii=ascii)[1:-1] for ascii in (True, False)}
    return {text, *in_json, *(one.replace("/", r"\/") for one in in_json)}
