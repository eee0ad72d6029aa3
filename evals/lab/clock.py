"""Times as events and recordings write them."""

from datetime import UTC, datetime


def rfc3339(epoch_seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds."""
    moment = datetime.fromtimestamp(epoch_seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339_nanos(epoch_nanoseconds: int) -> str:
    """RFC 3339 in UTC with all nine digits, as trace stores keep it."""
    seconds, nanos = divmod(epoch_nanoseconds, 10**9)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{nanos:09d}Z"
