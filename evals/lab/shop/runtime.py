"""What a service is told when it is started."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Runtime:
    """One service's place in the shop. ``socket_fd`` is a listening socket that it inherits.

    The socket belongs to whoever starts the service: a new release takes over the port of the old one, and
    callers need not find it again. ``peers`` maps a service's name to the port where it is reached.
    ``resolver_port`` is that of a DNS server on 127.0.0.1; 0 leaves names unresolved and means 127.0.0.1.
    ``tls`` names the files ``ca``, ``cert`` and ``key`` of the services that speak TLS; empty means plain HTTP.
    ``volume_bytes`` is the quota of ``<folder>/<service>-volume``, ``memory_bytes`` that of the process's data
    (0: none).
    """

    service: str
    version: str
    commit: str
    folder: Path
    socket_fd: int
    peers: dict[str, int]
    resolver_port: int = 0
    tls: dict[str, str] = field(default_factory=dict)
    volume_bytes: int = 16_000_000
    memory_bytes: int = 0

    @property
    def volume_folder(self) -> Path:
        """Where this service keeps what must outlive it."""
        return self.folder / f"{self.service}-volume"

    def to_json(self) -> str:
        """The command-line argument that ``from_json`` reads."""
        return json.dumps(asdict(self) | {"folder": str(self.folder)})

    @classmethod
    def from_json(cls, text: str) -> "Runtime":
        """Read what ``to_json`` wrote."""
        raw = json.loads(text)
        return cls(**(raw | {"folder": Path(raw["folder"])}))
