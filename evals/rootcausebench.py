"""RootCauseBench (edgedelta/root-cause-bench): from its published layout to our recording format, and its scoring.

A scenario is a folder with ``environment/data`` (alert, metrics, logs, traces, commits, deploys, flags). Only that
folder is translated; ``tests/ground_truth.json`` is read by the scorer, after the investigation has ended.
"""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from diagnosis.findings import Remediation

# Our remediation classes in the benchmark's words.
REMEDIATION_NAMES: dict[Remediation, str] = {
    **{item: item.value.replace("_", "-") for item in Remediation},
    Remediation.ROTATE_CERTIFICATE: "rotate-cert",
}


@dataclass(frozen=True)
class Truth:
    """What really happened. ``commit`` is None when no commit is to blame."""

    commit: str | None
    first_service: str
    blast_radius: frozenset[str]
    remediation: str
    decoys: frozenset[str]


@dataclass(frozen=True)
class Scenario:
    """One incident of the benchmark."""

    id: str
    folder: Path
    truth: Truth = field(repr=False)


def scenarios(folder: Path) -> Iterator[Scenario]:
    """All scenarios below a clone of the benchmark (or a folder of scenarios), in order of their names."""
    roots = sorted({path.parent.parent.parent for path in folder.rglob("environment/data/alert.json")})
    for root in roots:
        yield Scenario(root.name, root, read_truth(root))


def read_truth(root: Path) -> Truth:
    """The scenario's truth, for the scorer."""
    raw = json.loads((root / "tests" / "ground_truth.json").read_text())
    commit = raw["root_cause_commit"]
    return Truth(
        None if commit in (None, "", "none") else commit,
        raw["first_failing_service"],
        frozenset(raw["blast_radius"]),
        raw["remediation"].replace("_", "-"),
        frozenset(raw.get("decoy_deploy_commits", ())),
    )


def translate(scenario: Scenario, recording: Path, *, without_culprit: bool = False) -> None:
    """Write the scenario's data as one of our recordings; ``without_culprit`` drops the guilty commit and its deploys."""
    data = scenario.folder / "environment" / "data"
    recording.mkdir(parents=True, exist_ok=True)
    hidden = {scenario.truth.commit} if without_culprit and scenario.truth.commit else set()
    _json(recording / "alert.json", _alert(json.loads((data / "alert.json").read_text())))
    if (data / "metrics.csv").exists():
        _metrics(data / "metrics.csv", recording / "metrics.csv")
    alert = json.loads((recording / "alert.json").read_text())
    logs = list(_ndjson(data / "logs.ndjson")) if (data / "logs.ndjson").exists() else []
    logs += _only_in_patterns(_list(data / "patterns.json"), logs, alert["fired_at"])
    if logs:
        _lines(recording / "logs.ndjson", map(_log, logs))
    if (data / "traces.json").exists():
        _lines(recording / "spans.ndjson", _spans(json.loads((data / "traces.json").read_text())))
    _lines(recording / "changes.ndjson", _changes(data / "context", hidden))


def _alert(raw: dict[str, Any]) -> dict[str, Any]:
    summary = " ".join(str(raw[key]) for key in ("summary", "detail") if raw.get(key))
    kept: dict[str, Any] = {
        key: raw[key] for key in ("service", "metric", "threshold", "observed", "fired_at", "severity") if key in raw
    }
    return {**kept, "name": raw.get("monitor", "alert"), "summary": summary}


def _metrics(source: Path, target: Path) -> None:
    with source.open(newline="") as rows, target.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("timestamp", "entity", "metric", "value"))
        writer.writerows(
            (row["timestamp"], row["service"], row["metric"], row["value"]) for row in csv.DictReader(rows)
        )


def _log(raw: dict[str, Any]) -> dict[str, Any]:
    known = ("timestamp", "service", "severity_text", "msg", "trace_id")
    rest = {key: value for key, value in raw.items() if key not in known}
    return {
        "timestamp": raw["timestamp"],
        "service": raw["service"],
        "severity_text": raw.get("severity_text", ""),
        "body": raw.get("msg", ""),
        "trace_id": raw.get("trace_id", ""),
        "attributes": rest,
    }


_MOST_PATTERN_LINES = 20


def _only_in_patterns(
    patterns: list[dict[str, Any]], logs: list[dict[str, Any]], fired_at: str
) -> list[dict[str, Any]]:
    """Lines for patterns that the benchmark counted but of which its log sample holds none.

    The pattern file has no times, so they are put into the minute before the alert; one that is no news against its
    baseline is left out.
    """
    fired = datetime.fromisoformat(fired_at)
    found = []
    for pattern in patterns:
        folded = re.sub(r"<\w+>", "\0", pattern["signature"])
        shape = re.compile(".+?".join(re.escape(part) for part in folded.split("\0")))
        if any(log["service"] == pattern["service"] and shape.search(log["msg"]) for log in logs):
            continue
        news = int(str(pattern.get("delta_vs_baseline", "0")).replace(",", ""))
        for place in range(min(max(news, 0), _MOST_PATTERN_LINES)):
            time = fired - timedelta(seconds=60 - 60 * place / _MOST_PATTERN_LINES)
            severity = "WARN" if pattern.get("sentiment") == "negative" else "INFO"
            line = {"timestamp": time.isoformat(), "service": pattern["service"], "severity_text": severity}
            found.append({**line, "msg": pattern["signature"]})
    return found


def _spans(raw: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    trace = ""
    for span in raw:
        # The benchmark writes "same" for the trace of the span before.
        trace = trace if span["trace_id"] == "same" else span["trace_id"]
        start = int(datetime.fromisoformat(span["start"]).timestamp() * 1e9)
        known = (
            "trace_id",
            "span_id",
            "parent_id",
            "service",
            "name",
            "start",
            "duration_ms",
            "status",
            "error",
            "attributes",
        )
        attributes = {key: value for key, value in span.items() if key not in known} | (span.get("attributes") or {})
        yield {
            "trace_id": trace,
            "span_id": span["span_id"],
            "parent_span_id": span.get("parent_id") or "",
            "name": span["name"],
            "kind": "INTERNAL",
            "service": span["service"],
            "start_time_unix_nano": start,
            "end_time_unix_nano": start + int(float(span.get("duration_ms", 0)) * 1e6),
            "status": {"code": span.get("status", "UNSET"), "message": span.get("error", "")},
            "attributes": attributes,
        }


def _changes(context: Path, hidden: set[str]) -> Iterator[dict[str, Any]]:
    for raw in _list(context / "commits.json"):
        if raw["sha"] not in hidden:
            yield {
                "kind": "commit",
                "id": raw["sha"],
                "timestamp": raw["timestamp"],
                "author": raw.get("author", ""),
                "title": raw.get("message", ""),
                "files": raw.get("files_changed") or [],
                "diff": raw.get("diff"),
            }
    for raw in _list(context / "deploys.json"):
        if raw["commit_sha"] not in hidden:
            yield {
                "kind": "deploy",
                "id": f"{raw['service']}@{raw.get('version') or raw['commit_sha'][:8]}",
                "timestamp": raw["timestamp"],
                "service": raw["service"],
                "commit": raw["commit_sha"],
                "version": raw.get("version", ""),
            }
    for raw in _list(context / "flags.json"):
        before, _, after = str(raw.get("change", "")).partition("->")
        yield {
            "kind": "flag",
            "id": raw["flag"],
            "timestamp": raw["timestamp"],
            "service": raw.get("service", ""),
            "author": raw.get("actor", ""),
            "from": before,
            "to": after,
        }


def _list(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text())) if path.exists() else []


def _ndjson(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2))


def _lines(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with path.open("w") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
