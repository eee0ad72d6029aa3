"""Grafana's unified alerting, webhook version 1: Alertmanager's form, with the values that were measured."""

import math
from collections.abc import Mapping

from agent.notification import Told, read_notification
from agent.senders.settings import SenderName

_MOST_VALUES = 50


def read_grafana(raw: object) -> Told:
    """Raises ``AlertError``."""
    if isinstance(raw, Mapping) and isinstance(raw.get("alerts"), list):
        raw = {**raw, "alerts": [_with_observed(item) for item in raw["alerts"]]}
    return read_notification(raw, SenderName.GRAFANA.value)


def _with_observed(item: object) -> object:
    """What was measured as an annotation, where only one value can be it.

    Values go by the names of queries and conditions (``{"B": 44.2, "C": 1}``); a condition is 0 or 1.
    """
    if not isinstance(item, Mapping) or not isinstance(item.get("values"), Mapping):
        return item
    numbers = [value for value in list(item["values"].values())[:_MOST_VALUES] if _is_number(value)]
    measured = [value for value in numbers if value not in (0, 1)] if len(numbers) > 1 else numbers
    notes = item.get("annotations") or {}
    if len(measured) != 1 or not isinstance(notes, Mapping) or "observed" in notes:
        return item
    return {**item, "annotations": {**notes, "observed": str(measured[0])}}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
