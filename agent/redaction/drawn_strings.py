"""Strings that nobody chose: drawn at random (entropy), or an encoding of a text that holds a secret."""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator

from agent.redaction.scanning import Cut, Page, Shape

_RUN = Shape(r"[A-Za-z0-9+/_~=-]{28,}", r"[A-Za-z0-9+/_~=-]{28,}")
# Base64 of printable text: the first character of each four is one of these.
_ENCODED = Shape(
    r"(?:[CDI-Za-f][A-Za-z0-9+/_-]{3}){4,}[A-Za-z0-9+/_-]{0,3}={0,2}",
    r"(?:[CDI-Za-f][A-Za-z0-9+/_-]{3}){4,}[A-Za-z0-9+/_-]{0,3}={0,2}",
)
_HEXED = Shape(r"(?:[2-7][0-9a-fA-F]|0[aAdD9]){10,}", r"(?:[2-7][0-9a-fA-F]|0[aAdD9]){10,}")
DRAWN_SHAPES = (_RUN, _ENCODED, _HEXED)
_PUBLIC = re.compile(
    r"(?:sha(?:1|256|384|512)|SHA256|MD5|h1|ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+|sk-ssh-ed25519@openssh\.com|W/\")[-: ]?$"
)
_CERTIFICATE = re.compile(r"MI[IG][A-Za-z0-9+/]|LS0tLS1CRUdJTiBDRVJU|LS0tLS1CRUdJTiBQVUJM|AAAA[BCE]3NzaC|AAAAE2Vj")
_CLASSES = (re.compile(r"[A-Z]"), re.compile(r"[a-z]"), re.compile(r"[0-9]"))
_TURN = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[a-z0-9])|(?<=[0-9])(?=[A-Za-z])")
_HEX = re.compile(r"[0-9a-f-]+|[0-9A-F-]+")
_LEAST_BITS = 4.0  # per character; 32 characters drawn from 62 have about 4.5
_LEAST_TURNS = 0.35  # changes between cases and digits per character; drawn from 62: 0.66, names in code: under 0.25
_LONGEST = 65_536


def random_strings(page: Page) -> Iterator[Cut]:
    """Long runs of characters that look drawn from upper case, lower case and digits."""
    text = page.text
    for start, end in page.spans(_RUN):
        for part in re.finditer(r"[^=]+={0,2}", text[start:end]):
            if part.end() - part.start() < 28:
                continue
            begin, finish = start + part.start(), start + part.end()
            if (
                is_random(part.group())
                and not _from_base64(part.group()[:_LONGEST])
                and not _PUBLIC.search(text, max(0, begin - 24), begin)
                and not _CERTIFICATE.match(text, begin)
            ):
                yield Cut(begin, finish, "random")


def is_random(run: str) -> bool:
    """Whether a run is drawn: three classes of characters that change often, and much information in each."""
    head = run[:512]
    if _HEX.fullmatch(head) or not all(kind.search(head) for kind in _CLASSES):
        return False
    # A generated name is words and a short drawn suffix: what is left without the words must be long.
    drawn = [part for part in re.split(r"[^A-Za-z0-9]+", head) if len(part) < 4 or turns(part) >= 0.25 * len(part)]
    letters = sum(map(len, drawn))
    if letters < 22 or sum(map(turns, drawn)) < _LEAST_TURNS * letters:
        return False
    return bits(head) >= _LEAST_BITS


def turns(part: str) -> int:
    """How often a word changes between small letters, capitals and digits."""
    return len(_TURN.findall(part))


def bits(run: str) -> float:
    """Shannon entropy of the characters, in bits per character."""
    total = len(run)
    return -sum(count / total * math.log2(count / total) for count in Counter(run).values())


def encoded_texts(page: Page) -> Iterator[tuple[int, int, str]]:
    """Runs that are base64 or hexadecimal of a printable text, each with the text."""
    text = page.text
    for start, end in page.spans(_ENCODED):
        if start and (text[start - 1].isalnum() or text[start - 1] in "+/_-") and text[start - 1].isascii():
            continue
        decoded = _from_base64(text[start:end][:_LONGEST])
        if decoded:
            yield start, end, decoded
    for start, end in page.spans(_HEXED):
        decoded = _printable(bytes.fromhex(text[start:end][: 2 * ((end - start) // 2)][:_LONGEST]))
        if decoded:
            yield start, end, decoded


def _from_base64(run: str) -> str:
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    body = body[: len(body) - (len(body) % 4 == 1)]
    try:
        return _printable(base64.b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _printable(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() or all(c.isprintable() or c in "\r\n\t" for c in text) else ""
