"""Takes the steps of a plan in the running shop and tells of what was done."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evals.lab.changes import Commit, ConfigChange, Deploy, Event, FlagChange
from evals.lab.processes import Shop
from evals.lab.shop.settings import MODEL_VERSION
from evals.lab.source_tree import CommitDraft, Release, SourceTree
from evals.lab.steps import DeployStep, FlagStep, ModelStep, Step


@dataclass(frozen=True)
class Deployed:
    """A deploy that was made: its id, as the product was told it, and the release that it brought."""

    id: str
    release: Release


class ChangeMaker:
    """The people who commit, deploy and switch. ``folder`` is where the services look for flags and models.

    ``tell`` is given the event of everything that git does not know by itself. Bears being called from several threads:
    a drill takes its planned steps while the platform does what was approved.
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
        self._history: dict[str, list[Deployed]] = {}
        self._one_at_a_time = threading.RLock()

    def tell_what_runs(self, since: float) -> None:
        """Tell of the deploys that put the shop where it is: a feed that began today would make all code look new."""
        for service in self._shop.ports:
            release = self._shop.release_of(service)
            if release is not None:
                self._note(Deploy(since, service, release.commit, release.version), release)

    def take(self, step: Step) -> None:
        """Make one change, now."""
        with self._one_at_a_time:
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
        with self._one_at_a_time:
            release = self._previous.pop(service, None)
            if release is not None:
                self.put(service, release, "release-bot")

    def put(self, service: str, release: Release, author: str) -> None:
        """Deploy a release that there is. ``roll_back`` knows nothing of it: it undoes what ``take`` did."""
        with self._one_at_a_time:
            self._shop.deploy(service, release)
            self._note(Deploy(time.time(), service, release.commit, release.version, author), release)

    def history(self, service: str) -> tuple[Deployed, ...]:
        """Every deploy of a service, oldest first; none of a service that there is not."""
        return tuple(self._history.get(service, ()))

    def flag(self, name: str) -> bool | None:
        """Whether a flag is on; None where nobody ever switched one of that name."""
        return self._flags.get(name)

    @property
    def tree(self) -> SourceTree:
        """The source history."""
        return self._tree

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
        self._note(deploy, release)

    def _note(self, deploy: Deploy, release: Release) -> None:
        self._history.setdefault(deploy.service, []).append(Deployed(deploy.id, release))
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
