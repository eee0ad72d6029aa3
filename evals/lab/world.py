"""A running world, and the levers by which a fault moves it. Every lever has one that puts it back."""

import math
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.lab import lock_holder, monitoring
from evals.lab.agent_server import Responder
from evals.lab.certificates import Certificates
from evals.lab.change_maker import ChangeMaker
from evals.lab.guard import Guard
from evals.lab.links import GOOD, Condition, Links
from evals.lab.load import Load, post
from evals.lab.processes import Shop
from evals.lab.resolver import Failure, Resolver
from evals.lab.server_process import Server
from evals.lab.shipper import Shipper
from evals.lab.shop.feature_loader import load_features
from evals.lab.source_tree import CommitDraft
from evals.lab.steps import DeployStep, Step

_CALL_SECONDS = 5.0
_BLOCK = bytes(65536)
_FILLER = "core.dump"


@dataclass(frozen=True)
class World:
    """Everything that runs. ``folder`` holds the services' stores, volumes and telemetry."""

    folder: Path
    guard: Guard
    shop: Shop
    links: Links
    resolver: Resolver
    certificates: Certificates
    load: Load
    maker: ChangeMaker
    prometheus: Server
    search: Server
    shipper: Shipper
    responder: Responder
    volume_bytes: int
    memory_bytes: int
    _jobs: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _callers: dict[str, threading.Event] = field(default_factory=dict)
    _poison: list[str] = field(default_factory=list)
    _limited: set[str] = field(default_factory=set)

    def take(self, step: Step) -> None:
        """Make one change."""
        self.maker.take(step)

    def ship(self, draft: CommitDraft, service: str) -> None:
        """Commit and deploy to ``service``; ``roll_back`` undoes the deploy."""
        self.take(draft)
        self.take(DeployStep(service))

    def roll_back(self, service: str) -> None:
        """Put the service on the release that it had before its last deploy, if it had one."""
        self.maker.roll_back(service)

    def degrade_link(self, service: str, condition: Condition) -> None:
        """Make the network on the way to ``service`` bad; ``mend_link`` undoes it."""
        self.links.set(service, condition)

    def mend_link(self, service: str) -> None:
        """Make the network on the way to ``service`` good."""
        self.links.set(service, GOOD)

    def break_name(self, service: str, failure: Failure = Failure.SERVFAIL) -> None:
        """Let the name of ``service`` fail in the DNS; ``mend_name`` undoes it."""
        self.resolver.break_name(service, failure)

    def mend_name(self, service: str) -> None:
        """Let the name of ``service`` be resolved again."""
        self.resolver.mend_name(service)

    def hold_down(self, service: str) -> None:
        """Kill ``service`` and keep it down; ``bring_up`` undoes it."""
        self.shop.hold_down(service)

    def bring_up(self, service: str) -> None:
        """Let ``service`` be started again."""
        self.shop.bring_up(service)

    def lock_database(self, service: str) -> None:
        """Start a job that holds the write lock of the service's store; ``unlock_database`` undoes it."""
        command = [sys.executable, lock_holder.__file__, str(self.folder / f"{service}.db")]
        self._jobs[service] = self.guard.start(command, self.guard.folder / f"lock-{service}.log")

    def unlock_database(self, service: str) -> None:
        """End the job that holds the store's lock, if there is one."""
        job = self._jobs.pop(service, None)
        if job is not None:
            self.guard.stop(job)

    def fill_volume(self, service: str) -> None:
        """Write a file onto the service's volume until nothing is free; ``empty_volume`` undoes it."""
        volume = self.folder / f"{service}-volume"
        volume.mkdir(exist_ok=True)
        free = self.volume_bytes - sum(path.stat().st_size for path in volume.rglob("*") if path.is_file())
        with (volume / _FILLER).open("ab") as file:
            for _ in range(0, max(free, 0), len(_BLOCK)):
                file.write(_BLOCK)

    def empty_volume(self, service: str) -> None:
        """Remove what ``fill_volume`` wrote."""
        (self.folder / f"{service}-volume" / _FILLER).unlink(missing_ok=True)

    def set_memory_limit(self, service: str, limit_bytes: int) -> None:
        """Restart ``service`` with less (or more) memory; ``restore_memory_limit`` undoes it."""
        self._limited.add(service)
        self.shop.limit_memory(service, limit_bytes)

    def restore_memory_limit(self, service: str) -> None:
        """Restart ``service`` with the memory that it had, if that was changed."""
        if service in self._limited:
            self._limited.discard(service)
            self.shop.limit_memory(service, self.memory_bytes)

    def publish_poison(self, message: Mapping[str, object]) -> None:
        """Put a message into the broker's queue that its reader cannot work on; ``discard_poison`` undoes it."""
        status, answer = self.call("broker", "/publish", message)
        if status != 200:
            raise RuntimeError(f"the broker did not take the poison: {status} {answer.get('error', '')}")
        self._poison.append(str(answer["id"]))

    def discard_poison(self) -> None:
        """Take the poison out of the queue, if there is any."""
        if self._poison:
            self.call("broker", "/discard", {"ids": self._poison})
            self._poison.clear()

    def load_features(self, scale: float) -> None:
        """Write the feature store anew, one feature ``scale`` times too large; 1 undoes it."""
        load_features(self.folder / "features.db", scale)

    def call(self, service: str, route: str, body: Mapping[str, object]) -> tuple[int, dict[str, Any]]:
        """POST to a service past the shop's network: status and answer, (0, {}) where there was none."""
        return post(self.shop.ports[service], route, body, _CALL_SECONDS)

    def keep_calling(self, service: str, route: str, pause_seconds: float) -> None:
        """Call a route of a service again and again; ``stop_calling`` undoes it."""
        stopped = self._callers.setdefault(f"{service}{route}", threading.Event())

        def loop() -> None:
            while not stopped.wait(pause_seconds):
                self.call(service, route, {})

        threading.Thread(target=loop, name=f"calls {service}{route}", daemon=True).start()

    def stop_calling(self, service: str, route: str) -> None:
        """End the calls, if there are any."""
        stopped = self._callers.pop(f"{service}{route}", None)
        if stopped is not None:
            stopped.set()

    def measure(self, expression: str) -> float | None:
        """The largest value of a PromQL vector now; None where it is empty or not a number."""
        values = [value for _, value in monitoring.query(self.prometheus, expression) if not math.isnan(value)]
        return max(values, default=None)
