"""A secret that we hold is shown to nobody, though a host or a script says it back."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.signed_double import SECRET, Signed
from tests.tools.actions import http_cases, script_cases
from tests.tools.actions.http_cases import ARGUMENTS, KEY
from tools.actions.known_secrets import KnownSecrets
from tools.actions.spec import ActionError

TOKEN = 'tok/"en\\of+us=='
HEADERS = {"Authorization": f"Bearer {TOKEN}", "X-Short": "five5"}


@pytest.mark.parametrize("told", [TOKEN, f"Bearer {TOKEN}", SECRET])
def test_a_dry_run_that_repeats_a_secret_shows_none(double: Signed, told: str):
    double.dry_run = {"effect": f"as {told} five5", "lines": ["x" * 290 + told, told], "seen": f"state {told}"}
    shown = http_cases.action(double.url, headers=HEADERS).dry_run(ARGUMENTS)
    assert told[:6] not in str(shown)
    assert shown.lines[1] == "it says: as [secret] five5"
    assert shown.seen == "state [secret]"


@pytest.mark.parametrize("spelled", [TOKEN, json.dumps(TOKEN), json.dumps(TOKEN).replace("/", "\\/")])
@pytest.mark.parametrize("before", [0, 190])
def test_an_error_that_repeats_a_secret_shows_none(double: Signed, spelled: str, before: int):
    double.status, double.raw = 500, f"{'x' * before} {spelled} is wrong".encode()
    with pytest.raises(ActionError, match="500") as caught:
        http_cases.action(double.url, headers=HEADERS).run(ARGUMENTS, KEY)
    assert "tok" not in str(caught.value)


def test_a_script_that_prints_a_secret_shows_none(folder: Path):
    passed = {"TOKEN": "hunter2hunter2", "MODE": "safe"}
    text = '#!/bin/sh\nprintf "%0295d" 0; echo "$TOKEN"; echo "$MODE $TOKEN"; exit ${1:-0}\n'
    spec = script_cases.only(folder, text, dry_run=["one.sh"], undo=["one.sh", "3"], passed=passed)
    shown = spec.dry_run(script_cases.ARGUMENTS)
    done = spec.run(script_cases.ARGUMENTS, KEY)
    assert spec.undo is not None
    with pytest.raises(ActionError, match="ended with 3") as caught:
        spec.undo(script_cases.ARGUMENTS, KEY, "")
    for said in (str(shown), done.detail, str(caught.value)):
        assert "hunt" not in said
        assert "safe [secret]" in said


def test_the_longer_secret_goes_first_and_a_short_one_stays():
    known = KnownSecrets(SecretStr("abcdef"), SecretStr("abcdefgh"), SecretStr("five5"), None, "")
    assert known.cut("abcdefgh abcdef five5") == "[secret] [secret] five5"
    assert KnownSecrets().cut("anything") == "anything"
