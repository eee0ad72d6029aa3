"""Recommender: serves the click model, and learns from the shoppers' clicks how good it is."""

import json
import random
import threading
import time
from pathlib import Path
from typing import cast

from . import settings
from .app import App, Handler, Request
from .model import Model
from .model_monitor import ModelMonitor
from .shoppers import PRICE_LEVELS, click_probability, true_features


class Recommender:
    """The served model. ``model.json`` in the run folder, ``{"version": …}``, overrides the version of the release."""

    def __init__(self, app: App) -> None:
        self._telemetry = app.telemetry
        self._registry_file = app.runtime.folder / "model.json"
        self._monitor = ModelMonitor(app.registry)
        self._lock = threading.Lock()
        self._model = self._load(_wanted(self._registry_file))

    def recommend(self, request: Request) -> dict[str, object]:
        """Goods by falling score for one shopper."""
        shopper = cast("int", request.body.get("shopper", 0))
        model = self._current()
        answer = request.call("features", "/features", {"shopper": shopper})
        features = cast("dict[str, float]", answer["features"])
        started = time.perf_counter()
        scores = [model.score(features, level) for level in PRICE_LEVELS]
        self._monitor.latency.observe(time.perf_counter() - started)
        self._monitor.observe(model, features, zip(scores, _clicks(shopper), strict=True))
        order = sorted(range(len(scores)), key=lambda good: -scores[good])
        return {"goods": order, "scores": [round(scores[good], 4) for good in order], "model": model.version}

    def _current(self) -> Model:
        wanted = _wanted(self._registry_file)
        with self._lock:
            if wanted != self._model.version:
                self._model = self._load(wanted)
            return self._model

    def _load(self, version: str) -> Model:
        model = Model.load(version)
        self._monitor.begin(model)
        self._telemetry.log("INFO", f"model {version} loaded", None, **{"model.version": version})
        return model


def _wanted(registry_file: Path) -> str:
    if not registry_file.exists():
        return settings.MODEL_VERSION
    return str(json.loads(registry_file.read_text())["version"])


def _clicks(shopper: int) -> list[bool]:
    # The visit ends here, so the shopper's click is played here, from what he is and not from what we know of him.
    features = true_features(shopper)
    return [random.random() < click_probability(features, level) for level in PRICE_LEVELS]


def routes(app: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/recommend": Recommender(app).recommend}
