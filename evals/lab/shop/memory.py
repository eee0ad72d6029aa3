"""The memory limit of a service: a real one, and an end like the one that a container gets."""

import os
import resource
import threading

from prometheus_client import CollectorRegistry, Gauge

from . import settings
from .telemetry import Telemetry

EXIT_CODE = 137
_RESERVE_BYTES = 1_500_000
_STACK_BYTES = 512 * 1024


def limit_memory(limit_bytes: int) -> None:
    """Let allocations beyond the limit fail with MemoryError. To be called before a thread is started."""
    # Stacks of threads count as data: with the usual 8 MB each, a few waiting requests would eat the limit.
    threading.stack_size(_STACK_BYTES)
    if limit_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))


class MemoryGuard:
    """Counts failed allocations and ends the process at the third, as it would hardly serve anybody after it."""

    def __init__(self, limit_bytes: int, registry: CollectorRegistry, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._failures = 0
        # Given back at the first failure, so that there is room to log it.
        self._reserve = bytearray(_RESERVE_BYTES) if limit_bytes else bytearray()
        self._limit_bytes = limit_bytes
        if limit_bytes:
            Gauge("process_memory_limit_bytes", "Data that the process may hold.", registry=registry).set(limit_bytes)

    def describe(self) -> str:
        """A failed allocation in words."""
        return f"MemoryError: out of memory, the limit is {self._limit_bytes // 1_000_000} MB"

    def note_failure(self) -> None:
        """Count one failed allocation; does not return when it is one too many."""
        self._reserve = bytearray()
        self._failures += 1
        if self._failures < settings.OUT_OF_MEMORY_LIMIT:
            return
        try:
            self._telemetry.log("FATAL", f"out of memory, exiting with code {EXIT_CODE}")
        finally:
            os._exit(EXIT_CODE)
