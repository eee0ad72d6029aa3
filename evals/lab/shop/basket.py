"""A basket as it travels between the services: ``{"lines": [[sku, quantity], ...]}``."""

from collections.abc import Mapping
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
