"""Many mentions and a slow reasoner: acknowledged in time, answered once. The whole bar is ``benchmarks/slack_mentions.py``."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def benchmark() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "slack_mentions.py"
    spec = importlib.util.spec_from_file_location("slack_mentions", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["slack_mentions"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("per_second", [0.0, 20.0])
async def test_forty_mentions_are_acknowledged_at_once_and_answered_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, per_second: float
):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-double")
    figures = await benchmark().measure(tmp_path, 40, 20, per_second, 5.0)
    assert (figures.acknowledged, figures.ack_max < 3.0) == (160, True), figures
    assert (figures.investigations, figures.replied_once, figures.replied_more) == (40, 40, 0), figures
