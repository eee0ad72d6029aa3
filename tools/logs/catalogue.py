"""Which indices hold log lines, spans and service maps. Indices of one shape are asked together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tools.http.errors import BackendError, CircuitOpen, NoAnswer, Refusal
from tools.logs.answers import aggregation_of
from tools.logs.client import Json, Notes, Rejected, SearchClient, indices_path
from tools.logs.index_names import is_named, merged, paths, stream_of
from tools.logs.mapping import Fields, LogShape, fields_of, log_shape, looks_like_a_log, rivals, without_empty
from tools.logs.policy import AUTO, LogPolicy
from tools.logs.span_shapes import SpanShape, span_shape
from tools.spec import ToolError

_FRESH_SECONDS = 120.0
_LOOKED_AT = 20_000  # documents of a shard, to see which fields they have
_EVERYTHING = ("*",)
# Asked for where a cluster has too many indices to look at all of them.
_COMMON = ("*log*", "*span*", "*trace*", "*otel*", "filebeat-*", "fluent*", "kubernetes*", "jaeger-*", "*service-map*")
_SERVICE_MAP = ("serviceName", "destination.domain")

S = TypeVar("S")


@dataclass(frozen=True)
class Group(Generic[S]):
    """Indices of one shape, as many as fit into a request. ``keywords`` are fields with countable values in all of them."""

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
        others = {*maps, *(name for name, shape in shapes.items() if shape is not None)}
        lines = {name: f for name, f in logs.items() if name not in others and not name.startswith("jaeger-")}
        for name, fields in self._filled(lines).items():
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
        """Fields by the names that are to be searched: an alias, where one was named, as it may have a filter."""
        try:
            answer = self._ask(patterns, "_mapping")
        except Rejected as error:
            if "index_not_found" in error.kind:
                return {}
            raise
        fields = {name: fields_of(_inner(raw, "mappings")) for name, raw in answer.items()}
        names: dict[str, tuple[str, ...]] = {index: (stream_of(index),) for index in fields}
        strange = [index for index in fields if not is_named(stream_of(index), patterns)]
        if strange:
            names |= self._aliases(patterns, strange)
        return {name: found for name, found in merged(fields, names).items() if not name.startswith(".")}

    def _aliases(self, patterns: tuple[str, ...], indices: list[str]) -> dict[str, tuple[str, ...]]:
        """The aliases by which the patterns name the indices."""
        try:
            answer = self._ask(patterns, "_alias")
        except Rejected:  # not allowed: what is named and is no index must be an alias
            exact = tuple(pattern for pattern in patterns if "*" not in pattern)
            return dict.fromkeys(indices, exact) if exact else {}
        known = {index: _inner(answer.get(index), "aliases") for index in indices}
        return {index: tuple(a for a in aliases if is_named(a, patterns)) for index, aliases in known.items()}

    def _ask(self, patterns: tuple[str, ...], what: str) -> Json:
        options = {"ignore_unavailable": "true", "allow_no_indices": "true", "expand_wildcards": "open"}
        return self._client.ask("GET", f"/{indices_path(patterns)}/{what}", None, options)

    def _filled(self, found: Mapping[str, Fields]) -> dict[str, Fields]:
        """The fields without those that no document has, where another could have their role: templates map many."""
        asked: dict[tuple[str, ...], list[str]] = {}
        told = set(self._policy.fields.model_dump().values())
        for name, fields in found.items():
            asked.setdefault(tuple(field for field in rivals(fields) if field not in told), []).append(name)
        kept = dict(found)
        for candidates, names in asked.items():
            filled = self._having(names, [name for name in found if name not in names], candidates)
            kept |= {name: without_empty(found[name], candidates, filled) for name in names}
        return kept

    def _having(self, names: list[str], others: list[str], candidates: tuple[str, ...]) -> frozenset[str]:
        """Which of the fields some of the first documents of these indices have."""
        if not candidates:
            return frozenset()
        there = {"filters": {"filters": {name: {"exists": {"field": name}} for name in candidates}}}
        body = {"size": 0, "terminate_after": _LOOKED_AT, "track_total_hits": False, "aggs": {"there": there}}
        filled: set[str] = set()
        for part in paths(names, others):
            try:
                answer = self._client.search(part, body, Notes())
            except Rejected:  # what is mapped has to do
                return frozenset()
            counts = {name: aggregation_of(answer, "there", "buckets", name).get("doc_count") for name in candidates}
            filled |= {name for name, count in counts.items() if count}
        return frozenset(filled)


def _inner(raw: object, name: str) -> dict[str, Any]:
    inner = raw.get(name) if isinstance(raw, dict) else None
    return inner if isinstance(inner, dict) else {}


def _is_dependencies(name: str, fields: Fields) -> bool:
    return name.startswith("jaeger-dependencies") or "dependencies.parent" in fields


def _grouped(shapes: dict[str, S], fields: dict[str, Fields]) -> tuple[Group[S], ...]:
    names: dict[S, list[str]] = {}
    for name, shape in shapes.items():
        names.setdefault(shape, []).append(name)
    groups = []
    for shape, members in names.items():
        common = set.intersection(*({p.exact for p in fields[name].values() if p.is_countable} for name in members))
        others = [name for name in fields if name not in members]
        groups += [Group(part, shape, tuple(sorted(common))) for part in paths(members, others)]
    return tuple(groups)
