"""The alert rules, judged by Prometheus's own tool: valid, quiet when all is well, and firing for each symptom."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from evals.lab.alert_rules import RULES, rules_file

needs_promtool = pytest.mark.skipif(
    "PCAUSE_REQUIRE_SERVERS" not in os.environ and shutil.which("promtool") is None,
    reason="apt-get install prometheus",
)

_WELL = {
    'up{service="catalog"}': "1+0x30",
    'http_server_requests_total{service="gateway",status="200"}': "0+20x30",
    'http_server_requests_total{service="gateway",status="500"}': "0+0x30",
    'http_server_duration_seconds_bucket{service="gateway",le="0.5"}': "0+20x30",
    'http_server_duration_seconds_bucket{service="gateway",le="5"}': "0+20x30",
    'http_server_duration_seconds_bucket{service="gateway",le="+Inf"}': "0+20x30",
    'queue_oldest_message_age_seconds{service="broker"}': "0.2+0x30",
    'volume_used_bytes{service="broker"}': "10+0x30",
    'volume_size_bytes{service="broker"}': "100+0x30",
    'process_resident_memory_bytes{service="storefront"}': "40+0x30",
    'process_memory_limit_bytes{service="storefront"}': "100+0x30",
    'model_quality_auc{service="recommender",model="v1"}': "0.85+0x30",
    'feature_drift_psi{service="recommender",feature="a"}': "0.1+0x30",
}
_SYMPTOMS: dict[str, dict[str, str]] = {
    "ShopErrors": {'http_server_requests_total{service="gateway",status="500"}': "0+2x30"},
    "ShopSlow": {'http_server_duration_seconds_bucket{service="gateway",le="0.5"}': "0+15x30"},
    "ServiceErrors": {
        'http_server_requests_total{service="cache",status="200"}': "0+20x30",
        'http_server_requests_total{service="cache",status="503"}': "0+5x30",
    },
    "ServiceDown": {'up{service="catalog"}': "0+0x30"},
    "QueueNotMoving": {'queue_oldest_message_age_seconds{service="broker"}': "0+2x30"},
    "VolumeAlmostFull": {'volume_used_bytes{service="broker"}': "95+0x30"},
    "MemoryAlmostUsedUp": {'process_resident_memory_bytes{service="storefront"}': "95+0x30"},
    "ModelQualityLow": {'model_quality_auc{service="recommender",model="v1"}': "0.5+0x30"},
    "FeatureDrift": {'feature_drift_psi{service="recommender",feature="a"}': "2+0x30"},
}


def _firing(folder: Path, series: dict[str, str]) -> str:
    """What promtool says when it is told to expect that nothing fires; it names what does."""
    (folder / "rules.yml").write_text(rules_file())
    expected = [{"eval_time": "50s", "alertname": rule.name, "exp_alerts": []} for rule in RULES]
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    test = {"interval": "2s", "input_series": inputs, "alert_rule_test": expected}
    content = {"rule_files": ["rules.yml"], "evaluation_interval": "2s", "tests": [test]}
    (folder / "test.yml").write_text(yaml.safe_dump(content))
    done = subprocess.run(
        ["promtool", "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@needs_promtool
def test_nothing_fires_when_all_is_well(tmp_path: Path) -> None:
    assert "SUCCESS" in _firing(tmp_path, _WELL)


@needs_promtool
@pytest.mark.parametrize("name", [rule.name for rule in RULES])
def test_each_symptom_fires_its_rule_alone(name: str, tmp_path: Path) -> None:
    said = _firing(tmp_path, _WELL | _SYMPTOMS[name])
    fired = {rule.name for rule in RULES if f"alertname: {rule.name}," in said}
    assert fired == {name}, said


def test_an_alert_says_what_was_measured_against_which_threshold() -> None:
    for rule in yaml.safe_load(rules_file())["groups"][0]["rules"]:
        assert {"summary", "description", "metric", "threshold", "value"} <= rule["annotations"].keys()
        assert "$labels.service" in rule["annotations"]["description"]
