"""Approving and rejecting in Slack: a dialogue that shows the whole card, with a ticket made for who opened it.

What counts is the ticket; texts and ids of a dialogue only say whom to answer.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agent.approval_card import card
from agent.approvals import ApprovalRefused, Approvals, Request
from agent.doors.slacking.outbox import Outbox, SlackAway, SlackSaidNo
from agent.ledger import LedgerError
from agent.policy import PolicyError
from agent.report.slack import Block, neutral

_log = logging.getLogger(__name__)

_DOOR = "slack"
_LONGEST_PART = 2_500  # characters
_MOST_PARTS = 90  # blocks of a dialogue; Slack takes 100
_LONGEST_METADATA = 3_000


class Dialogues:
    """``decided`` is told the investigation of each answer that counted, and whether it goes on now."""

    def __init__(self, approvals: Approvals, outbox: Outbox, decided: Callable[[str, bool], None]) -> None:
        self._approvals, self._outbox, self._decided = approvals, outbox, decided

    async def open(self, body: Mapping[str, Any], approve: bool) -> None:
        """Somebody pressed a button: show them what exactly they would answer, or tell them why they may not."""
        member, request_id = str(body["user"]["id"]), str(body["actions"][0]["value"])
        channel, thread_ts = _place(body)
        try:
            request, ticket = await asyncio.to_thread(self._prepare, request_id, member)
            view = dialogue(request, ticket, approve, channel, thread_ts)
            await self._outbox.open_view(str(body["trigger_id"]), view)
        except ApprovalRefused as refused:
            await self._tell(channel, member, thread_ts, f"Not possible: {refused}")
        except (LedgerError, PolicyError, OSError) as error:
            _log.error("a dialogue could not be opened: %s", error)
            await self._tell(channel, member, thread_ts, f"Not possible now: {error}")
        except (SlackSaidNo, SlackAway) as error:
            _log.warning("a dialogue could not be opened: %s", error)
            await self._tell(channel, member, thread_ts, "Slack did not open the dialogue; press the button again.")

    async def decide(self, body: Mapping[str, Any], approve: bool) -> None:
        """Somebody sent a dialogue off: count the answer once, or tell them why it does not count."""
        member = str(body["user"]["id"])
        told = json.loads(body["view"]["private_metadata"])
        channel, thread_ts = str(told["channel"]), str(told["thread_ts"])
        reason, wrong_cause = _answer(body["view"].get("state", {}).get("values", {}))
        try:
            decided = await asyncio.to_thread(
                self._approvals.decide, str(told["ticket"]), _DOOR, member, approve, reason, wrong_cause
            )
        except ApprovalRefused as refused:
            await self._tell(channel, member, thread_ts, f"This did not count: {refused}")
            return
        except (LedgerError, PolicyError, OSError) as error:
            _log.error("an answer could not be counted: %s", error)
            await self._tell(
                channel, member, thread_ts, f"This could not be counted: {error}. Nothing was done; try again."
            )
            return
        request = decided.request
        self._decided(request.investigation_id, decided.ready)
        if request.state == "pending":
            given = sum(vote.approved for vote in request.votes)
            await self._tell(channel, member, thread_ts, f"Counted: {given} of {request.needs} approvals are given.")

    def _prepare(self, request_id: str, member: str) -> tuple[Request, str]:
        """The request with a ticket for this member. Raises ``ApprovalRefused``."""
        ticket = self._approvals.ticket(request_id, _DOOR, member)
        request = next((r for r in self._approvals.pending() if r.id == request_id), None)
        if request is None:
            raise ApprovalRefused("this was decided already")
        return request, ticket

    async def _tell(self, channel: str, member: str, thread_ts: str, text: str) -> None:
        await self._outbox.whisper(channel, member, neutral(text), thread_ts)


def dialogue(request: Request, ticket: str, approve: bool, channel: str, thread_ts: str) -> Block:
    """The view: every line of the card, whole. Raises ``ApprovalRefused`` where they do not fit: none is left out."""
    blocks = [block for label, text in card(request) for block in _line(label, text)]
    metadata = json.dumps({"ticket": ticket, "channel": channel, "thread_ts": thread_ts})
    if len(blocks) > _MOST_PARTS or len(metadata) > _LONGEST_METADATA:
        raise ApprovalRefused("this is too long to be shown whole in Slack: decide in the terminal or in the browser")
    if not approve:
        blocks += _asking_why()
    verb = "Approve" if approve else "Reject"
    return {
        "type": "modal", "callback_id": f"pcause_{verb.lower()}", "private_metadata": metadata, "clear_on_close": True,
        "title": {"type": "plain_text", "text": f"{verb} this action?"},
        "submit": {"type": "plain_text", "text": verb}, "close": {"type": "plain_text", "text": "Cancel"},
        "blocks": blocks,
    }  # fmt: skip


def _line(label: str, text: str) -> Sequence[Block]:
    """As rich text, which Slack shows letter by letter. An argument is JSON: there the three letters of Slack's markup are
    written as JSON escapes, which is the same argument."""
    if label.startswith("Argument"):
        shown = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    else:
        shown = text.replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}").replace(
            ">", "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
        )
    parts = [shown[at : at + _LONGEST_PART] for at in range(0, len(shown), _LONGEST_PART)] or [""]
    blocks: list[Block] = []
    for number, part in enumerate(parts):
        elements: list[Block] = [{"type": "text", "text": part or " "}]
        if number == 0 and label:
            elements.insert(0, {"type": "text", "text": f"{label}: ", "style": {"bold": True}})
        blocks.append({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]})
    return blocks


def _asking_why() -> list[Block]:
    wrong = {"text": {"type": "plain_text", "text": "The cause is wrong: look for another one"}, "value": "wrong_cause"}
    return [
        {
            "type": "input", "block_id": "reason", "label": {"type": "plain_text", "text": "Why not?"},
            "element": {"type": "plain_text_input", "action_id": "reason", "multiline": True, "max_length": 1_000},
        },
        {
            "type": "input", "block_id": "cause", "optional": True, "label": {"type": "plain_text", "text": "And the cause?"},
            "element": {"type": "checkboxes", "action_id": "cause", "options": [wrong]},
        },
    ]  # fmt: skip


def _answer(values: Mapping[str, Any]) -> tuple[str, bool]:
    """The reason, and whether the cause is said to be wrong."""
    reason = (values.get("reason", {}).get("reason", {}) or {}).get("value") or ""
    chosen = (values.get("cause", {}).get("cause", {}) or {}).get("selected_options") or []
    return str(reason), any(option.get("value") == "wrong_cause" for option in chosen)


def _place(body: Mapping[str, Any]) -> tuple[str, str]:
    """Channel and thread of the message with the button."""
    message = body.get("message") or {}
    return str((body.get("channel") or {}).get("id", "")), str(message.get("thread_ts") or message.get("ts") or "")
