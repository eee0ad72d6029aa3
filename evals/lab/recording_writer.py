"""Writes an incident as a recording: the directory of files that the product investigates."""

import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.lab.alerting import Alert
from evals.lab.changes import Change
from evals.lab.clock import rfc3339
from evals.lab.sampling import Record, SamplingPolicy, sample
from evals.lab.scrape import Sample


@dataclass(frozen=True)
class Incident:
    """All that was seen of one incident, and its truth."""

    alert: Alert
    samples: Sequence[Sample]
    changes: Sequence[Change]
    spans: Sequence[Record]
    logs: Sequence[Record]
    truth: Record


def read_telemetry(folder: Path, suffix: str) -> list[Record]:
    """The records of all services' files that end in ``suffix``, in no special order."""
    paths = sorted(folder.glob(f"*{suffix}"))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def write_recording(incident: Incident, folder: Path, policy: SamplingPolicy) -> None:
    """Write the incident to ``folder``, sampled; the topology is that of all spans."""
    folder.mkdir(parents=True, exist_ok=True)
    spans, logs = sample(incident.spans, incident.logs, policy)
    _write_json(folder / "alert.json", incident.alert.to_record())
    _write_json(folder / "topology.json", topology(incident.spans))
    _write_json(folder / "truth.json", incident.truth)
    _write_lines(folder / "changes.ndjson", [change.to_record() for change in incident.changes])
    _gzip(folder / "metrics.csv.gz", _metrics(incident.samples))
    _gzip(folder / "spans.ndjson.gz", _ndjson(sorted(spans, key=_span_order)))
    _gzip(folder / "logs.ndjson.gz", _ndjson(sorted(logs, key=lambda line: str(line["timestamp"]))))


def topology(spans: Iterable[Record]) -> dict[str, object]:
    """Services and calls as the spans show them: a span's parent in another service is its caller."""
    owner = {span["span_id"]: str(span["service"]) for span in spans}
    edges = {(owner[span["parent_span_id"]], str(span["service"])) for span in spans if span["parent_span_id"] in owner}
    calls = sorted(edge for edge in edges if edge[0] != edge[1])
    return {
        "nodes": [{"name": name, "owned": True} for name in sorted(set(owner.values()))],
        "edges": [{"caller": caller, "callee": callee} for caller, callee in calls],
    }


def _span_order(span: Record) -> tuple[str, str]:
    return str(span["start_time_unix_nano"]), str(span["span_id"])


def _metrics(samples: Iterable[Sample]) -> str:
    ordered = sorted(samples, key=lambda sample: (sample.entity, sample.metric, sample.time))
    rows = (f"{rfc3339(row.time)},{row.entity},{row.metric},{row.value:.6g}\n" for row in ordered)
    return "timestamp,entity,metric,value\n" + "".join(rows)


def _ndjson(records: Iterable[Record]) -> str:
    return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)


def _write_lines(path: Path, records: Iterable[Record]) -> None:
    path.write_text(_ndjson(records))


def _write_json(path: Path, record: Record | Mapping[str, object]) -> None:
    path.write_text(json.dumps(record, indent=2) + "\n")


def _gzip(path: Path, text: str) -> None:
    """Compress without name and time, so that the same content gives the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        file.write(text.encode())
    path.write_bytes(buffer.getvalue())
