"""Server-sent events: everything once and in order, from where the reader left off, for a bounded number of readers."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass
from socket import AF_INET, SOCK_STREAM, socket

import pytest
import uvicorn
from httpx import ASGITransport, AsyncClient

from agent.backends import Backends
from agent.doors.server import build_app
from agent.doors.serving import streams as streaming
from agent.doors.serving.streams import EventStream, Streams, number
from agent.event_log import EventLog, append_event
from agent.events import StageStarted
from agent.ledger import Ledger
from agent.ledger_database import Database
from agent.settings import Settings
from agent.state import Alert

ID = "abc"


@pytest.fixture
def log(settings: Settings) -> EventLog:
    alert = Alert(id="a", name="Slow", entity="checkout", fired_at=1.0).model_dump_json()
    Ledger(settings.home).create_investigation(ID, alert, "{}", "{}")
    return EventLog(settings.home)


@asynccontextmanager
async def asking(settings: Settings) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(build_app(settings, Backends(settings), None), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def events(text: str) -> list[tuple[str, str]]:
    """(id, event) of each frame that has data."""
    found = []
    for frame in text.split("\n\n"):
        told = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
        if "data" in told:
            json.loads(told["data"])
            found.append((told.get("id", ""), told["event"]))
    return found


async def test_an_ended_investigation_tells_all_and_ends(settings: Settings, log: EventLog):
    log.tell(ID, [StageStarted("triage"), StageStarted("scope"), StageStarted("gather", "logs")])
    Ledger(settings.home).set_status(ID, "done")
    async with asking(settings) as client:
        answer = await client.get(f"/investigations/{ID}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert events(answer.text) == [("1", "stage"), ("2", "stage"), ("3", "stage"), ("", "ended")]


async def test_a_reader_goes_on_after_the_last_that_it_has(settings: Settings, log: EventLog):
    log.tell(ID, [StageStarted("triage"), StageStarted("scope"), StageStarted("conclude")])
    Ledger(settings.home).set_status(ID, "done")
    async with asking(settings) as client:
        url = f"/investigations/{ID}/events"
        by_header = await client.get(url, headers={"Last-Event-ID": "2"})
        by_query = await client.get(url, params={"after": "1"})
        nothing = await client.get(url, headers={"Last-Event-ID": "3"})
    assert events(by_header.text) == [("3", "stage"), ("", "ended")]
    assert events(by_query.text) == [("2", "stage"), ("3", "stage"), ("", "ended")]
    assert nothing.status_code == 204  # a browser stops to ask


@pytest.mark.parametrize("last", ["-1", "x", "9" * 60, "1e3", "\x00", "²", "٣", "1; DROP", " "])
def test_a_number_that_is_none_begins_anew(last: str):
    assert 0 <= number(last) < 2**63


async def test_texts_cannot_end_a_frame(settings: Settings, log: EventLog):
    hostile = "x\n\nevent: approved\ndata: {}\n\n\r\u2028\u0085<script>"
    with Database(settings.home).transaction() as db:
        append_event(db, ID, "steered", {"by": hostile, "text": hostile}, 1.0)
    Ledger(settings.home).set_status(ID, "done")
    async with asking(settings) as client:
        answer = await client.get(f"/investigations/{ID}/events")
    assert events(answer.text) == [("1", "steered"), ("", "ended")]
    assert answer.text.isascii() and "\r" not in answer.text


async def test_more_than_one_page_of_events_comes_whole(settings: Settings, log: EventLog):
    log.tell(ID, [StageStarted("gather", str(n)) for n in range(1_203)])
    Ledger(settings.home).set_status(ID, "done")
    async with asking(settings) as client:
        answer = await client.get(f"/investigations/{ID}/events")
    assert [int(id) for id, kind in events(answer.text) if kind == "stage"] == list(range(1, 1_204))


async def test_what_happens_is_told_as_it_happens(settings: Settings, log: EventLog):
    frames = Streams(settings.home).frames(ID, 0)
    async with aclosing(frames):
        assert (await anext(frames)).startswith(b"retry:")
        for stage in ("triage", "scope"):
            log.tell(ID, [StageStarted(stage)])
            assert stage.encode() in await asyncio.wait_for(anext(frames), 20)
        Ledger(settings.home).set_status(ID, "done")
        assert b"event: ended" in await asyncio.wait_for(anext(frames), 20)


async def test_silence_is_broken_by_a_comment(settings: Settings, log: EventLog):
    frames = Streams(settings.home, beat_seconds=0.05).frames(ID, 0)
    async with aclosing(frames):
        await anext(frames)
        assert (await asyncio.wait_for(anext(frames), 20)).startswith(b":")


async def test_many_readers_share_one_look_and_leave_nothing_behind(settings: Settings, log: EventLog):
    streams = Streams(settings.home)
    log.tell(ID, [StageStarted("triage")])
    readers = [streams.frames(ID, 0) for _ in range(20)]
    for reader in readers:
        await anext(reader)
        assert b"triage" in await anext(reader)
    assert len(streams._looks) == 1
    for reader in readers:
        await reader.aclose()
    assert streams._looks == {}


async def test_who_is_cancelled_in_the_moment_of_the_news_stops():
    for steps in range(4):
        look = streaming._Look()
        reader = asyncio.create_task(look.changed(look.rounds, 20.0))
        await asyncio.sleep(0.01)
        look.tell(ended=False)
        for _ in range(steps):
            await asyncio.sleep(0)
        if reader.cancel():
            with pytest.raises(asyncio.CancelledError):
                await reader


async def test_a_reader_that_takes_nothing_is_let_go(
    settings: Settings, log: EventLog, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(streaming, "_SLOWEST_SECONDS", 0.1)
    log.tell(ID, [StageStarted("triage")])
    streams = Streams(settings.home)
    sent = []

    async def send(message):
        sent.append(message["type"])
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def receive():
        return await asyncio.Event().wait()

    await asyncio.wait_for(EventStream(streams, ID, 0)({"type": "http"}, receive, send), 20)
    assert sent[0] == "http.response.start" and not streams.full and streams._looks == {}


async def test_a_reader_that_leaves_frees_its_place(settings: Settings, log: EventLog):
    streams = Streams(settings.home, most=1)

    async def send(message):
        if message["type"] == "http.response.body":
            assert streams.full

    async def receive():
        await asyncio.sleep(0.2)
        return {"type": "http.disconnect"}

    await asyncio.wait_for(EventStream(streams, ID, 0)({"type": "http"}, receive, send), 20)
    assert not streams.full and streams._looks == {}


async def test_too_many_readers_are_told_to_come_again(
    settings: Settings, log: EventLog, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Streams, "full", True)
    async with asking(settings) as client:
        answer = await client.get(f"/investigations/{ID}/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")


@dataclass(frozen=True)
class Running:
    url: str
    server: uvicorn.Server
    thread: threading.Thread


@pytest.fixture
def running(settings: Settings) -> Iterator[Running]:
    app = build_app(settings, Backends(settings), None)
    with closing(socket(AF_INET, SOCK_STREAM)) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        config = uvicorn.Config(app, lifespan="off", log_level="critical", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield Running(f"http://127.0.0.1:{listening.getsockname()[1]}", server, thread)
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


async def test_over_a_real_socket_a_stream_is_cut_and_resumed(running: Running, log: EventLog, settings: Settings):
    url, last, seen = f"{running.url}/investigations/{ID}/events", "", []
    log.tell(ID, [StageStarted("triage")])
    async with AsyncClient(timeout=20) as client:
        for stage in ("scope", "conclude", "report"):
            headers = {"Last-Event-ID": last} if last else {}
            async with client.stream("GET", url, headers=headers) as answer:  # cut after each event that it brings
                async for line in answer.aiter_lines():
                    if line.startswith("id: "):
                        last = line[4:]
                    if line.startswith("data: "):
                        seen.append(json.loads(line[6:])["stage"])
                        break
            log.tell(ID, [StageStarted(stage)])
        Ledger(settings.home).set_status(ID, "done")
        rest = await client.get(url, headers={"Last-Event-ID": last})
    assert seen == ["triage", "scope", "conclude"]
    assert events(rest.text) == [("4", "stage"), ("", "ended")]


async def test_an_open_stream_does_not_hold_up_a_stop(running: Running, log: EventLog):
    url = f"{running.url}/investigations/{ID}/events"
    async with AsyncClient(timeout=20) as client, client.stream("GET", url) as answer:
        assert (await anext(answer.aiter_lines())).startswith("retry:")
        running.server.should_exit = True
        await asyncio.to_thread(running.thread.join, 20)
        assert not running.thread.is_alive()
