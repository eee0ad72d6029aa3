"""Every fault of the lab: its plan fits the shop as it is, and its truth is in it. One more file is one more fault."""

import compileall
from importlib import import_module

import pytest

import evals.lab.faults
from evals.lab.fault import Effect, Fault
from evals.lab.faults import UnknownFaultError, chosen_faults, every_fault
from evals.lab.innocent import innocent_steps
from evals.lab.processes import SERVICES
from evals.lab.source_tree import CommitDraft, SourceTree
from evals.lab.steps import DeployStep, PlannedStep

each = pytest.mark.parametrize("fault", every_fault().values(), ids=lambda fault: fault.name)


def _commits(steps: tuple[PlannedStep, ...]) -> list[CommitDraft]:
    return [planned.step for planned in steps if isinstance(planned.step, CommitDraft)]


@each
def test_every_commit_around_it_fits_the_shop_and_leaves_it_able_to_start(fault: Fault, tree: SourceTree) -> None:
    before, after = innocent_steps(fault.name, fault.truth.service)
    for draft in _commits((*before, *fault.before)):
        tree.commit(draft, 0.0)
    if isinstance(fault.truth.change, CommitDraft):
        tree.commit(fault.truth.change, 0.0)
    for draft in _commits((*after, *fault.after)):
        tree.commit(draft, 0.0)
    assert compileall.compile_dir(tree.release.folder, quiet=1)


@each
def test_its_name_is_that_of_its_file_and_its_service_is_in_the_shop(fault: Fault) -> None:
    module = import_module(f"{evals.lab.faults.__name__}.{fault.name.replace('-', '_')}")
    assert module.FAULT is fault
    assert fault.truth.service in SERVICES
    assert (fault.effect.above is None) != (fault.effect.below is None)


@each
def test_innocent_changes_surround_it_and_none_is_deployed_over_it(fault: Fault) -> None:
    before, after = innocent_steps(fault.name, fault.truth.service)
    assert len(before) >= 4
    assert max(planned.at_seconds for planned in before) < fault.baseline_seconds
    deployed = [planned.step for planned in after if isinstance(planned.step, DeployStep)]
    assert deployed
    assert DeployStep(fault.truth.service) not in deployed


def test_a_fault_that_is_not_there_is_an_error_that_lists_those_that_are() -> None:
    with pytest.raises(UnknownFaultError, match="'earthquake': no such fault; there are bad-deploy, "):
        chosen_faults(["cpu-burn", "earthquake"])


@pytest.mark.parametrize(
    ("effect", "value", "holds"),
    [
        (Effect("x", above=1.0), 1.5, True),
        (Effect("x", above=1.0), 1.0, False),
        (Effect("x", below=0.5), 0.0, True),
        (Effect("x", below=0.5), 0.5, False),
        (Effect("x", below=0.5), None, False),
    ],
)
def test_an_effect_holds_beyond_its_threshold_and_never_without_a_value(
    effect: Effect, value: float | None, holds: bool
) -> None:
    assert effect.holds(value) is holds
