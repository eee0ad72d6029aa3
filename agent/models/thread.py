"""Blocking work that can be left behind: in a thread of its own, which nobody has to wait for.

A loop waits at its end for the threads of its executor, and so would a command for a server that sends a byte a second.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], seconds: float) -> T:
    """What ``work`` returns or raises; ``TimeoutError`` after so many seconds, and the thread goes on unheard."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        if not answer.done():
            settle()

    def run() -> None:
        settle: Callable[[], None]
        try:
            settle = partial(answer.set_result, work())
        except BaseException as error:
            settle = partial(answer.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, settle)

    inherited = contextvars.copy_context()
    threading.Thread(target=inherited.run, args=(run,), name="pcause-model", daemon=True).start()
    return await asyncio.wait_for(answer, seconds)
