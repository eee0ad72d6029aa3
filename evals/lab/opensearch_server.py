"""The search server of a run: the real OpenSearch where its class path is at hand, else the in-memory osmem."""

from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from evals.lab.guard import Guard
from evals.lab.server_process import Server, ServerError, free_port, start_server
from evals.opensearch_engine import EngineError, engine_command

_HEAP = "512m"
_START_SECONDS = 90.0


class Engine(StrEnum):
    """Which server keeps logs and spans."""

    AUTO = "auto"
    OSMEM = "osmem"
    OPENSEARCH = "opensearch"


def check_search(engine: Engine, classpath: Path | None) -> None:
    """Raise ``ServerError`` where what the engine needs is not there, before anything is started."""
    if _is_real(engine, classpath):
        if classpath is None or not classpath.is_file():
            raise ServerError(
                f"OpenSearch has no class path file ({classpath or 'none is given'}); make one with Maven and give it as "
                "--opensearch-classpath (evals/lab/README.md says how), or use --engine osmem"
            )
    elif find_spec("osmem_server") is None:
        raise ServerError("the in-memory search server is not installed: pip install osmem-server")


def start_search(guard: Guard, engine: Engine, classpath: Path | None) -> Server:
    """Start the engine; ``name`` of the server says which it is. Raises ``ServerError``.

    ``classpath`` is a file that holds the Java class path of the OpenSearch runner, as Maven's
    ``dependency:build-classpath`` writes it. AUTO takes OpenSearch when there is one, else osmem.
    """
    check_search(engine, classpath)
    port = free_port()
    if classpath is None or not _is_real(engine, classpath):
        from osmem_server import resolve_binary  # type: ignore[import-untyped]

        command = [resolve_binary(), "-addr", f"127.0.0.1:{port}", "-no-ja"]
        return start_server(guard, "osmem", command, port=port, ready="/")
    folder = guard.folder / "opensearch"
    folder.mkdir()
    try:
        node = engine_command(folder, port, classpath.read_text(), _HEAP)
    except EngineError as error:
        raise ServerError(f"{error}, or use --engine osmem") from error
    return start_server(guard, "opensearch", node, port=port, ready="/_cluster/health", seconds=_START_SECONDS)


def _is_real(engine: Engine, classpath: Path | None) -> bool:
    return engine is Engine.OPENSEARCH or (engine is Engine.AUTO and classpath is not None)
