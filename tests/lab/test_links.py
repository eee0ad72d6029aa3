"""The wires between the services: they carry everything, and they can be made bad and good again."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from evals.lab.links import GOOD, Condition, Links


def _echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_send_back, args=(connection,), daemon=True).start()


def _send_back(connection: socket.socket) -> None:
    with connection:
        while True:
            try:
                data = connection.recv(65536)
                connection.sendall(data)
            except OSError:
                return
            if not data:
                return


@pytest.fixture
def links() -> Iterator[Links]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        made = Links({"shipping": server.getsockname()[1]})
        yield made
        made.stop()
        server.shutdown(socket.SHUT_RDWR)


def _ask(links: Links, data: bytes, timeout_seconds: float = 5.0) -> bytes:
    with socket.create_connection(("127.0.0.1", links.ports["shipping"]), timeout=timeout_seconds) as connection:
        connection.sendall(data)
        with suppress(OSError):  # a reset that is here already: it is told by the read
            connection.shutdown(socket.SHUT_WR)
        got = b""
        while part := connection.recv(65536):
            got += part
        return got


def test_a_good_link_carries_every_byte_both_ways(links: Links) -> None:
    data = bytes(range(256)) * 4000
    assert _ask(links, data) == data


def test_a_long_wire_delays_both_directions_and_loses_nothing(links: Links) -> None:
    links.set("shipping", Condition(delay_seconds=0.1))
    started = time.monotonic()
    assert _ask(links, b"hello") == b"hello"
    assert time.monotonic() - started >= 0.2


def test_connections_over_a_lossy_link_are_reset(links: Links) -> None:
    links.set("shipping", Condition(reset_share=1.0))
    with pytest.raises(ConnectionResetError):
        _ask(links, b"hello")


def test_a_share_of_the_connections_is_reset_and_the_others_are_whole(links: Links) -> None:
    links.set("shipping", Condition(reset_share=0.5))
    answers = []
    for _ in range(40):
        try:
            answers.append(_ask(links, b"hello"))
        except ConnectionResetError:
            answers.append(b"reset")
    assert set(answers) == {b"hello", b"reset"}


def test_a_refusing_link_takes_no_connection_until_it_is_mended(links: Links) -> None:
    links.set("shipping", Condition(refuse=True))
    with pytest.raises(ConnectionRefusedError):
        _ask(links, b"hello")
    links.set("shipping", GOOD)
    assert _ask(links, b"hello") == b"hello"


def test_a_silent_link_answers_nothing(links: Links) -> None:
    links.set("shipping", Condition(silent=True))
    with pytest.raises(TimeoutError):
        _ask(links, b"hello", timeout_seconds=0.3)


def test_a_link_to_nobody_refuses_until_somebody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    links = Links({"shipping": port})
    try:
        with pytest.raises(ConnectionResetError):
            _ask(links, b"hello")
        with pytest.raises(ConnectionRefusedError):
            _ask(links, b"hello")
        with socket.create_server(("127.0.0.1", port)) as server:
            threading.Thread(target=_echo, args=(server,), daemon=True).start()
            assert _eventually_answers(links)
            server.shutdown(socket.SHUT_RDWR)
    finally:
        links.stop()


def _eventually_answers(links: Links) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            return _ask(links, b"hello") == b"hello"
        except OSError:
            time.sleep(0.05)
    return False


def test_stopping_closes_the_ports_even_with_connections_under_way(links: Links) -> None:
    with socket.create_connection(("127.0.0.1", links.ports["shipping"]), timeout=5) as waiting:
        waiting.sendall(b"x")
        assert waiting.recv(1) == b"x"
        links.stop()
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", links.ports["shipping"])) != 0
