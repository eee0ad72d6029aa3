"""Actions of the settings: nothing configured is nothing, secrets are names of variables, mistakes name their place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from agent.action_settings import ActionSettings
from agent.actions import build_actions
from agent.settings import SettingsError
from tests.signed_double import SECRET, Signed
from tests.tools.actions.script_cases import write
from tools.actions.spec import Target
from tools.spec import Risk

KEY = "a" * 32
EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "actions.md"


@dataclass(frozen=True)
class Configured:
    """Settings with actions."""

    actions: ActionSettings = field(default_factory=ActionSettings)
    home: Path = Path("never-made")


def configured(given: dict[str, Any]) -> Configured:
    return Configured(ActionSettings.model_validate(given))


def example() -> dict[str, Any]:
    """The settings that the documentation shows."""
    text = EXAMPLE.read_text().partition("```yaml\n")[2].partition("```")[0]
    return dict(yaml.safe_load(text)["actions"])


def set_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the documented settings name."""
    for name in (
        "ALERTMANAGER_TOKEN",
        "DEPLOYS_SECRET",
        "DEPLOYS_TOKEN",
        "TICKETS_SECRET",
        "KUBERNETES_TOKEN",
        "FLAGS_SECRET",
    ):
        monkeypatch.setenv(name, "a-secret-of-the-test")


def test_nothing_configured_is_no_action():
    assert build_actions(Configured()) == {}


def test_the_documented_settings_are_the_documented_actions(monkeypatch: pytest.MonkeyPatch):
    set_secrets(monkeypatch)
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


def test_a_mistake_names_its_place_in_the_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NOT_THERE", raising=False)
    for wrong, place in (
        ({"url": "http://127.0.0.1:1", "token_env": "NOT_THERE"}, r"actions\.alertmanager\.token_env"),
        (
            {"url": "http://127.0.0.1:1", "username": "a", "password_env": "NOT_THERE"},
            r"actions\.alertmanager\.password_env",
        ),
        ({"url": "alertmanager:9093"}, r"actions\.alertmanager\.url"),
    ):
        with pytest.raises(SettingsError, match=place):
            build_actions(configured({"alertmanager": wrong}))


@pytest.mark.parametrize(
    "allow", [[], ["restart_workload"], ["rollback_workload", "restart_workload", "scale_workload"]]
)
def test_the_names_are_those_of_the_actions(monkeypatch: pytest.MonkeyPatch, allow: list[str]):
    given = example()
    set_secrets(monkeypatch)
    given["kubernetes"] = {**given["kubernetes"], "allow": allow}
    wanted = configured(given)
    assert wanted.actions.names == build_actions(wanted).keys()
    assert Configured().actions.names == frozenset()


def test_a_host_that_repeats_a_secret_of_the_settings_shows_none(double: Signed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SIGNING", SECRET)
    monkeypatch.setenv("HELD", "Bearer a-token-of-the-test")
    call = {"name": "x", "summary": "X.", "url": f"{double.url}/x", "dry_run": {"url": f"{double.url}/dry"}}
    spec = build_actions(
        configured({"http": [{**call, "secret_env": "SIGNING", "header_env": {"Authorization": "HELD"}}]})
    )["x"]
    double.dry_run = {"effect": f"a-token-of-the-test and {SECRET}"}
    assert spec.dry_run(spec.arguments(entity="store")).lines == ("it says: [secret] and [secret]",)


def test_notes_about_running_scripts_are_in_the_home(tmp_path: Path):
    folder = tmp_path / "scripts"
    folder.mkdir(mode=0o755)
    write(folder, "y.sh", "#!/bin/sh\nls ../home/running-scripts\n")
    named = [{"name": "y", "summary": "Y.", "argv": ["y.sh"]}]
    wanted = ActionSettings.model_validate({"scripts": {"folder": str(folder), "named": named}})
    spec = build_actions(Configured(wanted, tmp_path / "home"))["y"]
    assert spec.run(spec.arguments(entity="store"), KEY).detail.endswith(".lock")


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
