"""Times for people: UTC, always."""

from datetime import UTC, datetime


def clock(seconds: float) -> str:
    """HH:MM:SS of an epoch time, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")


def stamp(seconds: float) -> str:
    """YYYY-MM-DD HH:MM:SS of an epoch time, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
