"""``pcause lab`` on the command line."""

import json

import pytest
import typer
from typer.testing import CliRunner

from evals.lab.commands import register


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    register(made)
    return made


def test_list_tells_every_fault_with_its_truth(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["lab", "list", "--json"])
    faults = {row["fault"]: row for row in json.loads(result.stdout)}
    assert faults["disk-full"] == {
        "fault": "disk-full", "service": "broker", "kind": "disk_full", "summary": "the broker's volume is full",
    }  # fmt: skip
    assert len(faults) >= 19


def test_an_unknown_fault_is_a_usage_error_that_lists_the_valid_ones(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["lab", "run", "earthquake"])
    assert result.exit_code == 2
    assert "'earthquake': no such fault; there are bad-deploy, bad-flag" in result.stderr


def test_no_fault_at_all_is_a_usage_error(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["lab", "run"])
    assert result.exit_code == 2
    assert "--all" in result.stderr


def test_a_missing_server_is_named_with_the_command_that_installs_it(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    result = CliRunner().invoke(app, ["lab", "run", "disk-full"])
    assert result.exit_code == 1
    assert "apt-get install prometheus prometheus-alertmanager" in result.stderr


def test_an_engine_that_is_not_there_is_an_error_before_anything_is_started(app: typer.Typer) -> None:
    command = ["lab", "run", "disk-full", "--engine", "opensearch", "--opensearch-classpath", "/nowhere/classpath"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "/nowhere/classpath" in result.stderr
    assert "starting" not in result.stderr


def test_a_fault_that_no_action_ends_is_not_run_with_act(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["lab", "run", "disk-full", "--act"])
    assert result.exit_code == 2
    assert "no action of the lab ends disk-full" in result.stderr


def test_there_is_nothing_to_approve_without_an_investigation(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["lab", "run", "bad-flag", "--act", "--no-investigate"])
    assert result.exit_code == 2
    assert "--no-investigate" in result.stderr


def test_the_script_needs_its_programs_before_anything_is_started(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    result = CliRunner().invoke(app, ["lab", "end-to-end"])
    assert result.exit_code == 1
    assert "apt-get install" in result.stderr
