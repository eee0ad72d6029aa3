"""Which indices hold log lines, spans and service maps. Indices of one shape are asked together."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar

from tools.http.errors import BackendError, CircuitOpen, NoAnswer, Refusal
from tools.logs.client import Rejected, SearchClient, indices_path
from tools.logs.mapping import Fields, LogShape, fields_of, log_shape, looks_like_a_log
from tools.logs.policy import AUTO, LogPolicy
from tools.logs.span_shapes import SpanShape, span_shape
from tools.spec import ToolError

_FRESH_SECONDS = 120.0
_LONGEST_PATH = 1_500  # characters: an HTTP request line holds 4,096
_EVERYTHING = ("*",)
# Asked for where a cluster has too many indices to look at all of them.
_COMMON = ("*log*", "*span*", "*trace*", "*otel*", "filebeat-*", "fluent*", "kubernetes*", "jaeger-*", "*service-map*")
_BACKING = re.compile(r"^\.ds-(.+)-\d{6}$")
_SERIAL = re.compile(r"(?:[-_.]?\d+)+$")
_SERVICE_MAP = ("serviceName", "destination.domain")

S = TypeVar("S")


@dataclass(frozen=True)
class Group(Generic[S]):
    """Indices of one shape. ``keywords`` are the fields with whole values that all of them have."""

    indices: tuple[str, ...]
    shape: S
    keywords: tuple[str, ...]


@dataclass(frozen=True)
class Contents:
    """``looked_at`` counts indices; ``near`` tells of one that looks like a log and lacks something."""

    logs: tuple[Group[LogShape], ...]
    spans: tuple[Group[SpanShape], ...]
    service_maps: tuple[str, ...]
    dependencies: tuple[str, ...]
    looked_at: int
    near: str


class Catalogue:
    """Looks at the mappings when first asked, and again after some minutes: indices come every day."""

    def __init__(self, client: SearchClient, policy: LogPolicy, now: Callable[[], float]) -> None:
        self._client, self._policy, self._now = client, policy, now
        self._seen: tuple[float, Contents] | None = None

    def contents(self) -> Contents:
        """What there is. Raises ``BackendError``."""
        if self._seen is None or not 0 <= self._now() - self._seen[0] < _FRESH_SECONDS:
            self._seen = (self._now(), self._look())
        return self._seen[1]

    def logs(self) -> tuple[Group[LogShape], ...]:
        """Groups of log indices; raises ``ToolError`` where indices look like logs and cannot be read."""
        contents = self.contents()
        if not contents.logs and contents.near:
            raise ToolError(
                f"{contents.near}; name the fields in pcause.yaml: opensearch.logs.fields.time, .body, .entity, "
                ".severity (and the indices in opensearch.logs.logs)"
            )
        return contents.logs

    def _look(self) -> Contents:
        logs = self._mappings(self._policy.logs)
        spans = logs if self._policy.spans == self._policy.logs else self._mappings(self._policy.spans)
        shapes = {name: span_shape(fields) for name, fields in spans.items()}
        maps = [name for name, fields in spans.items() if all(part in fields for part in _SERVICE_MAP)]
        told = AUTO not in self._policy.logs
        found: dict[str, LogShape] = {}
        near = ""
        for name, fields in logs.items():
            if name in maps or shapes.get(name) is not None or name.startswith("jaeger-"):
                continue
            shape, missing = log_shape(fields, self._policy.fields)
            if shape is not None:
                found[name] = shape
            elif not near and (told or looks_like_a_log(fields, missing)):
                near = f"index {name[:80]} has no field for the {missing} of a log line"
        return Contents(
            _grouped(found, logs),
            _grouped({name: shape for name, shape in shapes.items() if shape is not None}, spans),
            tuple(maps),
            tuple(name for name, fields in spans.items() if _is_dependencies(name, fields)),
            len({*logs, *spans}),
            near,
        )

    def _mappings(self, patterns: tuple[str, ...]) -> dict[str, Fields]:
        if AUTO not in patterns:
            return self._mapping(patterns)
        try:
            return self._mapping(_EVERYTHING)
        except (Rejected, Refusal, NoAnswer, CircuitOpen):
            raise
        except BackendError:
            return self._mapping(_COMMON)

    def _mapping(self, patterns: tuple[str, ...]) -> dict[str, Fields]:
        options = {"ignore_unavailable": "true", "allow_no_indices": "true", "expand_wildcards": "open"}
        try:
            answer = self._client.ask("GET", f"/{indices_path(patterns)}/_mapping", None, options)
        except Rejected as error:
            if "index_not_found" in error.kind:
                return {}
            raise
        named = {_BACKING.sub(r"\1", name): raw for name, raw in sorted(answer.items())}
        return {name: fields_of(_mappings_of(raw)) for name, raw in named.items() if not name.startswith(".")}


def _mappings_of(raw: object) -> dict[str, Any]:
    inner = raw.get("mappings") if isinstance(raw, dict) else None
    return inner if isinstance(inner, dict) else {}


def _is_dependencies(name: str, fields: Fields) -> bool:
    return name.startswith("jaeger-dependencies") or "dependencies.parent" in fields


def _grouped(shapes: dict[str, S], fields: dict[str, Fields]) -> tuple[Group[S], ...]:
    names: dict[S, list[str]] = {}
    for name, shape in shapes.items():
        names.setdefault(shape, []).append(name)
    groups = []
    for shape, members in names.items():
        common = set.intersection(*({p.exact for p in fields[name].values() if p.exact} for name in members))
        others = [name for name in fields if name not in members]
        groups.append(Group(_short(members, others), shape, tuple(sorted(common))))
    return tuple(groups)


def _short(members: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """The names, or, where they would not fit into a request, wildcards for their serials that match no other index."""
    names = tuple(members)
    if len(indices_path(names)) <= _LONGEST_PATH:
        return names
    wild: dict[str, None] = {}
    for name in names:
        pattern = _SERIAL.sub("*", name)
        wild[name if any(fnmatchcase(other, pattern) for other in others) else pattern] = None
    return tuple(wild)
