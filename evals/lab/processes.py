"""The shop's services as real processes on 127.0.0.1, looked after as a kubelet would."""

import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evals.lab.guard import Guard, close_input
from evals.lab.platform_log import PlatformLog, exit_line
from evals.lab.shop.runtime import Runtime
from evals.lab.source_tree import Release

SERVICES = (
    "gateway", "storefront", "catalog", "cache", "pricing", "inventory", "checkout", "shipping", "broker",
    "notifications", "features", "recommender",
)  # fmt: skip
START_SECONDS = 20.0
RESTART_SECONDS = 1.0
_LOOK_SECONDS = 0.1


class StartError(RuntimeError):
    """A service did not come up; the message holds what it said."""


@dataclass(frozen=True)
class Wiring:
    """What all services are told alike. ``memory_bytes`` has the limit of those services that have one."""

    peers: Mapping[str, int]
    resolver_port: int
    tls: Mapping[str, str]
    volume_bytes: int
    memory_bytes: Mapping[str, int]


@dataclass
class _Place:
    """One service's place: its port for the whole run, its socket, and who serves there."""

    port: int
    listening: socket.socket | None
    process: subprocess.Popen[bytes] | None = None
    release: Release | None = None
    held_down: bool = False
    restart_at: float = 0.0
    lock: threading.RLock = field(default_factory=threading.RLock)


class Shop:
    """All services, each with a port that it keeps.

    The listening sockets stay here and are inherited: at a deploy connections wait in the backlog rather than fail.
    A service that died has no listening socket until it is restarted, so that its callers are refused.
    """

    def __init__(self, guard: Guard, folder: Path, services: Sequence[str] = SERVICES) -> None:
        self._guard = guard
        self._folder = folder
        self._places: dict[str, _Place] = {}
        for name in services:
            listening = _listen(0)
            self._places[name] = _Place(listening.getsockname()[1], listening)
        self.ports: dict[str, int] = {name: place.port for name, place in self._places.items()}
        self._wiring = Wiring({}, 0, {}, 0, {})
        self._platform = PlatformLog(folder)
        self._stopped = threading.Event()
        self._kubelet = threading.Thread(target=self._look_after, name="kubelet", daemon=True)

    def start(self, release: Release, wiring: Wiring) -> None:
        """Start every service on ``release``, all at once; raises StartError."""
        self._wiring = wiring
        for name, place in self._places.items():
            place.release = release
            place.process = self._spawn(name, place)
        for name, place in self._places.items():
            self._wait_until_ready(name, place.process)
        self._kubelet.start()

    def deploy(self, service: str, release: Release) -> None:
        """Start ``service`` on ``release`` and, once that is ready, stop the process that served before.

        A service that is held down gets the release and stays down.
        """
        place = self._places[service]
        with place.lock:
            before, old = place.release, place.process
            place.release = release
            if place.held_down:
                return
            if place.listening is None:  # it crashed and waits for its restart, which this is
                place.listening = _listen(place.port)
            new = self._spawn(service, place)
            try:
                self._wait_until_ready(service, new)
            except StartError:
                place.release = before
                self._guard.stop(new)
                raise
            place.process = new
            if old is not None:
                self._guard.stop(old, ask=None)

    def limit_memory(self, service: str, limit_bytes: int) -> None:
        """Restart the service on its release with another memory limit; 0 is none."""
        self._wiring = replace(self._wiring, memory_bytes={**self._wiring.memory_bytes, service: limit_bytes})
        release = self._places[service].release
        if release is not None:
            self.deploy(service, release)

    def release_of(self, service: str) -> Release | None:
        """The release that a service is on."""
        return self._places[service].release

    def kill(self, service: str) -> None:
        """Kill the service's process; it is restarted as after any crash."""
        process = self._places[service].process
        if process is not None:
            process.kill()

    def hold_down(self, service: str) -> None:
        """Kill the service and keep it from being restarted."""
        place = self._places[service]
        with place.lock:
            place.held_down = True
            if place.process is not None:
                place.process.kill()
                place.process.wait()
                self._bury(service, place, place.process)

    def bring_up(self, service: str) -> None:
        """Let a service that was held down be restarted. Safe to call when it was not."""
        self._places[service].held_down = False

    def stop(self) -> None:
        """Stop every process and free the ports. Safe to call twice."""
        self._stopped.set()
        if self._kubelet.ident is not None:
            self._kubelet.join()
        processes = [place.process for place in self._places.values() if place.process is not None]
        for process in processes:
            close_input(process)
        for process in processes:
            self._guard.stop(process, ask=None)
        for place in self._places.values():
            if place.listening is not None:
                place.listening.close()
        self._platform.close()

    def _look_after(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            for name, place in self._places.items():
                with place.lock:
                    if place.process is not None and place.process.poll() is not None:
                        self._bury(name, place, place.process)
                    elif place.process is None and not place.held_down and time.monotonic() >= place.restart_at:
                        self._restart(name, place)

    def _bury(self, service: str, place: _Place, process: subprocess.Popen[bytes]) -> None:
        self._platform.write(service, "ERROR", exit_line(service, process.returncode))
        self._guard.forget(process)
        place.process, place.restart_at = None, time.monotonic() + RESTART_SECONDS
        if place.listening is not None:
            place.listening.close()
            place.listening = None

    def _restart(self, service: str, place: _Place) -> None:
        try:
            if place.listening is None:
                place.listening = _listen(place.port)
            process = self._spawn(service, place)
            self._wait_until_ready(service, process)
        except (OSError, StartError) as error:
            self._platform.write(service, "ERROR", f"back-off restarting container {service}: {error}")
            place.restart_at = time.monotonic() + 2 * RESTART_SECONDS
            return
        place.process = process
        self._platform.write(service, "INFO", f"container {service} started")

    def _spawn(self, service: str, place: _Place) -> subprocess.Popen[bytes]:
        release = place.release
        if release is None or place.listening is None:
            raise StartError(f"{service} has no release or no port yet")
        wiring, fd = self._wiring, place.listening.fileno()
        runtime = Runtime(
            service=service, version=release.version, commit=release.commit, folder=self._folder, socket_fd=fd,
            peers=dict(wiring.peers), resolver_port=wiring.resolver_port, tls=dict(wiring.tls),
            volume_bytes=wiring.volume_bytes, memory_bytes=wiring.memory_bytes.get(service, 0),
        )  # fmt: skip
        command = [sys.executable, "-m", "shop", runtime.to_json()]
        log = self._folder / f"{service}.stderr"
        return self._guard.start(command, log, cwd=release.folder, pass_fds=(fd,), talks=True)

    def _wait_until_ready(self, service: str, process: subprocess.Popen[bytes] | None) -> None:
        if process is None or not _says_ready(process):
            said = (self._folder / f"{service}.stderr").read_text(errors="replace")[-2000:]
            raise StartError(f"{service} was not ready within {START_SECONDS:.0f} s; it said: {said or 'nothing'}")


def _listen(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), backlog=128)


def _says_ready(process: subprocess.Popen[bytes]) -> bool:
    if process.stdout is None:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return bool(selector.select(START_SECONDS)) and process.stdout.readline() == b"ready\n"
