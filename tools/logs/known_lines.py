"""Queries for lines whose pattern is known well: what fits none of them is rare, and can be read whole."""

from collections.abc import Iterable

from diagnosis.telemetry import LogPattern
from tools.logs.mapping import LogShape
from tools.logs.queries import Query, all_of, storable, whole_value

_MOST_CLAUSES = 900  # together: an engine takes 1,024 in one query, and there is the question itself
_LONGEST_RUNS = 3
_FEWEST_WORDS = 2


def queries_for(patterns: Iterable[LogPattern], shape: LogShape) -> list[Query]:
    """One query for each text of the patterns and the entities that write it.

    A pattern with fewer than two words that never vary cannot be asked for and is left out.
    """
    if not shape.body.is_text:
        return []
    writers: dict[tuple[str, ...], set[str]] = {}
    for pattern in patterns:
        runs = constant_runs(pattern.template)
        if runs:
            writers.setdefault(runs, set()).add(pattern.entity)
    return [_query(runs, sorted(entities), shape) for runs, entities in writers.items()]


def affordable(queries: Iterable[Query]) -> list[Query]:
    """The first of them, as many as an engine takes in one query."""
    found: list[Query] = []
    left = _MOST_CLAUSES
    for query in queries:
        left -= len(query["bool"]["filter"])
        if left < 0:
            break
        found.append(query)
    return found


def constant_runs(template: str) -> tuple[str, ...]:
    """The longest runs of neighbouring words that are the same on every line; none where they would say too little."""
    runs: list[list[str]] = [[]]
    for word in template.split():
        if "<" in word or ">" in word:
            runs.append([])
        elif any(letter.isalnum() for letter in word):
            runs[-1].append(word)
    longest = sorted((run for run in runs if run), key=len, reverse=True)[:_LONGEST_RUNS]
    return tuple(" ".join(run) for run in longest) if sum(map(len, longest)) >= _FEWEST_WORDS else ()


def _query(runs: tuple[str, ...], entities: list[str], shape: LogShape) -> Query:
    phrases: list[Query] = [{"match_phrase": {shape.body.name: run}} for run in storable(runs)]
    # The entity of a pod is no value of its field; the text alone must do.
    if shape.entity is None or not shape.entity.exact or shape.pods or not storable(entities):
        return all_of(*phrases)
    return all_of(whole_value(shape.entity, storable(entities)), *phrases)
