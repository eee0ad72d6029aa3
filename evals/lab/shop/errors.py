"""ServiceError: a request that cannot be served, with the status to answer.

ServiceError
├── PoolExhaustedError   no store connection came free (pool.py)
├── StoreLockedError     another writer holds the store (store.py)
└── PeerError            a called service failed or took too long (client.py)
"""

import traceback

_FRAMES = 6


class ServiceError(Exception):
    """Ends a request with ``status``; the message goes to the log, the span and the caller."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def exception_attributes(error: BaseException) -> dict[str, str]:
    """An exception as log attributes: its type, its message and the last frames that it passed."""
    # The part of a path before the source tree says where a release was unpacked, which helps nobody.
    frames = [
        f"{frame.filename[max(frame.filename.rfind('/shop/') + 1, 0) :]}:{frame.lineno} in {frame.name}: {frame.line}"
        for frame in traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    ]
    return {
        "exception.type": type(error).__name__,
        "exception.message": str(error),
        "exception.stacktrace": "\n".join(frames),
    }
