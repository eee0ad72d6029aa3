"""The lab's name server: answers ``<service>.shop.internal`` over UDP, and can be told to fail for a name."""

import socket
import struct
import threading
from collections.abc import Iterable
from enum import StrEnum

DOMAIN = "shop.internal"
_HEADER = struct.Struct("!HHHHHH")
_A, _IN, _TTL_SECONDS = 1, 1, 5
_LOOK_SECONDS = 0.2


class Failure(StrEnum):
    """How a name fails: the server says it is in trouble, denies the name, or says nothing."""

    SERVFAIL = "servfail"
    NXDOMAIN = "nxdomain"
    SILENT = "silent"


_CODES = {Failure.SERVFAIL: 2, Failure.NXDOMAIN: 3}


class Resolver:
    """Serves on a UDP port of 127.0.0.1 from a thread of its own until ``stop``."""

    def __init__(self, services: Iterable[str]) -> None:
        self._names = {f"{service}.{DOMAIN}" for service in services}
        self._broken: dict[str, Failure] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(_LOOK_SECONDS)
        self._stopped = threading.Event()
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="resolver", daemon=True)
        self._thread.start()

    def break_name(self, service: str, failure: Failure = Failure.SERVFAIL) -> None:
        """From now on the service's name fails."""
        self._broken[f"{service}.{DOMAIN}"] = failure

    def mend_name(self, service: str) -> None:
        """The name is answered again."""
        self._broken.pop(f"{service}.{DOMAIN}", None)

    def stop(self) -> None:
        """End the thread and free the port. Safe to call twice."""
        self._stopped.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                query, sender = self._socket.recvfrom(512)
            except OSError:  # the time-out, and what a sender that is gone leaves behind
                continue
            reply = self._reply(query)
            if reply:
                self._socket.sendto(reply, sender)

    def _reply(self, query: bytes) -> bytes:
        """The answer to one query; nothing to what is no query, and to a name that is to be silent."""
        try:
            name, end = _question(query)
            id, flags, questions, *_ = _HEADER.unpack_from(query)
            kind, _ = struct.unpack_from("!HH", query, end)
        except (struct.error, IndexError, UnicodeDecodeError):
            return b""
        if questions != 1 or flags & 0x8000:
            return b""
        broken = self._broken.get(name)
        if broken is Failure.SILENT:
            return b""
        code = _CODES[broken] if broken else 0 if name in self._names else _CODES[Failure.NXDOMAIN]
        answers = 1 if code == 0 and kind == _A else 0
        header = _HEADER.pack(id, 0x8180 | (flags & 0x0100) | code, 1, answers, 0, 0)
        record = struct.pack("!HHHIH4s", 0xC00C, _A, _IN, _TTL_SECONDS, 4, socket.inet_aton("127.0.0.1"))
        return header + query[_HEADER.size : end + 4] + record * answers


def _question(query: bytes) -> tuple[str, int]:
    """The asked name in lower case, and where it ends."""
    labels, at = [], _HEADER.size
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), at + 1
