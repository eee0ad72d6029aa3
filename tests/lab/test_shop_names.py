"""The stub resolver: what it makes of answers, and of none."""

import socket
import struct

import pytest

from evals.lab.shop.names import Names, ResolutionError, read_answer

HOST = "shipping.shop.internal"
QUESTION = b"\x08shipping\x04shop\x08internal\x00" + struct.pack(">HH", 1, 1)
POINTER = b"\xc0\x0c"


def _reply(code: int, *records: tuple[int, bytes]) -> bytes:
    header = b"id" + struct.pack(">5H", 0x8180 | code, 1, len(records), 0, 0)
    body = b"".join(POINTER + struct.pack(">HHIH", kind, 1, 5, len(data)) + data for kind, data in records)
    return header + QUESTION + body


def test_the_first_address_is_the_answer() -> None:
    assert read_answer(_reply(0, (1, bytes((127, 0, 0, 9))), (1, bytes(4))), HOST) == "127.0.0.9"


def test_an_alias_is_passed_over() -> None:
    assert read_answer(_reply(0, (5, b"\x01x\x00"), (1, bytes((10, 0, 0, 1)))), HOST) == "10.0.0.1"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "No address associated with hostname"),
        (2, "Temporary failure in name resolution"),
        (3, "Name or service not known"),
    ],
)
def test_a_failure_is_told_in_the_words_of_resolvers(code: int, words: str) -> None:
    with pytest.raises(ResolutionError, match=f"could not resolve host {HOST}: {words}"):
        read_answer(_reply(code), HOST)


def test_a_resolver_that_is_not_there_is_a_temporary_failure() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(ResolutionError, match="Temporary failure"):
        Names(port).address(HOST)


def test_garbage_is_a_temporary_failure() -> None:
    with pytest.raises((struct.error, IndexError)):
        read_answer(b"id\x81", HOST)


def test_without_a_resolver_every_service_is_here() -> None:
    assert Names(0).address(HOST) == "127.0.0.1"
