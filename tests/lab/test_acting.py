"""What the product is told to do to the shop, done by the product's own actions to services that really run."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from agent.action_settings import ActionSettings
from agent.actions import build_actions
from agent.policy import Decision, Policy
from diagnosis.findings import Remediation
from evals.lab.acting import APPROVER, FLAG_BACK, RESIZE_POOL, ROLL_BACK, SLACK_MEMBER, Acting
from evals.lab.faults import every_fault
from evals.lab.mending import MendError, remedy_of
from evals.lab.platform_api import PlatformApi
from evals.lab.server_process import free_port
from evals.lab.source_tree import CommitDraft, Edit
from evals.lab.steps import DeployStep, FlagStep
from tests.running_shop import RunningShop
from tools.actions.spec import ActionSpec, Happened, Target
from tools.spec import Risk

SMALLER = CommitDraft("A B", "Smaller", (Edit("shop/settings.py", "\nDB_POOL_SIZE = 24\n", "\nDB_POOL_SIZE = 1\n"),))
Actions = Mapping[str, ActionSpec[Any]]


@dataclass(frozen=True)
class Told:
    """The part of the settings that actions are built from."""

    actions: ActionSettings


@pytest.fixture
def acting(running_shop: RunningShop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Acting]:
    told = Acting(free_port())
    for name, value in told.environment.items():
        monkeypatch.setenv(name, value)
    api = PlatformApi(told.platform_port, told.secret.encode(), running_shop.maker)
    yield told
    api.close()


@pytest.fixture
def actions(acting: Acting) -> Actions:
    return build_actions(Told(ActionSettings.model_validate(acting.actions)))


def _target(entity: str, remediation: Remediation, kind: str, change: str, key: str = "", before: str = "") -> Target:
    services = frozenset({"inventory", "storefront"})
    return Target(entity, remediation, change, kind, key, before, "ShopErrors", "gateway", services)


def test_the_bad_deploy_is_rolled_back_once_and_put_back_by_the_undo(
    running_shop: RunningShop, actions: Actions
) -> None:
    running_shop.maker.take(SMALLER)
    running_shop.maker.take(DeployStep("inventory"))
    roll_back = actions[ROLL_BACK]
    commit = running_shop.maker.id_of(SMALLER)
    arguments = roll_back.fit(_target("inventory", Remediation.ROLLBACK, "commit", commit))
    shown = roll_back.dry_run(arguments)
    assert any("version 1.1.0 → 1.0.0" in line for line in shown.lines)
    assert running_shop.version() == "1.1.0"
    assert roll_back.happened(arguments, "key-1") is Happened.NO
    for _ in range(2):
        roll_back.run(arguments, "key-1")
        assert running_shop.version() == "1.0.0"
    assert roll_back.happened(arguments, "key-1") is Happened.YES
    assert roll_back.undo is not None
    roll_back.undo(arguments, "key-2", "")
    assert running_shop.version() == "1.1.0"


def test_a_flag_goes_back_to_what_it_was_before(running_shop: RunningShop, actions: Actions) -> None:
    running_shop.maker.take(FlagStep("review_stars", "storefront", True, "A B"))
    flag_back = actions[FLAG_BACK]
    arguments = flag_back.fit(_target("storefront", Remediation.FLAG_OFF, "flag", "review_stars", "", "off"))
    assert flag_back.dry_run(arguments).seen == "on"
    flag_back.run(arguments, "key-1")
    assert json.loads((running_shop.folder / "flags.json").read_text()) == {"review_stars": False}


def test_a_small_pool_gets_its_usual_size(running_shop: RunningShop, actions: Actions) -> None:
    running_shop.maker.take(SMALLER)
    running_shop.maker.take(DeployStep("inventory"))
    resize = actions[RESIZE_POOL]
    arguments = resize.fit(_target("inventory", Remediation.ROLLBACK, "commit", "a" * 40))
    assert any("1 → 24" in line for line in resize.dry_run(arguments).lines)
    resize.run(arguments, "key-1")
    release = running_shop.shop.release_of("inventory")
    assert release is not None
    assert "\nDB_POOL_SIZE = 24\n" in (release.folder / "shop/settings.py").read_text()
    assert resize.fit(_target("storefront", Remediation.ROLLBACK, "commit", "a" * 40)) is None


def test_the_policy_asks_one_person_for_each_action_and_nothing_else_is_done() -> None:
    policy = Policy.model_validate(Acting(1).policy)
    for name in (ROLL_BACK, FLAG_BACK, RESIZE_POOL):
        assert policy.decide(name, "shipping", Risk.REVERSIBLE, 0.0).decision is Decision.ASK
    assert policy.decide("open_ticket", "shipping", Risk.REVERSIBLE, 0.0).decision is Decision.NEVER
    person = policy.person("slack", SLACK_MEMBER)
    assert person is not None
    assert person.name == APPROVER


def test_the_secrets_of_the_lab_are_no_part_of_what_is_written_down() -> None:
    acting = Acting(1)
    written = repr(acting) + json.dumps(acting.actions) + json.dumps(acting.policy)
    assert not any(secret in written for secret in acting.environment.values())


def test_faults_that_an_action_ends_name_one_that_there_is() -> None:
    ended = {}
    for fault in every_fault().values():
        try:
            ended[fault.name] = remedy_of(fault)
        except MendError:
            continue
    assert set(ended.values()) == {ROLL_BACK, FLAG_BACK, RESIZE_POOL}
    assert ended["bad-deploy"] == ROLL_BACK
    assert ended["bad-flag"] == FLAG_BACK
    assert ended["pool-shrunk"] == RESIZE_POOL
    assert "disk-full" not in ended
