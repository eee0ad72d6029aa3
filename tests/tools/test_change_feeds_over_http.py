"""GitHub, Argo CD and MLflow as they answer over a real connection."""

import itertools
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlencode

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from diagnosis.telemetry import ChangeKind, Window
from tools.change_feeds import github, lateness, mlflow
from tools.change_feeds.argocd import ArgoCdFeed
from tools.change_feeds.github import GitHubFeed
from tools.change_feeds.mlflow import MlflowFeed
from tools.changes import ChangeFeed, change_tools
from tools.spec import Failed, ListChanges, ToolError

Fetch = Callable[[str, Mapping[str, str]], object]
NOON = 1_795_521_600.0  # 2026-11-24T12:00:00Z
HOUR = Window(NOON - 3_600, NOON + 3_600)
SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def fetch(httpserver: HTTPServer) -> Fetch:
    def get(path: str, parameters: Mapping[str, str]) -> object:
        query = f"?{urlencode(parameters)}" if parameters else ""
        try:
            with urllib.request.urlopen(httpserver.url_for(path) + query, timeout=5) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise ToolError(f"answered {error.code}") from error

    return get


def paged(pages: Mapping[str, object], parameter: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        return Response(json.dumps(pages.get(request.args.get(parameter, ""), [])), content_type="application/json")

    return answer


DEPLOYMENT = {
    "id": 42, "sha": SHA, "ref": "main", "task": "deploy", "payload": {"service": "store"}, "environment": "production",
    "description": None, "creator": {"login": "ann"}, "created_at": "2026-11-24T11:50:00Z", "statuses_url": "http://192.0.2.1/never",
}  # fmt: skip
BASE = "/repos/org/shop/deployments"


def status(state: str, time: str) -> dict[str, str]:
    return {"state": state, "created_at": f"2026-11-24T{time}Z", "target_url": "http://192.0.2.1/never"}


def test_a_github_deployment_counts_from_its_success(httpserver: HTTPServer, fetch: Fetch):
    httpserver.expect_request(BASE).respond_with_json([DEPLOYMENT])
    told = [status("inactive", "12:30:00"), status("success", "12:00:00"), status("in_progress", "11:55:00")]
    httpserver.expect_request(f"{BASE}/42/statuses").respond_with_json(told)
    (found,) = GitHubFeed("org/shop", fetch).changes(HOUR)
    assert (found.kind, found.id, found.time, found.entity) == (ChangeKind.DEPLOY, "github/org/shop/42", NOON, "store")
    assert (found.commit, found.version, found.author, found.title) == (
        SHA,
        "main",
        "ann",
        "deploy of store to production",
    )


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ([status("in_progress", "11:55:00")], "(under way)"),
        ([status("failure", "12:00:00"), status("in_progress", "11:55:00")], "(failed)"),
        ([status("queued", "11:55:00"), status("pending", "11:56:00")], None),
        ([], None),
    ],
)
def test_a_github_deployment_without_success_counts_once_it_began(
    httpserver: HTTPServer, fetch: Fetch, statuses: object, outcome: str | None
):
    httpserver.expect_request(BASE).respond_with_json([DEPLOYMENT])
    httpserver.expect_request(f"{BASE}/42/statuses").respond_with_json(statuses)
    found = GitHubFeed("org/shop", fetch).changes(HOUR)
    assert [change.title.rpartition(" (")[2] for change in found] == ([outcome.lstrip("(")] if outcome else [])


@pytest.mark.parametrize(
    ("more", "entity"),
    [
        ({"payload": '{"app": "cart"}'}, "cart"),
        ({"payload": "", "task": "deploy:cart"}, "cart"),
        ({"payload": ""}, "shop"),
    ],
)
def test_what_github_deployed_is_in_payload_task_or_repository(
    httpserver: HTTPServer, fetch: Fetch, more: dict[str, str], entity: str
):
    httpserver.expect_request(f"{BASE}/42").respond_with_json({**DEPLOYMENT, **more})
    httpserver.expect_request(f"{BASE}/42/statuses").respond_with_json([status("success", "12:00:00")])
    found = GitHubFeed("org/shop", fetch).read("github/org/shop/42")
    assert found is not None and found.entity == entity


def test_github_pages_are_read_until_too_old_and_never_without_end(httpserver: HTTPServer, fetch: Fetch):
    full = [{**DEPLOYMENT, "created_at": "2026-11-25T00:00:00Z"}] * 100
    httpserver.expect_request(BASE).respond_with_handler(paged({str(n): full for n in range(1, 1000)}, "page"))
    assert GitHubFeed("org/shop", fetch).changes(HOUR) == ()
    assert len(httpserver.log) == github.MOST_PAGES
    assert parse_qs(httpserver.log[-1][0].query_string.decode()) == {"per_page": ["100"], "page": ["10"]}


def test_github_stops_at_deployments_older_than_the_window(httpserver: HTTPServer, fetch: Fetch):
    old = [{**DEPLOYMENT, "created_at": "2026-11-01T00:00:00Z"}] * 100
    httpserver.expect_request(BASE).respond_with_json(old)
    assert GitHubFeed("org/shop", fetch).changes(HOUR) == ()
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("id", ["github/org/shop/x", "github/org/shop/../secrets", "github/org/other/42", SHA, ""])
def test_an_id_that_is_not_of_this_repository_is_not_asked_for(httpserver: HTTPServer, fetch: Fetch, id: str):
    assert GitHubFeed("org/shop", fetch).read(id) is None
    assert httpserver.log == []


@pytest.mark.parametrize("repository", ["shop", "a/b/c", "org/shop?x=1", "org/sh op", ""])
def test_a_repository_of_another_form_is_refused(fetch: Fetch, repository: str):
    with pytest.raises(ValueError, match="write owner/name"):
        GitHubFeed(repository, fetch)


APPLICATION = {
    "metadata": {"name": "store", "namespace": "argocd"},
    "status": {
        "summary": {"images": ["registry.example:5000/shop/store:1.4"]},
        "history": [
            {"id": 6, "revision": "f" * 40, "deployedAt": "2026-11-20T12:00:00Z", "initiatedBy": {"automated": True}},
            {"id": 7, "revision": SHA, "deployedAt": "2026-11-24T12:00:00Z", "initiatedBy": {"username": "ann"}},
        ],
    },
}  # fmt: skip


def test_argo_syncs_tell_revision_before_and_after(httpserver: HTTPServer, fetch: Fetch):
    httpserver.expect_request("/api/v1/applications").respond_with_json({"items": [APPLICATION]})
    feed = ArgoCdFeed(fetch)
    (found,) = feed.changes(HOUR)
    assert (found.id, found.time, found.entity, found.author) == ("argocd/argocd/store/7", NOON, "store", "ann")
    assert (found.commit, found.version, found.before, found.after) == (SHA, "1.4", "f" * 40, SHA)
    assert feed.read(found.id) == found and feed.read("argocd/argocd/store/8") is None


def test_an_argo_chart_version_is_a_version_and_no_commit(httpserver: HTTPServer, fetch: Fetch):
    history = [{"id": 1, "revisions": ["4.1.0", "x"], "deployedAt": "2026-11-24T12:00:00Z"}]
    httpserver.expect_request("/api/v1/applications").respond_with_json(
        {"items": [{"metadata": {"name": "db"}, "status": {"history": history}}]}
    )
    (found,) = ArgoCdFeed(fetch).changes(HOUR)
    assert (found.version, found.commit) == ("4.1.0", "")


def test_an_argo_without_applications_has_no_changes(httpserver: HTTPServer, fetch: Fetch):
    httpserver.expect_request("/api/v1/applications").respond_with_json({"metadata": {}, "items": None})
    assert ArgoCdFeed(fetch).changes(HOUR) == ()


def registry(httpserver: HTTPServer, versions: Mapping[str, object]) -> None:
    models = {"registered_models": [{"name": "ranker", "aliases": [{"alias": "champion", "version": "10"}]}]}
    httpserver.expect_request("/api/2.0/mlflow/registered-models/search").respond_with_json(models)
    httpserver.expect_request("/api/2.0/mlflow/model-versions/search").respond_with_handler(
        paged(versions, "page_token")
    )


def version(number: str, created: float, **more: object) -> dict[str, object]:
    times = {"creation_timestamp": int(created * 1000), "last_updated_timestamp": int(created * 1000)}
    return {"name": "ranker", "version": number, "user_id": "ann", "current_stage": "None", **times, **more}


def test_model_versions_are_settings_with_the_version_before(httpserver: HTTPServer, fetch: Fetch):
    moved = version("9", NOON - 90_000, last_updated_timestamp=int((NOON + 60) * 1000), current_stage="Production")
    pages = {
        "": {"model_versions": [version("10", NOON)], "next_page_token": "t/2&x"},
        "t/2&x": {"model_versions": [moved]},
    }
    registry(httpserver, pages)
    feed = MlflowFeed(fetch)
    moved_change, registered = sorted(feed.changes(HOUR), key=lambda change: -change.time)
    assert (registered.kind, registered.id, registered.time) == (ChangeKind.CONFIG, "mlflow/ranker/10", NOON)
    assert (registered.before, registered.after, registered.entity) == ("9", "10", "ranker")
    assert registered.title == "model ranker: version 10 registered (alias champion)"
    assert (moved_change.id, moved_change.after) == ("mlflow/ranker/9/Production", "Production")
    assert feed.read("mlflow/ranker/10") == registered and feed.read("mlflow/ranker/11") is None


def test_mlflow_pages_have_an_end(httpserver: HTTPServer, fetch: Fetch):
    registry(httpserver, {token: {"model_versions": [], "next_page_token": "again"} for token in ("", "again")})
    assert MlflowFeed(fetch).changes(HOUR) == ()
    assert len(httpserver.log) == 1 + mlflow.MOST_PAGES


@pytest.mark.parametrize("name", ["GitHub", "MLflow"])
def test_a_feed_stops_asking_when_nobody_waits_any_more(name: str, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    clock = itertools.count(0.0, 10.0)
    monkeypatch.setattr(lateness.in_time, "__defaults__", (lambda: next(clock),))

    def slow(path: str, parameters: Mapping[str, str]) -> object:
        asked.append(path)
        if name == "MLflow":
            return {"next_page_token": "more"}
        return [{**DEPLOYMENT, "id": n} for n in range(100)] if path == BASE else []

    with pytest.raises(ToolError, match="no answer within 25 s"):
        FEEDS[name](slow).changes(HOUR)
    assert len(asked) == 2


FEEDS = {"GitHub": lambda fetch: GitHubFeed("org/shop", fetch), "Argo CD": ArgoCdFeed, "MLflow": MlflowFeed}


@pytest.mark.parametrize("name", FEEDS)
@pytest.mark.parametrize("code", [401, 403, 404, 429, 500])
def test_a_refusal_is_a_named_failure(httpserver: HTTPServer, fetch: Fetch, name: str, code: int):
    httpserver.expect_request(re.compile(".*")).respond_with_data("<html>no</html>", status=code)
    feed: ChangeFeed = FEEDS[name](fetch)
    answer = change_tools([feed])["list_changes"].run(ListChanges(start=HOUR.start, end=HOUR.end))
    assert isinstance(answer, Failed) and name in answer.reason and str(code) in answer.reason


@pytest.mark.parametrize("name", FEEDS)
@pytest.mark.parametrize("garbage", [7, "text", None, [[]], [None, 3, {"id": []}], {"items": 3}, {"items": [None, {"status": {"history": [1, {"id": {}}]}}]},
                                     {"model_versions": [1, {"name": "x", "version": "²"}], "registered_models": {"a": 1}, "next_page_token": [1]}])  # fmt: skip
def test_garbage_gives_no_change_or_a_failure_that_explains(
    httpserver: HTTPServer, fetch: Fetch, name: str, garbage: object
):
    httpserver.expect_request("/garbage").respond_with_json(garbage)
    feed: ChangeFeed = FEEDS[name](lambda path, parameters: fetch("/garbage", {}))
    try:
        assert feed.changes(HOUR) == ()
    except ToolError as error:
        assert name in str(error)
