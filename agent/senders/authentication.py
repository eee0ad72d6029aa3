"""Whether a delivery is from whom it says: what is set for its sender must be shown, all of it."""

import hashlib
import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from agent.senders.settings import GrafanaSender, Scheme, SchemedSender, Sender, SenderName, Senders, SigningSender
from agent.senders.signatures import STALE_SECONDS, Forged, HexSignature, Signature, StandardWebhooks, decoded_base64
from agent.settings import SettingsError, secret

_MOST_REMEMBERED = 50_000


class Replayed(Forged):
    """The delivery is true, and was taken already."""


class Proof:
    """What one sender must show. Raises ``SettingsError`` for a variable that is not set, or holds no key.

    Headers have their names in lower case.
    """

    def __init__(self, name: SenderName, sender: Sender, now: Callable[[], float] = time.time) -> None:
        where = f"senders.{name.value}"
        token = secret(sender.token_env, f"{where}.token_env")
        password = secret(sender.password_env, f"{where}.password_env")
        if token and password:
            raise SettingsError(f"{where} has a token and a login, and one header carries only one: leave one away")
        self._scheme = "bearer" if token else "basic" if password else ""
        shown = token.get_secret_value() if token else f"{sender.username}:{password.get_secret_value()}" if password else ""  # fmt: skip
        self._wanted, self._now = hashlib.sha256(shown.encode()).digest(), now
        self._signature = _signature(name, sender, where)
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def check_headers(self, headers: Mapping[str, str]) -> None:
        """What can be told before the body is read. Raises ``Forged``."""
        if self._scheme:
            self._check_authorization(headers.get("authorization", ""))
        if self._signature is not None:
            self._signature.check_headers(headers, self._now())

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises ``Forged``, and ``Replayed`` where the scheme numbers its deliveries and this one was taken."""
        self.check_headers(headers)
        if self._signature is None:
            return
        self._signature.check(headers, body)
        if self._signature.number(headers) in self._seen:
            raise Replayed("this very delivery was taken already; another attempt is signed anew")

    def taken(self, headers: Mapping[str, str]) -> None:
        """Remember a delivery that was committed, for as long as its time is good."""
        number = self._signature.number(headers) if self._signature is not None else ""
        if not number:
            return
        now = self._now()
        with self._lock:
            self._seen[number] = now
            while len(self._seen) > _MOST_REMEMBERED or next(iter(self._seen.values())) < now - 2 * STALE_SECONDS:
                self._seen.popitem(last=False)

    def _check_authorization(self, header: str) -> None:
        scheme, _, rest = header.partition(" ")
        given = decoded_base64(rest.strip()) if self._scheme == "basic" else rest.strip().encode("latin-1", "replace")
        fits = hmac.compare_digest(hashlib.sha256(given).digest(), self._wanted)
        if not fits or scheme.lower() != self._scheme:
            raise Forged(f"the {self._scheme.title()} authorization that is set for this sender is missing or wrong")


def proofs(senders: Senders, now: Callable[[], float] = time.time) -> dict[SenderName, Proof]:
    """Of each sender that proves itself. Raises ``SettingsError``."""
    return {name: Proof(name, sender, now) for name in SenderName if (sender := senders.of(name)).proves_itself}


def _signature(name: SenderName, sender: Sender, where: str) -> Signature | None:
    setting = f"{where}.secret_env"
    held = secret(sender.secret_env, setting) if isinstance(sender, SigningSender) else None
    if held is None:
        return None
    key = held.get_secret_value()
    match sender:
        case GrafanaSender():
            return HexSignature(
                key.encode(), sender.signature_header, time_header=sender.timestamp_header, between=b":"
            )
        case SchemedSender(scheme=Scheme.STANDARD_WEBHOOKS):
            try:
                return StandardWebhooks.of(key)
            except ValueError:
                said = f"what {setting} names begins with whsec_, and the rest is no base64: copy it whole"
                raise SettingsError(said) from None
        case SchemedSender():
            prefixes = ("sha256=", "v1=", "")
            return HexSignature(key.encode(), sender.signature_header, prefixes, sender.timestamp_header)
        case _:
            return HexSignature(key.encode(), "X-PagerDuty-Signature", ("v1=",))
