"""What a line says went wrong, in the words of many runtimes and of people."""

import pytest

from diagnosis.failure_text import Failure, failures_in


@pytest.mark.parametrize(
    "text",
    [
        "no database connection free after 1.5 s (pool of 3)",
        "no free database connection",
        "no connection available to 10.0.0.4",
        "no worker threads left",
        "waited 0.56 s for a database connection",
        "waiting too long for a connection",
        "no permits available",
        "QueuePool limit of size 5 overflow 10 reached, connection timed out",
        "HikariPool-1 - Connection is not available, request timed out after 30000ms",
        "FATAL: sorry, too many clients already",
    ],
)
def test_who_waits_for_what_is_all_taken_lacks_a_pool(text: str):
    assert Failure.POOL_EXHAUSTED in failures_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "connection closed by peer", "waited for the leader election", "no route to host", "a new connection was accepted",
        "no space left on device", "waiting for a response of the payment provider",
    ],
)  # fmt: skip
def test_other_trouble_is_no_pool(text: str):
    assert Failure.POOL_EXHAUSTED not in failures_in(text)
