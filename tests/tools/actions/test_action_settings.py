"""Actions of the settings: nothing configured is nothing, secrets are names of variables, mistakes name their place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from agent.action_settings import ActionSettings
from agent.actions import build_actions
from agent.settings import SettingsError
from tests.signed_double import SECRET, Signed, signed_double
from tools.actions.spec import Target
from tools.spec import Risk

KEY = "a" * 32
EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "actions.md"


@dataclass(frozen=True)
class Configured:
    """Settings with actions."""

    actions: ActionSettings = field(default_factory=ActionSettings)


def configured(given: dict[str, Any]) -> Configured:
    return Configured(ActionSettings.model_validate(given))


@pytest.fixture
def double() -> Iterator[Signed]:
    with signed_double() as running:
        yield running


def example() -> dict[str, Any]:
    """The settings that the documentation shows."""
    text = EXAMPLE.read_text().partition("```yaml\n")[2].partition("```")[0]
    return dict(yaml.safe_load(text)["actions"])


def test_nothing_configured_is_no_action():
    assert build_actions(Configured()) == {}


def test_the_documented_settings_are_the_documented_actions(monkeypatch: pytest.MonkeyPatch):
    for name in (
        "ALERTMANAGER_TOKEN",
        "DEPLOYS_SECRET",
        "DEPLOYS_TOKEN",
        "TICKETS_SECRET",
        "KUBERNETES_TOKEN",
        "FLAGS_SECRET",
    ):
        monkeypatch.setenv(name, "a-secret-of-the-test")
    made = build_actions(configured(example()))
    assert set(made) == {
        "silence_alert", "rollback_workload", "restart_workload", "scale_workload", "revert_release", "revert_flag",
        "drain_queue", "open_ticket",
    }  # fmt: skip
    assert all(spec.risk in (Risk.REVERSIBLE, Risk.DESTRUCTIVE) for spec in made.values())
    assert {name for name, spec in made.items() if not spec.remediations} == {"silence_alert", "open_ticket"}


def test_a_ticket_is_opened_signed_with_the_key_and_by_a_person_only(
    double: Signed, monkeypatch: pytest.MonkeyPatch, target: Callable[..., Target]
):
    monkeypatch.setenv("TICKETS_SECRET", SECRET)
    monkeypatch.setenv("TICKETS_TOKEN", "Token token=abc")
    ticket = {
        "url": f"{double.url}/tickets",
        "secret_env": "TICKETS_SECRET",
        "header_env": {"Authorization": "TICKETS_TOKEN"},
    }
    spec = build_actions(configured({"ticket": ticket}))["open_ticket"]
    assert (spec.remediations, spec.risk) == (frozenset(), Risk.REVERSIBLE)
    arguments = spec.fit(target())
    assert "front latency (store)" in spec.dry_run(arguments).lines[0]
    for _ in range(2):
        spec.run(arguments, KEY)
    assert list(double.done) == [KEY]
    _, _, body, headers = double.requests[0]
    assert body == {"dedup_key": KEY, "title": "front latency (store)", "service": "store", "source": "probable-cause"}
    assert headers["Authorization"] == "Token token=abc"


def test_a_ticket_without_the_key_is_refused():
    with pytest.raises(ValidationError, match="must hold"):
        configured({"ticket": {"url": "http://127.0.0.1:1/x", "body": {"title": "{title}"}}})


def test_a_secret_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("NOT_THERE", raising=False)
    call = {"name": "x", "summary": "X.", "url": "http://127.0.0.1:1/x"}
    wrong: list[dict[str, Any]] = [
        {"http": [call | {"secret_env": "NOT_THERE"}]},
        {"http": [call | {"header_env": {"Authorization": "NOT_THERE"}}]},
        {"ticket": {"url": "http://127.0.0.1:1/x", "secret_env": "NOT_THERE"}},
        {"alertmanager": {"url": "http://127.0.0.1:1", "token_env": "NOT_THERE"}},
        {"kubernetes": {"url": "http://127.0.0.1:1", "namespace": "shop", "token_env": "NOT_THERE"}},
        {
            "scripts": {
                "folder": str(tmp_path),
                "named": [{"name": "y", "summary": "Y.", "argv": ["y.sh"], "pass_env": ["NOT_THERE"]}],
            }
        },
    ]
    for given in wrong:
        with pytest.raises(SettingsError, match="NOT_THERE"):
            build_actions(configured(given))


def test_two_actions_of_one_name_are_refused():
    call = {"name": "open_ticket", "summary": "X.", "url": "http://127.0.0.1:1/x"}
    with pytest.raises(SettingsError, match="open_ticket"):
        build_actions(configured({"http": [call], "ticket": {"url": "http://127.0.0.1:1/x"}}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"shell": {}}, {"alertmanager": {"url": "http://x", "minutes": 300}}, {"alertmanager": {"url": "http://x", "service_label": 'a="b'}},
        {"kubernetes": {"url": "http://x"}}, {"kubernetes": {"namespace": "../x"}}, {"kubernetes": {"namespace": "x", "max_factor": 100}},
        {"scripts": {"named": []}}, {"http": [{"name": "x", "summary": "X.", "url": "http://{entity}/x"}]},
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        configured(wrong)
