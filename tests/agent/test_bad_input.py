"""Whatever is in the folder: a clear error, or a report that names the blind spot. Never a traceback."""

import gzip
import json
import random
import shutil
from pathlib import Path

import pytest

from agent.alerts import AlertError, parse_alert
from agent.events import Finished
from agent.investigate import investigate
from agent.report.model import Report
from agent.settings import Settings
from agent.sources import Source
from tools.recording import RecordingError, recording_tools


async def run(folder: Path, settings: Settings) -> Report:
    alert = parse_alert(json.loads((folder / "alert.json").read_text()))
    events = [event async for event in investigate(alert, Source(kind="recording", place=str(folder)), settings)]
    assert isinstance(events[-1], Finished)
    report = events[-1].report
    assert "broke" not in report.headline, report.headline
    return report


@pytest.fixture
def copy(recording: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recording, tmp_path / "copy"))


@pytest.mark.parametrize(
    ("missing", "tool"),
    [
        ("metrics.csv", "query_metrics"),
        ("logs.ndjson", "log_patterns"),
        ("spans.ndjson", "get_traces"),
        ("changes.ndjson", "list_changes"),
    ],
)
async def test_a_missing_file_is_a_blind_spot(copy: Path, settings: Settings, missing: str, tool: str):
    (copy / missing).unlink()
    report = await run(copy, settings)
    assert any(spot.startswith(tool) and "no such telemetry" in spot for spot in report.blind_spots)


async def test_only_an_alert_is_a_report_full_of_blind_spots(copy: Path, settings: Settings):
    for path in copy.iterdir():
        if path.name != "alert.json":
            path.unlink()
    report = await run(copy, settings)
    assert not report.cause_found
    assert len(report.blind_spots) >= 4


@pytest.mark.parametrize("content", ["", "timestamp,entity,metric,value\n"])
async def test_empty_metrics_are_a_blind_spot(copy: Path, settings: Settings, content: str):
    (copy / "metrics.csv").write_text(content)
    report = await run(copy, settings)
    assert any("query_metrics" in spot for spot in report.blind_spots)


async def test_one_series_is_enough_for_a_report(copy: Path, settings: Settings):
    lines = (copy / "metrics.csv").read_text().splitlines()
    (copy / "metrics.csv").write_text("\n".join([lines[0], *(line for line in lines if ",front," in line)]))
    assert (await run(copy, settings)).onset is not None


async def test_gaps_nan_and_garbage_are_skipped_and_said(copy: Path, settings: Settings):
    lines = (copy / "metrics.csv").read_text().splitlines()
    broken = [
        line.rsplit(",", 1)[0] + ",NaN" if i % 7 == 1 else line for i, line in enumerate(lines) if i % 11 != 2 or i == 0
    ]
    (copy / "metrics.csv").write_text(
        "\n".join([*broken, "not a time,front,x,1", "1,2", "2026-01-01T00:00:00Z,a,b,many"])
    )
    report = await run(copy, settings)
    assert report.change is not None
    assert any("rows skipped" in spot for spot in report.blind_spots)


async def test_times_out_of_order_change_nothing(copy: Path, recording: Path, tmp_path: Path):
    lines = (copy / "metrics.csv").read_text().splitlines()
    body = lines[1:]
    random.Random(3).shuffle(body)
    (copy / "metrics.csv").write_text("\n".join([lines[0], *body]))
    shuffled = await run(copy, Settings(home=tmp_path / "a"))
    sorted_ = await run(recording, Settings(home=tmp_path / "b"))
    assert shuffled.headline == sorted_.headline
    assert shuffled.probability == sorted_.probability


async def test_unknown_fields_are_kept_out_of_the_way(copy: Path, settings: Settings):
    for name in ("logs.ndjson", "spans.ndjson", "changes.ndjson"):
        rows = [
            json.loads(line) | {"x": {"deep": [1, {"y": None}]}, "": 3}
            for line in (copy / name).read_text().splitlines()
        ]
        (copy / name).write_text("\n".join(map(json.dumps, rows)))
    assert (await run(copy, settings)).change is not None


async def test_torn_and_binary_lines_are_skipped_and_said(copy: Path, settings: Settings):
    with (copy / "logs.ndjson").open("ab") as file:
        file.write(
            b'{"timestamp": "2026-01-01T00:00:00Z", "body": "cut\n\x00\xff\xfe\n[1,2]\n"text"\n{"body": "no time"}\n'
        )
    report = await run(copy, settings)
    assert any("log_patterns" in spot and "skipped" in spot for spot in report.blind_spots)


async def test_a_truncated_archive_is_read_as_far_as_it_goes(copy: Path, settings: Settings):
    packed = gzip.compress((copy / "logs.ndjson").read_bytes())
    (copy / "logs.ndjson.gz").write_bytes(packed[: len(packed) // 2])
    (copy / "logs.ndjson").unlink()
    report = await run(copy, settings)
    assert any("damaged" in spot for spot in report.blind_spots)


async def test_an_alert_about_an_unknown_service_is_still_a_report(copy: Path, settings: Settings):
    alert = json.loads((copy / "alert.json").read_text()) | {"service": "somebody-else", "metric": "nothing"}
    (copy / "alert.json").write_text(json.dumps(alert))
    await run(copy, settings)


async def test_an_alert_outside_the_recording_is_a_report_without_a_cause(copy: Path, settings: Settings):
    alert = json.loads((copy / "alert.json").read_text()) | {"fired_at": "2001-01-01T00:00:00Z"}
    (copy / "alert.json").write_text(json.dumps(alert))
    report = await run(copy, settings)
    assert not report.cause_found
    assert "samples cover 2026-09-21" in report.blind_spots[0]


@pytest.mark.parametrize("broken", ["metrics.csv", "topology.json"])
async def test_a_file_of_another_form_is_a_failed_source(copy: Path, settings: Settings, broken: str):
    (copy / broken).write_text("<html>not found</html>\n1\n")
    report = await run(copy, settings)
    assert any("failed" in spot for spot in report.blind_spots)


def test_a_folder_that_is_no_recording_is_a_clear_error(tmp_path: Path):
    (tmp_path / "photo.png").write_bytes(b"x")
    with pytest.raises(RecordingError, match="is no recording"):
        recording_tools(tmp_path)
    with pytest.raises(RecordingError, match="is no folder"):
        recording_tools(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([], "JSON object"),
        ({}, "no time"),
        ({"fired_at": "yesterday"}, "cannot read the time"),
        ({"alerts": [{"status": "resolved"}]}, "no firing alert"),
        ({"alerts": []}, "no firing alert"),
        ({"alerts": [{"alerts": [{"alerts": []}]}]}, "no time"),
        ({"alerts": [{"startsAt": [[]]}], "commonLabels": [1], "commonAnnotations": 7}, "no time"),
    ],
)
def test_an_unreadable_alert_says_what_is_wrong(raw: object, words: str):
    with pytest.raises(AlertError, match=words):
        parse_alert(raw)


@pytest.mark.parametrize(
    ("labels", "entity"),
    [
        ({"service": "kube-state-metrics", "deployment": "checkout"}, "checkout"),
        ({"job": "prom_kube_state_metrics", "pod": "checkout-7d9f8b6c5d-x2x4z"}, "checkout"),
        ({"job": "integrations/cadvisor", "statefulset": "kafka"}, "kafka"),
        ({"service": "checkout", "deployment": "other"}, "checkout"),
        ({"job": "node-exporter", "instance": "web1:9100"}, "web1:9100"),
        ({"job": "kubelet"}, "kubelet"),
        ({}, ""),
    ],
)
def test_an_alert_is_about_what_was_measured_and_not_about_who_measured(labels: dict[str, str], entity: str):
    alert = parse_alert(
        {"labels": {"alertname": "HighCPU", "name": "eth0", **labels}, "startsAt": "2026-11-24T12:00:00Z"}
    )
    assert (alert.name, alert.entity) == ("HighCPU", entity)


def test_an_alertmanager_notification_is_read():
    alert = parse_alert(
        {
            "commonLabels": {"alertname": "Slow", "severity": "page"},
            "alerts": [{"status": "firing", "labels": {"service": "shop"}, "startsAt": "2026-01-01T00:00:00Z"}],
        }
    )
    assert (alert.name, alert.entity, alert.severity) == ("Slow", "shop", "page")


async def test_half_a_surrogate_pair_in_an_alert_does_not_cost_the_report(copy: Path, settings: Settings):
    alert = json.loads((copy / "alert.json").read_text()) | {"summary": "cut \ud800 here"}
    (copy / "alert.json").write_text(json.dumps(alert))
    assert (await run(copy, settings)).alert.summary == "cut ? here"
