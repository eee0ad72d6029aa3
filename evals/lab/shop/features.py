"""Features: the feature store, which tells a shopper's features to models."""

from typing import cast

from . import settings
from .app import App, Handler, Request
from .errors import ServiceError
from .feature_loader import load_features
from .shoppers import FEATURES, SHOPPERS
from .store import Store


class Features:
    """The store that the nightly batch fills."""

    def __init__(self, app: App) -> None:
        path = app.runtime.folder / "features.db"
        if not path.exists():
            app.telemetry.log("INFO", f"loaded the features of {load_features(path)} shoppers")
        self._store = Store(app, path, settings.FEATURES_DB_POOL_SIZE)

    def features(self, request: Request) -> dict[str, object]:
        """The features of one shopper."""
        shopper = cast("int", request.body["shopper"]) % SHOPPERS
        with self._store.session(request.span) as session:
            rows = session.execute("SELECT * FROM feature WHERE shopper = ?", (shopper,))
        if not rows:
            raise ServiceError(404, f"shopper {shopper} has no features yet")
        return {"features": dict(zip(FEATURES, rows[0][1:], strict=True))}


def routes(app: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/features": Features(app).features}
