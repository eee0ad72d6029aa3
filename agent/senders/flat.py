"""Alerts of senders that do not speak as Alertmanager does: fields by name, folded into a firing or an ending."""

from collections.abc import Mapping, Sequence

from agent.alerts import AlertError, parse_fields, parse_time
from agent.notification import Ending, Firing, Told, clean, fingerprint, place_of
from agent.senders.settings import SenderName
from agent.text_room import Room, shortened

_RESOLVED = frozenset(("resolved", "ok", "closed", "recovered", "cleared", "normal", "inactive", "ended", "finished"))
_MOST_ERRORS = 12


def ends(status: str) -> bool:
    """Whether a state, in whatever words, says that the alert is over."""
    return status.strip().lower() in _RESOLVED


def firing(
    sender: SenderName,
    fields: Mapping[str, object],
    identity: str,
    started_at: float,
    room: Room,
    continues: bool = False,
) -> Firing:
    """A firing of the alert that ``fields`` tell of, by the names of our own form. Raises ``AlertError``."""
    alert = parse_fields({**fields, "fired_at": started_at}, sender.value, room)
    labels = {str(key): value for key, value in fields.items() if isinstance(value, str)}
    return Firing(fingerprint(identity, sender.value), started_at, alert, place=place_of(labels), continues=continues)


def ending(sender: SenderName, identity: str, started_at: float | None, ended_at: float | None) -> Ending:
    """The end of the alert with this identity."""
    return Ending(fingerprint(identity, sender.value), started_at, ended_at)


def moment(value: object, what: str) -> float | None:
    """Epoch seconds; None where nothing was said. Raises ``AlertError`` for what is no time, or before 1970."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    if not isinstance(value, str | int | float):
        raise AlertError(f"{what} is no time but {type(value).__name__}: write it like 2026-11-24T03:00:00Z")
    found = parse_time(clean(str(value)[:80]))
    if not found >= 0:
        raise AlertError(f"{what} is before 1970 ({shortened(clean(str(value)), 40)!r})")
    return found


def together(
    told: list[Firing | Ending], errors: list[AlertError], left_out: int = 0, unread: Sequence[str] = ()
) -> Told:
    """What was read of a delivery; ``unread`` are in ``left_out``. Raises the first error where nothing was read."""
    if errors and not told:
        raise errors[0]
    return Told(
        tuple(one for one in told if isinstance(one, Firing)),
        tuple(one for one in told if isinstance(one, Ending)),
        left_out + len(errors),
        (*map(str, errors), *unread)[:_MOST_ERRORS],
    )
