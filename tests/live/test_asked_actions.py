"""What a person asks for by its name at the terminal, in real systems: a silence in Alertmanager, and its end."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.doors.approving import terminal_user
from evals.lab import bundled_incident
from evals.lab.guard import Guard
from evals.lab.monitoring import start_alertmanager

pytestmark = pytest.mark.skipif(shutil.which("prometheus-alertmanager") is None, reason="no Alertmanager here")


@pytest.fixture
def alertmanager() -> Iterator[str]:
    with Guard() as guard:
        url = start_alertmanager(guard, "http://127.0.0.1:9/nobody").url
        labels = {"alertname": "StorefrontSlow", "service": "storefront"}
        firing = [{"labels": labels, "startsAt": datetime.now(UTC).isoformat()}]
        request = urllib.request.Request(f"{url}/api/v2/alerts", json.dumps(firing).encode())
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request, timeout=10).close()
        yield url


def states(alertmanager: str) -> list[str]:
    with urllib.request.urlopen(f"{alertmanager}/api/v2/silences", timeout=10) as answer:
        return [row["status"]["state"] for row in json.load(answer)]


def test_a_silence_is_asked_for_approved_made_and_taken_back(live_incident, alertmanager: str, tmp_path: Path):
    config = {
        "home": str(tmp_path / "home"),
        "policy": str(tmp_path / "policy.yaml"),
        "prometheus": {"url": live_incident.prometheus},
        "actions": {"alertmanager": {"url": alertmanager}},
    }
    (tmp_path / "pcause.yaml").write_text(yaml.safe_dump(config))
    approver = {"name": "me", "terminal": terminal_user()}
    rules = [{"action": "silence_alert", "decision": "ask"}]
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump({"approvers": [approver], "rules": rules}))
    environment = {**os.environ, "PCAUSE_CONFIG": str(tmp_path / "pcause.yaml")}

    def pcause(*words: str, typed: str = "", code: int = 0) -> Any:
        command = [sys.executable, "-m", "agent.doors.cli", *words]
        ended = subprocess.run(
            command, input=typed, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == code, ended.stderr
        return ended

    report = json.loads(pcause("investigate", str(bundled_incident() / "alert.json"), "--json").stdout)
    id = report["investigation_id"]
    (listed,) = json.loads(pcause("act", id, "--json").stdout)
    assert (listed["name"], listed["ruling"]) == ("silence_alert", "ask")

    declined = pcause("act", id, "silence_alert", typed="no\n", code=1)
    assert "silences alertname=" in declined.stderr and states(alertmanager) == []

    done = pcause("act", id, "silence_alert", "--json", typed="silence_alert\n")
    assert [result["outcome"] for result in json.loads(done.stdout)["action_results"]] == ["done"]
    assert states(alertmanager) == ["active"]
    assert json.loads(done.stdout)["verification"] is None  # a silence mends nothing

    back = pcause("act", id, "--undo", "--json", typed="silence_alert\n")
    assert [result["outcome"] for result in json.loads(back.stdout)["action_results"]] == ["done", "done"]
    assert states(alertmanager) == ["expired"]
    assert "The audit log is whole" in pcause("audit", "verify").stdout
    assert "nothing was done" in pcause("act", id, "--undo", code=1).stderr
