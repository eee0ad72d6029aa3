"""Certificates are followed as they rotate, and an expired one is refused."""

import datetime
import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from evals.lab.shop.tls import Rotating, client_side, server_side

LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


def _write(authority: trustme.CA, folder: Path, expires_at: datetime.datetime | None = None) -> dict[str, str]:
    certificate = authority.issue_cert("shipping", not_before=expires_at and LONG_AGO, not_after=expires_at)
    files = {name: str(folder / f"{name}.pem") for name in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(files["ca"])
    for name, blob in (("cert", certificate.cert_chain_pems[0]), ("key", certificate.private_key_pem)):
        blob.write_to_path(files[name] + ".new")
        Path(files[name] + ".new").replace(files[name])
    return files


def _shake_hands(server: Rotating, client: Rotating) -> None:
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=_accept, args=(server, theirs))
    thread.start()
    try:
        with client.context().wrap_socket(ours, server_hostname="shipping") as secured:
            assert secured.recv(2) == b"ok"
    finally:
        ours.close()
        thread.join()


def _accept(server: Rotating, connection: socket.socket) -> None:
    try:
        with server.context().wrap_socket(connection, server_side=True) as secured:
            secured.sendall(b"ok")
    except OSError:
        connection.close()


def test_a_rotated_certificate_takes_effect_without_a_restart(tmp_path: Path) -> None:
    authority = trustme.CA()
    files = _write(authority, tmp_path)
    server, client = server_side(files), client_side(files)
    _shake_hands(server, client)
    _write(authority, tmp_path, expires_at=LONG_AGO + datetime.timedelta(days=30))
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        _shake_hands(server, client)
    _write(authority, tmp_path)
    _shake_hands(server, client)


def test_a_certificate_without_its_key_leaves_the_old_pair_in_use(tmp_path: Path) -> None:
    authority = trustme.CA()
    files = _write(authority, tmp_path)
    server, client = server_side(files), client_side(files)
    authority.issue_cert("shipping").cert_chain_pems[0].write_to_path(files["cert"])
    _shake_hands(server, client)
