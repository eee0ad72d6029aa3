"""What a tool of another server was when it was allowed: one that has changed since is not asked any more."""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from tools.spec import ToolError

_WAIT_SECONDS = 5.0


class Pin(BaseModel):
    """``digest`` is of all that its server says of the tool, ``wanted`` its arguments as a harmless schema, ``at`` when it
    was allowed (epoch seconds)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    wanted: dict[str, Any]
    at: float


def digest_of(told: Mapping[str, Any]) -> str:
    """SHA-256 of what a server says of a tool: name, texts, arguments, answers, hints."""
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()


class Pins:
    """In ``home/foreign_tools.json``. Every method raises ``ToolError`` where the file cannot be used."""

    def __init__(self, home: Path) -> None:
        self._file = home / "foreign_tools.json"

    def all(self) -> dict[str, Pin]:
        """By the tool's full name."""
        try:
            raw = json.loads(self._file.read_text(encoding="utf-8"))
            return {str(name): Pin.model_validate(pin) for name, pin in raw.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, ValidationError, AttributeError) as error:
            raise ToolError(
                f"cannot read {self._file.name}, which says which tools of other servers were allowed "
                f"({type(error).__name__}); remove it and allow them again with: pcause mcp-tools --allow NAME"
            ) from error

    def put(self, name: str, digest: str, wanted: Mapping[str, Any], only_new: bool = False) -> Pin:
        """Allow a tool as it is now. ``only_new``: the one that is there already stands."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._file}.lock", timeout=_WAIT_SECONDS):
                pins = self.all()
                if only_new and name in pins:
                    return pins[name]
                pins[name] = Pin(digest=digest, wanted=dict(wanted), at=time.time())
                partial = self._file.with_suffix(f".{os.getpid()}.partial")
                whole = {key: pin.model_dump() for key, pin in sorted(pins.items())}
                partial.write_text(json.dumps(whole, indent=1), encoding="utf-8")
                partial.replace(self._file)
        except (OSError, Timeout) as error:
            raise ToolError(
                f"cannot write {self._file.name}: {error}; make room or set PCAUSE_HOME elsewhere"
            ) from error
        return pins[name]
