"""What a regular expression of a matcher can match, judged from its text and always on the careful side."""

import re

_PLAIN = re.compile(r"(?:[^\\.+*?()|\[\]{}^$]|\\[^A-Za-z0-9])+")
_ENOUGH_PLAIN = 3
_ANYTHING = frozenset({"", ".*", ".+", ".?", "(.*)", "(.+)", "^.*$", "^.+$", "^.*", ".*$", "^.+", ".+$", "(?s).*"})
# Classes of RE2 that Python reads otherwise, or warns about.
_OTHERWISE_READ = ("[[", "--", "&&", "||", "~~")
_PROBES = ("a", "zQ", "0", "a-b:8", "\u00e9\n", "~")  # short: an engine that backtracks takes long over long ones


def matches_everything(pattern: str) -> bool:
    """True when the pattern lets every value pass, or every value that is not empty."""
    if pattern in _ANYTHING:
        return True
    if any(pair in pattern for pair in _OTHERWISE_READ):
        return False
    try:
        compiled = re.compile(pattern, re.DOTALL)
    except (re.error, OverflowError, RecursionError):
        return False  # RE2 has its own words; whether the pattern has a plain beginning still decides
    return all(compiled.fullmatch(probe) for probe in _PROBES)


def is_bounded(pattern: str) -> bool:
    """True when every alternative is plain text, or begins with three plain characters at least."""
    body = pattern.removeprefix("^").removesuffix("$")
    alternatives = _alternatives(body)
    return bool(alternatives) and all(_begins_plainly(alternative) for alternative in alternatives)


def _begins_plainly(alternative: str) -> bool:
    match = _PLAIN.match(alternative)
    if match is None:
        return False
    if match.end() == len(alternative):
        return True
    plain = re.sub(r"\\(.)", r"\1", match[0])
    # A quantifier after the last plain character makes that one optional.
    return len(plain) - (alternative[match.end()] in "?*{") >= _ENOUGH_PLAIN


def _alternatives(pattern: str) -> list[str]:
    """The alternatives at the top; none for what is not simple enough to be sure."""
    parts, depth, part, escaped = [], 0, "", False
    for char in pattern:
        if escaped:
            part, escaped = part + char, False
            continue
        escaped = char == "\\"
        depth += (char in "([") - (char in ")]")
        if char == "|" and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += char
    return [*parts, part] if depth == 0 and all([*parts, part]) else []
