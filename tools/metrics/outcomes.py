"""Which values of which labels say that a request failed through the fault of whoever served it."""

import re
from collections.abc import Iterable, Mapping

# In this order: the first label that tells failures apart is taken.
OUTCOME_LABELS = (
    "http_response_status_code", "http_status_code", "response_code", "envoy_response_code", "status_code", "code",
    "status", "http_status", "envoy_response_code_class", "grpc_code", "rpc_grpc_status_code", "grpc_status",
    "grpc_response_status", "outcome", "result", "state", "success", "error_type", "error",
)  # fmt: skip
_GRPC_LABELS = frozenset({"grpc_code", "rpc_grpc_status_code", "grpc_status", "grpc_response_status"})
_GRPC_FAULTS = frozenset(
    "unknown deadlineexceeded resourceexhausted aborted unimplemented internal unavailable dataloss"
    " 2 4 8 10 12 13 14 15".split()
)
_SERVER_FAULT = re.compile(r"5(\d\d|xx)", re.IGNORECASE)
_FAULT_WORDS = frozenset(
    "error errors err failed failure fail ko servererror exception timeout aborted internal unavailable"
    " deadlineexceeded unknown dataloss statuscodeerror rejected fault".split()
)
_CLIENT_FAULT = re.compile(r"[1-4]\d\d")


def failing_values(label: str, values: Iterable[str]) -> frozenset[str]:
    """Those of ``values`` that mean a failure."""
    return frozenset(value for value in values if _fails(label, value))


def _fails(label: str, value: str) -> bool:
    word = re.sub(r"[^a-z0-9]", "", value.lower())
    if label in _GRPC_LABELS:
        return word in _GRPC_FAULTS
    if label == "envoy_response_code_class":
        return value == "5"
    if label == "success":
        return word in ("false", "0", "no")
    if label in ("error_type", "error"):
        return bool(word) and word not in ("none", "false", "0") and not _CLIENT_FAULT.fullmatch(word)
    return bool(_SERVER_FAULT.fullmatch(value)) or word in _FAULT_WORDS


def outcome(values: Mapping[str, frozenset[str]]) -> tuple[str, frozenset[str]]:
    """The label that tells failures, with its failing values; empty where none does."""
    for label in OUTCOME_LABELS:
        failing = failing_values(label, values.get(label, frozenset()))
        if failing:
            return label, failing
    return "", frozenset()
