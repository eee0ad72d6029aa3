"""Why a call of a model failed, told by the shape of the exception: providers share no base class."""

from collections.abc import Mapping
from dataclasses import dataclass

_LONGEST_RETRY_AFTER_SECONDS = 10.0
_AGAIN_AFTER_SECONDS = 1.0
_LONGEST_CHAIN = 6
_RATE_LIMITS = ("RateLimit", "ResourceExhausted")
# In these words nothing was sent yet.
_UNREACHED = frozenset({"ConnectError", "ConnectTimeout", "ConnectionRefusedError"})
# Timed out, in conflict with itself, hung up on: the model may have been at work.
_MAYBE_USED = frozenset({408, 409, 499})


class NoClient(Exception):  # noqa: N818 - said as one says it
    """The model cannot be asked from here, so nothing was sent; the message is a phrase for people."""


@dataclass(frozen=True, slots=True)
class Failure:
    """``reason`` is a phrase for people; ``retry_seconds`` says after how long it is worth another try, None never."""

    reason: str
    retry_seconds: float | None = None


def failure_of(error: BaseException) -> Failure:
    """What an exception of a provider's client means."""
    status = _status(error)
    if status == 429:
        return Failure("the model's server is over its limit (429)", _retry_after(error))
    if status is not None and status >= 500:
        return Failure(f"the model's server failed ({status})", _AGAIN_AFTER_SECONDS)
    if status in (401, 403):
        return Failure(f"the model's server refused the key ({status})")
    if status == 400 and "context" in str(error).lower():
        return Failure("the prompt is longer than the model reads: give it a context of 8,000 tokens (400)")
    if status is not None:
        return Failure(f"the model's server refused the request ({status})")
    if isinstance(error, NoClient | ImportError):
        return Failure(str(error))
    if _unreached(error):
        return Failure("the model's server cannot be reached")
    names = [type(cause).__name__ for cause in _chain(error)]
    if isinstance(error, TimeoutError) or any("Timeout" in name for name in names):
        return Failure("the model did not answer in time")
    if "Connection" in names[0] or isinstance(error, OSError):
        return Failure("the connection to the model's server broke")
    return Failure(f"the model's client failed ({names[0]})")


def refused(error: BaseException) -> bool:
    """Whether nothing can have been used: the server said no, or was not reached, or was not asked.

    Whatever came in the middle, or while an answer was read, may be paid for.
    """
    status = _status(error)
    if status is not None:
        return status < 500 and status not in _MAYBE_USED
    return isinstance(error, NoClient | ImportError) or _unreached(error)


def _unreached(error: BaseException) -> bool:
    return any(type(cause).__name__ in _UNREACHED for cause in _chain(error))


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it was raised from, the outermost first."""
    found = [error]
    while found[-1].__cause__ is not None and len(found) < _LONGEST_CHAIN:
        found.append(found[-1].__cause__)
    return found


def _status(error: BaseException) -> int | None:
    """The status of 400 or more with which the server answered, None for an answer that went wrong later."""
    for cause in _chain(error):
        for holder in (cause, getattr(cause, "response", None)):
            for name in ("status_code", "code", "status"):
                value = getattr(holder, name, None)
                if isinstance(value, int) and 100 <= value <= 599:
                    return value if value >= 400 else None
    named = any(word in type(cause).__name__ for cause in _chain(error) for word in _RATE_LIMITS)
    return 429 if named else None


def _retry_after(error: BaseException) -> float | None:
    """As the server says, if that is soon; None where waiting is too long for somebody at 3 a.m."""
    answers = [getattr(cause, "response", None) for cause in _chain(error)]
    headers = next((found for answer in answers if (found := getattr(answer, "headers", None))), None)
    said = headers.get("retry-after") if isinstance(headers, Mapping) else None
    try:
        seconds = float(said) if said else _AGAIN_AFTER_SECONDS
    except ValueError:  # a date
        return None
    return seconds if 0 <= seconds <= _LONGEST_RETRY_AFTER_SECONDS else None
