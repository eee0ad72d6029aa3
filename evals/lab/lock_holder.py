"""``python lock_holder.py DATABASE``: a maintenance job that holds a store's write lock nearly all the time.

It takes the lock, keeps it for seconds, lets go for a moment and takes it again, until its standard input ends.
"""

import sqlite3
import sys
import threading
import time
from contextlib import closing

_HELD_SECONDS = 4.0
_PAUSE_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 30.0


def hold(path: str, stopped: threading.Event) -> None:
    """Hold the write lock of the SQLite file at ``path`` again and again until ``stopped`` is set."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=_LONGEST_WAIT_SECONDS)) as store:
        while not stopped.is_set():
            store.execute("BEGIN EXCLUSIVE")
            stopped.wait(_HELD_SECONDS)
            store.execute("ROLLBACK")
            time.sleep(_PAUSE_SECONDS)


def main() -> None:
    """Hold until nobody is at the other end of standard input."""
    stopped = threading.Event()
    holder = threading.Thread(target=hold, args=(sys.argv[1], stopped))
    holder.start()
    sys.stdin.read()
    stopped.set()
    holder.join()


if __name__ == "__main__":
    main()
