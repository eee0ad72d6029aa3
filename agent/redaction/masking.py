"""Stable pseudonyms for hosts, addresses and names, put back in what our own people see."""

import ipaddress
import json
import re
from collections.abc import Sequence

# Endings of a host's name. Fewer than there are domains, on purpose: classes, files and metrics have dots too. A name
# of two labels needs one of the first, with which no file or attribute ends.
_COMMON = "com net org edu gov mil io dev cloud internal local corp lan intranet arpa"
_OTHER = "int app co ai us uk de fr nl eu ch at ca au jp cn br ru es dk fi ie nz za kr sg hk tw mx ar tr ua cz pt gr il ae in it se no pl be online biz xyz svc localdomain home private"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_HOST_END = r"(?![\w-]|\.\w|\()"
_PATTERNS = {
    "email": r"(?<![\w.+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,9}[A-Za-z]{2,24}(?![\w-])",
    "url": rf"(?:(?<=://)|(?<=@))(?:{_LABEL}\.){{1,9}}[A-Za-z][A-Za-z0-9-]{{1,62}}(?![\w-])",
    "host": (
        rf"(?:(?<![\w.@/\\$-])|(?<=//))(?:(?:{_LABEL}\.){{1,9}}(?:{'|'.join(_COMMON.split())})"
        rf"|(?:{_LABEL}\.){{2,9}}(?:{'|'.join(_OTHER.split())})){_HOST_END}"
    ),
    "ipv4": r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?!\w|\.\d)",
    "ipv6": r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])",
}
_PREFIXES = {"email": "email", "url": "host", "host": "host", "ipv4": "ip", "ipv6": "ip", "name": "name"}
# Two letters that begin no word and end no name, so that it is neither telemetry nor a model's own invention. What
# stands in a text all the same is masked as well: then no pseudonym in a masked text is one that we did not give.
_NO_WORD_BEFORE, _NO_WORD_AFTER = r"(?<![^\W_])", r"(?![^\W_])"  # letters and digits of any script
_PSEUDONYM = re.compile(rf"{_NO_WORD_BEFORE}(?:host|ip|email|name)-zq[1-9][0-9]*{_NO_WORD_AFTER}")
_JSON_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"?|[^"]+', re.DOTALL)
# A package is a host's name backwards.
_PACKAGES = frozenset("com org net io dev java javax jakarta kotlin scala sun edu gov de uk".split())


class Masker:
    """``names`` are masked too, wherever they stand as words. The same value always has the same pseudonym."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._values: dict[str, str] = {}
        self._pseudonyms: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        words = sorted({_core(name) for name in names} - {""}, key=lambda name: (-len(name), name))
        alternatives = dict(_PATTERNS)
        if words:
            alternatives["name"] = f"{_NO_WORD_BEFORE}(?:{'|'.join(map(re.escape, words))}){_NO_WORD_AFTER}"
        order = ("email", "url", "host", "name", "ipv4", "ipv6")
        kinds = [f"(?P<{kind}>{alternatives[kind]})" for kind in order if kind in alternatives]
        self._pattern = re.compile("|".join([*kinds, _PSEUDONYM.pattern]))

    @property
    def mapping(self) -> dict[str, str]:
        """Pseudonym to value."""
        return dict(self._values)

    def mask(self, text: str) -> str:
        """The text with pseudonyms, also for what looks like one: a text is masked once."""
        return self._pattern.sub(self._masked, text)

    def unmask(self, text: str) -> str:
        """The text with the values again; pseudonyms that were never given stay."""
        return _PSEUDONYM.sub(lambda match: self._values.get(match[0], match[0]), text)

    def unmask_json(self, text: str) -> str:
        """The same for the strings of a JSON text, which stays JSON whatever the values hold. Takes any text."""
        return _JSON_PIECE.sub(self._unmasked_piece, text)

    def _unmasked_piece(self, match: re.Match[str]) -> str:
        piece = match[0]
        try:
            # Read first: in "a\nhost-zq1" a line ends before the pseudonym, not a word.
            content = json.loads(piece, strict=False) if piece.startswith('"') else None
        except ValueError:
            content = None
        if content is None:  # between strings, or no JSON
            return _PSEUDONYM.sub(lambda found: _in_json(self._values.get(found[0], found[0])), piece)
        unmasked = self.unmask(content)
        return piece if unmasked == content else json.dumps(unmasked)

    def _masked(self, match: re.Match[str]) -> str:
        kind, value = match.lastgroup, match[0]
        if kind is None:
            return self._masked_pseudonym(match)
        if not _is_meant(kind, value):
            return _PSEUDONYM.sub(self._masked_pseudonym, value)
        return self._pseudonym(_PREFIXES[kind], value)

    def _masked_pseudonym(self, match: re.Match[str]) -> str:
        return self._pseudonym(match[0].partition("-")[0], match[0])

    def _pseudonym(self, prefix: str, value: str) -> str:
        if value not in self._pseudonyms:
            self._keep(f"{prefix}-zq{self._counts.get(prefix, 0) + 1}", value)
        return self._pseudonyms[value]

    def _keep(self, pseudonym: str, value: str) -> None:
        self._values[pseudonym] = value
        self._pseudonyms[value] = pseudonym
        prefix, _, number = pseudonym.partition("-zq")
        self._counts[prefix] = max(self._counts.get(prefix, 0), int(number))


def _core(name: str) -> str:
    """From its first letter or digit to its last, so that what stands beside it parts it from the next; "" of none."""
    places = [place for place, character in enumerate(name) if character.isalnum()]
    return name[places[0] : places[-1] + 1] if places else ""


def _in_json(value: str) -> str:
    return json.dumps(value)[1:-1]


def _is_meant(kind: str, value: str) -> bool:
    match kind:
        case "host":
            return value.split(".", 1)[0].lower() not in _PACKAGES
        case "ipv6":
            try:
                ipaddress.ip_address(value)
            except ValueError:
                return False
            return any(character.isalnum() for character in value)
        case _:
            return True
