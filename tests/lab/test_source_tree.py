"""The change feed tells the truth: git itself applies its diffs and arrives at the trees that are deployed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from evals.lab.pool_shrunk import POOL_SHRUNK
from evals.lab.source_tree import SHOP, CommitDraft, Edit, SourceTree


def test_every_diff_of_the_plan_applies_and_gives_the_released_tree(tree: SourceTree, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(SHOP, copy / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    for planned in POOL_SHRUNK.plan:
        if isinstance(planned.step, CommitDraft):
            commit = tree.commit(planned.step, planned.at_seconds)
            subprocess.run(["git", "apply", "-"], cwd=copy, input=commit.diff.encode(), check=True)
            assert tree.release.commit == commit.id
            assert _contents(copy) == _contents(tree.release.folder)


def test_an_edit_that_does_not_fit_is_refused_and_changes_nothing(tree: SourceTree) -> None:
    before = tree.release
    with pytest.raises(ValueError, match="holds 0 times"):
        tree.commit(CommitDraft("A", "b", (Edit("shop/settings.py", "NO_SUCH_SETTING", ""),)), 0.0)
    assert tree.release == before


def test_a_release_stays_as_it_was(tree: SourceTree) -> None:
    first = tree.release
    tree.commit(POOL_SHRUNK.cause, 0.0)
    assert "\nDB_POOL_SIZE = 24\n" in (first.folder / "shop" / "settings.py").read_text()
    assert "\nDB_POOL_SIZE = 3\n" in (tree.release.folder / "shop" / "settings.py").read_text()


def _contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.*") if path.is_file()}
