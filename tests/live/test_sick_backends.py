"""Whatever a backend does, the investigation ends in a report, and the report names what is missing.

The row "a sick backend still gives a report" of the security table, cell by cell, over real servers behind a proxy
that is sick in one way at a time.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pytest_httpserver import HTTPServer

from agent.alerts import parse_alert
from agent.backends import Backends
from agent.doors.reading import read_json
from agent.events import Finished
from agent.investigate import investigate
from agent.report.model import Report
from agent.settings import Backend, Ceilings, ChangeSettings, OpenSearchSettings, PrometheusSettings, Settings
from agent.sources import Source
from evals.faulty_proxy import FaultyProxy, Sickness
from evals.lab import bundled_incident

# What a blind spot must say, beside the tool's name: the problem in words that lead to its remedy.
SAYS = {
    Sickness.REFUSED: "refused",
    Sickness.DNS: "cannot be reached",
    Sickness.HANG: "within",
    Sickness.TRICKLE: "within",
    Sickness.RESET: "cannot be reached",
    Sickness.TRUNCATED: "JSON",
    Sickness.HTML: "login page",
    Sickness.STATUS_401: "401",
    Sickness.STATUS_403: "403",
    Sickness.STATUS_404: "404",
    Sickness.STATUS_429: "429",
    Sickness.STATUS_500: "500",
    Sickness.STATUS_503: "503",
    Sickness.BIG: "more than",
    Sickness.REDIRECT: "redirect",
    Sickness.EMPTY: "nothing",
    Sickness.NAN: "nothing",
    Sickness.STALE: "newest",
}
METRICS_TOOLS, OPENSEARCH_TOOLS = ("query_metrics", "list_metrics"), ("log_patterns", "get_traces", "get_topology")
ONLY_SERIES = (Sickness.NAN, Sickness.STALE)  # logs and changes have neither
CHANGE_TOOLS = ("list_changes",)
NO_CHANGES = Sickness.EMPTY  # of a change feed: an answer like any other


T = TypeVar("T")


async def investigated(prometheus: str, opensearch: str, home: Path) -> Report:
    return await reported(
        Settings(
            home=home,
            prometheus=PrometheusSettings(url=prometheus, timeout_seconds=2.0),
            opensearch=OpenSearchSettings(url=opensearch, timeout_seconds=4.0),
            ceilings=Ceilings(usd=Decimal(0)),
        )
    )


async def reported(settings: Settings) -> Report:
    alert = parse_alert(read_json(bundled_incident() / "alert.json"))
    events = investigate(alert, Source(kind="live"), settings, backends=Backends(settings))
    finished = [event async for event in events if isinstance(event, Finished)]
    return finished[-1].report


def missing(report: Report, tools: tuple[str, ...]) -> str:
    return "\n".join(spot for spot in report.blind_spots if spot.startswith(tools))


def broken(report: Report, tools: tuple[str, ...]) -> str:
    said = missing(report, tools).splitlines()
    return "\n".join(spot for spot in said if "the source failed" in spot or "not asked" in spot)


async def some_at_a_time(cells: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All of them, four at once: each has its own time to be done in, not that of all together."""
    turns = asyncio.Semaphore(4)

    async def one(cell: Coroutine[Any, Any, T]) -> T:
        async with turns:
            return await cell

    return await asyncio.gather(*map(one, cells))


async def test_a_sick_prometheus_still_gives_a_report(live_incident, tmp_path: Path) -> None:
    async def cell(sickness: Sickness) -> tuple[Sickness, Report]:
        with FaultyProxy(live_incident.prometheus_port, sickness) as proxy:
            home = tmp_path / sickness.value
            return sickness, await asyncio.wait_for(investigated(proxy.address, live_incident.opensearch, home), 110)

    for sickness, report in await some_at_a_time(map(cell, SAYS)):
        assert SAYS[sickness] in missing(report, METRICS_TOOLS), (sickness, report.blind_spots)
        assert not broken(report, OPENSEARCH_TOOLS), (sickness, report.blind_spots)
        assert "broke" not in report.headline, sickness


async def test_a_sick_opensearch_still_gives_a_report(live_incident, tmp_path: Path) -> None:
    async def cell(sickness: Sickness) -> tuple[Sickness, Report]:
        with FaultyProxy(live_incident.opensearch_port, sickness) as proxy:
            home = tmp_path / sickness.value
            return sickness, await asyncio.wait_for(investigated(live_incident.prometheus, proxy.address, home), 110)

    for sickness, report in await some_at_a_time(cell(s) for s in SAYS if s not in ONLY_SERIES):
        assert SAYS[sickness] in missing(report, OPENSEARCH_TOOLS), (sickness, report.blind_spots)
        assert not broken(report, METRICS_TOOLS), (sickness, report.blind_spots)
        assert "broke" not in report.headline, sickness


async def test_a_sick_change_feed_still_gives_a_report(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/api/v1/applications").respond_with_json({"items": []})

    async def cell(sickness: Sickness) -> tuple[Sickness, Report]:
        with FaultyProxy(httpserver.port, sickness) as proxy:
            feeds = ChangeSettings(argocd=Backend(url=proxy.address, timeout_seconds=2.0))
            asked = reported(Settings(home=tmp_path / sickness.value, changes=feeds))
            return sickness, await asyncio.wait_for(asked, 110)

    cells = [cell(sickness) for sickness in SAYS if sickness not in (*ONLY_SERIES, NO_CHANGES)]
    for sickness, report in await some_at_a_time(cells):
        said = missing(report, CHANGE_TOOLS)
        assert SAYS[sickness] in said, (sickness, report.blind_spots)
        assert "Argo CD" in said, (sickness, report.blind_spots)


@pytest.mark.parametrize("sickness", [Sickness.HANG, Sickness.TRICKLE])
async def test_with_the_default_time_outs_a_report_comes_in_time(
    sickness: Sickness, live_incident, tmp_path: Path
) -> None:
    with (
        FaultyProxy(live_incident.prometheus_port, sickness) as prometheus,
        FaultyProxy(live_incident.opensearch_port, sickness) as opensearch,
    ):
        settings = Settings(
            home=tmp_path,
            prometheus=PrometheusSettings(url=prometheus.address),
            opensearch=OpenSearchSettings(url=opensearch.address),
            changes=ChangeSettings(argocd=Backend(url=prometheus.address)),
        )
        report = await asyncio.wait_for(reported(settings), 120)
    for tools in (METRICS_TOOLS, OPENSEARCH_TOOLS, CHANGE_TOOLS):
        assert SAYS[sickness] in missing(report, tools), report.blind_spots


async def test_when_everything_is_down_the_report_says_so(tmp_path: Path) -> None:
    report = await investigated("http://127.0.0.1:1", "http://127.0.0.1:1", tmp_path)
    assert "refused" in missing(report, METRICS_TOOLS)
    assert "refused" in missing(report, OPENSEARCH_TOOLS)
    assert not report.cause_found


@pytest.mark.parametrize("sickness", [Sickness.STATUS_503, Sickness.HANG])
async def test_a_sick_backend_is_asked_less(sickness: Sickness, live_incident, tmp_path: Path) -> None:
    with FaultyProxy(live_incident.prometheus_port, Sickness.NONE) as healthy:
        await investigated(healthy.address, live_incident.opensearch, tmp_path / "healthy")
    with FaultyProxy(live_incident.prometheus_port, sickness) as sick:
        await investigated(sick.address, live_incident.opensearch, tmp_path / "sick")
    assert 0 < sick.requests < healthy.requests
