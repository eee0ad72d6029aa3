"""Which traces and log lines a recording keeps, so that it stays small and still says what happened."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.lab.clock import rfc3339

Record = Mapping[str, object]


@dataclass(frozen=True)
class SamplingPolicy:
    """How much to keep. Both caps are met by a random choice over the whole run, never by cutting off its end."""

    normal_traces: int = 1000
    failed_traces: int = 500
    notable_lines: int = 3000
    seed: int = 7


def within(
    spans: Sequence[Record], logs: Sequence[Record], start: float, end: float
) -> tuple[list[Record], list[Record]]:
    """(spans, logs) of the traces that lie wholly between two epoch times, and of log lines without a trace.

    What the shop did while it was started, warmed up and stopped is no part of the incident.
    """
    first, last = start * 1e9, end * 1e9
    cut = {span["trace_id"] for span in spans if _nanos(span, "start") < first or _nanos(span, "end") > last}
    seen = {span["trace_id"] for span in spans} - cut
    return (
        [span for span in spans if span["trace_id"] in seen],
        [
            line
            for line in logs
            if (line["trace_id"] in seen or not line["trace_id"])
            and rfc3339(start) <= str(line["timestamp"]) <= rfc3339(end)
        ],
    )


def sample(
    spans: Sequence[Record], logs: Sequence[Record], policy: SamplingPolicy
) -> tuple[list[Record], list[Record]]:
    """(spans, logs) to keep: whole traces only; every notable log line up to a cap, and those of the kept traces.

    Notable is what is no plain request line: warnings, errors, and the life of a service.
    """
    rng = random.Random(policy.seed)
    failed = {str(span["trace_id"]) for span in spans if _failed(span)}
    normal = {str(span["trace_id"]) for span in spans} - failed
    kept = _pick(rng, failed, policy.failed_traces) | _pick(rng, normal, policy.normal_traces)
    notable = [index for index, line in enumerate(logs) if line["severity_text"] != "INFO" or not line["trace_id"]]
    lines = set(notable if len(notable) <= policy.notable_lines else rng.sample(notable, policy.notable_lines))
    return (
        [span for span in spans if span["trace_id"] in kept],
        [line for index, line in enumerate(logs) if index in lines or line["trace_id"] in kept],
    )


def _nanos(span: Record, side: str) -> int:
    return int(str(span[f"{side}_time_unix_nano"]))


def _failed(span: Record) -> bool:
    status = span["status"]
    return isinstance(status, Mapping) and status["code"] == "ERROR"


def _pick(rng: random.Random, traces: set[str], most: int) -> set[str]:
    return traces if len(traces) <= most else set(rng.sample(sorted(traces), most))
