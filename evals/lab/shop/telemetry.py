"""Spans and log lines, written as they end to one file each a service."""

import json
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from . import settings

Attribute = str | int | float | bool
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


@dataclass
class Span:
    """An operation under way. It fails when an exception passes through it, or when ``fail`` says so."""

    trace_id: str
    parent_span_id: str
    name: str
    kind: str
    attributes: dict[str, Attribute]
    span_id: str = field(default_factory=lambda: os.urandom(8).hex())
    started: int = field(default_factory=time.time_ns)
    code: str = "OK"
    message: str = ""

    @property
    def traceparent(self) -> str:
        """The W3C header that makes a callee's span a child of this one."""
        return f"00-{self.trace_id}-{self.span_id}-01"

    def fail(self, message: str) -> None:
        """Mark the operation as failed, with the reason."""
        self.code, self.message = "ERROR", message


def parse_traceparent(header: str | None) -> tuple[str, str]:
    """Trace id and parent span id of a W3C traceparent; a new trace without parent where there is none."""
    match = _TRACEPARENT.fullmatch(header or "")
    return (match[1], match[2]) if match else (os.urandom(16).hex(), "")


class Lines:
    """A file that takes whole JSON lines from many threads, and from the next release of the same service."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)
        self._lock = threading.Lock()

    def write(self, record: Mapping[str, object]) -> None:
        """Append one record."""
        with self._lock:
            self._file.write(json.dumps(record, separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Close the file; a later ``write`` raises ValueError."""
        self._file.close()


class Telemetry:
    """The spans and logs of one service."""

    def __init__(self, service: str, version: str, folder: Path) -> None:
        self.service = service
        self._version = version
        self._spans = Lines(folder / f"{service}.spans.ndjson")
        self._logs = Lines(folder / f"{service}.logs.ndjson")

    @contextmanager
    def span(
        self, name: str, kind: str, context: tuple[str, str], attributes: Mapping[str, Attribute]
    ) -> Iterator[Span]:
        """Time the body as a span below ``context`` (trace id, parent span id)."""
        span = Span(context[0], context[1], name, kind, {"service.version": self._version, **attributes})
        try:
            yield span
        except Exception as error:
            span.fail(str(error))
            raise
        finally:
            self._finish(span)

    def _finish(self, span: Span) -> None:
        self._spans.write(
            {
                "trace_id": span.trace_id,
                "span_id": span.span_id,
                "parent_span_id": span.parent_span_id,
                "name": span.name,
                "kind": span.kind,
                "service": self.service,
                "start_time_unix_nano": span.started,
                "end_time_unix_nano": time.time_ns(),
                "status": {"code": span.code, "message": span.message},
                "attributes": span.attributes,
            }
        )

    def log(self, severity: str, body: str, span: Span | None = None, **attributes: Attribute) -> None:
        """Write one log line, tied to ``span`` where there is one."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._logs.write(
            {
                "timestamp": moment,
                "service": self.service,
                "severity_text": severity,
                "body": body[: settings.LOG_BODY_CHARACTERS],
                "trace_id": span.trace_id if span else "",
                "span_id": span.span_id if span else "",
                "attributes": {"service.version": self._version, **attributes},
            }
        )

    def close(self) -> None:
        """Close both files."""
        self._spans.close()
        self._logs.close()
