"""TLS contexts that follow their files, so that a rotated certificate needs no restart."""

import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Rotating:
    """A context that is built again when one of its files was replaced."""

    def __init__(self, build: Callable[[], ssl.SSLContext], files: Sequence[Path]) -> None:
        self._build = build
        self._files = files
        self._stamp = self._read_stamp()
        self._context = build()

    def context(self) -> ssl.SSLContext:
        """The context for a new connection."""
        try:
            stamp = self._read_stamp()
            if stamp != self._stamp:
                self._context, self._stamp = self._build(), stamp
        except OSError:
            # Between the new certificate and its new key the two do not fit (SSLError is an OSError): the
            # connection that comes just then gets the old pair, the next one tries again.
            pass
        return self._context

    def _read_stamp(self) -> list[tuple[int, int]]:
        return [(status.st_mtime_ns, status.st_ino) for status in (file.stat() for file in self._files)]


def server_side(tls: Mapping[str, str]) -> Rotating:
    """What a service shows its callers: ``cert`` with ``key``."""

    def build() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls["cert"], tls["key"])
        return context

    return Rotating(build, [Path(tls["cert"]), Path(tls["key"])])


def client_side(tls: Mapping[str, str]) -> Rotating:
    """What a caller trusts: certificates of ``ca`` for the right host name."""
    return Rotating(lambda: ssl.create_default_context(cafile=tls["ca"]), [Path(tls["ca"])])
