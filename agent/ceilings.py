"""Which ceilings bind a call: its own, its investigation's, and those of its alert source, day and month."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from agent.ledger_totals import Amounts, Scope
from agent.settings import Ceilings, Periods

_COUNTED = ("tool_calls", "points", "tokens_in", "tokens_out")


class CeilingReached(Exception):  # noqa: N818 - an answer of the budget, not a malfunction
    """A call would pass a ceiling, so it is not made. ``setting`` is where it is set."""

    def __init__(self, resource: str, limit: str, spent: str, wanted: str, setting: str = "") -> None:
        self.resource, self.limit, self.spent, self.wanted = resource, limit, spent, wanted
        super().__init__(
            f"ceiling {resource} of {limit} would be passed (spent {spent}, next call up to {wanted}); "
            f"raise it in pcause.yaml ({setting or f'ceilings.{resource}'}) or by environment"
        )


@dataclass(frozen=True, slots=True)
class Limit:
    """One ceiling: ``most`` of one of the ``Amounts`` (``amount``) in a scope, None being the single call.

    ``resource`` is its name in reports: ``usd`` of the investigation, ``day.usd`` of the day.
    """

    scope: Scope | None
    resource: str
    setting: str
    amount: str
    most: int

    def check(self, spent: Amounts, wanted: Amounts) -> None:
        """Raises ``CeilingReached``; what asks for nothing of it is never refused."""
        used, more = getattr(spent, self.amount), getattr(wanted, self.amount)
        if more > 0 and used + more > self.most:
            limit, used, more = (self._shown(number) for number in (self.most, used, more))
            raise CeilingReached(self.resource, limit, used, more, self.setting)

    def share(self, spent: Amounts) -> float:
        """How much of it is used, 1.0 being all; a ceiling of nothing has no share that could be used."""
        return float(getattr(spent, self.amount)) / self.most if self.most else 0.0

    def _shown(self, number: int) -> str:
        return f"{Amounts(nano_usd=number).usd:f}" if self.amount == "nano_usd" else f"{number}"


def limits(ceilings: Ceilings, periods: Periods) -> list[Limit]:
    """Every ceiling that is set, the narrowest scope first."""
    call = ceilings.call.model_dump()
    found = _limits(None, "call.", "ceilings.call.", call)
    found += _limits(Scope.INVESTIGATION, "", "ceilings.", ceilings.model_dump())
    for scope in (Scope.SOURCE_DAY, Scope.DAY, Scope.MONTH):
        found += _limits(scope, f"{scope}.", f"periods.{scope}.", getattr(periods, scope).model_dump())
    return found


def _limits(scope: Scope | None, prefix: str, setting: str, given: Mapping[str, object]) -> list[Limit]:
    found = []
    for name in _COUNTED:
        most = given.get(name)
        if isinstance(most, int):
            found.append(Limit(scope, f"{prefix}{name}", f"{setting}{name}", name, most))
    usd = given.get("usd")
    if isinstance(usd, Decimal):
        most = int((usd * 10**9).to_integral_value(ROUND_FLOOR))
        found.append(Limit(scope, f"{prefix}usd", f"{setting}usd", "nano_usd", most))
    return found
