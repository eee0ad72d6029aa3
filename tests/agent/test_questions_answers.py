"""Answers over a recorded incident: from the tools, with evidence and ceilings; from the report; and by a model's pick."""

import asyncio
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.alerts import parse_alert
from agent.backends import Backends
from agent.events import Event, Finished
from agent.investigate import investigate
from agent.ledger import Ledger
from agent.models.policy import ModelPolicy
from agent.questions.answering import Answerer, Asked, Reply
from agent.report.model import Report
from agent.settings import Ceilings, Settings
from agent.sources import Source
from evals.doubles.model_scripts import honest
from evals.doubles.scripted_model import scripted_model

LAB = Path(__file__).resolve().parents[2] / "evals" / "lab" / "recordings" / "pool-shrunk"
SOURCE = Source(kind="recording", place=str(LAB))
UTC = ZoneInfo("UTC")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with the lab's incident investigated as ``lab1``."""
    settings = Settings(home=tmp_path_factory.mktemp("answers") / "home")
    alert = parse_alert(json.loads((LAB / "alert.json").read_text()))

    async def run() -> Event:
        return [event async for event in investigate(alert, SOURCE, settings, id="lab1")][-1]

    assert isinstance(asyncio.run(run()), Finished)
    return settings


async def ask(settings: Settings, text: str, id: str = "lab1") -> Reply:
    return await Answerer(settings, Backends(settings), SOURCE, zone=UTC).answer(Asked(text, id, "terminal:ann"))


def words(reply: Reply) -> str:
    cells = [str(cell) for table in reply.tables for row in table.rows for cell in row]
    return "\n".join([*reply.paragraphs, *cells])


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("what changed before it?", "Tidy shared settings"),
        ("what changed in the last 2 minutes?", "inventory-1.4.0"),
        ("show me the p99 of checkout", "1.82 s"),
        ("errors of checkout", "no database connection free"),
        ('log lines of inventory with "pool of 3"', "lines match"),
        ("who calls pricing?", "pricing is called by checkout, storefront."),
        ("what does checkout call?", "checkout is calling inventory, notifications, pricing, shipping"),
        ("who calls whom?", "checkout, pricing"),
        ("is shipping up?", "12:37:1"),
        ("which alerts fire?", "needs a live Prometheus"),
        ("which metrics has inventory?", "db_pool_max"),
        ("which services are there?", "6 services: checkout, inventory"),
        ("has this happened before?", "No incident was confirmed yet"),
        ("which runbook?", "pool-exhaustion.md"),
        ("why?", "97 % that this is the cause"),
        ("why is checkout slow?", "Pool exhaustion at inventory"),
        ("how sure are you?", "97 %"),
        ("what would prove you wrong?", "within 15 minutes of the rollback"),
        ("what else could it be?", "gift_wrap_hint"),
        ("what was ruled out?", "gift_wrap_hint"),
        ("who did it?", "Tomasz Wilk"),
        ("who else is affected?", "checkout, storefront"),
        ("how did it spread?", "inventory → checkout → storefront"),
        ("when did it start?", "12:36:04 UTC"),
        ("timeline", "alert StorefrontSlow fired"),
        ("what should I do?", "Roll inventory back"),
        ("what don't you know?", "No blind spot is known."),
        ("show E-Q101", "66 series"),
        ("show E-Q203", "@@"),
        ("show E-Q103", "spans"),
        ("evidence C2", "db_pool_wait_p50_seconds rose"),
        ("status", "pcause chat lab1"),
        ("what waits for approval?", "Nothing waits"),
        ("what is it costing?", "The investigation: $0.00, 10 tool calls"),
        ("restart inventory", "Asking runs nothing"),
        ("help", "who calls payments?"),
    ],
)  # fmt: skip
async def test_a_question_is_answered(ended: Settings, text: str, part: str):
    assert part in words(await ask(ended, text))


async def test_figures_come_with_evidence_that_can_be_looked_at(ended: Settings):
    answerer = Answerer(ended, Backends(ended), SOURCE, zone=UTC)
    asked = Asked("show me the p99 of checkout", "lab1", "terminal:ann")
    reply = await answerer.answer(asked)
    (view,) = reply.series
    assert (view.entity, view.onset is not None) == ("checkout", True)
    assert any(reply.paragraphs[0].startswith(view.evidence_id) for _ in [0])
    again = await answerer.answer(Asked(f"show {view.evidence_id}", "lab1", "terminal:ann"))
    assert "query_metrics" in words(again)
    calls = {call.call_id for call in Ledger(ended.home).calls("lab1")}
    assert view.evidence_id.removeprefix("E-") not in calls, "asking takes nothing from the investigation"


async def test_a_symptom_elsewhere_is_an_alert_and_one_that_was_looked_into_is_not(ended: Settings):
    elsewhere = (await ask(ended, "why is shipping slow since 12:35?")).alert
    assert elsewhere is not None
    assert (elsewhere.entity, elsewhere.source, elsewhere.fired_at) == ("shipping", "terminal", 1_795_523_838.061)
    assert (await ask(ended, "why is checkout slow?")).alert is None


async def test_without_an_investigation_a_recording_is_asked_and_its_alert_investigated(tmp_path: Path):
    settings = Settings(home=tmp_path / "home")
    assert "lines match" in words(await ask(settings, 'logs containing "pool of 3"', ""))
    assert "No investigation is open" in words(await ask(settings, "how sure are you?", ""))
    assert "No investigation is open" in words(await ask(settings, "what changed before it?", ""))
    began = (await ask(settings, "investigate", "")).alert
    assert began is not None
    assert began.name == "StorefrontSlow"
    pasted = (await ask(settings, (LAB / "alert.json").read_text(), "")).alert
    assert pasted is not None
    assert pasted.entity == "storefront"


async def test_the_ceiling_of_an_hour_holds_and_is_told(tmp_path: Path):
    settings = Settings(home=tmp_path / "home", ceilings=Ceilings(tool_calls=3))
    answerer = Answerer(settings, Backends(settings), SOURCE, now=lambda: 1_795_600_000.0)
    told = [words(await answerer.answer(Asked("who calls pricing?", "", "terminal:ann"))) for _ in range(3)]
    assert "pricing is called by" in told[0]
    assert "ceiling tool_calls of 3 would be passed" in told[2]
    assert Ledger(settings.home).spent(answerer_calls(settings)).tool_calls == 3


def answerer_calls(settings: Settings) -> str:
    """The one id under which calls were made."""
    import sqlalchemy as sa

    from agent.ledger_database import Database
    from agent.ledger_schema import CALLS

    with Database(settings.home).transaction() as db:
        return str(db.execute(sa.select(CALLS.c.investigation_id).distinct()).scalar_one())


async def test_live_without_backends_says_what_to_set(tmp_path: Path):
    settings = Settings(home=tmp_path / "home")
    reply = await Answerer(settings, Backends(settings)).answer(Asked("what is down", "", "slack:U1"))
    assert "PROMETHEUS_URL" in words(reply)
    reply = await Answerer(settings, Backends(settings)).answer(Asked("p99 of checkout", "", "slack:U1"))
    assert "pcause doctor" in words(reply)


async def test_a_replay_is_asked_where_it_was_recorded(ended: Settings):
    row = Ledger(ended.home).investigation("lab1")
    Ledger(ended.home).create_investigation(
        "re1", row.alert, Source(kind="replay", place="lab1").model_dump_json(), row.settings
    )
    assert "pricing is called by checkout" in words(await ask(ended, "who calls pricing?", "re1"))
    assert "has no report yet" in words(await ask(ended, "why?", "re1"))


@pytest.fixture
def with_model(ended: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    return ended


def model_settings(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"models": ModelPolicy(default="openai:gpt-5-mini", base_url=url)})


_PICKS: list[tuple[dict[str, object], str]] = [
    ({"intent": "callers", "services": ["pricing"], "measure": ""}, "pricing is called by checkout"),
    ({"intent": "metric", "services": ["Checkout"], "measure": "p99"}, "1.82 s"),
    ({"intent": "callers", "services": ["nowhere"], "measure": ""}, "did not understand"),
    ({"intent": "act", "services": [], "measure": ""}, "did not understand"),
    ({"intent": "investigate", "services": ["pricing"], "measure": ""}, "did not understand"),
    ({"intent": "drop_tables", "services": [], "measure": ""}, "did not understand"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "part"), _PICKS)
async def test_a_model_may_only_pick_a_reading_question_about_what_there_is(
    with_model: Settings, answer: dict[str, object], part: str
):
    with scripted_model(honest({"Pick": answer})) as server:
        reply = await ask(
            model_settings(with_model, server.url), "sag mal, wie war das " + "o" * _PICKS.index((answer, part)) + "?"
        )
        assert server.calls
    assert part in words(reply)
    assert reply.alert is None


async def test_a_model_is_not_asked_what_rules_understand_and_its_silence_is_asked_back(with_model: Settings):
    with scripted_model(honest({})) as server:
        settings = model_settings(with_model, server.url)
        assert "pricing is called by" in words(await ask(settings, "who calls pricing?"))
        assert server.calls == 0
    dead = model_settings(with_model, "http://127.0.0.1:9/v1")
    assert "did not understand" in words(await ask(dead, "hm hm hm"))


async def test_texts_of_telemetry_are_inert(ended: Settings):
    report = Report.model_validate_json(Ledger(ended.home).investigation("lab1").report)
    evil = report.model_copy(update={"headline": "\x1b[2J\u202eevil", "hypotheses": ()})
    Ledger(ended.home).create_investigation(
        "evil1",
        report.alert.model_dump_json(),
        SOURCE.model_dump_json(),
        Ledger(ended.home).investigation("lab1").settings,
    )
    Ledger(ended.home).save_report("evil1", evil.headline, 0.5, evil.model_dump_json())
    told = words(await ask(ended, "why?", "evil1")) + words(await ask(ended, "status", "evil1"))
    assert "\x1b" not in told
    assert "\u202e" not in told
