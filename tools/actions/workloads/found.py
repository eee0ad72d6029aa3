"""A workload as its cluster tells it, with the annotation in which our actions are kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.actions.workloads.policy import Workload

KEYS = "probable-cause.dev/actions"
_KEPT = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """An action that was done to a workload: its key, its name, and what undo needs."""

    key: str
    action: str
    memo: str


@dataclass(frozen=True, slots=True)
class Found:
    """``body`` is the object, as JSON. ``generation`` counts changes of what is wanted, not of how it is going."""

    workload: Workload
    body: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.workload.kind} {self.workload.namespace}/{self.workload.name}"

    @property
    def metadata(self) -> Mapping[str, Any]:
        return _mapping(self.body.get("metadata"))

    @property
    def spec(self) -> Mapping[str, Any]:
        return _mapping(self.body.get("spec"))

    @property
    def status(self) -> Mapping[str, Any]:
        return _mapping(self.body.get("status"))

    @property
    def template(self) -> Mapping[str, Any]:
        return _mapping(self.spec.get("template"))

    @property
    def annotations(self) -> Mapping[str, str]:
        return _mapping(self.metadata.get("annotations"))

    @property
    def uid(self) -> str:
        return str(self.metadata.get("uid", ""))

    @property
    def replicas(self) -> int:
        return int(self.spec.get("replicas", 1))

    @property
    def settled(self) -> bool:
        """Whether its controller has seen what is wanted."""
        return int(self.status.get("observedGeneration", 0)) >= int(self.metadata.get("generation", 0))

    @property
    def seen(self) -> str:
        """Another text wherever somebody changed what is wanted of it, or made it anew."""
        return f"{self} uid {self.uid} generation {self.metadata.get('generation')}"

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Our actions, oldest first; what somebody else wrote there is none."""
        try:
            rows = json.loads(self.annotations.get(KEYS, "[]"))
            return tuple(Entry(str(row["key"]), str(row["action"]), str(row["memo"])) for row in rows)
        except (ValueError, KeyError, TypeError):
            return ()

    def done(self, key: str) -> Entry | None:
        """The entry of a key that was done."""
        return next((entry for entry in self.entries if entry.key == key), None)

    def annotation_with(self, entry: Entry) -> str:
        """The annotation's value once ``entry`` is done."""
        rows = (*self.entries, entry)[-_KEPT:]
        return json.dumps([{"key": row.key, "action": row.action, "memo": row.memo} for row in rows])


def images(template: Mapping[str, Any]) -> dict[str, str]:
    """Image by name of the container."""
    spec = _mapping(template.get("spec"))
    rows: Sequence[Mapping[str, Any]] = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    return {str(row.get("name", "")): str(row.get("image", "")) for row in rows}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
