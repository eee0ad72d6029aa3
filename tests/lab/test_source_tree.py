"""The shop's history is a real git repository, and what is deployed is what it says."""

import time
from pathlib import Path

import pytest

from evals.lab.source_tree import CommitDraft, Edit, SourceTree, run_git

FEWER = CommitDraft("Tomasz Wilk", "Tidy", (Edit("shop/settings.py", "\nDB_POOL_SIZE = 24\n", "\nDB_POOL_SIZE = 1\n"),))


def _settings(folder: Path) -> str:
    return (folder / "shop" / "settings.py").read_text()


def test_a_commit_is_in_git_with_its_author_its_time_and_its_edit(tree: SourceTree) -> None:
    made = tree.commit(FEWER, 1_700_000_000.0)
    said = run_git(tree.repository, ["log", "-1", "--format=%H|%an|%ct|%s"], {}).strip()
    assert said == f"{made.id}|Tomasz Wilk|1700000000|Tidy"
    assert "+DB_POOL_SIZE = 1" in run_git(tree.repository, ["show", made.id], {}).splitlines()


def test_the_release_is_the_tree_of_the_commit_and_an_older_one_stays_as_it_was(tree: SourceTree) -> None:
    first = tree.release
    made = tree.commit(FEWER, time.time())
    assert (tree.release.commit, tree.release.version) == (made.id, "1.1.0")
    assert "\nDB_POOL_SIZE = 1\n" in _settings(tree.release.folder)
    assert "\nDB_POOL_SIZE = 24\n" in _settings(first.folder)


def test_the_import_of_the_shop_lies_days_before_the_run(tree: SourceTree) -> None:
    imported = int(run_git(tree.repository, ["log", "-1", "--format=%ct"], {}))
    assert time.time() - imported > 2 * 86400


def test_a_new_file_can_be_added(tree: SourceTree) -> None:
    tree.commit(CommitDraft("A B", "Add", (Edit("shop/models/v9.json", "", "{}\n"),)), time.time())
    assert (tree.release.folder / "shop" / "models" / "v9.json").read_text() == "{}\n"


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (Edit("shop/settings.py", "NO_SUCH_SETTING", ""), "holds 0 times"),
        (Edit("shop/settings.py", "DB_POOL", ""), "an edit needs one"),
        (Edit("shop/settings.py", "", "x"), "is there already"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused_and_changes_nothing(tree: SourceTree, edit: Edit, complaint: str) -> None:
    before = tree.release
    with pytest.raises(ValueError, match=complaint):
        tree.commit(CommitDraft("A", "b", (FEWER.edits[0], edit)), 0.0)
    assert tree.release == before
    assert run_git(tree.repository, ["status", "--porcelain"], {}) == ""
