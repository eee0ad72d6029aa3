"""The certificate of the service that is reached over TLS: issued, and on demand replaced by an expired one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


class Certificates:
    """A certificate authority of the run, and one certificate. Key and certificate share a file.

    So a rotation is one rename, and no reader meets the key of one certificate with another.
    """

    def __init__(self, folder: Path, host: str) -> None:
        self._host = host
        self._authority = trustme.CA(organization_name="Shop lab")
        self._ca, self._pair = folder / "ca.pem", folder / f"{host}.pem"
        folder.mkdir(parents=True, exist_ok=True)
        self._authority.cert_pem.write_to_path(self._ca)
        self.renew()

    @property
    def paths(self) -> dict[str, str]:
        """What a service is told: ``ca``, ``cert`` and ``key``."""
        return {"ca": str(self._ca), "cert": str(self._pair), "key": str(self._pair)}

    def renew(self) -> None:
        """Put a certificate in place that is good for a month."""
        self._install(datetime.now(UTC) + timedelta(days=30))

    def expire(self) -> None:
        """Put a certificate in place that ended a minute ago."""
        self._install(datetime.now(UTC) - timedelta(minutes=1))

    def _install(self, ends: datetime) -> None:
        names = (self._host, f"{self._host}.shop.internal", "localhost")
        issued = self._authority.issue_cert(*names, not_before=ends - timedelta(days=90), not_after=ends)
        new = self._pair.with_suffix(".new")
        issued.private_key_and_cert_chain_pem.write_to_path(new)
        new.replace(self._pair)
