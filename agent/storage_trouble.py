"""Whether something failed for want of a disk that takes what is written: that passes, and no work is lost to it."""

import errno
import sqlite3

_DISK = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO))
_DATABASE = frozenset(
    (
        sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED,
    )
)  # fmt: skip


def is_storage_trouble(error: BaseException) -> bool:
    """True where evidence, ledger or checkpoints cannot be written now; false for what is gone or damaged."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _DISK:
            return True
        # The low byte is the kind, the others are its details.
        if isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", 0) & 0xFF in _DATABASE:
            return True
        cause = cause.__cause__
    return False
