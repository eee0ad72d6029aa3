import os
import subprocess
from pathlib import Path

import pytest

from diagnosis.telemetry import Window
from tools.change_feeds.fields import MOST_DIFF
from tools.change_feeds.git import GitFeed
from tools.spec import ToolError

ALL = Window(0.0, float("inf"))


class Repository:
    """A real one, in which every command has its own time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.run("init", "-q", "-b", "main")

    def run(self, *arguments: str, time: int = 1_000_000) -> str:
        stamp = f"@{time} +0000"
        env = {
            "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "Bot", "GIT_COMMITTER_EMAIL": "b@example.org", "GIT_AUTHOR_DATE": f"@{time - 500} +0000",
            "GIT_COMMITTER_DATE": stamp,
        }  # fmt: skip
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments], env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, title: str, time: int, **files: str) -> str:
        for name, content in files.items():
            (self.path / name.replace("__", "/")).write_text(content)
        self.run("add", "-A")
        self.run("commit", "-q", "--allow-empty", "-m", title, time=time)
        return self.run("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "shop")


def test_commits_of_the_window_come_with_author_title_files_and_committer_time(repository: Repository):
    repository.commit("First", 1_000_000, a="1\n")
    second = repository.commit("Lower the pool\n\nBecause.", 2_000_000, a="2\n", b="x\n")
    (found,) = GitFeed(repository.path).changes(Window(1_500_000.0, 2_500_000.0))
    assert (found.id, found.time, found.author, found.title) == (second, 2_000_000.0, "Ann", "Lower the pool")
    assert (found.files, found.diff, found.entity) == (("a", "b"), None, "")


def test_reading_gives_the_diff_by_a_full_or_short_id(repository: Repository):
    repository.commit("First", 1_000_000, a="1\n")
    second = repository.commit("Second", 2_000_000, a="2\n")
    for id in (second, second[:8]):
        found = GitFeed(repository.path).read(id)
        assert found is not None and found.id == second
        assert found.diff is not None and "\n-1\n+2\n" in found.diff


def test_a_merge_is_one_change_with_all_that_it_brought_when_it_came(repository: Repository):
    repository.commit("First", 1_000_000, a="1\n")
    repository.run("checkout", "-q", "-b", "side")
    side = repository.commit("Written long before", 1_100_000, b="new\n")
    repository.run("checkout", "-q", "main")
    repository.run(
        "merge",
        "-q",
        "--no-ff",
        "-m",
        "Merge pull request #7 from org/side",
        "-m",
        "Faster cart",
        "side",
        time=2_000_000,
    )
    found = GitFeed(repository.path).changes(ALL)
    assert [(change.title, change.time) for change in found] == [("Faster cart", 2_000_000.0), ("First", 1_000_000.0)]
    assert found[0].files == ("b",) and side not in [change.id for change in found]
    read = GitFeed(repository.path).read(found[0].id)
    assert read is not None and read.diff is not None and "+new" in read.diff


def test_a_renamed_file_is_told_under_both_names(repository: Repository):
    repository.commit("First", 1_000_000, a="1\n2\n3\n")
    repository.run("mv", "a", "b")
    repository.commit("Move", 2_000_000)
    assert GitFeed(repository.path).changes(ALL)[0].files == ("a", "b")


def test_hostile_names_and_messages_stay_in_their_fields(repository: Repository):
    title = "x\x1e\x1f --output=/tmp/pwned $(touch pwned)"
    (repository.path / 'new\nline "q" ü').write_text("1\n")
    repository.commit(title, 1_000_000, **{"--help": "2\n"})
    (found,) = GitFeed(repository.path).changes(ALL)
    assert found.title == title
    assert len(found.files) == 2 and found.files[1] == '"new\\nline \\"q\\" ü"'


@pytest.mark.parametrize(
    "id", ["", "--output=/tmp/x", "HEAD", "main", "deadbeef" * 5, "abc", "1234567^{tree}", "event-12345678"]
)
def test_what_is_no_commit_of_this_repository_is_none(repository: Repository, id: str):
    repository.commit("First", 1_000_000, a="1\n")
    assert GitFeed(repository.path).read(id) is None


def test_a_tree_is_no_commit(repository: Repository):
    repository.commit("First", 1_000_000, a="1\n")
    assert GitFeed(repository.path).read(repository.run("rev-parse", "HEAD^{tree}")) is None


def test_a_repository_without_commits_has_no_changes(repository: Repository):
    assert GitFeed(repository.path).changes(ALL) == ()


def test_a_large_diff_is_cut(repository: Repository):
    id = repository.commit("Vendor", 1_000_000, big="line of a vendored file\n" * 30_000)
    found = GitFeed(repository.path).read(id)
    assert found is not None and found.diff is not None
    assert len(found.diff.encode()) <= MOST_DIFF and "\\ cut here" in found.diff


@pytest.mark.parametrize("make", ["missing", "plain", "inside"])
def test_what_is_no_repository_says_so(repository: Repository, tmp_path: Path, make: str):
    repository.commit("First", 1_000_000, a="1\n")
    path = {"missing": tmp_path / "none", "plain": tmp_path / "plain", "inside": repository.path / "sub"}[make]
    if make != "missing":
        path.mkdir()
    with pytest.raises(ToolError, match="no folder" if make == "missing" else "no git repository"):
        GitFeed(path).changes(ALL)


def test_a_shallow_clone_says_how_to_deepen_it(repository: Repository, tmp_path: Path):
    repository.commit("First", 1_000_000, a="1\n")
    repository.commit("Second", 2_000_000, a="2\n")
    repository.run("clone", "-q", "--depth", "1", f"file://{repository.path}", str(tmp_path / "shallow"))
    with pytest.raises(ToolError, match="--unshallow"):
        GitFeed(tmp_path / "shallow").changes(ALL)


def test_a_bare_clone_works(repository: Repository, tmp_path: Path):
    id = repository.commit("First", 1_000_000, a="1\n")
    repository.run("clone", "-q", "--bare", str(repository.path), str(tmp_path / "bare.git"))
    assert [change.id for change in GitFeed(tmp_path / "bare.git").changes(ALL)] == [id]


def test_nothing_that_the_repository_configures_is_run(repository: Repository, tmp_path: Path):
    (repository.path / ".gitattributes").write_text("* diff=evil\n")
    repository.commit("First", 1_000_000, a="1\n")
    id = repository.commit("Second", 2_000_000, a="2\n")
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.pager",
        "pager.log",
        "pager.show",
        "diff.external",
        "diff.evil.textconv",
        "diff.evil.command",
        "gpg.program",
    ):
        repository.run("config", key, str(trap))
    repository.run("config", "log.showSignature", "true")
    feed = GitFeed(repository.path)
    assert len(feed.changes(ALL)) == 2
    found = feed.read(id)
    assert found is not None and found.diff is not None and "+2" in found.diff
    assert not (tmp_path / "sprung").exists()


def test_the_environment_of_the_caller_does_not_choose_the_repository(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    repository.commit("First", 1_000_000, a="1\n")
    other = Repository(tmp_path / "other")
    other.commit("Elsewhere", 1_000_000, a="1\n")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    assert [change.title for change in GitFeed(repository.path).changes(ALL)] == ["First"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_owner_is_read(repository: Repository):
    repository.commit("First", 1_000_000, a="1\n")
    os.chown(repository.path, 12_345, 12_345)
    os.chown(repository.path / ".git", 12_345, 12_345)
    assert len(GitFeed(repository.path).changes(ALL)) == 1


def test_a_command_that_takes_too_long_is_ended(repository: Repository):
    repository.commit("First", 1_000_000, a="1\n")
    (repository.path / ".git" / "HEAD").unlink()
    os.mkfifo(repository.path / ".git" / "HEAD")  # whoever reads it waits for ever
    with pytest.raises(ToolError, match=r"took more than 0\.3 s"):
        GitFeed(repository.path, timeout_seconds=0.3).changes(ALL)
