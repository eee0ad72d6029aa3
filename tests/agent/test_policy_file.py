"""``policy.yaml``: read anew when it changes and only then, refused where it says a thing twice, and when its rules hold."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.policy import Decision, Policy, PolicyError, Rule, load_policy
from tools.spec import Risk

ASK = "rules:\n  - decision: ask\n"
NEVER = "rules:\n  - decision: never\n"


def settle(path: Path) -> None:
    """Wait until the file was written a while ago."""
    deadline = time.monotonic() + 30.0
    while time.time() - path.stat().st_ctime <= 2.05:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def decision(policy: Policy, at: str = "2026-11-24T12:00:00") -> Decision:
    return policy.decide(
        "restart", "cart", Risk.REVERSIBLE, datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    ).decision


def test_a_file_that_is_the_same_is_read_once(tmp_path: Path):
    path = tmp_path / "policy.yaml"
    path.write_text(ASK)
    settle(path)
    assert load_policy(path) is load_policy(path)


def test_a_change_is_seen_at_the_next_call_even_with_the_same_size_and_time(tmp_path: Path):
    path = tmp_path / "policy.yaml"
    path.write_text(ASK + "# four")
    settle(path)
    before = path.stat()
    assert decision(load_policy(path)) is Decision.ASK
    path.write_text(NEVER + "#two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert decision(load_policy(path)) is Decision.NEVER
    path.write_text(ASK)
    assert decision(load_policy(path)) is Decision.ASK, "two changes within one tick of the clock"


def test_what_is_broken_is_said_each_time_until_it_is_mended(tmp_path: Path):
    path = tmp_path / "policy.yaml"
    path.write_text("rules: 7")
    settle(path)
    for _ in range(2):
        with pytest.raises(PolicyError, match="rules"):
            load_policy(path)
    path.write_text(ASK)
    assert decision(load_policy(path)) is Decision.ASK
    path.unlink()
    with pytest.raises(PolicyError, match="cannot read"):
        load_policy(path)


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        (f"{NEVER}{ASK}", 3, "rules"),
        ("rules:\n  - decision: never\n    service: cart\n    decision: ask\n", 4, "decision"),
        ("approvers:\n  - {name: ann, name: bob}\n", 2, "name"),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path, text: str, line: int, key: str):
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(PolicyError, match=f"line {line}: '{key}' stands in line"):
        load_policy(path)


def test_a_key_that_is_merged_may_be_written_again(tmp_path: Path):
    path = tmp_path / "policy.yaml"
    path.write_text("rules:\n  - &base {service: cart, decision: ask}\n  - {<<: *base, decision: never}\n")
    assert [rule.decision for rule in load_policy(path).rules] == [Decision.ASK, Decision.NEVER]


@pytest.mark.parametrize(
    ("between", "holds", "does_not"),
    [
        ("00:00-00:00", ["2026-11-24T00:00:00", "2026-11-24T12:00:00", "2026-11-24T23:59:59"], []),
        (
            "Sat-Sun 00:00-00:00",
            ["2026-11-28T00:00:00", "2026-11-29T23:59:59"],
            ["2026-11-27T23:59:59", "2026-11-30T00:00:00"],
        ),
        (
            "Fri 18:00-18:00",
            ["2026-11-27T18:00:00", "2026-11-28T17:59:59"],
            ["2026-11-27T17:59:59", "2026-11-28T18:00:00"],
        ),
        ("Sat 24:00-24:00", ["2026-11-29T00:00:00", "2026-11-29T23:59:59"], ["2026-11-28T23:59:59"]),
        ("Sat 00:00-24:00", ["2026-11-28T00:00:00", "2026-11-28T23:59:59"], ["2026-11-29T00:00:00"]),
    ],
)
def test_a_window_that_ends_when_it_starts_lasts_a_day(between: str, holds: list[str], does_not: list[str]):
    freeze = Policy(rules=(Rule(between=between, decision=Decision.NEVER), Rule(decision=Decision.ASK)))
    assert [decision(freeze, at) for at in holds] == [Decision.NEVER] * len(holds)
    assert [decision(freeze, at) for at in does_not] == [Decision.ASK] * len(does_not)


def test_the_policy_in_the_documentation_is_one(tmp_path: Path):
    text = (Path(__file__).resolve().parents[2] / "docs" / "actions.md").read_text()
    block = next(part for part in text.split("```yaml\n")[1:] if part.startswith("version: 1"))
    path = tmp_path / "policy.yaml"
    path.write_text(block.partition("```")[0])
    policy = load_policy(path)
    friday = datetime(2026, 11, 27, 16, 30, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    assert policy.decide("rollback_workload", "checkout", Risk.REVERSIBLE, friday).rule == 1
    assert policy.decide("rollback_workload", "checkout", Risk.REVERSIBLE, friday - 86_400).rule == 2
