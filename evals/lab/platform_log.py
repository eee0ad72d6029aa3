"""What the platform says about the containers: a log beside those of the services, about one of them a line."""

import json
import signal
import time
from pathlib import Path

from evals.lab.clock import rfc3339

_OUT_OF_MEMORY = 137


class PlatformLog:
    """``platform.logs.ndjson`` in the run's folder, in the services' own shape."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / "platform.logs.ndjson").open("a", buffering=1)

    def write(self, service: str, severity: str, body: str) -> None:
        """Append one line about ``service``."""
        record = {
            "timestamp": rfc3339(time.time()),
            "service": service,
            "severity_text": severity,
            "body": body,
            "trace_id": "",
            "span_id": "",
            "attributes": {"log.source": "kubelet"},
        }
        self._file.write(json.dumps(record) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def exit_line(service: str, code: int) -> str:
    """How a kubelet tells of an exit; a negative ``code`` is a signal."""
    shown = code if code >= 0 else 128 - code
    reason = "OOMKilled" if code == _OUT_OF_MEMORY else signal.Signals(-code).name if code < 0 else "Error"
    return f"container {service} exited with code {shown} ({reason}), restarting"
