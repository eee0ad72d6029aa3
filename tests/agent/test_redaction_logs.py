"""Our own log lines hold no secret, whatever part of the record it came in."""

import io
import logging

import pytest

from agent.redaction import RedactingFilter

SECRET = "hunter2x9"


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(written: io.StringIO) -> logging.Logger:
    logger = logging.Logger("redacted")
    handler = logging.StreamHandler(written)
    handler.addFilter(RedactingFilter())
    logger.addHandler(handler)
    return logger


def test_a_message_and_its_arguments(log: logging.Logger, written: io.StringIO):
    log.warning("connect to %s with password=%s", f"postgres://shop:{SECRET}@db/shop", SECRET)
    assert SECRET not in written.getvalue()
    assert "postgres://shop:[secret:password]@db/shop" in written.getvalue()


def test_arguments_by_name(log: logging.Logger, written: io.StringIO):
    log.warning("password=%(value)s", {"value": SECRET})
    assert written.getvalue() == "password=[secret:password]\n"


def test_an_exception_and_its_cause(log: logging.Logger, written: io.StringIO):
    try:
        try:
            raise ValueError(f"token=a1{SECRET}")  # noqa: TRY301
        except ValueError as error:
            raise RuntimeError(f"password={SECRET}") from error
    except RuntimeError:
        log.exception("broke", stack_info=True)
    assert SECRET not in written.getvalue()
    assert "RuntimeError: password=[secret:password]" in written.getvalue()


def test_arguments_that_do_not_fit(log: logging.Logger, written: io.StringIO):
    log.warning("password=%s of %s", SECRET)  # noqa: PLE1206
    assert SECRET not in written.getvalue()


def test_a_clean_record_stays(log: logging.Logger, written: io.StringIO):
    log.warning("%d orders in %.1f s", 12, 3.5)
    assert written.getvalue() == "12 orders in 3.5 s\n"
