"""A person sees all of what would be sent or run, or is not asked."""

import json
from pathlib import Path

import pytest

from tests.signed_double import Signed
from tests.tools.actions import http_cases, script_cases
from tests.tools.actions.http_cases import ARGUMENTS
from tools.actions.placeholders import KEY_NOT_YET
from tools.actions.spec import MOST_LINES, ActionError
from tools.actions.templates import HttpAction


def body_of(letters: int) -> dict[str, object]:
    return {"at": "{entity}", "text": "".join(chr(97 + at % 26) for at in range(letters)), "last": "{key}"}


@pytest.mark.parametrize("letters", [0, 200, 300, 1000, 4000])
def test_a_body_is_shown_whole(double: Signed, letters: int):
    shown = http_cases.action(double.url, body=body_of(letters)).dry_run(ARGUMENTS)
    said = [line for line in shown.lines if line.startswith("it says: ")]
    whole = "".join(line for line in shown.lines if line not in said)
    assert json.loads(whole.removeprefix("with the body ")) == body_of(letters) | {"at": "store", "last": KEY_NOT_YET}
    assert (len(shown.lines) <= MOST_LINES, len(said)) == (True, 2)
    assert all(len(line) < 400 for line in shown.lines)


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_body_that_is_too_long_to_be_shown_is_not_asked_for(double: Signed, dry_run: bool):
    spec = http_cases.action(double.url, body=body_of(6000), **({} if dry_run else {"dry_run": None}))
    with pytest.raises(ActionError, match="20 can be shown"):
        spec.dry_run(ARGUMENTS)
    assert double.requests == []


def test_what_the_other_side_says_takes_no_line_from_the_request(double: Signed):
    double.dry_run = {"effect": "x", "lines": ["y"] * 50}
    spec = http_cases.action(double.url, body=body_of(2700))
    with pytest.raises(ActionError, match=r"takes 10 lines .* and 8 can be shown"):
        spec.dry_run(ARGUMENTS)


def test_a_long_body_that_takes_back_is_not_cut_either(double: Signed):
    for letters in (3000, 6000):
        spec = http_cases.action(double.url, undo={"url": f"{double.url}/undo", "body": body_of(letters)})
        assert spec.undo_dry_run is not None
        if letters == 3000:
            assert KEY_NOT_YET in spec.undo_dry_run(ARGUMENTS, "a" * 32).lines[-1]
        else:
            with pytest.raises(ActionError, match="can be shown"):
                spec.undo_dry_run(ARGUMENTS, "a" * 32)


def test_a_long_address_and_a_long_command_are_shown_whole(double: Signed, folder: Path):
    shown = http_cases.action(double.url, url=f"{double.url}/{'a/' * 400}{{entity}}", dry_run=None).dry_run(ARGUMENTS)
    assert f"sends POST {double.url}/{'a/' * 400}store" in "".join(shown.lines)
    argv = ["roll.sh", "run", *["word"] * 300]
    shown = script_cases.action(folder, argv=argv, dry_run=[]).dry_run(script_cases.ARGUMENTS)
    assert "".join(shown.lines) == f"runs {' '.join(argv)}"
    with pytest.raises(ActionError, match="can be shown"):
        script_cases.action(folder, argv=argv * 5, dry_run=[]).dry_run(script_cases.ARGUMENTS)


def test_what_a_host_has_seen_is_not_cut(double: Signed):
    spec = http_cases.action(double.url)
    double.dry_run = {"effect": "x", "seen": "s" * 5000 + "1"}
    one = spec.dry_run(ARGUMENTS).seen
    double.dry_run = {"effect": "x", "seen": "s" * 5000 + "2"}
    assert spec.dry_run(ARGUMENTS).seen != one


def test_a_value_that_only_the_check_needs_is_needed():
    url = "http://127.0.0.1:1"
    given = {"url": f"{url}/{{entity}}", "body": None, "undo": None, "dry_run": None}
    check = {"url": f"{url}/{{flag}}/{{key}}"}
    assert "flag" in HttpAction.model_validate(http_cases.fields(url, **given, check=check)).used
