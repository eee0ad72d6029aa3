"""Times for people: UTC, always. A time that no calendar has must not cost a report."""

from datetime import UTC, datetime

_UNKNOWN = "an impossible time"


def clock(seconds: float) -> str:
    """HH:MM:SS of an epoch time, UTC."""
    return _formatted(seconds, "%H:%M:%S")


def stamp(seconds: float) -> str:
    """YYYY-MM-DD HH:MM:SS of an epoch time, UTC."""
    return _formatted(seconds, "%Y-%m-%d %H:%M:%S")


def _formatted(seconds: float, form: str) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return _UNKNOWN
