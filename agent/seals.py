"""Seals: what this installation alone can write. The key is a file of the home that only its owner can read."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

_KEY_BYTES = 32


class SealBroken(ValueError):  # noqa: N818 - said as one says it
    """A sealed text was not written here, or was changed."""


class Seals:
    """Opens (and makes, if need be) the key of ``home``. Raises ``OSError``."""

    def __init__(self, home: Path) -> None:
        self._key = _key(home / "seal.key")

    def of(self, purpose: str, value: Mapping[str, object]) -> str:
        """The seal of a value for one purpose: hex, the same for equal values."""
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        return hmac.new(self._key, f"{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()

    def holds(self, purpose: str, value: Mapping[str, object], seal: str) -> bool:
        """Whether the seal is that of the value."""
        return hmac.compare_digest(self.of(purpose, value).encode(), seal.encode("utf-8", "surrogatepass"))

    def write(self, purpose: str, value: Mapping[str, object]) -> str:
        """The value and its seal as one text of letters, digits, ``-``, ``_`` and one dot."""
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        return f"{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}.{self.of(purpose, value)}"

    def read(self, purpose: str, sealed: str) -> Mapping[str, object]:
        """The value of a text that ``write`` gave. Raises ``SealBroken``."""
        body, _, seal = sealed.partition(".")
        try:
            raw = base64.b64decode(body.encode("ascii") + b"=" * (-len(body) % 4), altchars=b"-_", validate=True)
            value = json.loads(raw)
        except (ValueError, UnicodeError, binascii.Error, RecursionError):
            raise SealBroken("this was not written here") from None
        # Written again, it must be the very text: a second spelling of a ticket would be a second ticket.
        if not isinstance(value, dict) or not self.holds(purpose, value, seal) or self.write(purpose, value) != sealed:
            raise SealBroken("this was not written here, or was changed")
        return value


def _key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        # Whole before it has its name, so that no other process reads half a key; the first one there wins.
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise OSError(f"the key {path} is damaged; move it away: a new one is made, and open approvals are asked again")
    return key
