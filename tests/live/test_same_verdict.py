"""An incident read from its recording and from live systems with the same data gives the same verdict."""

from pathlib import Path

from agent.alerts import parse_alert
from agent.backends import Backends
from agent.change_store import ChangeStore
from agent.doors.reading import read_json
from agent.events import Finished
from agent.investigate import investigate
from agent.report.model import Report
from agent.settings import OpenSearchSettings, PrometheusSettings, Settings
from agent.sources import Source
from evals.lab import bundled_incident
from evals.live_copy import changes_of


async def report_of(source: Source, settings: Settings) -> Report:
    alert = parse_alert(read_json(bundled_incident() / "alert.json"))
    events = investigate(alert, source, settings, backends=Backends(settings))
    return [event async for event in events if isinstance(event, Finished)][-1].report


async def test_a_recording_and_its_live_copy_give_the_same_verdict(live_incident, tmp_path: Path) -> None:
    recorded = await report_of(Source(kind="recording", place=str(bundled_incident())), Settings(home=tmp_path / "a"))
    home = tmp_path / "b"
    ChangeStore(home).add(changes_of(bundled_incident()))
    settings = Settings(
        home=home,
        prometheus=PrometheusSettings(url=live_incident.prometheus),
        opensearch=OpenSearchSettings(url=live_incident.opensearch, timeout_seconds=30.0),
    )
    live = await report_of(Source(kind="live"), settings)
    for part in ("first_failing", "fault_kind", "remediation", "path", "blast_radius", "cause_found"):
        said, truly = getattr(live, part), getattr(recorded, part)
        if part == "path":
            said, truly = [(hop.cause, hop.effect) for hop in said], [(hop.cause, hop.effect) for hop in truly]
        assert said == truly, (part, said, truly)
    assert live.change is not None
    assert recorded.change is not None
    assert live.change.id == recorded.change.id
    assert abs(live.probability - recorded.probability) < 0.05
