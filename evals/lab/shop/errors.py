"""ServiceError: a request that cannot be served, with the status to answer.

ServiceError
├── PoolExhaustedError   no store connection came free (pool.py)
└── PeerError            a called service failed or took too long (client.py)
"""


class ServiceError(Exception):
    """Ends a request with ``status``; the message goes to the log, the span and the caller."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
