"""Secrets that stand in a place of their own: key blocks, passwords in addresses, bearer tokens, password hashes."""

import base64
import binascii
import re
from collections.abc import Iterator

from agent.redaction.scanning import Cut, Page, Shape
from agent.redaction.secret_names import Means, is_secret

_KEY_BLOCK = Shape(
    r"-{3,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-{0,5}|PuTTY-User-Key-File-[0-9]|BEGIN [A-Z0-9 ]{0,20}PRIVATE KEY",
    r"PRIVATE KEY|PuTTY-User",
)
_KEY_END = re.compile(r"END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-{0,5}|Private-MAC: ?[0-9a-f]+")
_KEY_BODY = re.compile(r"(?:[\s\\\"',+>|#-]|\\[nr])*(?:[A-Za-z0-9+/=]{8,}(?:[\s\\\"',+>|#-]|\\[nr])*)*")
_LONGEST_BLOCK = 32_768

_ADDRESS = Shape(
    r"[A-Za-z][A-Za-z0-9+.-]{1,30}:(?://|\\/\\/)[^\s\"'<>`]*@",
    r"@",
)
_SCHEMELESS = Shape(
    r"[A-Za-z0-9_.-]{1,64}:[^\s\"'@/:]{1,128}@(?:tcp|unix|udp)\(|:thin:[^\s/\"']{1,64}/[^\s@\"']{1,128}@",
    r"@(?:tcp|unix|udp)\(|:thin:",
)
_USER_FLAG = Shape(
    r"(?:^|[\s\"'])(?:-u|--user|--proxy-user|-U)[ =]?[\"']?[^\s:\"'/]{1,64}:[^\s\"']{1,256}",
    r"(?:-u|-U|user)[ =]?[^:\s]*:",
)
_SHORT_FLAG = Shape(
    r"\b(?:mysql[a-z]*|mariadb[a-z-]*|sshpass|redis-cli|docker login|podman login|ldap[a-z]+|smbclient|sqlcmd|mongo[a-z]*)\b[^\n|;]{0,200}?\s-(?:p|a|w|P)[ =]?[\"']?[^\s\"'-][^\s\"']*",
    r"mysql|mariadb|sshpass|redis-cli|docker login|podman login|ldap|smbclient|sqlcmd|mongo",
)
_BEARER = Shape(
    r"(?i)\b(?:bearer|basic|negotiate|ntlm)(?:\s|%20|\+){1,4}[A-Za-z0-9._~+/=-]{8,}",
    r"(?i)bearer|basic|negotiate|ntlm",
)
_HASH = Shape(
    r"\$2[abxy]?\$[0-9]{2}\$[./A-Za-z0-9]{20,}|\$(?:apr1|1|5|6|7|y|gy|sha1|md5)\$[^\s:\"',]{8,}|\$argon2[a-z]{1,2}\$[^\s:\"']{20,}"
    r"|\{S?S?(?:SHA|MD5|SHA256|SHA512|CRYPT|SSHA|SMD5)\}[A-Za-z0-9+/=$.]{10,}"
    r"|(?:pbkdf2|pbkdf2_sha256|pbkdf2:sha256|scrypt|bcrypt_sha256|bcrypt)(?::[0-9:]{1,20})?\$[^\s:\"']{16,}|SCRAM-SHA-256\$[^\s\"']{20,}",
    r"\$[0-9a-z]+\$|\{S|SHA|MD5|CRYPT|pbkdf2|crypt|SCRAM",
)
_PGPASS = Shape(
    r"(?m)(?:^|[\s\"'])[A-Za-z0-9_.*-]{1,255}:(?:[0-9]{4,5}|\*):[^:\s]{1,63}:[^:\s]{1,63}:[^\s\"']{1,256}(?:$|[\s\"'])",
    r":(?:[0-9]{4,5}|\*):[^:\s]*:",
)

PLACE_SHAPES = (_KEY_BLOCK, _ADDRESS, _SCHEMELESS, _USER_FLAG, _SHORT_FLAG, _BEARER, _HASH, _PGPASS)
# Those that no name has by chance: what follows a flag, or stands in five parts, may be a name.
NAME_SHAPES = (_KEY_BLOCK, _ADDRESS, _SCHEMELESS, _BEARER, _HASH)
_PORT = re.compile(r"\d{1,5}(?:[/?#]|$)")
_AUTHORITY_END = re.compile(r"[/?#]")


def fixed_places(page: Page) -> Iterator[Cut]:
    """Every secret that its surroundings give away."""
    text = page.text
    yield from _key_blocks(page)
    for start, end in page.spans(_ADDRESS):
        yield from _in_address(text, start, end)
    for start, end in page.spans(_SCHEMELESS):
        colon = text.index("/" if ":thin:" in text[start:end] else ":", start + (6 if text[start] == ":" else 0)) + 1
        yield from _credential(text, colon, text.rindex("@", colon, end))
    for start, end in page.spans(_USER_FLAG):
        colon = text.index(":", start)
        if not text[colon + 1 : end].isdigit():
            yield from _credential(text, colon + 1, end)
    for start, end in page.spans(_SHORT_FLAG):
        flag = list(re.finditer(r"\s-[pawP][ =]?[\"']?", text[start:end]))[-1]
        if not text[start + flag.end() : end].isdigit():
            yield from _credential(text, start + flag.end(), end)
    for start, end in page.spans(_BEARER):
        value = re.search(r"[A-Za-z0-9._~+/=-]+$", text[start:end].replace("%20", "   "))
        if value and _shown_as_secret(value[0].lstrip("+")):
            yield Cut(start + value.start(), end, "authorization")
    for start, end in page.spans(_HASH):
        yield Cut(start, end, "password-hash")
    for start, end in page.spans(_PGPASS):
        finish = end - (text[end - 1] in " \t\r\n\"'")
        yield from _credential(text, text.rindex(":", start, finish) + 1, finish)


def _key_blocks(page: Page) -> Iterator[Cut]:
    done = 0
    for start, end in page.spans(_KEY_BLOCK):
        if start < done:
            continue
        close = _KEY_END.search(page.text, end, end + _LONGEST_BLOCK)
        if close:
            done = close.end()
        else:
            body = _KEY_BODY.match(page.text, end, end + _LONGEST_BLOCK)
            done = body.end() if body else end
            done -= len(page.text[end:done]) - len(page.text[end:done].rstrip(" \t\r\n\"',\\"))
        if done > end:
            yield Cut(start, done, "private-key")


def _in_address(text: str, start: int, end: int) -> Iterator[Cut]:
    """``scheme://user:password@host``; the address may hold several, and the password any of ``/``, ``@`` and ``:``."""
    place = start
    while (scheme := text.find("://", place, end)) >= 0:
        place = scheme + 3
        following = text.find("://", place, end)
        limit = end if following < 0 else following
        slash = _AUTHORITY_END.search(text, place, limit)
        at = text.rfind("@", place, slash.start() if slash else limit)
        if at < 0:
            at = text.rfind("@", place, limit)
            colon = text.find(":", place, slash.start() if slash else limit)
            # A port and a path, or a path that holds an @, are no password.
            if at < 0 or colon < 0 or _PORT.match(text, colon + 1, at + 1) or re.search(r"\s", text[place:at]):
                continue
        colon = text.find(":", place, at)
        if colon >= 0:
            yield from _credential(text, colon + 1, at)
            if colon - place >= 20 and any(map(str.isdigit, text[place:colon])):
                yield Cut(place, colon, "token")
        elif at - place >= 20 and any(map(str.isdigit, text[place:at])) and not _AUTHORITY_END.search(text, place, at):
            yield Cut(place, at, "token")


def _credential(text: str, start: int, end: int) -> Iterator[Cut]:
    value = text[start:end]
    if (
        end > start
        and any(map(str.isalnum, value))
        and (is_secret(value, Means.PASSWORD, "") or value.lower() in _WEAK)
    ):
        yield Cut(start, end, "password")


_WEAK = frozenset(
    "password secret passwd default admin root user token pass guest postgres changeme manager hidden".split()
)


def _shown_as_secret(value: str) -> bool:
    """A word after "Basic" or "Bearer" that is no English word."""
    if any(map(str.isdigit, value)) and any(map(str.isalpha, value)):
        return True
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    return (b":" in decoded and decoded.isascii()) or (
        len(value) > 15 and value.lower() != value and value[1:].lower() != value[1:]
    )
