"""What an undo would do is shown before anybody asks for it, exactly, and it changes nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.kubernetes_double import Kubernetes
from tests.signed_double import Signed
from tests.tools.actions import http_cases, script_cases
from tests.tools.actions.http_cases import KEY, OTHER
from tests.tools.actions.workload_cases import BY_NAME, actions, deployed, image, template
from tools.actions.placeholders import KEY_NOT_YET
from tools.actions.spec import ActionError, Target
from tools.actions.workloads.arguments import ScaleArguments

UNDO = {"url": "{0}/undo/{{undoes}}?by={{key}}", "body": {"undo": "{undoes}", "why": ["{change}"]}}


def test_a_call_that_takes_back_is_shown_and_names_what_it_takes_back(double: Signed):
    undo = {**UNDO, "url": str(UNDO["url"]).format(double.url)}
    spec = http_cases.action(double.url, undo=undo)
    done = spec.run(http_cases.ARGUMENTS, KEY)
    assert done.memo == KEY
    assert spec.undo is not None
    assert spec.undo_dry_run is not None
    before = len(double.requests)
    shown = spec.undo_dry_run(http_cases.ARGUMENTS, done.memo)
    assert shown.effect == f"sends POST {double.url}/undo/{KEY}?by={KEY_NOT_YET}"
    assert shown.lines == (f'with the body {{"undo":"{KEY}","why":["store@2"]}}',)
    assert len(double.requests) == before
    spec.undo(http_cases.ARGUMENTS, OTHER, done.memo)
    _, target, body, headers = double.requests[-1]
    assert (target, body) == (f"/undo/{KEY}?by={OTHER}", {"undo": KEY, "why": ["store@2"]})
    assert headers["Idempotency-Key"] == OTHER


@pytest.mark.parametrize("memo", ["", "../x", "a b", '{"id": 1}'])
def test_without_the_key_nothing_is_taken_back_by_key(double: Signed, memo: str):
    spec = http_cases.action(double.url, undo={**UNDO, "url": str(UNDO["url"]).format(double.url)})
    assert spec.undo is not None
    assert spec.undo_dry_run is not None
    for call in (
        lambda: spec.undo(http_cases.ARGUMENTS, OTHER, memo),  # type: ignore[misc]
        lambda: spec.undo_dry_run(http_cases.ARGUMENTS, memo),  # type: ignore[misc]
    ):
        with pytest.raises(ActionError, match=r"undoes|taken back"):
            call()
    assert double.requests == []


@pytest.mark.parametrize("part", ["url", "body", "dry_run", "check"])
def test_only_an_undo_takes_something_back(part: str):
    url = "http://127.0.0.1:1"
    wrong: dict[str, object] = {
        "url": f"{url}/{{undoes}}", "body": {"a": "{undoes}"}, "dry_run": {"url": f"{url}/{{undoes}}"},
        "check": {"url": f"{url}/{{key}}/{{undoes}}"},
    }  # fmt: skip
    with pytest.raises(ValidationError, match=r"there is no placeholder \{undoes\} here"):
        http_cases.action(url, **{part: wrong[part]})


def test_it_fits_though_no_verdict_has_the_key_of_what_is_taken_back(target: Callable[..., Target]):
    url = "http://127.0.0.1:1"
    spec = http_cases.action(url, undo={"url": f"{url}/{{undoes}}"})
    assert spec.fit(target()) is not None


def test_a_script_that_takes_back_is_shown_with_its_content(folder: Path):
    spec = script_cases.action(folder, undo=["roll.sh", "undo", "{entity}", "{undoes}"])
    memo = spec.run(script_cases.ARGUMENTS, KEY).memo
    assert spec.undo_dry_run is not None
    shown = spec.undo_dry_run(script_cases.ARGUMENTS, memo)
    assert (shown.effect, shown.lines) == (f"runs roll.sh undo store {KEY}", ())
    assert (folder / "state").read_text() == "old\n"
    script_cases.write(folder, "roll.sh", script_cases.ROLL + "# another\n")
    assert spec.undo_dry_run(script_cases.ARGUMENTS, memo).seen != shown.seen


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_the_way_forth_after_a_rollback_is_tried_and_shown(cluster: Kubernetes, kind: str):
    path, spec = deployed(cluster, kind), actions(cluster)["rollback_workload"]
    done = spec.run(BY_NAME, KEY)
    assert spec.undo_dry_run is not None
    for memo in (done.memo, ""):
        shown = spec.undo_dry_run(BY_NAME, memo)
        assert shown.effect == f"takes the rollback of {kind} shop/store back: from revision 3 to revision 2"
        assert "container web: image store:1 → store:2" in shown.lines
    assert (len(cluster.patches()), image(cluster, path)) == (1, "store:1")
    cluster.roll_out(path, template("store:3"))
    with pytest.raises(ActionError, match="rolled out anew"):
        spec.undo_dry_run(BY_NAME, done.memo)


def test_the_replicas_before_are_shown(cluster: Kubernetes):
    path, spec = deployed(cluster), actions(cluster)["scale_workload"]
    arguments = ScaleArguments(entity="store", namespace="shop")
    done = spec.run(arguments, KEY)
    assert spec.undo_dry_run is not None
    shown = spec.undo_dry_run(arguments, done.memo)
    assert (shown.effect, shown.lines[0]) == (
        "scales Deployment shop/store back from 6 to 3 replicas",
        "replicas 6 → 3",
    )
    assert cluster.objects[path]["spec"]["replicas"] == 6
    cluster.objects[path]["spec"]["replicas"] = 9
    with pytest.raises(ActionError, match="somebody else scales it"):
        spec.undo_dry_run(arguments, done.memo)


def test_whatever_has_an_undo_shows_it(cluster: Kubernetes, double: Signed, folder: Path):
    specs = [*actions(cluster).values(), http_cases.action(double.url), script_cases.action(folder)]
    specs += [http_cases.action(double.url, undo=None), script_cases.action(folder, undo=[])]
    assert all((spec.undo is None) == (spec.undo_dry_run is None) for spec in specs)
    assert {spec.name for spec in specs if spec.undo} == {
        "rollback_workload", "scale_workload", "revert_release", "roll"
    }  # fmt: skip
