"""How Prometheus is reached, and what its relatives and bad answers are taken for."""

import base64
import ssl
from pathlib import Path

import pytest
import trustme

from tests.prometheus_server import END, queried, tools_at
from tests.tools.fake_prometheus import MATRIX, SERIES, Fake, served
from tools.http.errors import BackendError
from tools.spec import Absent, Empty, ExtraTool, ListMetrics, LookAt, Rows, ToolError, ToolName

TARGETS = {
    "activeTargets": [
        {
            "labels": {"job": "api", "instance": "a:1"},
            "health": "up",
            "lastError": "",
            "lastScrape": "2026",
            "lastScrapeDuration": 0.1,
            "scrapeInterval": "15s",
        },
        {
            "labels": {"job": "web", "instance": "b:1"},
            "health": "down",
            "lastError": "connection refused",
            "lastScrape": "2026",
            "lastScrapeDuration": 10,
            "scrapeInterval": "15s",
        },
    ]
}
RULES = {
    "groups": [
        {"rules": [{"name": "Slow", "query": "p99 > 1", "alerts": [{"labels": {"alertname": "Slow", "severity": "page", "service": "api"}, "annotations": {"summary": "api is slow"}, "state": "firing", "activeAt": "2026", "value": "2e+00"}]}, {"name": "Calm", "query": "up == 0", "alerts": []}]}
    ]
}  # fmt: skip
EXEMPLARS = [
    {"seriesLabels": {"__name__": "d_seconds_bucket", "service": "api"}, "exemplars": [{"labels": {"trace_id": "abc"}, "value": "0.5", "timestamp": END - 10}, {"labels": {"traceID": "def"}, "value": "7", "timestamp": END - 9}]}
]  # fmt: skip


BASIC = "Basic " + base64.b64encode(b"ana:secret").decode()


@pytest.mark.parametrize(
    ("header", "value", "connection"),
    [
        ("Authorization", "Bearer t0ken", {"token": "t0ken"}),
        ("Authorization", BASIC, {"username": "ana", "password": "secret"}),
        ("X-Scope-OrgID", "team-a", {"headers": {"X-Scope-OrgID": "team-a"}}),
    ],
)
def test_every_request_shows_who_asks(header: str, value: str, connection: dict[str, object]) -> None:
    fake = Fake(allowed=lambda headers: headers.get(header) == value)
    with served(fake) as address:
        assert queried(tools_at(address, **connection)).body.keys
        with pytest.raises(BackendError, match="401"):
            queried(tools_at(address))


@pytest.mark.parametrize("prefix", ["/prometheus", "/select/0/prometheus", "/a/b/c"])
def test_an_address_may_have_a_path(prefix: str) -> None:
    fake = Fake(prefix=prefix)
    with served(fake) as address:
        assert queried(tools_at(address)).body.keys
        assert queried(tools_at(address + "/")).body.keys
    assert all(path.startswith(f"{prefix}/api/v1/") for path in fake.seen)


def test_a_certificate_of_an_own_authority_is_trusted_where_it_is_named(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    with served(Fake(), context) as address:
        assert queried(tools_at(address, ca_file=str(file))).body.keys
        with pytest.raises(BackendError, match="cannot be trusted"):
            queried(tools_at(address))


def test_a_relative_without_metadata_targets_rules_and_exemplars_still_has_series() -> None:
    with served(
        Fake(
            {
                "/metadata": None,
                "/values": ["queue_depth", "d_seconds_bucket"],
                "/series": [*SERIES, {"__name__": "d_seconds_bucket", "service": "api"}],
            }
        )
    ) as address:
        tools = tools_at(address)
        assert queried(tools).body.keys
        for tool in (ExtraTool.LIST_TARGETS, ExtraTool.LIST_FIRING, ExtraTool.LIST_EXEMPLARS):
            assert isinstance(tools[tool].run(LookAt(around=END)), Absent)


def test_an_address_without_the_api_is_a_failure_that_names_the_remedy() -> None:
    with served(Fake(prefix="/prometheus")) as address, pytest.raises(BackendError, match=r"404.*path prefix"):
        queried(tools_at(address.removesuffix("/prometheus")))


@pytest.mark.parametrize("body", ["text", {"no": "list"}, 7, [{"metric": {}}]])
@pytest.mark.parametrize("end", ["/values", "/series", "/query_range"])
def test_json_of_another_shape_is_a_failure_or_nothing(end: str, body: object) -> None:
    with served(Fake({end: body})) as address:
        tools = tools_at(address)
        try:
            answer = tools[ToolName.LIST_METRICS].run(ListMetrics(around=END))
        except ToolError as error:
            assert "Prometheus" in str(error)
        else:
            assert isinstance(answer, Empty)


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_values_that_are_no_numbers_are_nothing(value: str) -> None:
    matrix = [{**MATRIX[0], "values": [[END - 30, value], [END - 15, value]]}]
    with served(Fake({"/query_range": {"result": matrix}})) as address:
        tools = tools_at(address)
        assert isinstance(tools[ToolName.LIST_METRICS].run(ListMetrics(around=END)), Empty)


def test_targets_show_the_sick_ones_first() -> None:
    with served(Fake({"/targets": TARGETS})) as address:
        answer = tools_at(address)[ExtraTool.LIST_TARGETS].run(LookAt(around=END))
        assert isinstance(answer, Rows)
        assert [row[2:5] for row in answer.body.rows] == [("web", "down", "connection refused"), ("api", "up", "")]
        one = tools_at(address)[ExtraTool.LIST_TARGETS].run(LookAt(around=END, entities=("api",)))
        assert [row[0] for row in one.body.rows] == ["api"]


def test_firing_alerts_come_with_the_expression_of_their_rule() -> None:
    with served(Fake({"/rules": RULES})) as address:
        answer = tools_at(address)[ExtraTool.LIST_FIRING].run(LookAt(around=END))
        assert answer.body.rows == (("Slow", "page", "api", "firing", "2026", "2e+00", "p99 > 1", "api is slow"),)
        assert isinstance(tools_at(address)[ExtraTool.LIST_FIRING].run(LookAt(around=END, entities=("web",))), Empty)


def test_exemplars_lead_to_the_slowest_traces_first() -> None:
    series = [{"__name__": "d_seconds_bucket", "service": "api", "le": "1"}]
    with served(Fake({"/values": ["d_seconds_bucket"], "/series": series, "/query_exemplars": EXEMPLARS})) as address:
        answer = tools_at(address)[ExtraTool.LIST_EXEMPLARS].run(LookAt(around=END, entities=("api",)))
        assert [row[2:4] for row in answer.body.rows] == [(7.0, "def"), (0.5, "abc")]
