"""Scripts of one folder: no shell, fixed arguments, a clean environment, ended with all that they started."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.tools.actions.script_cases import ARGUMENTS, KEY, OTHER, ROLL, action, only, write
from tools.actions.spec import ActionError, Happened, Target
from tools.actions.templates import TemplateArguments

HOSTILE = (
    "../x", "..", "-rf", "--help", " a", "a\nb", "a\x00b", 'a"b', "a'b", "a;b", "$(touch pwned)", "`touch pwned`", "{}",
    "{key}", "%2f", "a*", "~", "|x", ">x", "&", "ä", "\u202ea", "x" * 5000, "", "a/../b", "/etc/passwd", "\ud800", "a\n",
)  # fmt: skip


def test_it_is_shown_run_once_found_by_its_key_and_undone(folder: Path, target: Callable[..., Target]):
    spec = action(folder)
    assert spec.fit(target()) == ARGUMENTS
    shown = spec.dry_run(ARGUMENTS)
    assert not (folder / "state").exists()
    assert (shown.effect, shown.lines) == ("runs roll.sh run store store@2", ("it says: store: new -> old",))
    assert spec.happened(ARGUMENTS, KEY) is Happened.NO
    for _ in range(2):
        assert spec.run(ARGUMENTS, KEY).detail == "roll.sh ended well: rolled back"
    assert ((folder / "calls").read_text(), (folder / "state").read_text()) == ("3:store:store@2\n", "old\n")
    assert spec.happened(ARGUMENTS, KEY) is Happened.YES
    assert spec.undo is not None
    spec.undo(ARGUMENTS, OTHER, "")
    assert (folder / "state").read_text() == "new\n"


def test_another_state_and_another_script_are_seen(folder: Path):
    spec = action(folder)
    first = spec.dry_run(ARGUMENTS)
    assert spec.dry_run(ARGUMENTS) == first
    (folder / "state").write_text("other\n")
    second = spec.dry_run(ARGUMENTS)
    (folder / "state").unlink()
    write(folder, "roll.sh", ROLL + "# another\n")
    assert len({first.seen, second.seen, spec.dry_run(ARGUMENTS).seen}) == 3


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", ["entity", "change", "flag", "before"])
def test_a_hostile_value_never_becomes_an_argument(
    folder: Path, target: Callable[..., Target], name: str, hostile: str
):
    spec = action(folder, argv=["roll.sh", "run", f"{{{name}}}"], dry_run=[], undo=[], check=[])
    given = {"entity": "entity", "change": "change_id", "flag": "change_key", "before": "before"}[name]
    assert spec.fit(target(**{given: hostile}, services=frozenset((hostile, "store")))) is None
    forced = TemplateArguments.model_construct(
        **{"entity": "store", "change": "", "flag": "", "before": "", "title": "", name: hostile}
    )
    for call in (lambda: spec.run(forced, KEY), lambda: spec.dry_run(forced)):
        with pytest.raises(ActionError):
            call()
    assert sorted(path.name for path in folder.iterdir()) == ["roll.sh"]


def test_a_value_with_a_blank_is_one_argument_and_a_negative_one_is_none(folder: Path):
    spec = action(folder, argv=["roll.sh", "run", "{before}"], dry_run=[], undo=[], check=[])
    spec.run(TemplateArguments(entity="store", before="a, b"), KEY)
    assert (folder / "calls").read_text() == "2:a, b:\n"
    with pytest.raises(ActionError, match="begins with a dash"):
        spec.run(TemplateArguments(entity="store", before="-1"), OTHER)


def test_it_sees_no_variable_but_those_of_the_settings(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOMEBODYS_TOKEN", "secret")
    write(folder, "env.sh", "#!/bin/sh\nenv > seen\n")
    action(folder, {"WANTED": "yes"}, argv=["env.sh"]).run(ARGUMENTS, KEY)
    names = {line.partition("=")[0] for line in (folder / "seen").read_text().splitlines()}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "LANG", "PCAUSE_ACTION_KEY", "WANTED"}


def test_what_takes_too_long_is_ended_with_its_children(folder: Path):
    spec = only(folder, "#!/bin/sh\ntrap '' TERM\nsleep 60 &\necho $! > child\nsleep 60\n", timeout_seconds=0.5)
    with pytest.raises(ActionError, match=r"stopped after 0\.5 s"):
        spec.run(ARGUMENTS, KEY)
    assert ended(int((folder / "child").read_text()))
    assert spec.happened(ARGUMENTS, KEY) is Happened.UNKNOWN


def test_what_it_leaves_behind_is_ended_too(folder: Path):
    spec = only(folder, "#!/bin/sh\nsleep 60 &\necho $! > child\necho done\n")
    assert spec.run(ARGUMENTS, KEY).detail.endswith("done")
    assert ended(int((folder / "child").read_text()))


def ended(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_flood_of_output_neither_stops_nor_fills_us(folder: Path):
    spec = only(folder, "#!/bin/sh\nyes 'a line' | head -c 20000000\nexit 3\n")
    with pytest.raises(ActionError, match="ended with 3") as caught:
        spec.run(ARGUMENTS, KEY)
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(
    ("code", "happened"), [(0, Happened.YES), (1, Happened.NO), (2, Happened.UNKNOWN), (127, Happened.UNKNOWN)]
)
def test_a_check_tells_by_its_code(folder: Path, code: int, happened: Happened):
    write(folder, "check.sh", f"#!/bin/sh\nexit {code}\n")
    assert action(folder, check=["check.sh"]).happened(ARGUMENTS, KEY) is happened


def test_a_script_that_others_could_change_is_not_run(folder: Path, tmp_path: Path):
    spec, script = action(folder), folder / "roll.sh"
    for place, mode in ((script, 0o775), (script, 0o757), (folder, 0o777)):
        before = place.stat().st_mode
        place.chmod(mode)
        with pytest.raises(ActionError, match="others could change"):
            spec.run(ARGUMENTS, KEY)
        place.chmod(before)
    if os.geteuid() == 0:
        os.chown(script, 12345, 12345)
        with pytest.raises(ActionError, match="others could change"):
            spec.run(ARGUMENTS, KEY)
    assert not (folder / "calls").exists()


def test_what_is_not_in_the_folder_is_not_run(folder: Path, tmp_path: Path):
    outside = write(tmp_path, "outside.sh", "#!/bin/sh\ntouch pwned\n")
    (folder / "link.sh").symlink_to(outside)
    for name in ("link.sh", "../outside.sh", str(outside), "."):
        with pytest.raises(ActionError, match="not inside the folder"):
            action(folder, argv=[name]).run(ARGUMENTS, KEY)
    for name in ("missing.sh", "roll.sh/x"):
        with pytest.raises(ActionError, match="cannot be found"):
            action(folder, argv=[name]).run(ARGUMENTS, KEY)
    assert list(tmp_path.rglob("pwned")) == []


def test_what_is_no_program_is_said_so(folder: Path):
    write(folder, "text", "hello", 0o644)
    with pytest.raises(ActionError, match="chmod"):
        action(folder, argv=["text"]).run(ARGUMENTS, KEY)
    write(folder, "odd", "no interpreter")
    with pytest.raises(ActionError, match="cannot be started"):
        action(folder, argv=["odd"]).run(ARGUMENTS, KEY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"argv": []}, {"argv": ["{entity}"]}, {"argv": ["roll.sh", "x={entity}"]}, {"argv": ["roll.sh", "{nobody}"]},
        {"dry_run": ["roll.sh", "{key}"]}, {"timeout_seconds": 1000}, {"argv": ["roll.sh", "{title}"]},
        {"pass_env": ["A B"]}, {"shell": True},
    ],
)  # fmt: skip
def test_a_script_that_could_be_misused_is_refused(folder: Path, wrong: dict[str, object]):
    with pytest.raises(ValidationError):
        action(folder, **wrong)
