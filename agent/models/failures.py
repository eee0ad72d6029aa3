"""Why a call of a model failed, told by the shape of the exception: providers share no base class."""

from collections.abc import Mapping
from dataclasses import dataclass

_LONGEST_RETRY_AFTER_SECONDS = 10.0
_AGAIN_AFTER_SECONDS = 1.0


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
    name = type(error).__name__
    if isinstance(error, TimeoutError) or "Timeout" in name:
        return Failure("the model did not answer in time")
    if isinstance(error, ImportError):
        return Failure(str(error))
    if "Connection" in name or isinstance(error, OSError):
        return Failure("the model's server cannot be reached")
    return Failure(f"the model's client failed ({name})")


def refused(error: BaseException) -> bool:
    """Whether nothing can have been used: the server said no, or was not reached, or was not asked."""
    unreached = any("Connect" in name.__name__ for name in _chain(error)) and not any(
        word in name.__name__ for name in _chain(error) for word in ("Read", "Protocol", "Write")
    )
    return _status(error) is not None or isinstance(error, ImportError | ValueError | TypeError) or unreached


def _chain(error: BaseException | None) -> list[type[BaseException]]:
    found: list[type[BaseException]] = []
    while error is not None and len(found) < 6:
        found.append(type(error))
        error = error.__cause__
    return found


def _status(error: BaseException) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "code", "status"):
            value = getattr(holder, name, None)
            if isinstance(value, int) and 400 <= value <= 599:
                return value
    return None


def _retry_after(error: BaseException) -> float | None:
    """As the server says, if that is soon; None where waiting is too long for somebody at 3 a.m."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    said = headers.get("retry-after") if isinstance(headers, Mapping) else None
    try:
        seconds = float(said) if said else _AGAIN_AFTER_SECONDS
    except ValueError:  # a date
        return None
    return seconds if 0 <= seconds <= _LONGEST_RETRY_AFTER_SECONDS else None
