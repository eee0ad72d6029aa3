"""What an exception of a client means, and whether its call may have been paid for."""

from itertools import pairwise

import pytest

from agent.models.failures import NoClient, failure_of, refused


class AnsweredError(Exception):
    """As clients raise it: with the status of the answer, under one of several names."""

    def __init__(self, **about: object) -> None:
        super().__init__("it went wrong")
        for name, value in about.items():
            setattr(self, name, value)


class RateLimitError(Exception):
    """Without a status."""


class ConnectError(Exception):
    """Before anything was sent."""


class ReadTimeout(Exception):  # noqa: N818 - httpx's name
    """After everything was sent."""


def wrapped(*causes: Exception) -> Exception:
    """The first, raised from the second, and so on."""
    for outer, inner in pairwise(causes):
        outer.__cause__ = inner
    return causes[0]


@pytest.mark.parametrize(
    ("error", "given_back"),
    [
        (AnsweredError(status_code=400), True),
        (AnsweredError(status_code=429), True),
        (AnsweredError(status_code=408), False),
        (AnsweredError(status_code=409), False),
        (AnsweredError(status_code=500), False),
        (AnsweredError(status_code=504), False),
        (AnsweredError(status_code=200, code=400), False),
        (wrapped(Exception(), AnsweredError(code=403)), True),
        (wrapped(Exception(), ConnectError()), True),
        (wrapped(Exception(), ReadTimeout()), False),
        (ConnectionRefusedError(), True),
        (ConnectionResetError(), False),
        (ImportError("no package"), True),
        (NoClient("no key"), True),
        (ValueError("no JSON"), False),
        (TypeError("no list"), False),
        (TimeoutError(), False),
    ],
)
def test_only_what_the_server_refused_or_never_saw_is_given_back(error: Exception, given_back: bool):
    assert refused(error) == given_back


@pytest.mark.parametrize(
    ("error", "reason", "again"),
    [
        (wrapped(Exception(), Exception(), AnsweredError(code=429)), "over its limit", True),
        (wrapped(Exception(), RateLimitError()), "over its limit", True),
        (wrapped(Exception(), AnsweredError(code=503)), "failed (503)", True),
        (wrapped(Exception(), ReadTimeout()), "in time", False),
        (wrapped(Exception(), ConnectError()), "cannot be reached", False),
        (ConnectionResetError(), "broke", False),
        (NoClient("no key is set"), "no key is set", False),
        (AnsweredError(status_code=True), "client failed (AnsweredError)", False),
    ],
)
def test_what_is_behind_a_wrapped_error_is_what_people_read(error: Exception, reason: str, again: bool):
    failure = failure_of(error)
    assert reason in failure.reason
    assert (failure.retry_seconds is not None) == again


def test_an_error_that_is_raised_from_itself_ends():
    error = Exception()
    error.__cause__ = Exception()
    error.__cause__.__cause__ = error
    assert not refused(error)
