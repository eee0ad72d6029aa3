"""Names of services, resolved by DNS over UDP (RFC 1035): one A question, one answer, remembered for a moment."""

import os
import socket
import struct
import threading
import time

ZONE = "shop.internal"
TIMEOUT_SECONDS = 0.5
TRIES = 2
REMEMBERED_SECONDS = 2.0
_A, _IN, _RECURSE = 1, 1, 0x0100
_NO_ERROR, _NO_SUCH_NAME = 0, 3


class ResolutionError(Exception):
    """A name has no address, in the words that resolvers use for it."""


class Names:
    """Asks the DNS server on ``resolver_port`` of 127.0.0.1; port 0 knows 127.0.0.1 as the answer to everything."""

    def __init__(self, resolver_port: int) -> None:
        self._port = resolver_port
        self._known: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def address(self, host: str) -> str:
        """The IPv4 address of ``host``; raises ResolutionError."""
        if self._port == 0:
            return "127.0.0.1"
        with self._lock:
            asked_at, address = self._known.get(host, (0.0, ""))
        now = time.monotonic()
        if address and now - asked_at < REMEMBERED_SECONDS:
            return address
        address = self._ask(host)
        with self._lock:
            self._known[host] = (now, address)
        return address

    def _ask(self, host: str) -> str:
        for _ in range(TRIES):
            try:
                return self._exchange(host)
            except OSError:
                continue
        raise _failure(host, "Temporary failure in name resolution")

    def _exchange(self, host: str) -> str:
        query_id = os.urandom(2)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
            door.settimeout(TIMEOUT_SECONDS)
            door.connect(("127.0.0.1", self._port))
            door.send(query_id + struct.pack(">5H", _RECURSE, 1, 0, 0, 0) + _question(host))
            while (reply := door.recv(512))[:2] != query_id:
                continue  # the late answer to an earlier question
        try:
            return read_answer(reply, host)
        except (struct.error, IndexError):
            raise _failure(host, "Temporary failure in name resolution") from None


def read_answer(reply: bytes, host: str) -> str:
    """The first A record of a reply; raises ResolutionError, or struct.error and IndexError where it is cut short."""
    flags, _, answers = struct.unpack_from(">3H", reply, 2)
    code = flags & 0xF
    if code == _NO_SUCH_NAME:
        raise _failure(host, "Name or service not known")
    if code != _NO_ERROR:
        raise _failure(host, "Temporary failure in name resolution")
    at = _after_name(reply, 12) + 4
    for _ in range(answers):
        at = _after_name(reply, at)
        kind, _, _, length = struct.unpack_from(">HHIH", reply, at)
        at += 10
        if kind == _A:
            return ".".join(str(byte) for byte in struct.unpack_from("4B", reply, at))
        at += length
    raise _failure(host, "No address associated with hostname")


def _question(host: str) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in host.split("."))
    return labels + b"\0" + struct.pack(">HH", _A, _IN)


def _after_name(reply: bytes, at: int) -> int:
    while reply[at] and reply[at] < 0xC0:
        at += reply[at] + 1
    return at + (2 if reply[at] else 1)  # a pointer takes two bytes and ends the name


def _failure(host: str, reason: str) -> ResolutionError:
    return ResolutionError(f"could not resolve host {host}: {reason}")
