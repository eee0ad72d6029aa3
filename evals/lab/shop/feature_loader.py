"""The nightly batch that writes the feature store from what the warehouse knows of the shoppers."""

import sqlite3
from contextlib import closing
from pathlib import Path

from .shoppers import FEATURES, SHOPPERS, true_features
from .store import fill_once

SCHEMA = f"CREATE TABLE feature (shopper INTEGER PRIMARY KEY, {', '.join(f'{name} REAL' for name in FEATURES)})"
_INSERT = "INSERT OR REPLACE INTO feature VALUES (?, ?, ?, ?, ?)"


def load_features(path: Path, scale: float = 1.0, feature: str = "monthly_spend_euros") -> int:
    """Write the features of all shoppers to the store in ``path`` and return their number.

    ``scale`` multiplies ``feature``: 100 is what an upstream that has begun to send cents for euros would do.
    """
    if feature not in FEATURES:
        raise ValueError(f"there is no feature {feature!r}; there are {', '.join(FEATURES)}")
    rows = []
    for shopper in range(SHOPPERS):
        features = true_features(shopper)
        features[feature] *= scale
        rows.append((shopper, *(features[name] for name in FEATURES)))
    fill_once(path, SCHEMA, {})
    with closing(sqlite3.connect(path, timeout=5)) as sqlite, sqlite:
        sqlite.executemany(_INSERT, rows)
    return len(rows)
