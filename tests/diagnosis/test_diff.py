from diagnosis.diff import parse_diff
from diagnosis.effects import EffectKind, effects_of
from diagnosis.settings_in_code import Role


def effects(diff: str, *files: str):
    return effects_of(parse_diff(diff, files), files)


def kinds(diff: str, *files: str) -> set[EffectKind]:
    return {effect.kind for effect in effects(diff, *files)}


def test_moved_lines_leave_no_net_change():
    net = parse_diff("@@ a/b.py @@\n-first()\n-second()\n+second()\n+first()\n", ("a/b.py",))
    assert not net.pairs and not net.removed and not net.added
    assert len(net.moved) == 2


def test_rewrapped_lines_leave_no_net_change():
    net = parse_diff("@@ a/b.py @@\n-call(one, two)\n+call(\n+    one, two)\n", ("a/b.py",))
    assert not net.pairs and not net.removed and not net.added


def test_comments_do_not_count_but_are_kept():
    net = parse_diff("@@ a/b.go @@\n-// old words\n+// new words\n", ("a/b.go",))
    assert not net.pairs and not net.removed
    assert net.comments == ("// old words", "// new words")


def test_a_number_in_a_yaml_file_is_a_lowered_setting_with_its_role():
    (effect,) = effects("@@ deploy/values.yaml @@\n-  memory: 512Mi\n+  memory: 128Mi\n", "deploy/values.yaml")
    assert effect.kind is EffectKind.SETTING_LOWERED
    assert effect.role is Role.MEMORY


def test_a_smaller_unit_is_a_lowered_setting():
    (effect,) = effects("@@ c.go @@\n-\tTTL: 5 * time.Minute,\n+\tTTL: 5 * time.Second,\n", "c.go")
    assert effect.kind is EffectKind.SETTING_LOWERED
    assert effect.setting is not None and effect.setting.old is not None and effect.setting.new is not None
    assert (effect.setting.old.base, effect.setting.new.base) == (300.0, 5.0)


def test_a_duration_is_never_a_capacity():
    (effect,) = effects("@@ p.yaml @@\n-  pool_idle: 30s\n+  pool_idle: 5m\n", "p.yaml")
    assert effect.role is Role.INTERVAL


def test_documentation_and_tests_have_no_effect():
    assert kinds("@@ docs/a.md @@\n-one\n+two\n", "docs/a.md") == set()
    assert kinds("@@ x_test.go @@\n-limit := 5\n+limit := 1\n", "x_test.go") == set()


def test_a_removed_null_check_is_a_removed_guard():
    diff = "@@ pay.py @@\n-    if card is None:\n-        return DECLINED\n     return card.charge()\n"
    assert EffectKind.GUARD_REMOVED in kinds(diff, "pay.py")


def test_a_call_in_a_loop_is_seen_through_context():
    diff = "@@ order.py @@\n     for line in lines:\n-        total += line.price\n+        total += client.fetch_price(line.sku)\n"
    assert EffectKind.CALL_IN_LOOP in kinds(diff, "order.py")


def test_a_removed_close_is_a_removed_release():
    diff = "@@ r.go @@\n \trows, err := q.Run()\n-\tdefer rows.Close()\n"
    assert EffectKind.RELEASE_REMOVED in kinds(diff, "r.go")


def test_an_unlock_that_moves_widens_the_lock():
    diff = "@@ s.go @@\n \tmu.Lock()\n-\tmu.Unlock()\n \tsave()\n+\tmu.Unlock()\n"
    assert EffectKind.LOCK_WIDENED in kinds(diff, "s.go")


def test_logging_alone_only_observes():
    assert kinds('@@ a.go @@\n+\tlogger.Info("saved", "id", id)\n', "a.go") == {EffectKind.OBSERVED_ONLY}


def test_a_dependency_file_is_a_bump():
    assert kinds("@@ go.mod @@\n-\tlib v1.2.3\n+\tlib v1.2.4\n", "go.mod") == {EffectKind.DEPENDENCY_BUMPED}


def test_a_real_unified_diff_names_its_files():
    diff = "diff --git a/x/y.py b/x/y.py\n--- a/x/y.py\n+++ b/x/y.py\n@@ -1,2 +1,2 @@\n-size = 10\n+size = 2\n"
    net = parse_diff(diff, ("x/y.py",))
    assert [pair.new.file for pair in net.pairs] == ["x/y.py"]
