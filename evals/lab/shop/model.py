"""The click model: logistic regression over a shopper's features, read from ``models/<version>.json``."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import ServiceError
from .shoppers import sigmoid

MODELS = Path(__file__).parent / "models"


@dataclass(frozen=True)
class TrainedFeature:
    """What training knew of one feature: its scale, its weight, and its histogram.

    ``shares`` has one more value than ``edges``: the share of shoppers below the first edge, between two, and so on.
    """

    mean: float
    deviation: float
    weight: float
    edges: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Model:
    """One trained version."""

    version: str
    bias: float
    price_weight: float
    features: Mapping[str, TrainedFeature]

    def score(self, features: Mapping[str, float], price_level: float) -> float:
        """The probability that a shopper with these features clicks on a good."""
        logit = self.bias + self.price_weight * (price_level - 0.5)
        for name, trained in self.features.items():
            logit += trained.weight * (features[name] - trained.mean) / trained.deviation
        return sigmoid(logit)

    def save(self, folder: Path = MODELS) -> Path:
        """Write ``<version>.json`` and return its path."""
        path = folder / f"{self.version}.json"
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")
        return path

    @classmethod
    def load(cls, version: str, folder: Path = MODELS) -> "Model":
        """Read a version; raises ServiceError (500) where there is no such one."""
        path = folder / f"{version}.json"
        if not path.exists():
            raise ServiceError(500, f"model {version} is not in the image; there are {_versions(folder)}")
        raw = json.loads(path.read_text())
        features = {
            name: TrainedFeature(**(trained | {"edges": tuple(trained["edges"]), "shares": tuple(trained["shares"])}))
            for name, trained in raw["features"].items()
        }
        return cls(**(raw | {"features": features}))


def _versions(folder: Path) -> str:
    return ", ".join(sorted(path.stem for path in folder.glob("*.json"))) or "none"
