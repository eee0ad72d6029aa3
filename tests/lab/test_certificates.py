"""The certificate of a service, as its callers see it."""

import socket
import ssl
import threading
from pathlib import Path

import pytest

from evals.lab.certificates import Certificates


def _handshake(paths: dict[str, str]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths["cert"], paths["key"])
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            context.wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        ssl.create_default_context(cafile=paths["ca"]).wrap_socket(ours, server_hostname="shipping").close()
    finally:
        ours.close()
        server.join()


def test_callers_trust_it_until_it_has_expired_and_again_when_it_is_renewed(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path, "shipping")
    _handshake(certificates.paths)
    certificates.expire()
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        _handshake(certificates.paths)
    certificates.renew()
    _handshake(certificates.paths)
