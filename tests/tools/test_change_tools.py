import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from diagnosis.telemetry import Change, ChangeKind, Window
from tools import changes
from tools.changes import MOST_CHANGES, change_tools
from tools.spec import Absent, ChangeList, Empty, Failed, ListChanges, ReadChange, Rows, ToolError

ALL = ListChanges(start=0.0, end=1e9)


@dataclass
class Shelf:
    """A feed over a list; with an error it fails."""

    found: Sequence[Change] = ()
    error: Exception | None = None
    name: str = "shelf"
    asked: list[Window] = field(default_factory=list)

    def changes(self, window: Window) -> Sequence[Change]:
        self.asked.append(window)
        if self.error:
            raise self.error
        return self.found

    def read(self, id: str) -> Change | None:
        if self.error:
            raise self.error
        return next((change for change in self.found if change.id == id), None)


def change(id: str, time: float = 10.0, kind: ChangeKind = ChangeKind.DEPLOY, **fields: str) -> Change:
    return Change(kind, id, time, **fields)


def listed(*feeds: Shelf, arguments: ListChanges = ALL) -> object:
    return change_tools(feeds)["list_changes"].run(arguments)


def read(*feeds: Shelf, id: str) -> object:
    return change_tools(feeds)["read_change"].run(ReadChange(id=id))


def ids(answer: object) -> list[str]:
    assert isinstance(answer, Rows) and isinstance(answer.body, ChangeList), answer
    return [found.id for found in answer.body.changes]


def test_changes_of_all_feeds_are_in_order_of_time_kind_and_id():
    one = Shelf([change("b", 20.0), change("z", 10.0)])
    two = Shelf([change("a", 20.0), change("c", 20.0, ChangeKind.COMMIT)])
    assert ids(listed(one, two)) == ["z", "c", "a", "b"]


def test_of_two_tellings_of_a_change_the_richer_stays():
    poor, rich = change("d-1", entity="store"), change("d-1", entity="store", author="ann", version="1.2")
    for feeds in ((Shelf([poor]), Shelf([rich])), (Shelf([rich]), Shelf([poor]))):
        answer = listed(*feeds)
        assert isinstance(answer, Rows) and answer.body == ChangeList((rich,))


def test_the_same_id_of_another_kind_is_another_change():
    assert len(ids(listed(Shelf([change("x"), change("x", kind=ChangeKind.CONFIG)])))) == 2


@pytest.mark.parametrize("kind", [ChangeKind.DEPLOY, ChangeKind.CONFIG])
def test_the_same_id_of_another_service_is_another_change(kind: ChangeKind):
    assert len(ids(listed(Shelf([change("42", kind=kind, entity=entity) for entity in ("cart", "store")])))) == 2


def test_a_commit_is_one_whoever_tells_of_it():
    told = [change("c0ffee1", kind=ChangeKind.COMMIT, entity=entity) for entity in ("", "store")]
    assert ids(listed(Shelf(told))) == ["c0ffee1"]


def test_two_flips_of_one_flag_are_two_changes():
    flips = [change("new-cart", time, ChangeKind.FLAG) for time in (10.0, 50.0, 50.2)]
    assert ids(listed(Shelf(flips))) == ["new-cart", "new-cart"]


def test_lists_carry_no_diffs_and_reading_does():
    with_diff = change("c1", kind=ChangeKind.COMMIT, diff="+x")
    answer = listed(Shelf([with_diff]))
    assert isinstance(answer, Rows) and answer.body.changes[0].diff is None
    assert read(Shelf([change("c1", kind=ChangeKind.COMMIT)]), Shelf([with_diff]), id="c1") == Rows(with_diff, 1)


def test_a_change_outside_of_the_window_is_left_out_whatever_the_feed_says():
    shelf = Shelf([change("early", 4.0), change("in", 5.0), change("end", 9.0)])
    assert ids(listed(shelf, arguments=ListChanges(start=5.0, end=9.0))) == ["in"]
    assert shelf.asked == [Window(5.0, 9.0)]


@pytest.mark.parametrize("error", [ToolError("401"), OSError("refused"), ValueError("no JSON")])
def test_a_feed_that_fails_is_named_while_the_others_answer(error: Exception):
    answer = listed(Shelf(error=error, name="GitHub a/b"), Shelf([change("d")]))
    assert ids(answer) == ["d"]
    assert isinstance(answer, Rows) and answer.note == f"GitHub a/b could not be read: {error}"


@pytest.mark.parametrize("found", [[change("d")], []])
def test_a_feed_that_is_late_is_named_while_the_others_answer(found: list[Change], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(changes, "ANSWER_SECONDS", 0.2)
    ended = threading.Event()

    class Slow(Shelf):
        def changes(self, window: Window) -> Sequence[Change]:
            assert threading.current_thread().daemon
            ended.wait(10)
            return ()

    answer = listed(Slow(name="GitHub a/b"), Shelf(found))
    ended.set()
    said = answer.note if isinstance(answer, Rows) else answer.reason if isinstance(answer, Failed) else ""
    assert said.startswith("GitHub a/b could not be read: no answer within 0.2 s")
    assert isinstance(answer, Rows) is bool(found)


def test_all_feeds_failing_is_failed():
    answer = listed(Shelf(error=OSError("refused"), name="one"), Shelf(error=ToolError("401"), name="two"))
    assert answer == Failed("one could not be read: refused; two could not be read: 401")


def test_nothing_found_while_a_feed_failed_is_not_empty():
    answer = listed(Shelf(error=OSError("refused"), name="one"), Shelf())
    assert isinstance(answer, Failed) and "the other feeds have nothing" in answer.reason
    assert isinstance(read(Shelf(error=OSError("refused")), Shelf(), id="x"), Failed)


def test_nothing_found_is_empty():
    assert listed(Shelf(), Shelf()) == Empty()
    assert read(Shelf(), id="x") == Empty()


def test_no_feed_is_absent_with_what_to_set():
    answer = listed()
    assert isinstance(answer, Absent) and "changes:" in answer.reason and "POST /changes" in answer.reason
    assert isinstance(read(id="x"), Absent)


def test_of_too_many_changes_the_newest_are_listed_and_the_rest_is_told():
    answer = listed(Shelf([change(f"d-{n}", float(n)) for n in range(MOST_CHANGES + 3)]))
    assert ids(answer)[0] == "d-3"
    assert isinstance(answer, Rows) and "the 3 oldest" in answer.note


def test_a_defect_of_a_feed_is_named_and_logged_and_costs_nobody_elses_answer(caplog: pytest.LogCaptureFixture):
    answer = listed(Shelf([change("a")]), Shelf(error=KeyError("bug"), name="broken shelf"))
    assert ids(answer) == ["a"]
    assert isinstance(answer, Rows) and "broken shelf broke: KeyError" in answer.note
    assert "broken shelf" in caplog.text
