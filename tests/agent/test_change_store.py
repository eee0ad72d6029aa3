from dataclasses import replace
from pathlib import Path

from agent.change_store import KEPT_SECONDS, ChangeStore
from diagnosis.telemetry import Change, ChangeKind, Window
from tools.changes import change_tools
from tools.spec import ListChanges, ReadChange, Rows

NOON = 1_795_521_600.0
DEPLOY = Change(ChangeKind.DEPLOY, "cart@2", NOON, "cart", commit="a" * 40, version="2")
FLAG = Change(ChangeKind.FLAG, "new-checkout", NOON, "shop", before="off", after="on")
COMMIT = Change(ChangeKind.COMMIT, "a" * 40, NOON - 60, "", "less waiting", "ann", ("a.py",), "@@ a.py @@\n-a\n+b\n")


def store(home: Path, now: float = NOON + 60, most_kept: int = 50_000) -> ChangeStore:
    return ChangeStore(home, lambda: now, most_kept)


def around(time: float = NOON) -> Window:
    return Window(time - 3600, time + 3600)


def test_a_change_posted_twice_is_kept_once(tmp_path: Path):
    assert store(tmp_path).add([DEPLOY, COMMIT]) == 2
    assert store(tmp_path).add([DEPLOY, COMMIT, DEPLOY]) == 0
    assert store(tmp_path).changes(around()) == [replace(COMMIT, diff=None), DEPLOY]


def test_deploys_of_two_services_that_count_alike_are_both_kept(tmp_path: Path):
    both = [replace(DEPLOY, id="42", entity=entity) for entity in ("cart", "store")]
    assert store(tmp_path).add(both) == 2
    assert store(tmp_path).add(both) == 0
    assert {change.entity for change in store(tmp_path).changes(around())} == {"cart", "store"}


def test_the_richer_telling_stays_whichever_came_first(tmp_path: Path):
    poor = replace(COMMIT, diff=None, title="", time=COMMIT.time + 5)
    for home, order in ((tmp_path / "one", (poor, COMMIT)), (tmp_path / "two", (COMMIT, poor))):
        for change in order:
            store(home).add([change])
        kept = store(home).read(COMMIT.id)
        assert kept is not None
        assert (kept.title, kept.diff) == (COMMIT.title, COMMIT.diff)


def test_every_flip_of_a_flag_is_kept_and_the_last_is_read(tmp_path: Path):
    back = replace(FLAG, time=NOON + 30, before="on", after="off")
    assert store(tmp_path).add([back, FLAG, FLAG]) == 2
    assert store(tmp_path).changes(around()) == [FLAG, back]
    assert store(tmp_path).read(FLAG.id) == back


def test_a_window_is_half_open(tmp_path: Path):
    store(tmp_path).add([DEPLOY])
    assert store(tmp_path).changes(Window(NOON, NOON + 1)) == [DEPLOY]
    assert store(tmp_path).changes(Window(NOON - 1, NOON)) == []


def test_an_id_that_was_not_posted_is_nothing(tmp_path: Path):
    assert store(tmp_path).read("cart@2") is None


def test_old_changes_are_let_go(tmp_path: Path):
    store(tmp_path).add([DEPLOY, replace(DEPLOY, id="cart@9", time=NOON + KEPT_SECONDS)])
    store(tmp_path, now=NOON + KEPT_SECONDS + 1).add([FLAG])
    assert store(tmp_path).read(DEPLOY.id) is None
    assert store(tmp_path).read(FLAG.id) is None
    assert store(tmp_path).read("cart@9") is not None


def test_the_oldest_arrivals_make_room(tmp_path: Path):
    small = store(tmp_path, most_kept=3)
    for n in range(5):
        small.add([replace(DEPLOY, id=f"cart@{n}", time=NOON - n)])
    assert [change.id for change in small.changes(around())] == ["cart@4", "cart@3", "cart@2"]


def test_hostile_texts_come_back_as_they_were(tmp_path: Path):
    hostile = replace(DEPLOY, id="'; DROP TABLE changes; --\x00", title="\u202e\x00<script>%_", entity="💥")
    store(tmp_path).add([hostile])
    assert store(tmp_path).read(hostile.id) == hostile


def test_the_tools_answer_from_the_store(tmp_path: Path):
    store(tmp_path).add([DEPLOY, COMMIT])
    tools = change_tools([store(tmp_path)])
    listed = tools["list_changes"].run(ListChanges(start=NOON - 3600, end=NOON + 3600))
    assert isinstance(listed, Rows) and listed.points == 2
    read = tools["read_change"].run(ReadChange(id=COMMIT.id))
    assert isinstance(read, Rows) and read.body == COMMIT
