"""``python -m shop RUNTIME_JSON`` runs one service until its standard input ends."""

import importlib
import sys

from prometheus_client import disable_created_metrics

from .app import App
from .memory import limit_memory
from .runtime import Runtime
from .server import run


def main() -> None:
    """Build the service that the runtime names and serve it."""
    runtime = Runtime.from_json(sys.argv[1])
    limit_memory(runtime.memory_bytes)
    # Nobody asks when a counter was created, and telling it doubles what is scraped.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    app = App(runtime)
    service = importlib.import_module(f".{runtime.service}", __package__)
    app.routes = service.routes(app)
    run(app)


if __name__ == "__main__":
    main()
