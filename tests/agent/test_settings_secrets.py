"""A secret is in no message, and a token that is not set costs one feed and not the investigation."""

import itertools
from pathlib import Path

import pytest

from agent.backends import Backends
from agent.settings import (
    Backend,
    ChangeSettings,
    GitHubSettings,
    PrometheusSettings,
    Settings,
    SettingsError,
    load_settings,
    secret,
)
from tools.change_feeds import lateness
from tools.spec import Answer, Empty, Failed, ListChanges, Risk, SearchLogs, Tool, ToolName


def refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said of a settings file with this text."""
    file = tmp_path / "pcause.yaml"
    file.write_text(text)
    monkeypatch.setenv("PCAUSE_CONFIG", str(file))
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert error.value.__cause__ is None or "hunter2" not in str(error.value.__cause__)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("prometheus: {url: 'http://m', password: hunter2}", "prometheus.password"),
        ("prometheus: {url: [hunter2]}", "prometheus.url"),
        ("prometheus: [{password: hunter2}]", "prometheus"),
        ("opensearch: {url: 'http://m', headers: {Authorization: [hunter2]}}", "opensearch.headers.Authorization"),
        ("opensearch: {url: 'http://m', headers: hunter2}", "opensearch.headers"),
        ("hunter: hunter2", "hunter"),
        ("prometheus: {password: 'hunter2", "line 1"),
        ("token: hunter2\na: [", "line"),
    ],
)
def test_no_given_secret_is_repeated(text: str, field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    said = refused(text, tmp_path, monkeypatch)
    assert field in said
    assert "hunter2" not in said


def test_a_value_that_is_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert "max_rounds = 'many'" in refused("max_rounds: many", tmp_path, monkeypatch)


def test_an_address_with_a_password_is_refused_without_it():
    for url in ("http://me:hunter2@m:9090", "me:hunter2@m:9090"):
        with pytest.raises(SettingsError, match=r"prometheus\.url") as error:
            Backend(url=url).connection("Prometheus")
        assert "hunter2" not in str(error.value)
        assert error.value.__suppress_context__


def test_a_token_from_a_file_loses_its_line_break(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("METRICS_TOKEN", " hunter2\n")
    found = secret("METRICS_TOKEN", "prometheus.token_env")
    assert found is not None
    assert found.get_secret_value() == "hunter2"


@pytest.mark.parametrize("value", ["hunter2\nhunter3", "hunter2\x1b", "hunter2\tx"])
def test_a_token_with_control_characters_is_refused_without_showing_it(value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("METRICS_TOKEN", value)
    with pytest.raises(SettingsError, match="METRICS_TOKEN") as error:
        secret("METRICS_TOKEN", "prometheus.token_env")
    assert "hunter" not in str(error.value)


def test_a_token_of_blanks_is_not_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("METRICS_TOKEN", " \n")
    with pytest.raises(SettingsError, match="not set"):
        secret("METRICS_TOKEN", "prometheus.token_env")


def github(tmp_path: Path, **more: str) -> Settings:
    return Settings(home=tmp_path, changes=ChangeSettings(github=GitHubSettings(repository="org/shop", **more)))


def test_without_its_usual_token_github_is_a_named_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    answer = Backends(github(tmp_path)).tools[ToolName.LIST_CHANGES].run(ListChanges(start=0.0, end=1e9))
    assert isinstance(answer, Failed)
    assert "GitHub org/shop could not be read: GITHUB_TOKEN is not set" in answer.reason


def test_a_token_that_is_named_must_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    with pytest.raises(SettingsError, match="SHOP_TOKEN"):
        _ = Backends(github(tmp_path, token_env="SHOP_TOKEN")).tools


def test_matchers_are_read_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "pcause.yaml"
    file.write_text("prometheus: {url: 'http://m', metrics: {matchers: {cluster: prod}}}")
    monkeypatch.setenv("PCAUSE_CONFIG", str(file))
    found = load_settings().prometheus
    assert isinstance(found, PrometheusSettings)
    assert found.metrics.matchers == {"cluster": "prod"}


def test_a_cluster_is_searched_for_rollouts_no_longer_than_somebody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    clock, words = itertools.count(0.0, 10.0), []

    def search(asked: SearchLogs) -> Answer:
        words.append(asked.contains)
        return Empty()

    monkeypatch.setattr(lateness.in_time, "__defaults__", (lambda: next(clock),))
    backends = Backends(Settings(home=tmp_path))
    tool = Tool("search_logs", "", SearchLogs, Risk.READ, lambda _: 0, search)
    vars(backends)["_logs"] = {ToolName.SEARCH_LOGS: tool}
    answer = backends.tools[ToolName.LIST_CHANGES].run(ListChanges(start=0.0, end=1e9))
    assert isinstance(answer, Failed)
    assert "Kubernetes events could not be read: no answer within 25 s" in answer.reason
    assert len(words) == 2
