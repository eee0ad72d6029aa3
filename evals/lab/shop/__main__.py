"""``python -m shop RUNTIME_JSON`` runs one service until its standard input ends."""

import importlib
import sys

from .app import App
from .runtime import Runtime
from .server import run


def main() -> None:
    """Build the service that the runtime names and serve it."""
    app = App(Runtime.from_json(sys.argv[1]))
    service = importlib.import_module(f".{app.runtime.service}", __package__)
    app.routes = service.routes(app)
    run(app)


main()
