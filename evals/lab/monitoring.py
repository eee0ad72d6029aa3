"""Prometheus and Alertmanager, as Debian ships them, watching the shop."""

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from evals.lab.alert_rules import rules_file
from evals.lab.guard import Guard
from evals.lab.server_process import Server, free_port, start_server

SCRAPE_SECONDS = 2
_ANSWER_SECONDS = 5.0


def start_alertmanager(guard: Guard, webhook: str) -> Server:
    """An Alertmanager that sends every incident as one group to ``webhook``. Raises ``ServerError``."""
    receiver = {"name": "pcause", "webhook_configs": [{"url": webhook, "send_resolved": True}]}
    # Every alert carries the label `shop`, always the same: what fires together is one incident.
    route = {"receiver": "pcause", "group_by": ["shop"], "group_wait": "1s", "group_interval": "5s"}
    folder, port = guard.folder / "alertmanager", free_port()
    folder.mkdir()
    config = _write(folder / "alertmanager.yml", {"route": route | {"repeat_interval": "1h"}, "receivers": [receiver]})
    command = [
        "prometheus-alertmanager",
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",  # alone: no gossip port
    ]
    return start_server(guard, "alertmanager", command, port=port, ready="/-/ready")


def start_prometheus(guard: Guard, ports: Mapping[str, int], alertmanager: Server) -> Server:
    """A Prometheus that scrapes every service (name to port) and evaluates the rules. Raises ``ServerError``."""
    folder, port = guard.folder / "prometheus", free_port()
    folder.mkdir()
    (folder / "rules.yml").write_text(rules_file())
    jobs = [
        {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{at}"], "labels": {"service": name}}]}
        for name, at in ports.items()
    ]
    beat = {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": "2s", "scrape_timeout": "1500ms"}
    alerting = {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager.port}"]}]}]}
    content = {
        "global": beat | {"external_labels": {"shop": "lab"}},
        "rule_files": [str(folder / "rules.yml")],
        "alerting": alerting,
        "scrape_configs": jobs,
    }
    command = [
        "prometheus",
        f"--config.file={_write(folder / 'prometheus.yml', content)}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    return start_server(guard, "prometheus", command, port=port, ready="/-/ready")


def query(prometheus: Server, expression: str) -> list[tuple[dict[str, str], float]]:
    """The instant vector of an expression: (labels, value) pairs. Raises OSError where there is no answer."""
    asked = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{prometheus.url}/api/v1/query?{asked}", timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
        result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return [(entry["metric"], float(entry["value"][1])) for entry in result]


def _write(path: Path, content: object) -> Path:
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
