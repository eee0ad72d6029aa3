"""The words of a Slack message: its markup as plain text, what is asked, and an alert out of what was posted."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agent.alerts import AlertError, parse_alert
from agent.redaction import cut_secrets
from agent.report.text import inert
from agent.state import Alert

_TOKEN = re.compile(r"<([^<>]{1,3000})>")
_INVESTIGATE = re.compile(
    r"^(?:please\s+|can\s+you\s+|could\s+you\s+)?"
    r"(?:investigate|diagnose|analy[sz]e|triage|look\s+into|root[\s-]cause|rca)\b[\s:,]*(?P<what>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_NOTHING_MORE = re.compile(
    r"^(?:(?:this|that|it|the|alert|incident|please|here|above|now|for\s+(?:us|me))\b[\s.,!?]*)*$", re.IGNORECASE
)
_WHEN = re.compile(
    r"\d{1,2}:\d{2}|\d\s*[ap]m\b|\b(?:since|yesterday|ago|last|past|between|until|today|noon|midnight)\b", re.IGNORECASE
)
_ID = re.compile(r"^(?:show|open|follow|attach(?:\s+to)?|investigation)?\s*`?(?P<id>[0-9a-f]{6,32})`?$", re.IGNORECASE)
_ACT = re.compile(
    r"^(?:(?P<undo>undo)|act(?:\s+`?(?P<action>[a-z][a-z0-9_]{0,49})`?(?:\s+(?:(?:for|on|of)\s+)?`?(?P<service>\S{1,253}?)`?)?)?)$",
    re.IGNORECASE,
)
_LONGEST_NAME = 120
_LONGEST_SUMMARY = 3_000
_DEEPEST = 6


def plain(text: str) -> str:
    """Slack's markup as the text that people see; line breaks stay."""
    return html.unescape(_TOKEN.sub(lambda token: _shown(token[1]), text))


def wants_investigation(text: str) -> str | None:
    """What is to be investigated, "" for what the thread is about; None where something else is asked."""
    found = _INVESTIGATE.match(" ".join(text.split()))
    if found is None:
        return None
    what = found["what"].strip()
    return "" if _NOTHING_MORE.match(what) else what


def named_investigation(text: str) -> str:
    """The id, where a message is nothing but one (``show 0123abcd4567``); "" otherwise."""
    found = _ID.match(" ".join(text.split()))
    return found["id"].lower() if found else ""


def wanted_action(text: str) -> tuple[str, str] | None:
    """The action and the service that ``act open_ticket for payments`` asks for ("" for the one that is blamed; ``undo`` is
    the way back); None where something else is said."""
    found = _ACT.match(" ".join(text.split()))
    if found is None:
        return None
    return ("undo", "") if found["undo"] else (found["action"] or "", found["service"] or "")


def says_when(text: str) -> bool:
    """Whether a time is named, so that somebody has to read it."""
    return _WHEN.search(text) is not None


def alert_of_question(text: str, at: float) -> Alert:
    """An alert of somebody's own words; ``at`` is when they were said, in epoch seconds."""
    said = " ".join(plain(text).split())
    name = inert(f"asked: {said}", _LONGEST_NAME)
    return parse_alert({"name": name, "summary": said[:_LONGEST_SUMMARY], "fired_at": str(at)}, source="slack")


def alert_of_message(message: Mapping[str, Any], asked: str = "") -> Alert:
    """An alert out of a posted message, with what was asked about it. Its service is found by its name, later on.

    Raises ``AlertError`` for a message without words.
    """
    lines = [line for text in _texts(message, 0) for line in plain(text).splitlines() if line.strip()]
    told = list(dict.fromkeys(" ".join(line.split()) for line in lines))
    if not told:
        raise AlertError("that message has no words to investigate: say what is wrong, and where")
    summary = " ".join(told + ([f"Asked: {asked}"] if asked else []))
    raw = {"name": inert(told[0], _LONGEST_NAME), "summary": cut_secrets(summary)[:_LONGEST_SUMMARY]}
    return parse_alert({**raw, "fired_at": str(seconds(str(message.get("ts", ""))))}, source="slack")


def seconds(ts: str) -> float:
    """Epoch seconds of a message's timestamp. Raises ``AlertError``."""
    try:
        return float(ts)
    except ValueError as error:
        raise AlertError("that message has no time") from error


def _texts(part: object, depth: int) -> Iterator[str]:
    """The texts of a message: its own, those of its attachments and of its blocks, in the order in which they are read."""
    if depth > _DEEPEST:
        return
    if isinstance(part, list):
        for item in part[:100]:
            yield from _texts(item, depth + 1)
    elif isinstance(part, Mapping):
        for name in ("pretext", "title", "text", "value"):
            value = part.get(name)
            if isinstance(value, str) and value.strip():
                yield value[:_LONGEST_SUMMARY]
            elif isinstance(value, Mapping):
                yield from _texts(value, depth + 1)
        for name in ("attachments", "blocks", "fields", "elements"):
            yield from _texts(part.get(name), depth + 1)


def _shown(token: str) -> str:
    """What a token in angle brackets shows: a link its label, a mention its name."""
    target, _, label = token.partition("|")
    if label:
        return label
    return f"@{target[1:]}" if target[:1] in "@!" else target
