"""What a service is told when it is started."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Runtime:
    """One service's place in the shop. ``socket_fd`` is a listening socket that it inherits.

    The socket belongs to whoever starts the service: a new release takes over the port of the old one, and
    callers need not find it again. ``peers`` maps a service's name to its port on 127.0.0.1.
    """

    service: str
    version: str
    commit: str
    folder: Path
    socket_fd: int
    peers: dict[str, int]

    def to_json(self) -> str:
        """The command-line argument that ``from_json`` reads."""
        return json.dumps(asdict(self) | {"folder": str(self.folder)})

    @classmethod
    def from_json(cls, text: str) -> "Runtime":
        """Read what ``to_json`` wrote."""
        raw = json.loads(text)
        return cls(**(raw | {"folder": Path(raw["folder"])}))
