"""Takes the steps of a plan in the running shop and keeps the feed of what was done."""

import json
import time
from pathlib import Path

from evals.lab.changes import Change, Commit, Deploy, FlagChange
from evals.lab.faults import DeployStep, FlagStep
from evals.lab.processes import Shop
from evals.lab.source_tree import CommitDraft, SourceTree


class ChangeMaker:
    """The people who commit, deploy and switch flags. ``folder`` is where the services look for flags."""

    def __init__(self, shop: Shop, tree: SourceTree, folder: Path) -> None:
        self._shop = shop
        self._tree = tree
        self._flags_file = folder / "flags.json"
        self._flags: dict[str, bool] = {}
        self._made: dict[CommitDraft, Commit] = {}
        self.feed: list[Change] = []

    def take(self, step: CommitDraft | DeployStep | FlagStep) -> None:
        """Make one change, now."""
        match step:
            case CommitDraft():
                self._made[step] = self._tree.commit(step, time.time())
                self.feed.append(self._made[step])
            case DeployStep(service):
                release = self._tree.release
                self.feed.append(Deploy(time.time(), service, release.commit, release.version))
                self._shop.deploy(service, release)
            case FlagStep():
                self._switch(step)

    def commit_of(self, draft: CommitDraft) -> Commit:
        """The commit that a draft became; raises KeyError when it is still to be made."""
        return self._made[draft]

    def _switch(self, step: FlagStep) -> None:
        before = self._flags.get(step.flag, False)
        self.feed.append(FlagChange(time.time(), step.flag, step.service, before, step.on, step.author))
        self._flags[step.flag] = step.on
        new = self._flags_file.with_suffix(".new")
        new.write_text(json.dumps(self._flags))
        new.replace(self._flags_file)  # a reader must never see half a file
