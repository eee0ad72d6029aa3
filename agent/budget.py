"""Ceilings of one investigation, and of the alert source, day and month it runs in. Check before, charge after."""

import time
from collections.abc import Callable
from decimal import Decimal

from agent.ceilings import limits
from agent.ledger import CallRow, CeilingReached, Ledger
from agent.ledger_schema import CallKind
from agent.prices import Tokens
from agent.settings import Ceilings, Periods
from agent.state import Spend

_CONCLUDE_AT = 0.8
# What is left of the seconds for writing the report, which needs no model: no model is waited for any more.
_REPORT_SHARE, _REPORT_SECONDS = 0.1, 10.0


class Budget:
    """Reservations live in the ledger; seconds are those of earlier processes plus this one's since it began.

    ``source`` is the alert's, ``periods`` the ceilings of source, day and month. What dead processes left open is
    settled first.
    """

    def __init__(
        self, ledger: Ledger, investigation_id: str, ceilings: Ceilings, clock: Callable[[], float] = time.monotonic,
        *, source: str = "", periods: Periods | None = None, wall_clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._ledger, self._id, self._ceilings, self._clock = ledger, investigation_id, ceilings, clock
        self._source, self._periods, self._wall_clock = source, periods or Periods(), wall_clock
        ledger.settle_lost(wall_clock())
        self._before = ledger.spent(investigation_id).seconds
        self._began = clock()

    def reserve(
        self, call_id: str, tool: str, arguments: str, points: int, usd: Decimal = Decimal(0)
    ) -> CallRow | None:
        """None to go ahead; the settled call where it was already answered. Raises ``CeilingReached``."""
        self._refuse_late(0.0)
        return self._ledger.reserve(
            self._id, call_id, tool, arguments, points, usd, self._ceilings, self._periods, source=self._source,
            at=self._wall_clock(),
        )  # fmt: skip

    def reserve_model(
        self, call_id: str, node: str, model: str, request: str, tokens_in: int, tokens_out: int, usd: Decimal
    ) -> CallRow | None:
        """None to go ahead; the settled call with its ``answer`` where it was already answered.

        ``tokens_in``, ``tokens_out`` and ``usd`` are the most that the call can use, its retries included. Of an
        embedding ``tokens_out`` is 0. Raises ``CeilingReached``, also where only the time for the report is left.
        """
        self._refuse_late(self._report_seconds)
        return self._ledger.reserve(
            self._id, call_id, model, request, 0, usd, self._ceilings, self._periods, kind=CallKind.MODEL, node=node,
            source=self._source, tokens_in=tokens_in, tokens_out=tokens_out, at=self._wall_clock(),
        )  # fmt: skip

    def settle(self, call_id: str, points: int, seconds: float, evidence: str, usd: Decimal = Decimal(0)) -> None:
        """What a tool used and answered."""
        self._ledger.settle(self._id, call_id, points, seconds, usd, evidence)

    def settle_model(self, call_id: str, tokens: Tokens, seconds: float, usd: Decimal, answer: str) -> None:
        """What a model used, in all attempts of the call together, and what it answered."""
        self._ledger.settle(self._id, call_id, 0, seconds, usd, "", tokens=tokens, answer=answer)

    def settle_unknown(self, call_id: str, seconds: float, answer: str) -> None:
        """The model answered, and its server did not count: what was reserved is what it used."""
        self._ledger.settle_at_worst(self._id, call_id, seconds, answer)

    def give_up(self, call_id: str) -> None:
        """Nobody waits for the answer any more, which may be paid for all the same: the worst case counts, as lost."""
        self._ledger.give_up(self._id, call_id)

    def refund(self, call_id: str) -> None:
        """The call used nothing: it was not made, or its provider refused it."""
        self._ledger.refund(self._id, call_id)

    @property
    def should_conclude(self) -> bool:
        """Whether 80 % of any ceiling that binds the investigation is used or reserved: ask for nothing that can be
        left out."""
        most = self._ceilings.seconds
        if most - self.seconds_left() >= _CONCLUDE_AT * most:
            return True
        spent = self._ledger.counted(self._id, self._source, self._wall_clock())
        binding = (limit for limit in limits(self._ceilings, self._periods) if limit.scope is not None)
        return any(limit.share(spent[limit.scope]) >= _CONCLUDE_AT for limit in binding if limit.scope)

    def seconds_left(self) -> float:
        return self._ceilings.seconds - self._before - (self._clock() - self._began)

    def model_seconds_left(self) -> float:
        """How long a model may be waited for, so that there is time to write the report."""
        return self.seconds_left() - self._report_seconds

    def spend(self) -> Spend:
        """What was used, with the whole running time of the investigation."""
        seconds = self._before + (self._clock() - self._began)
        return self._ledger.spent(self._id).model_copy(update={"seconds": round(seconds, 3)})

    @property
    def _report_seconds(self) -> float:
        return min(_REPORT_SHARE * self._ceilings.seconds, _REPORT_SECONDS)

    def _refuse_late(self, kept: float) -> None:
        """Raises ``CeilingReached`` where no more seconds are left than are kept for something else."""
        left = self.seconds_left()
        if left <= kept:
            limit = self._ceilings.seconds
            wanted = f"more, and {kept:g} are kept for the report" if kept else "more"
            raise CeilingReached("seconds", f"{limit:g}", f"{limit - left:.1f}", wanted)
