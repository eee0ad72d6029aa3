"""Models and what is measured of them: drift, quality, and how a wrong upstream or a wrong training shows."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from evals.lab.shop.errors import ServiceError
from evals.lab.shop.feature_loader import load_features
from evals.lab.shop.model import Model
from evals.lab.shop.model_monitor import area_under_curve, population_stability_index
from evals.lab.shop.shoppers import PRICE_LEVELS, click_probability, true_features
from evals.lab.shop.training import train


def test_the_same_population_has_no_drift() -> None:
    assert population_stability_index([1.0, 2.0], [0.25, 0.5, 0.25], [0, 1.5, 1.5, 3]) == pytest.approx(0.0)


def test_drift_is_the_sum_over_the_bins() -> None:
    # (0.75 - 0.5) ln 1.5 + (0.25 - 0.5) ln 0.5
    assert population_stability_index([1.0], [0.5, 0.5], [0, 0, 0, 2]) == pytest.approx(0.27465, abs=1e-4)


def test_an_empty_bin_leaves_drift_finite() -> None:
    assert 1 < population_stability_index([1.0], [0.5, 0.5], [5.0] * 10) < 10


@pytest.mark.parametrize(
    ("scores", "clicks", "expected"),
    [
        ([0.9, 0.8, 0.1], [True, True, False], 1.0),
        ([0.1, 0.9], [True, False], 0.0),
        ([0.5, 0.5], [True, False], 0.5),
        ([0.5, 0.7], [True, True], None),
    ],
)
def test_the_curve_counts_pairs_in_the_right_order(
    scores: list[float], clicks: list[bool], expected: float | None
) -> None:
    assert area_under_curve(scores, clicks) == expected


def _quality(model: Model, spend_scale: float = 1.0) -> float:
    rng, scores, clicks = random.Random(1), [], []
    for shopper in range(0, 5000, 10):
        truth = true_features(shopper)
        seen = truth | {"monthly_spend_euros": truth["monthly_spend_euros"] * spend_scale}
        scores += [model.score(seen, level) for level in PRICE_LEVELS]
        clicks += [rng.random() < click_probability(truth, level) for level in PRICE_LEVELS]
    return area_under_curve(scores, clicks) or 0.0


def test_the_shipped_models_differ_in_quality_as_they_should() -> None:
    quality = {version: _quality(Model.load(version)) for version in ("v1", "v2", "v3")}
    assert quality["v1"] > 0.85
    assert quality["v2"] > 0.85
    assert quality["v3"] < 0.6


def test_a_feature_in_another_unit_ruins_a_good_model() -> None:
    assert _quality(Model.load("v1"), spend_scale=100.0) < 0.6


def test_a_shipped_model_is_what_its_training_gives() -> None:
    assert train("v2", 4000) == Model.load("v2")


def test_a_saved_model_is_read_back_as_it_was(tmp_path: Path) -> None:
    model = Model.load("v1")
    model.save(tmp_path)
    assert Model.load("v1", tmp_path) == model


def test_a_missing_version_names_those_there_are() -> None:
    with pytest.raises(ServiceError, match="v9 is not in the image; there are v1, v2, v3"):
        Model.load("v9")


@pytest.fixture
def spend(tmp_path: Path) -> Callable[[float], float]:
    def load_and_read(scale: float) -> float:
        load_features(tmp_path / "features.db", scale)
        with closing(sqlite3.connect(tmp_path / "features.db")) as sqlite:
            rows = sqlite.execute("SELECT monthly_spend_euros FROM feature WHERE shopper = 3").fetchall()
        return float(rows[0][0])

    return load_and_read


def test_a_load_replaces_what_an_earlier_one_wrote(spend: Callable[[float], float]) -> None:
    truth = true_features(3)["monthly_spend_euros"]
    assert [spend(scale) for scale in (1.0, 100.0, 1.0)] == pytest.approx([truth, truth * 100, truth])
