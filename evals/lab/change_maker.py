"""Takes the steps of a plan in the running shop and tells of what was done."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from evals.lab.changes import Commit, ConfigChange, Deploy, Event, FlagChange
from evals.lab.processes import SERVICES, Shop
from evals.lab.shop.settings import MODEL_VERSION
from evals.lab.source_tree import CommitDraft, Release, SourceTree
from evals.lab.steps import DeployStep, FlagStep, ModelStep, Step


class ChangeMaker:
    """The people who commit, deploy and switch. ``folder`` is where the services look for flags and models.

    ``tell`` is given the event of everything that git does not know by itself.
    """

    def __init__(self, shop: Shop, tree: SourceTree, folder: Path, tell: Callable[[Event], None]) -> None:
        self._shop = shop
        self._tree = tree
        self._folder = folder
        self._tell = tell
        self._flags: dict[str, bool] = {}
        self._model = MODEL_VERSION
        self._previous: dict[str, Release] = {}
        self._made: dict[Step, Commit | FlagChange | ConfigChange] = {}
        self._commit_authors: dict[str, str] = {}
        self._deploys: dict[str, frozenset[str]] = {}

    def tell_what_runs(self, since: float) -> None:
        """Tell of the deploys that put the shop where it is: a feed that began today would make all code look new."""
        for service in SERVICES:
            release = self._shop.release_of(service)
            if release is not None:
                self._tell(Deploy(since, service, release.commit, release.version).to_event())

    def take(self, step: Step) -> None:
        """Make one change, now."""
        match step:
            case CommitDraft():
                self._made[step] = commit = self._tree.commit(step, time.time())
                self._commit_authors[commit.id] = commit.author
            case DeployStep(service):
                self._deploy(service, self._tree.release)
            case FlagStep():
                self._made[step] = self._switch(step)
            case ModelStep():
                self._made[step] = self._promote(step)

    def roll_back(self, service: str) -> None:
        """Deploy what the service ran before its last deploy; nothing where it was not deployed."""
        release = self._previous.pop(service, None)
        if release is not None:
            self._shop.deploy(service, release)
            self._tell(Deploy(time.time(), service, release.commit, release.version).to_event())

    def id_of(self, step: Step) -> str:
        """The id of what a step became, as the product reads it; "" where it was not taken."""
        match self._made.get(step):
            case None:
                return ""
            case FlagChange(flag=flag):
                return flag
            case made:
                return made.id

    def names_of(self, step: Step) -> frozenset[str]:
        """The ids under which a report may name what a step became, a commit's deploys among them.

        None where it was not taken.
        """
        made = self._made.get(step)
        return frozenset() if made is None else made.names | self._deploys.get(made.id, frozenset())

    def _deploy(self, service: str, release: Release) -> None:
        before = self._shop.release_of(service)
        self._shop.deploy(service, release)
        if before is not None:
            self._previous[service] = before
        author = self._commit_authors.get(release.commit, "release-bot")
        deploy = Deploy(time.time(), service, release.commit, release.version, author)
        self._deploys[release.commit] = self._deploys.get(release.commit, frozenset()) | {deploy.id}
        self._tell(deploy.to_event())

    def _switch(self, step: FlagStep) -> FlagChange:
        before = self._flags.get(step.flag, False)
        self._flags[step.flag] = step.on
        self._write("flags.json", self._flags)
        change = FlagChange(time.time(), step.flag, step.service, before, step.on, step.author)
        self._tell(change.to_event())
        return change

    def _promote(self, step: ModelStep) -> ConfigChange:
        before, self._model = self._model, step.version
        self._write("model.json", {"version": step.version})
        change = ConfigChange(time.time(), step.service, "model_version", before, step.version, step.author, step.title)
        self._tell(change.to_event())
        return change

    def _write(self, name: str, content: object) -> None:
        new = self._folder / f"{name}.new"
        new.write_text(json.dumps(content))
        new.replace(self._folder / name)  # a reader must never see half a file
