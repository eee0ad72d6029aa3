"""One fault from beginning to end, in a world of real services."""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evals.lab.assembly import WorldOptions
from evals.lab.drill import Drill, Outcome
from evals.lab.fault import Effect, Fault
from evals.lab.faults import every_fault
from evals.lab.opensearch_server import Engine
from evals.lab.world import World

pytestmark = pytest.mark.skipif(
    "PCAUSE_REQUIRE_SERVERS" not in os.environ
    and (shutil.which("prometheus") is None or shutil.which("prometheus-alertmanager") is None),
    reason="apt-get install prometheus prometheus-alertmanager",
)
DOWN = replace(every_fault()["dependency-down"], baseline_seconds=0.0, patience_seconds=40.0)


def _drill(fault: Fault) -> tuple[Outcome, list[str]]:
    said: list[str] = []
    options = WorldOptions(engine=Engine.OSMEM, investigate=False)
    return Drill(fault, options, said.append, warm_up_seconds=4.0).run(), said


def _worlds() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("pcause-lab-*"))


def _noted(undone: list[str], undo: Callable[[World], None]) -> Callable[[World], None]:
    def note(world: World) -> None:
        undone.append("undone")
        undo(world)

    return note


def test_a_fault_happens_raises_an_alert_and_is_undone() -> None:
    outcome, said = _drill(DOWN)
    assert (outcome.error, outcome.happened, outcome.undone) == ("", True, True)
    assert outcome.injected_at is not None
    assert outcome.alerted_at is not None
    assert outcome.alerted_at > outcome.injected_at
    assert any("injecting: features is down" in line for line in said)


def test_a_fault_whose_injection_fails_is_undone_told_of_and_leaves_nothing() -> None:
    before, undone = _worlds(), list[str]()

    def fail(world: World) -> None:
        world.hold_down("features")
        raise RuntimeError("the lever broke")

    outcome, _ = _drill(replace(DOWN, inject=fail, undo=_noted(undone, DOWN.undo)))
    assert outcome.error == "RuntimeError: the lever broke"
    assert undone == ["undone"]
    assert _worlds() <= before


def test_an_effect_that_is_there_before_the_fault_proves_nothing() -> None:
    outcome, _ = _drill(replace(DOWN, effect=Effect("vector(1)", above=0.5)))
    assert "the effect is there before the fault" in outcome.error
    assert outcome.injected_at is None
