"""Values whose name says that they are secret: ``password=…``, ``"api_key": "…"``, headers, flags, XML, YAML, SQL."""

import re
import string
from collections.abc import Iterator

from agent.redaction.scanning import Cut, Page, Shape
from agent.redaction.secret_names import Means, is_secret, meaning

# The part of a name that may mean a secret, the rest of the name, and what parts it from its value.
_NAMED = Shape(
    r"(?i:pass|psk|pwd|pw\b|secret|token|key|auth|cookie|session|sess_?id|\bsid|[._-]sid|credential|creds|signature|\bsig\b|otp|\bsas\b|\bdsn\b|cvv|cvc|jwt|bearer|csrf|xsrf|connection.?string|access.?code|recovery.?code|salt|nonce|hash|role.?id|webhook|\bpin\b)"
    r"[A-Za-z0-9_.-]{0,40}[\\\"'`\])]{0,8}[ \t]{0,16}(?:[:=(,]|>)",
    r"(?i)pass|psk|pwd|pw|secret|token|key|auth|cookie|session|sess_?id|sid|credential|creds|signature|sig|otp|sas|dsn|cvv|cvc|jwt|bearer|csrf|xsrf|connection|access.?code|recovery.?code|salt|role.?id|webhook",
)
_FLAG = Shape(
    r"(?i)(?:^|[\s\"'])--?[a-z0-9_-]{0,40}?(?:password|passwd|passphrase|pass|pwd|token|secret|key|credentials?)[ \t]+[^\s-]",
    r"(?i)-[a-z_-]*(?:pass|pwd|token|secret|key|credential)",
)
_PAIR = Shape(
    r"(?i)\b(?:name|key|header|field|variable|option|property|param)\\*[\"']?\s{0,4}[:=]\s{0,4}\\*[\"']?"
    r"[A-Za-z0-9_.-]{2,80}\\*[\"']?[,;]?\s{1,40}(?:- )?\\*[\"']?value\\*[\"']?\s{0,4}[:=]"
    r"|(?i)\b(?:name|key|header|field|variable|option|property|param)\\*[\"']?\s{0,4}[:=]\s{0,4}\\*[\"']?"
    r"[A-Za-z0-9_.-]{2,80}\\*[\"'],\\*[\"']?value\\*[\"']?\s{0,4}[:=]",
    r"(?i)value",
)
# "api key 3f…", "password 7Yx…" in a sentence: only what looks drawn.
_SPACED = Shape(
    r"(?i)(?:passw(?:or)?d|passphrase|secret|token|api.?key|bindpw|psk)[ \t]+[\"']?[A-Za-z0-9+/=_.~!#%]{12,}",
    r"(?i)pass|psk|secret|token|api.?key|bindpw",
)
_WORDED = Shape(
    r"(?i)(?:identified(?:\s+with\s+\S{1,60})?\s+by|encrypted\s+password|\bpassword)\s+(?:as\s+)?\\*['\"]"
    r"|\blogin\s+\S{1,80}\s+(?:password|account)\s+"
    r"|\bpassword\s+(?:is|was|set to|changed to|=)\s+",
    r"(?i)identified|password|login",
)

NAMED_SHAPES = (_NAMED, _FLAG, _PAIR, _WORDED, _SPACED)
_NAME_CHARACTERS = string.ascii_letters + string.digits + "_.$-"
_NAME = re.compile(r"[\w.$-]*", re.ASCII)
_PAIRED = re.compile(r"[:=]\s*\\*[\"']?([\w.-]{2,80})\\*[\"']?[,;]?\s*(?:- )?\\*[\"']?value", re.ASCII | re.IGNORECASE)
_OPENING = re.compile(r"(?:[bBfFrRuU]{1,2})?(\\*(?:\"\"\"|'''|[\"'`]))")
_SPACE = re.compile(r"[ \t]*")
_TO_QUOTE = re.compile(r"(?:[ \t]*\r?\n\s*|[(\[]\s*)(?=\\*[\"'])")
_BARE = re.compile(r"[^\s\"'`<>]+")
_BARE_END = re.compile(r"[,;|](?=[\w.-]*[=:]|$)|[&](?=[\w.\[\]-]+=|$)|\\[nrt]|[,;:.!?)\]}]+$")
_FOLDED = re.compile(r"[>|][-+]?\d?[ \t]*\r?\n((?:[ \t]+\S.*(?:\r?\n|$)){1,80})")
_SCHEME = re.compile(
    r"(?i)(?:bearer|basic|token|apikey|api-key|negotiate|ntlm|geniekey|splunk|digest|key|snyk|sso-key|aws4-hmac-sha256|signature|hmac|hawk|oauth)\s+(?=\S)"
)
_MARK = re.compile(r"\[secret:[a-z-]+\]")  # our own, which has a name and a colon too
_COOKIES = ("cookie", "cookies")
_QUOTES = frozenset("\"'`")
_LONGEST = 65_536  # characters of one value in quotes
_LONGEST_BARE = 2048  # as far as a value without is looked at before it is known to be secret


def named_values(page: Page) -> Iterator[Cut]:
    """Every secret value whose name is written beside it."""
    text, done = page.text, 0
    for start, end in page.spans(_NAMED):
        if start < done:
            continue  # inside a value that was cut, or a header that was read
        head = text[max(0, start - 80) : start]
        begin = start - len(head) + len(head.rstrip(_NAME_CHARACTERS))
        after = _NAME.match(text, start)
        finish = after.end() if after else start
        name = text[begin:finish].strip("$.-")
        if meaning(name) is Means.NOTHING and not name.lower().endswith((*_COOKIES, "authorization")):
            continue
        if any(place >= 0 and _MARK.match(text, place) for place in (begin - 1, begin - 8)):
            continue
        for cut in _value_cuts(text, name, begin, end):
            yield cut
            done = max(done, cut.end)
        if name.lower().endswith(_COOKIES) and text[end - 1] in ":=":
            done = max(done, _rest(text, end)[1])
    for start, end in page.spans(_FLAG):
        name = text[start : end - 1].strip(" \t\r\n\"'-")
        yield from _cut_of(text, name, meaning(name), _value(text, end - 1, quoted=False))
    for start, end in page.spans(_PAIR):
        paired = _PAIRED.search(text, start, end)
        if paired:
            name = paired[1]
            yield from _cut_of(text, name, meaning(name), _value(text, end, quoted=False))
    for _, end in page.spans(_WORDED):
        place = end - 1 if text[end - 1] in "'\"" else end
        yield from _cut_of(text, "password", Means.PASSWORD, _value(text, place, quoted=False))
    for start, end in page.spans(_SPACED):
        value = text[start:end].split()[-1].lstrip("\"'")
        yield from _cut_of(text, "token", Means.MAYBE, (end - len(value), end))


def _value_cuts(text: str, name: str, begin: int, end: int) -> Iterator[Cut]:
    lowered, separator = name.lower(), text[end - 1]
    if separator == "=" and text[end : end + 1] in ("=", "~") and text[end + 1 : end + 2] != "=":
        return  # a comparison
    if separator == ">":
        if begin and text[begin - 1] == "<":
            close = text.find("<", end, end + _LONGEST)
            yield from _cut_of(text, name, meaning(name), (end, close if close > end else end))
        return
    if separator in "(,":
        yield from _cut_of(text, name, meaning(name), _value(text, end, quoted=True))
        return
    while text[end : end + 1] in ("=", ">", ":") and end < len(text):
        end += 1
    if lowered.endswith(_COOKIES):
        yield from _cookies(text, end)
    elif lowered.endswith("authorization") or lowered in ("auth", "x-auth"):
        yield from _authorization(text, name, end)
    else:
        yield from _cut_of(text, name, meaning(name), _value(text, end, quoted=False))


def _value(text: str, place: int, *, quoted: bool) -> tuple[int, int]:
    """The span of the value that begins at or after a place; empty where there is none."""
    space = _SPACE.match(text, place)
    place = space.end() if space else place
    to_quote = _TO_QUOTE.match(text, place)
    place = to_quote.end() if to_quote else place
    opening = _OPENING.match(text, place)
    if opening:
        return opening.end(), _closing(text, opening.end(), opening[1])
    if quoted:
        return place, place
    folded = _FOLDED.match(text, place)
    if folded:
        first = re.compile(r"\s*").match(text, folded.start(1))
        return (first.end() if first else folded.start(1)), folded.start(1) + len(folded[1].rstrip())
    bare = _BARE.match(text, place, place + _LONGEST_BARE)
    if not bare:
        return place, place
    value = bare.group()
    if not _alone(text, place, bare.end()):
        ended = _BARE_END.search(value)
        value = value[: ended.start()] if ended else value
    return place, place + len(value)


def _alone(text: str, start: int, end: int) -> bool:
    """Whether name and value are a line of their own, as in a file of settings: then every character is the value's."""
    line = text.rfind("\n", max(0, start - 200), start) + 1
    after = text[end : end + 1]
    head = text[line:start]
    return (
        after in ("", "\n", "\r")
        and bool(re.fullmatch(r"\s*(?:export\s+|- |[+-])?\s*[\w.-]+\s*[:=]\s*", head))
        and start - line < 200
    )


def _closing(text: str, start: int, quote: str) -> int:
    """Where a quoted value ends: at the same quote, with as many backslashes before it, else at the end of the line."""
    mark = quote.lstrip("\\")
    slashes = len(quote) - len(mark)
    limit = min(len(text), start + _LONGEST)
    place = start
    while (place := text.find(mark, place, limit)) >= 0:
        before = place - len(text[start:place].rstrip("\\")) - start
        if before == slashes or (before > slashes and not slashes and before % 2 == 0):
            return place - slashes
        place += 1
    line = text.find("\n", start, limit)
    return line if line >= 0 else limit


def _cookies(text: str, place: int) -> Iterator[Cut]:
    start, end = _rest(text, place)
    if "=" not in text[start:end]:
        yield from _cut_of(text, "cookie", Means.MAYBE, (start, end))
    for match in re.compile(r"([^\s=;,]{1,128})=([^;,\s]+)").finditer(text, start, end):
        name = match[1].lower()
        if name in ("path", "domain", "expires", "max-age", "samesite", "version", "priority", "secure", "httponly"):
            continue
        if is_secret(match[2], Means.PASSWORD, ""):
            yield Cut(*match.span(2), "cookie")


def _authorization(text: str, name: str, place: int) -> Iterator[Cut]:
    start, end = _rest(text, place)
    scheme = _SCHEME.match(text, start, end)
    if scheme and scheme[0].lower().startswith(("digest", "aws4", "signature", "hmac", "hawk", "oauth")):
        if text[start - 1 : start] not in _QUOTES:  # its own parameters are in quotes
            line = text.find("\n", start, start + _LONGEST)
            end = line if line >= 0 else min(len(text), start + _LONGEST)
        yield Cut(scheme.end(), end, "authorization")
        return
    begin = scheme.end() if scheme else start
    word = _BARE.match(text, begin, end)
    if word:
        means = Means.TOKEN if scheme or name.lower() != "auth" else Means.MAYBE
        finish = word.end() - (text[word.end() - 1] in ",;")
        yield from _cut_of(text, "authorization", means, (begin, finish))


def _rest(text: str, place: int) -> tuple[int, int]:
    """The value of a header: to its closing quote or bracket, else to the end of the line."""
    start, end = _value(text, place, quoted=False)
    if start and text[start - 1] in "\"'`":
        return start, end
    opened = text[start : start + 1] == "["
    start += opened
    if opened and text[start : start + 1] in "\"'":
        return start + 1, _closing(text, start + 1, text[start])
    ends = [
        place
        for mark in ("\n", "\r", '"', "'", "\\n", "\\r", "]" if opened else "\n")
        if (place := text.find(mark, start, start + _LONGEST)) >= 0
    ]
    return start, min(ends, default=min(len(text), start + _LONGEST))


def _cut_of(text: str, name: str, means: Means, span: tuple[int, int]) -> Iterator[Cut]:
    start, end = span
    value = text[start:end].strip()
    quoted = text[start - 1 : start] in _QUOTES
    if end > start and is_secret(value, means, name, quoted=quoted):
        if end - start == _LONGEST_BARE and not quoted:
            rest = _BARE.match(text, start)
            end = rest.end() if rest else end
        yield Cut(
            start,
            end,
            "password"
            if means is Means.PASSWORD
            else "token"
            if "token" in name.lower()
            else "key"
            if "key" in name.lower()
            else "secret",
        )
