"""Ceilings of one investigation. Check before, charge after, in one place."""

import time
from collections.abc import Callable
from decimal import Decimal

from agent.ledger import CallRow, CeilingReached, Ledger
from agent.settings import Ceilings
from agent.state import Spend


class Budget:
    """Reservations live in the ledger; seconds are those of earlier processes plus this one's since it began."""

    def __init__(
        self, ledger: Ledger, investigation_id: str, ceilings: Ceilings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger, self._id, self._ceilings, self._clock = ledger, investigation_id, ceilings, clock
        self._before = ledger.spent(investigation_id).seconds
        self._began = clock()

    def reserve(
        self, call_id: str, tool: str, arguments: str, points: int, usd: Decimal = Decimal(0)
    ) -> CallRow | None:
        """None to go ahead; the settled call where it was already answered. Raises ``CeilingReached``."""
        if self.seconds_left() <= 0:
            limit = self._ceilings.seconds
            raise CeilingReached("seconds", f"{limit:g}", f"{limit - self.seconds_left():.1f}", "more")
        return self._ledger.reserve(self._id, call_id, tool, arguments, points, usd, self._ceilings)

    def settle(self, call_id: str, points: int, seconds: float, evidence: str, usd: Decimal = Decimal(0)) -> None:
        self._ledger.settle(self._id, call_id, points, seconds, usd, evidence)

    def refund(self, call_id: str) -> None:
        self._ledger.refund(self._id, call_id)

    def seconds_left(self) -> float:
        return self._ceilings.seconds - self._before - (self._clock() - self._began)

    def spend(self) -> Spend:
        """What was used, with the whole running time of the investigation."""
        seconds = self._before + (self._clock() - self._began)
        return self._ledger.spent(self._id).model_copy(update={"seconds": round(seconds, 3)})
