"""The doctor: can this installation do its work, and if not, what mends it?"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

from rich.console import Console

from agent.settings import Backend, Settings

_LEAST_FREE_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: ``remedy`` is empty when it is well."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def examine(settings: Settings, as_json: bool) -> int:
    """Print all checks; 0 when all are well, else 1."""
    looked_at = (_python, _home, _ledger, _disk, _runbooks, _environment, _prometheus, _opensearch, _lab)
    checks = [check(settings) for check in looked_at]
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        console = Console()
        for check in checks:
            console.print(
                f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
            if check.remedy:
                console.print(f"     {check.remedy}", markup=False, highlight=False, soft_wrap=True)
    return 0 if all(check.ok for check in checks) else 1


def _python(_: Settings) -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 11)
    return Check("python", ok, version, "" if ok else "install Python 3.11 or newer")


def _home(settings: Settings) -> Check:
    return _tried(
        "data folder",
        str(settings.home),
        lambda: _touch(settings),
        "set PCAUSE_HOME to a folder that you may write",
    )


def _touch(settings: Settings) -> str:
    settings.home.mkdir(parents=True, exist_ok=True)
    probe = settings.home / f".doctor-{os.getpid()}"
    probe.write_text("x")
    probe.unlink()
    return str(settings.home)


def _ledger(settings: Settings) -> Check:
    def count() -> str:
        from agent.ledger import Ledger

        return f"{len(Ledger(settings.home).investigations(1000))} investigations"

    return _tried("ledger", "", count, "move ledger.db away (it is kept) and start again")


def _disk(settings: Settings) -> Check:
    def free() -> str:
        left = shutil.disk_usage(settings.home).free
        if left < _LEAST_FREE_BYTES:
            raise OSError(f"only {left / 1e6:,.0f} MB free")
        return f"{left / 1e9:,.1f} GB free"

    return _tried("disk", "", free, "make room, or set PCAUSE_HOME to a larger disk")


def _runbooks(settings: Settings) -> Check:
    def count() -> str:
        from agent.runbook_index import home_of
        from retrieval.runbooks import load_runbooks

        indexed = home_of(settings).manifest().get("runbooks")
        if isinstance(indexed, dict):
            return f"{len(indexed)} indexed"
        return f"{len(load_runbooks())} bundled, cited by the kind of fault (your own: pcause runbooks index DIR)"

    return _tried("runbooks", "", count, "mend what is named, or unset QDRANT_URL")


def _environment(_: Settings) -> Check:
    keys = [name for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY") if os.environ.get(name)]
    return Check(
        "model",
        True,
        f"none needed ({', '.join(keys)} set, not used yet)" if keys else "none needed, none set",
    )


def _prometheus(settings: Settings) -> Check:
    if settings.prometheus is None:
        return Check("prometheus", True, "not configured; set PROMETHEUS_URL to investigate live")
    backend = settings.prometheus

    def ask() -> str:
        answer = _fetch(backend, "Prometheus", "/api/v1/query", {"query": "vector(1)"})
        if not isinstance(answer, dict) or answer.get("status") != "success":
            raise OSError("it answers, but not as Prometheus does")
        return f"answers at {backend.url}"

    return _tried("prometheus", backend.url, ask, "mend what is named, or correct prometheus.url (PROMETHEUS_URL)")


def _opensearch(settings: Settings) -> Check:
    if settings.opensearch is None:
        return Check("opensearch", True, "not configured; set OPENSEARCH_URL to read logs and spans live")
    backend = settings.opensearch

    def ask() -> str:
        answer = _fetch(backend, "OpenSearch", "/", {})
        version = answer.get("version", {}).get("number", "?") if isinstance(answer, dict) else "?"
        return f"{version} answers at {backend.url}"

    return _tried("opensearch", backend.url, ask, "mend what is named, or correct opensearch.url (OPENSEARCH_URL)")


def _fetch(backend: Backend, name: str, path: str, parameters: dict[str, str]) -> object:
    from tools.http.fetch import json_fetcher
    from tools.http.guard import Guard

    connection = backend.connection(name)
    return json_fetcher(connection, Guard(name, 1, connection.timeout_seconds))(path, parameters)


_LAB_PROGRAMS = {
    "prometheus": "apt-get install prometheus",
    "prometheus-alertmanager": "apt-get install prometheus-alertmanager",
    "git": "apt-get install git",
}


def _lab(_: Settings) -> Check:
    """The lab is for trying things out: what it lacks is said, and is no failure."""
    missing = [program for program in _LAB_PROGRAMS if shutil.which(program) is None]
    if not missing:
        return Check("lab", True, "its servers are installed")
    remedy = "; ".join(_LAB_PROGRAMS[program] for program in missing)
    return Check("lab", True, f"needs {', '.join(missing)} (only for pcause lab)", f"to use it: {remedy}")


def _tried(name: str, detail: str, probe: Callable[[], str], remedy: str) -> Check:
    from agent.settings import SettingsError
    from retrieval.runbooks import RunbookError
    from tools.spec import ToolError

    try:
        return Check(name, True, probe())
    except (OSError, RuntimeError, RunbookError, SettingsError, ToolError) as error:
        return Check(name, False, f"{detail} {error}".strip(), remedy)
