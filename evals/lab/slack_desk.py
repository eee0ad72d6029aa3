"""Somebody in Slack: a double of Slack runs here, ``pcause slack`` talks to it as it would to the real one.

The double is a part of the tests (``tests/slack_double.py``), so it is there in a checkout only.
"""

import asyncio
import importlib
import json
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import evals
from agent.approvals import Request
from evals.lab.acting import SLACK_MEMBER
from evals.lab.mending import MendError

CHANNEL = "C0INCIDENTS"
DOUBLE = Path(evals.__file__).parent.parent / "tests" / "slack_double.py"
_SEE_SECONDS = 30.0
_DELIVER_SECONDS = 30.0
_LOOK_SECONDS = 0.2
Told = TypeVar("Told")


class SlackRoom:
    """A workspace with one channel, in a thread of its own. Raises ``FileNotFoundError`` outside of a checkout."""

    def __init__(self) -> None:
        module = _load()
        self._double: Any = module.SlackDouble()
        self.bot = str(module.BOT)
        self.variables = {"SLACK_BOT_TOKEN": str(module.BOT_TOKEN), "SLACK_APP_TOKEN": str(module.APP_TOKEN)}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slack", daemon=True)
        self._thread.start()
        self.do(lambda slack: slack.start())
        self.settings: dict[str, object] = {"members": [SLACK_MEMBER], "api_url": str(self._double.url)}

    def do(self, act: Callable[[Any], Coroutine[Any, Any, Told]]) -> Told:
        """Let somebody do something in the workspace; what it gives. Raises ``MendError`` where nobody takes it in time."""
        future = asyncio.run_coroutine_threadsafe(act(self._double), self._loop)
        try:
            return future.result(_DELIVER_SECONDS + 5.0)
        except TimeoutError:
            future.cancel()
            raise MendError("nobody listens to Slack: pcause slack did not take what was said") from None

    def see(self, look: Callable[[Any], Told | None], what: str) -> Told:
        """Wait until something is seen in the workspace. Raises ``MendError``."""

        async def once(slack: Any) -> Told | None:  # noqa: ANN401 - the double
            return look(slack)

        deadline = time.monotonic() + _SEE_SECONDS
        while (found := self.do(once)) is None:
            if time.monotonic() > deadline:
                raise MendError(f"Slack does not show {what} within {_SEE_SECONDS:.0f} s")
            time.sleep(_LOOK_SECONDS)
        return found

    @property
    def problems(self) -> list[str]:
        """What Slack would have refused of what it was sent."""
        return [str(problem) for problem in self._double.problems]

    def close(self) -> None:
        """End it. Safe to call twice."""
        if self._loop.is_running():
            self.do(lambda slack: slack.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


@dataclass(frozen=True)
class SlackDesk:
    """The lab's approver in the channel: names the investigation to the app, and answers in its dialogue."""

    room: SlackRoom
    id: str

    def waits(self, requests: tuple[Request, ...]) -> None:
        """Ask the app to show the investigation here, as the line to hand over says."""
        self.room.do(lambda slack: slack.connected(_DELIVER_SECONDS))
        self.room.do(lambda slack: slack.say(CHANNEL, SLACK_MEMBER, f"<@{self.room.bot}> {self.id}"))
        for request in requests:
            self._message(request)

    def answer(self, request: Request, approved: bool, reason: str) -> None:
        """Press the button, read the dialogue, and send it off."""
        action = "pcause_approve" if approved else "pcause_reject"
        message, before = self._message(request), self.room.see(lambda slack: (len(slack.views),), "dialogues")[0]
        only = {**message, "blocks": [b for b in message["blocks"] if b.get("block_id") == f"ask_{request.id}"]}
        self.room.do(lambda slack: slack.press(SLACK_MEMBER, CHANNEL, only, action))
        view = self.room.see(lambda slack: slack.views[-1] if len(slack.views) > before else None, "the dialogue")
        _check_shown(view, request)
        self.room.do(lambda slack: slack.submit(SLACK_MEMBER, view, reason if not approved else ""))

    def ended(self) -> None:
        """The message says how it ended, and Slack refused nothing."""
        self.room.see(lambda slack: _saying(slack, "recovered", "back at"), "that the symptom is gone")
        if self.room.problems:
            raise MendError(f"Slack would have refused: {self.room.problems[0]}")

    def _message(self, request: Request) -> dict[str, Any]:
        def look(slack: Any) -> dict[str, Any] | None:  # noqa: ANN401 - the double
            asks = [
                m
                for m in slack.ours(CHANNEL)
                if any(b.get("block_id") == f"ask_{request.id}" for b in m.get("blocks", ()))
            ]
            return dict(asks[-1]) if asks else None

        return self.room.see(look, f"buttons for {request.action}")


def _check_shown(view: dict[str, Any], request: Request) -> None:
    """Who approves must have been shown what runs: its name, its target and each of its arguments."""
    shown = json.dumps(view["blocks"], ensure_ascii=False)
    values = [str(value) for value in json.loads(request.arguments).values() if value]
    missing = [text for text in (request.action, request.target, *values) if text not in shown]
    if missing:
        raise MendError(f"the dialogue in Slack does not show {missing[0]!r}")


def _saying(slack: Any, *words: str) -> bool | None:  # noqa: ANN401 - the double
    texts = [repr(message.get("blocks", "")) + message["text"] for message in slack.ours(CHANNEL)]
    return True if any(word in text for text in texts for word in words) else None


def _load() -> ModuleType:
    if not DOUBLE.is_file():
        raise FileNotFoundError(f"the double of Slack is a part of the tests: run this from a checkout ({DOUBLE.name})")
    root = str(DOUBLE.parent.parent)  # what the double imports is beside it
    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module(f"{DOUBLE.parent.name}.{DOUBLE.stem}")
