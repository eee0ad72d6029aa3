"""What can go wrong between us and a backend.

ToolError
└── BackendError      it answered with something that is of no use
    ├── NoAnswer      nothing came in time, or too little
    ├── Refusal       it said "not now" (429, 5xx) or dropped the connection; asking again may help
    └── CircuitOpen   it was not asked, since it is in trouble
"""

from tools.spec import ToolError


class BackendError(ToolError):
    """A backend's answer cannot be used; the message names the backend, the problem and the remedy."""


class NoAnswer(BackendError):  # noqa: N818 - a state, named as one reads it
    """No whole answer within the time-out."""


class Refusal(BackendError):  # noqa: N818 - a state, named as one reads it
    """The backend asks for patience. ``retry_after_seconds`` is what it asked for, 0 where it did not say."""

    def __init__(self, message: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class CircuitOpen(BackendError):  # noqa: N818 - a state, named as one reads it
    """The call was not made."""
