"""RootCauseBench (edgedelta/root-cause-bench): from its published layout to our recording format, and its scoring.

A scenario is a folder with ``environment/data`` (alert, metrics, logs, traces, commits, deploys, flags). Only that
folder is translated; ``tests/ground_truth.json`` is read by the scorer, after the investigation has ended.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.alerts import parse_alert
from diagnosis.findings import Remediation
from tools.recording_files import epoch

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
    """Write the scenario's data as a recording; ``without_culprit`` drops the guilty commit and its deploys.

    Alert, metrics and log lines are copied as they are: a recording may use the same names.
    """
    data = scenario.folder / "environment" / "data"
    recording.mkdir(parents=True, exist_ok=True)
    hidden = {scenario.truth.commit} if without_culprit and scenario.truth.commit else set()
    for name in ("alert.json", "metrics.csv", "logs.ndjson"):
        if (data / name).exists():
            shutil.copyfile(data / name, recording / name)
    fired_at = parse_alert(json.loads((data / "alert.json").read_text())).fired_at
    logs = list(_ndjson(data / "logs.ndjson")) if (data / "logs.ndjson").exists() else []
    more = _only_in_patterns(_list(data / "patterns.json"), logs, fired_at)
    if more:
        _append(recording / "logs.ndjson", more)
    if (data / "traces.json").exists():
        _append(recording / "spans.ndjson", _spans(json.loads((data / "traces.json").read_text())))
    _append(recording / "changes.ndjson", _changes(data / "context", hidden))


_MOST_PATTERN_LINES = 20


def _only_in_patterns(
    patterns: list[dict[str, Any]], logs: list[dict[str, Any]], fired_at: float
) -> Iterator[dict[str, Any]]:
    """Lines for patterns that the benchmark counted but of which its log sample holds none.

    The pattern file has no times, so they are put into the minute before the alert; one that is no news against its
    baseline is left out.
    """
    for pattern in patterns:
        folded = re.sub(r"<\w+>", "\0", pattern["signature"])
        shape = re.compile(".+?".join(re.escape(part) for part in folded.split("\0")))
        mine = (log for log in logs if log.get("service") == pattern.get("service"))
        if any(shape.search(str(log.get("msg") or log.get("message") or log.get("body") or "")) for log in mine):
            continue
        news = re.search(r"^\+?(\d[\d,]*)", str(pattern.get("delta_vs_baseline", "")))
        count = int(news[1].replace(",", "")) if news else 0
        severity = "WARN" if pattern.get("sentiment") == "negative" else "INFO"
        for place in range(min(count, _MOST_PATTERN_LINES)):
            time = fired_at - 60 + 60 * place / _MOST_PATTERN_LINES
            line = {"timestamp": time, "service": pattern.get("service", ""), "severity_text": severity}
            yield {**line, "msg": pattern["signature"]}


_SPAN_FIELDS = frozenset(
    ("trace_id", "span_id", "parent_id", "service", "name", "start", "duration_ms", "status", "error", "attributes")
)


def _spans(raw: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    trace = ""
    for span in raw:
        # The benchmark writes "same" for the trace of the span before.
        trace = trace if span.get("trace_id") == "same" else str(span.get("trace_id", ""))
        start = epoch(span.get("start"))
        if start is None:
            continue
        error = span.get("error")
        yield {
            "trace_id": trace,
            "span_id": span.get("span_id", ""),
            "parent_span_id": span.get("parent_id") or "",
            "name": span.get("name", ""),
            "kind": "INTERNAL",
            "service": span.get("service", ""),
            "start_time_unix_nano": int(start * 1e9),
            "end_time_unix_nano": int((start + float(span.get("duration_ms") or 0) / 1e3) * 1e9),
            "status": {
                "code": span.get("status") or ("ERROR" if error else "UNSET"),
                "message": error if isinstance(error, str) else "",
            },
            "attributes": {k: v for k, v in span.items() if k not in _SPAN_FIELDS} | (span.get("attributes") or {}),
        }


def _changes(context: Path, hidden: set[str]) -> Iterator[dict[str, Any]]:
    for raw in _list(context / "commits.json"):
        if raw["sha"] not in hidden:
            yield {
                "kind": "commit",
                "id": raw["sha"],
                "timestamp": raw["timestamp"],
                "author": raw.get("author", ""),
                "title": str(raw.get("message", "")).splitlines()[0] if raw.get("message") else "",
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


def _append(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with path.open("a") as out:
        if out.tell():
            out.write("\n")  # the file copied before may lack its last line break; an empty line is no line
        out.writelines(json.dumps(row) + "\n" for row in rows)
