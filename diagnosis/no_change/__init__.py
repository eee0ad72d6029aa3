"""The case for "nobody's change": causes from outside, from time, from demand, from machines or from data.

Each detector looks for the mechanism itself and returns a case with its reasons, or nothing.
"""

from collections.abc import Callable, Sequence

from diagnosis.no_change.bad_record import bad_record
from diagnosis.no_change.case import Case, View
from diagnosis.no_change.certificate import certificate
from diagnosis.no_change.clock import clock
from diagnosis.no_change.dns import dns
from diagnosis.no_change.foreign_peer import foreign_peer
from diagnosis.no_change.growth import growth
from diagnosis.no_change.infrastructure import infrastructure
from diagnosis.no_change.surge import surge

_DETECTORS: Sequence[Callable[[View], Case | None]] = (
    certificate,
    dns,
    foreign_peer,
    surge,
    infrastructure,
    bad_record,
    growth,
    clock,
)


def cases(view: View) -> list[Case]:
    """Every case that can be made, strongest first."""
    made = [case for detector in _DETECTORS if (case := detector(view)) is not None]
    return sorted(made, key=lambda case: -case.score)


__all__ = ["Case", "View", "cases"]
