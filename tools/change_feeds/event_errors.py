"""Why a posted event was not taken."""


class ChangeEventError(ValueError):
    """The event cannot be read; the message says which value and what to do."""


class NotAChangeError(ChangeEventError):
    """The event is fine and tells of no change: an incident, a pipeline, a comment on a flag."""
