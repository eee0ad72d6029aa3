"""A basket as it travels between the services: ``{"lines": [[sku, quantity], ...]}``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import ServiceError


@dataclass(frozen=True)
class Line:
    """One kind of good in a basket."""

    sku: int
    quantity: int


def lines_of(body: Mapping[str, object]) -> list[Line]:
    """The lines of a request's basket; raises ServiceError (400) where there is none."""
    lines = body.get("lines")
    if not isinstance(lines, list) or not lines:
        raise ServiceError(400, "the basket has no lines")
    return [Line(int(sku), int(quantity)) for sku, quantity in lines]


def basket_of(lines: Sequence[Line]) -> dict[str, object]:
    """The body that ``lines_of`` reads."""
    return {"lines": [[line.sku, line.quantity] for line in lines]}
