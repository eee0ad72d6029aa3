"""A real Prometheus that scrapes itself and evaluates a rule: targets and alerts come as tables."""

import time
from pathlib import Path

from tests.prometheus_server import prometheus_with, tools_at
from tools.spec import Answer, ExtraTool, LookAt, Rows

CONFIG = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [RULES]
scrape_configs:
  - job_name: itself
    static_configs: [{targets: [ADDRESS]}]
  - job_name: gone
    static_configs: [{targets: ["127.0.0.1:1"]}]
"""
RULES = """
groups:
  - name: always
    rules:
      - alert: Gone
        expr: up == 0
        labels: {severity: page}
        annotations: {summary: "a target is gone"}
"""


def _when_there(tools, tool: ExtraTool, ready) -> Answer:
    """The first answer that is ready, for ten seconds."""
    for _ in range(100):
        answer = tools[tool].run(LookAt(around=time.time()))
        if isinstance(answer, Rows) and ready(answer.body.rows):
            return answer
        time.sleep(0.1)
    raise AssertionError(answer)


def test_sick_targets_and_firing_alerts_are_listed(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    with prometheus_with((), tmp_path, CONFIG.replace("RULES", str(rules))) as address:
        tools = tools_at(address, now=time.time())
        targets = _when_there(tools, ExtraTool.LIST_TARGETS, lambda rows: [row[3] for row in rows] == ["down", "up"])
        assert targets.body.rows[0][0] == "gone"
        assert "refused" in str(targets.body.rows[0][4])
        firing = _when_there(tools, ExtraTool.LIST_FIRING, bool)
        (row,) = firing.body.rows
        assert row[:4] == ("Gone", "page", "gone", "firing")
        assert row[6:] == ("up == 0", "a target is gone")
