"""What a Prometheus could not tell is named, and never taken for "there is nothing"."""

from http import HTTPStatus

import numpy as np
import pytest

from tests.prometheus_server import END, queried, tools_at
from tests.tools.fake_prometheus import MATRIX, SERIES, STAMPS, Fake, served
from tools.http.connection import Connection
from tools.http.guard import Guard
from tools.metrics.api import PrometheusApi
from tools.metrics.policy import MetricPolicy
from tools.prometheus import Prometheus
from tools.spec import (
    Empty,
    ExtraTool,
    ListMetrics,
    LookAt,
    MetricCatalogue,
    QueryMetrics,
    QueryPromql,
    Rows,
    ToolError,
    ToolName,
)

THANOS = {"warnings": ["store sidecar-2 is unreachable"]}
VICTORIA = {"isPartial": True}
HOUR = QueryMetrics(start=END - 3600, end=END)
NOBODY = QueryMetrics(start=END - 3600, end=END, entities=("nobody",))


@pytest.mark.parametrize(("beside", "says"), [(THANOS, "sidecar-2 is unreachable"), (VICTORIA, "partial")])
@pytest.mark.parametrize("end", ["/values", "/series", "/query_range"])
def test_an_answer_in_part_says_so(beside: dict[str, object], says: str, end: str) -> None:
    with served(Fake(beside={end: beside})) as address:
        tools = tools_at(address)
        assert says in queried(tools).note
        listed = tools[ToolName.LIST_METRICS].run(ListMetrics(around=END))
        assert isinstance(listed, Rows)
        assert says in listed.note


def test_an_answer_in_part_that_has_nothing_is_a_failure() -> None:
    for end in ("/values", "/series"):
        with served(Fake({end: []}, {end: THANOS})) as address, pytest.raises(ToolError, match="sidecar-2"):
            tools_at(address)[ToolName.QUERY_METRICS].run(HOUR)
    with served(Fake(beside={"/series": VICTORIA})) as address, pytest.raises(ToolError, match="partial"):
        tools_at(address)[ToolName.QUERY_METRICS].run(NOBODY)
    query = QueryPromql(start=END - 60, end=END, query="up")
    fake = Fake({"/query_range": {"result": []}}, {"/query_range": THANOS})
    with served(fake) as address, pytest.raises(ToolError, match="sidecar-2"):
        tools_at(address)[ExtraTool.QUERY_PROMQL].run(query)


def test_nothing_in_a_whole_answer_stays_empty() -> None:
    with served(Fake(beside={"/series": {"warnings": [], "isPartial": False}})) as address:
        assert isinstance(tools_at(address)[ToolName.QUERY_METRICS].run(NOBODY), Empty)


def test_tables_in_part_say_so() -> None:
    targets = {"activeTargets": [{"labels": {"job": "api"}, "health": "up"}]}
    with served(Fake({"/targets": targets}, {"/targets": THANOS})) as address:
        tool = tools_at(address)[ExtraTool.LIST_TARGETS]
        assert "sidecar-2" in tool.run(LookAt(around=END)).note
        with pytest.raises(ToolError, match="sidecar-2"):
            tool.run(LookAt(around=END, entities=("nobody",)))
    fake = Fake({"/rules": {"groups": []}}, {"/rules": THANOS})
    with served(fake) as address, pytest.raises(ToolError, match="sidecar-2"):
        tools_at(address)[ExtraTool.LIST_FIRING].run(LookAt(around=END))


def test_a_warning_is_of_the_answer_that_it_came_with() -> None:
    fake = Fake(beside={"/query_range": THANOS})
    with served(fake) as address:
        tool = tools_at(address)[ExtraTool.QUERY_PROMQL]
        asked = QueryPromql(start=END - 60, end=END, query="queue_depth")
        assert "sidecar-2" in tool.run(asked).note
        fake.beside.clear()
        assert tool.run(asked).note == ""


@pytest.mark.parametrize("status", [HTTPStatus.FORBIDDEN, HTTPStatus.INTERNAL_SERVER_ERROR])
def test_without_metadata_types_are_read_from_names(status: HTTPStatus) -> None:
    with served(Fake({"/metadata": status})) as address:
        note = queried(tools_at(address)).note
    assert "types are read from names alone" in note
    assert str(status.value) in note


class _Late:
    """A clock that stands until the label sets were read, and is then beyond every deadline of discovery."""

    def __init__(self, fake: Fake) -> None:
        self._fake = fake

    def __call__(self) -> float:
        return 20.0 if any(path.endswith("/series") for path in self._fake.seen) else 0.0


def test_labels_stay_known_when_the_time_ends_before_the_distance_of_samples_is() -> None:
    fake = Fake()
    with served(fake) as address:
        connection = Connection(name="Prometheus", url=address)
        api = PrometheusApi(connection, Guard("Prometheus", 4, 10.0))
        source = Prometheus(api, MetricPolicy(), lambda: END, _Late(fake))
        listed = source.list_metrics(ListMetrics(around=END))
        assert isinstance(listed, Rows)
        assert isinstance(listed.body, MetricCatalogue)
        assert listed.body.metrics == (("api", ("queue_depth",)),)
        assert listed.body.end == END
        assert "how far samples lie apart is not known" in listed.note
        answer = source.query_metrics(HOUR)
    assert isinstance(answer, Rows)
    assert set(np.diff(answer.body.times)) == {15.0}


def test_matchers_are_in_every_selector() -> None:
    fake = Fake()
    policy = MetricPolicy(matchers={"cluster": 'pr"od', "env": "live"})
    with served(fake) as address:
        queried(tools_at(address, policy))
    wanted = 'cluster="pr\\"od",env="live"'
    said = [text for asked in fake.asked for name in ("query", "match[]") for text in asked.get(name, ())]
    assert len(said) >= 5
    for text in said:
        assert text.count(wanted) == text.count("{") > 0, text


def test_a_matcher_that_is_no_label_is_refused() -> None:
    with pytest.raises(ValueError, match="label"):
        MetricPolicy(matchers={"a-b": "x"})


def test_the_slowest_scraped_job_of_a_name_sets_how_far_rates_look_back() -> None:
    """The cart is scraped every 15 s and the checkout every 60 s, under one name."""

    class Two(Fake):
        def answer(self, url, headers):  # type: ignore[no-untyped-def]
            found = super().answer(url, headers)
            query = self.asked[-1].get("query", [""])[0]
            if "timestamp" in query:
                stamps = [[END - at, str(END - at)] for at in (3600, 15)]
                return 200, {"status": "success", "data": {"result": [{**STAMPS[0], "values": stamps}]}}
            if "count_over_time" in query:
                jobs = [job for job in ("cart", "checkout") if f'job="{job}"' in query]
                length = int(query.split("[")[1].split("s]")[0])
                result = [
                    {"metric": {"pcause_row": str(row)}, "values": [[END, str(length // {"cart": 15, "checkout": 60}[job])]]}
                    for row, job in enumerate(jobs)
                ]  # fmt: skip
                return 200, {"status": "success", "data": {"result": result}}
            return found

    name = "http_requests_total"
    series = [{"__name__": name, "service": job, "job": job} for job in ("cart", "checkout")]
    fake = Two({"/values": [name], "/series": series})
    with served(fake) as address:
        tools_at(address)[ToolName.QUERY_METRICS].run(HOUR)
    rates = [text for asked in fake.asked for text in asked.get("query", ()) if "rate(" in text]
    assert rates
    assert all("[132s]" in text for text in rates), rates


def test_a_query_that_begins_off_the_grid_has_all_of_its_values() -> None:
    class Each(Fake):
        def answer(self, url, headers):  # type: ignore[no-untyped-def]
            found = super().answer(url, headers)
            asked = {
                name: float(texts[0]) for name, texts in self.asked[-1].items() if name in ("start", "end", "step")
            }
            times = np.arange(asked["start"], asked["end"] + 1e-6, asked["step"])
            result = [{"metric": SERIES[0], "values": [[float(time), "1"] for time in times]}]
            return found[0], {"status": "success", "data": {"result": result}}

    with served(Each()) as address:
        tool = tools_at(address)[ExtraTool.QUERY_PROMQL]
        for off, step in ((7.0, 15.0), (7.5, 15.0), (1.0, 0.0), (59.0, 60.0)):
            asked = QueryPromql(start=END - 3600 + off, end=END, query="queue_depth", step_seconds=step)
            assert np.isfinite(tool.run(asked).body.values).all()
        moment = tool.run(QueryPromql(start=END + 7, end=END + 7, query="queue_depth"))
        assert moment.body.values.shape == (1, 1)


@pytest.mark.parametrize("odd", ["odd", 7, ["a"], None])
def test_labels_of_another_shape_are_none(odd: object) -> None:
    answers = {
        "/targets": {"activeTargets": [{"labels": odd, "health": "down"}]},
        "/rules": {"groups": [{"rules": [{"name": "Slow", "alerts": [{"labels": odd, "annotations": odd}, odd]}]}]},
        "/values": ["d_seconds_bucket"],
        "/series": [{"__name__": "d_seconds_bucket", "service": "api"}],
        "/query_exemplars": [
            {"seriesLabels": odd, "exemplars": [{"labels": odd, "value": "1", "timestamp": END}, odd]}
        ],
    }
    with served(Fake(answers)) as address:
        tools = tools_at(address)
        for tool in (ExtraTool.LIST_TARGETS, ExtraTool.LIST_FIRING, ExtraTool.LIST_EXEMPLARS):
            assert isinstance(tools[tool].run(LookAt(around=END)), Rows)


def test_a_series_without_a_name_for_its_entity_is_no_entity() -> None:
    labels = ({"app": "web", "pcause_row": "0"}, {"service": "api", "pcause_row": "1"})
    found = [{**MATRIX[0], "metric": one} for one in (*labels, {"service": "unknown", "pcause_row": "1"})]
    series = [*SERIES, {"__name__": "queue_depth", "service": "unknown", "app": "web"}]
    fake = Fake({"/series": series, "/query_range": {"result": found}})
    with served(fake) as address:
        answer = queried(tools_at(address))
    assert {key.entity for key in answer.body.keys} == {"api", "web"}
    asked = [text for one in fake.asked for text in one.get("query", ()) if "max by (app)" in text]
    assert asked
    assert all('service=~"|unknown"' in text for text in asked)
