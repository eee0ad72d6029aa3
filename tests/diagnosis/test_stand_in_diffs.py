"""What a flag or a setting switches stands in for the diff that it does not have."""

from dataclasses import replace

from diagnosis.diff import parse_diff
from diagnosis.effects import EffectKind, effects_of
from diagnosis.stand_in_diffs import with_flagged_code, with_values
from diagnosis.telemetry import Change, ChangeKind

COMMIT = Change(
    ChangeKind.COMMIT, "c" * 40, 10.0, files=("shop/page.py",),
    diff="--- a/shop/page.py\n+++ b/shop/page.py\n@@ -1 +1,9 @@\n+def page():\n+    if flags['new_stars']:\n"
    "+        answer['stars'] = average(products)\n+    return answer\n+\n+\n+def average(products):\n"
    "+    return sum(products) / len(products)\n",
)  # fmt: skip
FLAG = Change(ChangeKind.FLAG, "new_stars", 20.0, "shop", before="off", after="on")


def test_a_flag_gets_the_code_that_names_it_and_what_that_code_calls() -> None:
    seen = with_flagged_code(FLAG, (COMMIT, FLAG))
    assert seen.files == ("shop/page.py",)
    assert "new_stars" in (seen.diff or "")
    assert "len(products)" in (seen.diff or "")


def test_a_flag_that_no_commit_names_stays_as_it_is() -> None:
    assert with_flagged_code(replace(FLAG, id="other_flag"), (COMMIT,)).diff is None


def test_a_setting_outside_of_code_is_a_diff_of_its_two_values() -> None:
    change = Change(ChangeKind.CONFIG, "shop-db_pool_size-2", 20.0, "shop", before="24", after="2")
    net = parse_diff(with_values(change).diff or "", ())
    assert [effect.kind for effect in effects_of(net, ())] == [EffectKind.SETTING_LOWERED]


def test_a_setting_has_the_name_that_its_feed_gives_it() -> None:
    change = Change(ChangeKind.CONFIG, "event-77", 20.0, "shop", before="24", after="2", key="db_pool_size")
    assert with_values(change).diff == "@@ settings\n-db_pool_size = 24\n+db_pool_size = 2"


def test_a_line_that_moves_into_a_held_block_widens_what_is_held() -> None:
    diff = (
        "--- a/shop/label.py\n+++ b/shop/label.py\n@@ -1,4 +1,4 @@\n-        self._book(carrier)\n"
        "         with self._sequence(span):\n+            self._book(carrier)\n             number = take()\n"
    )
    kinds = [effect.kind for effect in effects_of(parse_diff(diff, ("shop/label.py",)), ("shop/label.py",))]
    assert kinds == [EffectKind.LOCK_WIDENED]


def test_a_call_that_moves_into_a_comprehension_is_made_once_an_item() -> None:
    diff = (
        "--- a/shop/pay.py\n+++ b/shop/pay.py\n@@ -1 +1 @@\n"
        '-    price = request.call("pricing", lines)\n+    prices = [request.call("pricing", [line]) for line in lines]\n'
    )
    kinds = {effect.kind for effect in effects_of(parse_diff(diff, ("shop/pay.py",)), ("shop/pay.py",))}
    assert EffectKind.CALL_IN_LOOP in kinds
