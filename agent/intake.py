"""Accepting alerts: what was told is committed to the ledger before anybody is answered, and each incident once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.begun import Begun
from agent.firings import Admission, Firings, Opening
from agent.investigate import new_id
from agent.notification import Firing, Told, fingerprint, incident_alert, read_notification
from agent.settings import Settings
from agent.sources import Source
from agent.state import Alert

MOST_WAITING = 5_000  # accepted investigations that nobody has begun


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a notification. ``id`` is "" where something ended that nobody had told of.

    ``status`` is the investigation's, or ``resolved`` or ``unknown`` where nothing fires any more. ``unread`` names
    alerts that could not be read.
    """

    id: str
    status: str
    duplicate: bool = False
    unread: tuple[str, ...] = ()

    @property
    def firing(self) -> bool:
        """False where all that was told has ended."""
        return self.status not in ("resolved", "unknown")


class Intake:
    """Takes notifications. ``source_of`` says where the telemetry of an alert is, ``on_accepted`` is told of each new one."""

    def __init__(
        self, settings: Settings, source_of: Callable[[Alert], Source], on_accepted: Callable[[], None],
        most_waiting: int = MOST_WAITING,
    ) -> None:  # fmt: skip
        self._firings = Firings(settings.home, settings.senders)
        self._begun = Begun.of(settings).model_dump_json()
        self._source_of, self._on_accepted, self._most_waiting = source_of, on_accepted, most_waiting

    def accept(self, raw: object) -> Receipt:
        """Commit what an Alertmanager notification (decoded JSON) tells.

        Raises ``AlertError``, ``Overloaded`` (nothing of its firings was taken) and ``LedgerError``.
        """
        return self.take(read_notification(raw))

    def take(self, told: Told) -> Receipt:
        """Commit what a delivery told. Raises ``Overloaded`` (nothing of its firings was taken) and ``LedgerError``."""
        ended = self._firings.end(told.endings) if told.endings else None
        if not told.firings:
            return Receipt(ended or "", "resolved" if ended else "unknown", unread=told.unread)

        def open_with(firings: Sequence[Firing]) -> Opening:
            return self._opening(incident_alert(firings, told.left_out))

        admission = self._firings.admit(told.firings, open_with, self._most_waiting)
        return self._receipt(admission, told.unread)

    def ask(self, alert: Alert, key: str, asked_by: str) -> Receipt:
        """Open an investigation for somebody's question, once for each ``key`` (such as ``slack:C1:1712.33``).

        Workers run it; no alert joins it. Raises ``Overloaded`` and ``LedgerError``.
        """
        opening = self._opening(alert, asked_by)
        return self._receipt(self._firings.ask(fingerprint(key, "question"), opening, self._most_waiting))

    def _opening(self, alert: Alert, requested_by: str = "") -> Opening:
        source = self._source_of(alert).model_dump_json()
        return Opening(new_id(), alert.model_dump_json(), source, self._begun, requested_by)

    def _receipt(self, admission: Admission, unread: tuple[str, ...] = ()) -> Receipt:
        if not admission.duplicate:
            self._on_accepted()
        return Receipt(admission.id, admission.status, admission.duplicate, unread)
