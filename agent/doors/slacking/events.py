"""What Slack delivers, read into what it means for us: a question to us, a reply, a reaction, a command, or nothing."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

_LONGEST = 8_000  # characters of a message that are read
# An edit, a join or a bot's post is no question.
_SAID_BY_PEOPLE = ("", "thread_broadcast", "file_share")
_TS = re.compile(r"\d{1,12}\.\d{1,9}")
_ID = re.compile(r"[A-Za-z0-9_.:+-]{1,200}")
_RIGHT, _WRONG = ("+1", "thumbsup"), ("-1", "thumbsdown")


class HeardKind(StrEnum):
    """MENTION is for us; a REPLY or REACTION only where it is about something of ours."""

    MENTION = "mention"
    REPLY = "reply"
    COMMAND = "command"
    REACTION = "reaction"
    REACTION_GONE = "reaction_gone"


class Heard(BaseModel):
    """One thing that was said to us. ``keys`` name it: with one of them taken, it was heard before. ``ts`` is the message
    (for a reaction: the one reacted to), ``thread_ts`` the thread's root, "" outside of one."""

    model_config = ConfigDict(frozen=True)

    kind: HeardKind
    keys: tuple[str, ...]
    channel: str
    user: str
    ts: str = ""
    thread_ts: str = ""
    text: str = ""

    @property
    def root(self) -> str:
        """The thread in which it is answered."""
        return self.thread_ts or self.ts


def read_event(body: Mapping[str, Any], bot_user: str) -> Heard | None:
    """Of an ``event_callback``; None for what is not for us, is by a program, or cannot be read."""
    event = body.get("event")
    if not isinstance(event, Mapping) or event.get("bot_id") or event.get("bot_profile"):
        return None
    user = _id(event.get("user"))
    if not user or user == bot_user:
        return None
    delivery = f"event:{_id(body.get('event_id'))}"
    match event.get("type"):
        case "app_mention" | "message":
            return _message(event, user, bot_user, delivery)
        case "reaction_added" | "reaction_removed":
            return _reaction(event, user, delivery)
        case _:
            return None


def read_command(body: Mapping[str, Any]) -> Heard | None:
    """Of ``/pcause …``; each use of it has a trigger of its own."""
    user, channel, trigger = (_id(body.get(name)) for name in ("user_id", "channel_id", "trigger_id"))
    if not (user and channel and trigger):
        return None
    return Heard(
        kind=HeardKind.COMMAND, keys=(f"command:{trigger}",), channel=channel, user=user, text=_text(body.get("text"))
    )


def _message(event: Mapping[str, Any], user: str, bot_user: str, delivery: str) -> Heard | None:
    channel, ts, thread_ts = _id(event.get("channel")), _ts(event.get("ts")), _ts(event.get("thread_ts"))
    text = _text(event.get("text"))
    if not channel or not ts or (event.get("subtype") or "") not in _SAID_BY_PEOPLE:
        return None
    for_us = event.get("type") == "app_mention" or f"<@{bot_user}>" in text or event.get("channel_type") == "im"
    if not for_us and (not thread_ts or re.search(r"<@[UW]", text)):  # talk among others
        return None
    # The same message comes as a mention and as a message, where the app listens to both.
    return Heard(
        kind=HeardKind.MENTION if for_us else HeardKind.REPLY, keys=(delivery, f"message:{channel}:{ts}"), channel=channel,
        user=user, ts=ts, thread_ts=thread_ts, text=re.sub(rf"<@{re.escape(bot_user)}(?:\|[^>]*)?>", " ", text),
    )  # fmt: skip


def _reaction(event: Mapping[str, Any], user: str, delivery: str) -> Heard | None:
    item = event.get("item")
    if not isinstance(item, Mapping) or item.get("type") != "message":
        return None
    channel, ts, name = _id(item.get("channel")), _ts(item.get("ts")), _id(event.get("reaction")).partition(":")[0]
    if not (channel and ts and name in _RIGHT + _WRONG):
        return None
    added = event.get("type") == "reaction_added"
    when = f"reaction:{channel}:{ts}:{user}:{name}:{added}:{_ts(event.get('event_ts'))}"
    return Heard(
        kind=HeardKind.REACTION if added else HeardKind.REACTION_GONE, keys=(delivery, when), channel=channel, user=user,
        ts=ts, text="right" if name in _RIGHT else "wrong",
    )  # fmt: skip


def _id(value: object) -> str:
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _ts(value: object) -> str:
    return value if isinstance(value, str) and _TS.fullmatch(value) else ""


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return value[:_LONGEST].encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
