"""How long a feed may go on asking: once nobody waits for its answer any more, it stops."""

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tools.spec import ToolError

ANSWER_SECONDS = 25.0  # below the patience of the toolbelt, so that what the other feeds know is not lost

P = ParamSpec("P")
T = TypeVar("T")


def in_time(call: Callable[P, T], clock: Callable[[], float] = time.monotonic) -> Callable[P, T]:
    """``call`` as long as it is made within ``ANSWER_SECONDS`` from now; after that ``ToolError``."""
    until = clock() + ANSWER_SECONDS

    def timely(*arguments: P.args, **named: P.kwargs) -> T:
        if clock() >= until:
            raise ToolError(f"no answer within {ANSWER_SECONDS:g} s")
        return call(*arguments, **named)

    return timely
