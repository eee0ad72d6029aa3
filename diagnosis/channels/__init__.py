"""The channels: one file a method, from what was observed to clues. The ranking weighs them; none knows another."""

from collections.abc import Callable, Mapping

from diagnosis.channels.absence import absence
from diagnosis.channels.call_gap import call_gap
from diagnosis.channels.call_walk import call_walk
from diagnosis.channels.clue import Clue, Observation
from diagnosis.channels.conservation import conservation
from diagnosis.channels.event_patterns import event_patterns
from diagnosis.channels.order import onset_order
from diagnosis.channels.self_time import self_time
from diagnosis.channels.series import deviation, saturation
from diagnosis.channels.tenants import tenants
from diagnosis.channels.texts import fan_out, log_templates, span_errors
from diagnosis.channels.unreachable import unreachable
from diagnosis.channels.withheld_calls import withheld_calls

CHANNELS: Mapping[str, Callable[[Observation], list[Clue]]] = {
    "absence": absence,
    "call_gap": call_gap,
    "call_walk": call_walk,
    "conservation": conservation,
    "deviation": deviation,
    "event_patterns": event_patterns,
    "fan_out": fan_out,
    "log_templates": log_templates,
    "onset_order": onset_order,
    "saturation": saturation,
    "self_time": self_time,
    "span_errors": span_errors,
    "tenants": tenants,
    "unreachable": unreachable,
    "withheld_calls": withheld_calls,
}

# Channels that find their numbers in the telemetry itself; the others pass on symptoms found before.
RECOMPUTED = frozenset(("call_gap", "conservation", "event_patterns", "self_time", "withheld_calls"))

__all__ = ["CHANNELS", "RECOMPUTED", "Clue", "Observation"]
