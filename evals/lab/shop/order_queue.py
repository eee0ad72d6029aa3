"""The broker's queue: ordered, at least once, kept in a journal."""

import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .volume import Journal


@dataclass
class Message:
    """A published message. ``invisible_until`` is in monotonic seconds; before it the message is somebody's work."""

    id: str
    body: Mapping[str, object]
    published_at: float
    invisible_until: float = 0.0
    deliveries: int = 0


class OrderQueue:
    """Messages in the order of their publication.

    The order holds for the consumer too: nothing is delivered while an older message is still being worked on, and
    what is not acknowledged in time is delivered again before anything else.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._changed = threading.Condition()
        self._messages: dict[str, Message] = {}
        for record in journal.records():
            self._replay(record)

    def _replay(self, record: Mapping[str, object]) -> None:
        message_id, body = str(record["id"]), record.get("body")
        if isinstance(body, dict):
            self._messages[message_id] = Message(message_id, body, time.time())
        else:
            self._messages.pop(message_id, None)

    def publish(self, body: Mapping[str, object]) -> str:
        """Add a message at the end and return its id; raises OSError when it cannot be kept."""
        message = Message(os.urandom(8).hex(), body, time.time())
        with self._changed:
            self._journal.append({"id": message.id, "body": body})
            self._messages[message.id] = message
            self._changed.notify_all()
        return message.id

    def take(self, most: int, wait_seconds: float, visibility_seconds: float) -> list[Message]:
        """Up to ``most`` of the oldest messages, invisible to others for a while; none when none came in time."""
        deadline = time.monotonic() + wait_seconds
        with self._changed:
            while True:
                now = time.monotonic()
                free_at = max((message.invisible_until for message in self._messages.values()), default=0.0)
                if self._messages and free_at <= now:
                    return [self._deliver(message, now + visibility_seconds) for message in self._oldest(most)]
                if now >= deadline:
                    return []
                self._changed.wait(min(deadline, free_at if free_at > now else deadline) - now)

    def _oldest(self, most: int) -> list[Message]:
        return list(self._messages.values())[:most]

    def _deliver(self, message: Message, invisible_until: float) -> Message:
        message.invisible_until = invisible_until
        message.deliveries += 1
        return message

    def settle(self, ids: Iterable[str]) -> int:
        """Forget messages that were dealt with; returns how many of them were there."""
        with self._changed:
            known = [message_id for message_id in ids if message_id in self._messages]
            for message_id in known:
                self._journal.append({"id": message_id})
                del self._messages[message_id]
            if self._journal.is_long:
                self._journal.rewrite({"id": left.id, "body": left.body} for left in self._messages.values())
            self._changed.notify_all()
        return len(known)

    def depth(self) -> int:
        """Messages that are not settled."""
        return len(self._messages)

    def oldest_age_seconds(self) -> float:
        """Age of the oldest message that is not settled; 0 when there is none."""
        with self._changed:
            oldest = next(iter(self._messages.values()), None)
        return time.time() - oldest.published_at if oldest else 0.0
