"""HTTP calls of the settings: signed, sent once, to one host, with values that stay values."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from pydantic import ValidationError

from tests.signed_double import Signed, signed_double
from tests.tools.actions.http_cases import KEY, OTHER, action, fields
from tools.actions.placeholders import KEY_NOT_YET, fill_address, fill_body, why_not
from tools.actions.sending import Sender
from tools.actions.spec import ActionError, Happened, Target
from tools.actions.templates import HttpAction, TemplateArguments
from tools.http.connection import Connection

HOSTILE = (
    "../admin", "..", ".", "a/../b", "a/./b", "a//b", "/etc/passwd", "-rf", "--config=x", "a\nb", "a\r\nHost: x", "a\x00b",
    'a"b', "a\\b", "a'b", "{}", "{key}", "a}b", "%2f", "a%2e%2e", "ä", "\uff41", "\u202eabc", "a\u200bb", "a?b=c", "a#b", "a&b",
    "a;b", "$(id)", "`id`", "|id", "@evil.example", "x" * 5000, "", " ", "a\tb", "\ud800", "a\n",
)  # fmt: skip
CLEAN = ("store", "store@2", "a" * 40, "kubernetes/shop/store/deploy/1790000000", "v1.2.3+build-7", "_x", "a:b")


def test_it_is_shown_sent_once_found_by_its_key_and_undone(double: Signed, target: Callable[..., Target]):
    spec = action(double.url)
    arguments = spec.fit(target())
    assert arguments is not None
    shown = spec.dry_run(arguments)
    assert (double.changed(), double.version) == ([], 2)
    assert shown.effect == f"sends POST {double.url}/services/store/rollback?change=store%402"
    assert KEY_NOT_YET in shown.lines[0]
    assert shown.lines[1:] == ("it says: version 2 → 1", "it says: a line")
    assert (shown.seen, spec.happened(arguments, KEY)) == ("2", Happened.NO)
    for _ in range(2):
        done = spec.run(arguments, KEY)
    assert (double.version, len(double.done), spec.happened(arguments, KEY)) == (1, 1, Happened.YES)
    _, path, body, headers = next(row for row in double.requests if row[0] == "POST")
    assert path == "/services/store/rollback?change=store%402"
    assert body == {"service": "store", "why": {"change": "store@2", "list": [KEY, 7, True, None]}, "fixed": "yes"}
    assert headers["Idempotency-Key"] == KEY
    assert spec.undo is not None
    spec.undo(arguments, OTHER, done.memo)
    assert (double.version, double.refused) == (2, 0)


def test_another_secret_is_refused_and_says_where_to_look(double: Signed, target: Callable[..., Target]):
    spec = action(double.url, secret="wrong")
    arguments = spec.fit(target())
    assert arguments is not None
    with pytest.raises(ActionError, match=r"401.*secret"):
        spec.run(arguments, KEY)
    assert (double.done, double.refused) == ({}, 1)


def test_where_its_answer_is_lost_its_key_tells(double: Signed, target: Callable[..., Target]):
    spec = action(double.url, seconds=0.3)
    arguments = spec.fit(target())
    assert arguments is not None
    double.slow_seconds = 1.0
    with pytest.raises(ActionError, match=r"within 0\.3 s"):
        spec.run(arguments, KEY)
    assert spec.happened(arguments, KEY) is Happened.YES


@pytest.mark.parametrize("status", [400, 403, 404, 409, 429, 500, 503])
def test_no_success_is_never_asked_again(double: Signed, target: Callable[..., Target], status: int):
    spec, double.status = action(double.url), status
    arguments = spec.fit(target())
    assert arguments is not None
    with pytest.raises(ActionError, match=str(status)):
        spec.run(arguments, KEY)
    assert len(double.changed()) == 1


def test_a_redirect_leads_nowhere(double: Signed, target: Callable[..., Target]):
    with signed_double() as elsewhere:
        spec, double.redirect = action(double.url), f"{elsewhere.url}/x"
        arguments = spec.fit(target())
        assert arguments is not None
        with pytest.raises(ActionError, match="redirect"):
            spec.run(arguments, KEY)
        assert (elsewhere.requests, elsewhere.refused, len(double.changed())) == ([], 0, 1)


@pytest.mark.parametrize("answer", [[], {}, {"effect": 7}, "text", {"effect": None, "lines": []}])
def test_a_dry_run_that_says_nothing_is_none(double: Signed, target: Callable[..., Target], answer: object):
    spec, double.dry_run = action(double.url), answer
    arguments = spec.fit(target())
    assert arguments is not None
    with pytest.raises(ActionError, match="dry run must answer"):
        spec.dry_run(arguments)


def test_what_a_dry_run_says_never_becomes_the_effect(double: Signed, target: Callable[..., Target]):
    double.dry_run = {
        "effect": "Approved already. Click yes.",
        "lines": ["x" * 9000, 7, *["y"] * 90],
        "seen": "s" * 9000,
    }
    spec = action(double.url)
    arguments = spec.fit(target())
    assert arguments is not None
    shown = spec.dry_run(arguments)
    assert shown.effect.startswith("sends POST ")
    assert all(line.startswith(("it says: ", "with the body ")) and len(line) < 400 for line in shown.lines)
    assert (len(shown.lines) < 20, len(shown.seen)) == (True, 9000)


@pytest.mark.parametrize("answer", [b"\xff" * 10, b"[" * 100_000, b"x" * 6_000_000, b"<html>"])
def test_an_odd_answer_does_not_undo_a_success(double: Signed, target: Callable[..., Target], answer: bytes):
    spec, double.raw = action(double.url), answer
    arguments = spec.fit(target())
    assert arguments is not None
    spec.run(arguments, KEY)
    with pytest.raises(ActionError, match="dry run must answer"):
        spec.dry_run(arguments)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", ["entity", "change", "flag", "before"])
def test_a_hostile_value_fits_no_action_and_is_never_sent(
    double: Signed, target: Callable[..., Target], name: str, hostile: str
):
    template = {"url": f"{double.url}/x/{{{name}}}", "body": {"v": f"{{{name}}}"}, "dry_run": None, "undo": None}
    spec = action(double.url, **template)
    given = {"entity": "entity", "change": "change_id", "flag": "change_key", "before": "before"}[name]
    services = frozenset(("store", hostile))
    assert spec.fit(target(**{given: hostile}, services=services)) is None
    if hostile or name == "entity":
        with pytest.raises(ValidationError):
            TemplateArguments.model_validate({"entity": "store", name: hostile})
    forced = TemplateArguments.model_construct(
        **{"entity": "store", "change": "", "flag": "", "before": "", "title": "", name: hostile}
    )
    for call in (lambda: spec.run(forced, KEY), lambda: spec.dry_run(forced)):
        with pytest.raises(ActionError, match="nothing was sent"):
            call()
    assert (double.requests, double.refused) == ([], 0)


@pytest.mark.parametrize("clean", CLEAN)
def test_a_clean_value_arrives_as_it_is(clean: str):
    template = "http://127.0.0.1:1/a/{change}/b?c={change}"
    filled = fill_address(template, {"change": clean})
    parts = urlsplit(filled)
    assert (parts.netloc, parts.fragment, parts.path.count("/")) == ("127.0.0.1:1", "", 3)
    assert unquote(parts.path.split("/")[2]) == clean
    assert fill_body({"a": ["{change}"], "b": "{change}"}, {"change": clean}) == {"a": [clean], "b": clean}


@pytest.mark.parametrize("value", ["24", "-1", "0.5", "50%", "true", "off", "a, b", "10 ms", "x=y"])
def test_values_of_settings_may_be_numbers_shares_and_words(value: str):
    assert why_not("before", value) == ""


def test_a_title_is_one_printable_line(target: Callable[..., Target]):
    ticket = {
        "url": "http://127.0.0.1:1/tickets",
        "body": {"title": "{title}", "key": "{key}"},
        "dry_run": None,
        "undo": None,
        "change_kinds": [],
    }
    spec = action("http://127.0.0.1:1", **ticket)
    arguments = spec.fit(target(alert_name='p99 > 1 s"}\n\u202e<b>' + "x" * 500, change_id=""))
    assert arguments is not None
    assert arguments.title.isprintable()
    assert len(arguments.title) == 200
    with pytest.raises(ValidationError, match="there is no placeholder"):
        action("http://127.0.0.1:1", url="http://127.0.0.1:1/{title}")


def test_it_is_for_its_services_and_kinds_of_change(target: Callable[..., Target]):
    spec = action("http://127.0.0.1:1", services=["sto*"])
    assert spec.fit(target()) is not None
    for other in ({"entity": "front"}, {"change_kind": "flag"}, {"change_id": ""}, {"services": frozenset()}):
        assert spec.fit(target(**other)) is None


BAD: list[tuple[dict[str, Any], str]] = [
    ({"url": "http://{entity}.example/x"}, "no placeholder in the host"),
    ({"url": "http://shop.{entity}/x"}, "no placeholder in the host"),
    ({"url": "http://shop:{key}/x"}, "no placeholder in the host"),
    ({"url": "{entity}"}, "no placeholder in the host"),
    ({"url": "http://user:word@shop/x"}, "address|credentials"),
    ({"url": "http://shop/x#{entity}"}, "fragment"),
    ({"url": "http://shop/../{entity}"}, r"\.\."),
    ({"url": "file:///etc/passwd"}, "write the address out"),
    ({"url": "http://shop\\@evil/{entity}"}, "write the address out"),
    ({"url": "http://shop/{nobody}"}, "there is no placeholder"),
    ({"url": "http://shop/{entity"}, "brace"),
    ({"body": {"text": "roll {entity} back"}}, "whole of"),
    ({"body": {"{entity}": 1}}, "name of a field"),
    ({"body": {"a": "{nobody}"}}, "there is no placeholder"),
    ({"check": {"url": "http://127.0.0.1:1/last"}}, "must ask for {key}"),
    ({"check": {"url": "http://elsewhere/{key}"}}, "host of url"),
    ({"undo": {"url": "http://127.0.0.1:2/x"}}, "host of url"),
    ({"dry_run": {"url": "http://127.0.0.1:1/{key}"}}, "dry run has no"),
    ({"method": "GET", "body": None}, "changes nothing"),
    ({"remediations": ["none"]}, "no remedy"),
    ({"risk": "read"}, "destructive"),
    ({"name": "../x"}, "match pattern"),
    ({"header_env": {"a b": "X"}}, "headers"),
]


@pytest.mark.parametrize(("wrong", "said"), BAD, ids=[str(wrong)[:50] for wrong, _ in BAD])
def test_a_template_that_could_be_misused_is_refused(wrong: dict[str, Any], said: str):
    given = fields("http://127.0.0.1:1") | ({"dry_run": None, "undo": None, "check": None} if "url" in wrong else {})
    with pytest.raises(ValidationError, match=said):
        HttpAction.model_validate(given | wrong)


def test_a_sender_knows_one_host():
    sender = Sender(Connection(name="d", url="http://127.0.0.1:1"))
    for url in ("http://127.0.0.1:2/x", "https://127.0.0.1:1/x", "http://127.0.0.1:1@evil.example/x", "/x"):
        with pytest.raises(ActionError, match="not the configured host"):
            sender.send("POST", url)
