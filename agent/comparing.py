"""Comparing reports: what a replay must give again."""

from typing import Any

from agent.report.model import Report


def comparable(report: Report) -> dict[str, Any]:
    """A report without its ids, its times, what models cost, and what was done about the cause: equal for equal input."""
    after = {"action_results", "verification", "next_steps"}
    kept = report.model_dump(mode="json", exclude={"investigation_id", "created_at", "model_use", *after})
    kept["next_steps"] = [step.model_dump(mode="json") for step in report.next_steps if step.risk == "advice"]
    kept["spend"] = {name: kept["spend"][name] for name in ("tool_calls", "points")}
    return dict(kept)


def differences(before: Report, after: Report) -> tuple[str, ...]:
    """Names of the report's fields that differ."""
    old, new = comparable(before), comparable(after)
    return tuple(sorted(name for name in old if old[name] != new[name]))
