"""How bad a line says it is: words and numbers of many loggers as OpenTelemetry's words, and as queries."""

import math
from typing import Any

from tools.logs.mapping import Place

_SAME = {
    "WARNING": "WARN", "W": "WARN", "ERR": "ERROR", "E": "ERROR", "CRIT": "CRITICAL", "C": "CRITICAL", "F": "FATAL",
    "INFORMATION": "INFO", "INFORMATIONAL": "INFO", "I": "INFO", "D": "DEBUG", "SEVERE": "ERROR", "EMERG": "FATAL",
    "EMERGENCY": "FATAL",
}  # fmt: skip
_LOUD = (
    "WARN", "WARNING", "ERROR", "ERR", "CRITICAL", "CRIT", "FATAL", "ALERT", "PANIC", "SEVERE", "EMERG", "EMERGENCY",
    "WARN2", "WARN3", "WARN4", "ERROR2", "ERROR3", "ERROR4", "FATAL2", "FATAL3", "FATAL4",
)  # fmt: skip
_LETTERS = ("W", "E", "C", "F")
_BY_FOUR = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")  # OpenTelemetry: 1 to 24, four of each
_SYSLOG = ("FATAL", "ALERT", "CRITICAL", "ERROR", "WARN", "INFO", "INFO", "DEBUG")  # RFC 5424: 0 is the worst
_LONGEST_NUMBER = 9  # digits; what is longer is no level
_LOUD_NUMBER, _LOUD_TEN, _LOUD_SYSLOG = 13, 40, 4


def severity_of(value: object, place: Place) -> str:
    """Upper-case text; "" where the line does not say."""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    text = str(int(value)) if isinstance(value, int | float) else str(value or "").strip().upper()
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER:
        return _from_number(int(text), place)
    word = _SAME.get(text, text)
    return word[:-1] if word[-1:] in "234" and word[:-1] in _BY_FOUR else word


def _from_number(number: int, place: Place) -> str:
    if _counts_up_to_24(place):
        return _BY_FOUR[min(max(number - 1, 0) // 4, 5)] if number > 0 else ""
    if number < len(_SYSLOG):
        return _SYSLOG[number]
    return _BY_FOUR[min(max(number // 10 - 1, 0), 5)]  # 10 to 60, as bunyan and pino count


def _counts_up_to_24(place: Place) -> bool:
    return place.name.lower().endswith("number")


def loud(place: Place) -> dict[str, Any]:
    """A query for warnings and everything worse."""
    if place.is_number:
        if _counts_up_to_24(place):
            return {"range": {place.name: {"gte": _LOUD_NUMBER}}}
        ranges: list[dict[str, Any]] = [
            {"range": {place.name: {"gte": _LOUD_TEN}}},
            {"range": {place.name: {"gte": 0, "lte": _LOUD_SYSLOG}}},
        ]
        return {"bool": {"should": ranges, "minimum_should_match": 1}}
    if not place.exact:
        return {"terms": {place.name: [word.lower() for word in _LOUD]}}
    forms = {form for word in _LOUD for form in (word, word.lower(), word.capitalize())}
    return {"terms": {place.exact: sorted({*forms, *_LETTERS})}}
