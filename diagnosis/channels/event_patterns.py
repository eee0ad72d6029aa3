"""What follows what: spans and log lines of one service within one trace, and how their order changed.

After Nezha (Yu et al., FSE 2023), which compares the support of event patterns between a normal and a faulty period.
Here the events of a service within a trace are a chain, and each event's successor a multinomial: a G-test (Sokal and
Rohlf, "Biometry") says whether the successors changed. It is conditional on the event, so that a service which is only
called less, or more, shows nothing. What the normal minutes vary among themselves is divided out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnosis.channels.clue import Clue, Observation, Source
from diagnosis.findings import Channel, FaultKind
from diagnosis.span_table import Rows, SpanTable
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import Floats, LineSequence
from diagnosis.traces import within_itself

NAME = "event_patterns"
_KINDS = {
    FaultKind.ERROR_REGRESSION: 1.0,
    FaultKind.SCHEMA_MISMATCH: 0.4,
    FaultKind.BAD_CONFIG: 0.4,
    FaultKind.BAD_DATA: 0.3,
    FaultKind.DEPENDENCY_OUTAGE: 0.3,
    FaultKind.CPU_SATURATION: 0.15,
}
# The same once more: a loop that grew, or a retry.
_AGAIN = {FaultKind.SLOW_CODE: 1.0, FaultKind.ERROR_REGRESSION: 0.4}
_LEAST_SEEN = 4  # of an event in each period
_BLOCK_SECONDS = 60.0
_REASON = 0.5  # of the largest move: what must have become more frequent to be the reason for it
_HALF = 15.0  # surprise (nats) at which a change is more likely than not


@dataclass(frozen=True, slots=True, eq=False)
class _Chain:
    """Events with what followed them; all arrays have shape (events,).

    ``context`` is the operation within which an event happened (none for log lines); ``event`` and ``follower`` are
    codes into ``names``; ``began`` is when the request began, in epoch seconds. ``starts`` are the codes that open a
    chain: what follows them is decided by the request, what follows later may be decided by an answer.
    """

    entity: NDArray[np.int64]
    context: NDArray[np.int64]
    event: NDArray[np.int64]
    follower: NDArray[np.int64]
    began: Floats
    entities: tuple[str, ...]
    names: tuple[str, ...]
    starts: tuple[int, ...]


_Part = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Floats]


def event_patterns(seen: Observation) -> list[Clue]:
    """Up to two clues an entity, how it began and how it went on, told by the event whose followers changed most."""
    chain = _chain(seen)
    if not chain.entity.size:
        return []
    width = len(chain.names)
    keys, at = np.unique((chain.entity * width + chain.context) * width + chain.event, return_inverse=True)
    whose = keys // (width * width)
    pairs, pair = np.unique(at * width + chain.follower, return_inverse=True)
    owner = pairs // width
    old, new = seen.periods.is_normal(chain.began), seen.periods.is_recent(chain.began)
    was, now = np.bincount(pair[old], minlength=pairs.size), np.bincount(pair[new], minlength=pairs.size)
    surprise, freedom = _g_test(was, now, owner, keys.size)
    surprise = np.maximum(surprise / _dispersion(chain, pair, pairs.size, owner, keys.size, old) - 2 * freedom, 0.0)
    n_was, n_now = np.bincount(owner, was, keys.size), np.bincount(owner, now, keys.size)
    share_was, share_now = was / np.maximum(n_was[owner], 1), now / np.maximum(n_now[owner], 1)
    moved = 0.5 * np.bincount(owner, np.abs(share_now - share_was), keys.size)
    value = np.where((n_was >= _LEAST_SEEN) & (n_now >= _LEAST_SEEN), surprise * np.sqrt(moved), 0.0)
    clues = []
    opening = np.isin(keys % width, chain.starts)
    top = float(value.max(initial=0.0))
    for source, side in ((Source.CALLERS, opening), (Source.CALLEES, ~opening)):
        by_entity = _one_and_a_quarter(np.where(side, value, 0.0), whose, len(chain.entities))
        for entity in np.flatnonzero(by_entity > 1.0):
            total = float(by_entity[entity])
            strength = (1.0 - np.exp(-total / _HALF)) * (0.4 + 0.6 * min(total / top, 1.0))
            key = int(np.argmax(np.where((whose == entity) & side, value, -1.0)))
            mine = np.flatnonzero(owner == key)
            told = _told(mine, pairs % width == keys[key] % width, share_now - share_was)
            event, follower = chain.names[int(keys[key] % width)], chain.names[int(pairs[told] % width)]
            shares = (float(share_was[told]), float(share_now[told]))
            clues.append(_clue(seen, chain.entities[entity], (event, follower), shares, float(strength), total, source))
    return clues


def _told(mine: NDArray[np.int64], again: NDArray[np.bool_], gain: Floats) -> int:
    """The follower whose share moved most; but the event itself, where that is what comes more often now.

    What is done again and again pushes what came next aside: both moved, and the first is the reason.
    """
    moved = int(mine[np.argmax(np.abs(gain[mine]))])
    more = int(mine[np.argmax(gain[mine])])
    return more if again[more] and gain[more] >= _REASON * abs(gain[moved]) else moved


def _one_and_a_quarter(value: Floats, owner: NDArray[np.int64], owners: int) -> Floats:
    """The largest value of each owner and a quarter of the rest: one request changes many of its events at once."""
    largest = np.zeros(owners)
    np.maximum.at(largest, owner, value)
    rest = np.bincount(owner, value, owners) - largest
    return largest + np.minimum(0.25 * rest, largest)


def _clue(
    seen: Observation, name: str, pair: tuple[str, str], shares: tuple[float, float], strength: float, total: float,
    source: Source,
) -> Clue:  # fmt: skip
    (event, follower), (before, after) = pair, shares
    symptom = Symptom(
        Channel.TRACES, name, f"{event} → {follower}", frozenset({"pattern_changed"}), f"{event} {follower}",
        strength=strength, bad=True,
        sentence=f"in {name}, “{event[:80]}” is followed by “{follower[:80]}” in {after:.0%} of cases, "
        f"before in {before:.0%}",
        onset=seen.periods.recent.start, before=before, after=after, deviation=total,
    )  # fmt: skip
    return Clue(NAME, name, strength, _AGAIN if event == follower else _KINDS, symptom, source)


def _chain(seen: Observation) -> _Chain:
    """Children within each span in order, from its start to its end; and log lines within each request likewise."""
    spans, patterns = seen.spans, seen.patterns.patterns
    entities = tuple(sorted({*spans.entities, *(pattern.entity for pattern in patterns)}))
    code = {name: place for place, name in enumerate(entities)}
    names = (
        *spans.names,
        *(pattern.template for pattern in patterns),
        "its first call",
        "its answer",
        "its first line",
        "its first line after a call",
        "its end",
        "",
    )
    first_call, answer, first_line, late_line, end, none = range(len(names) - 6, len(names))
    spans_code = np.array([code[name] for name in spans.entities], np.int64)
    parts = [_of_spans(seen, spans_code, (first_call, answer, end))]
    if seen.patterns.sequence is not None:
        lines_code = np.array([code[pattern.entity] for pattern in patterns], np.int64)
        parts.append(
            _of_lines(seen, seen.patterns.sequence, (spans_code, lines_code), (first_line, late_line, end, none))
        )
    entity, context, event, follower, began = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _Chain(entity, context, event, follower, began, entities, names, (first_call, first_line))


def _of_lines(
    seen: Observation,
    lines: LineSequence,
    codes: tuple[NDArray[np.int64], NDArray[np.int64]],
    marks: tuple[int, int, int, int],
) -> _Part:
    """The lines of each request with what came next. Of an operation that logs, every span opens a chain, so that a
    span which says nothing shows as well; but only in minutes of which any line was collected."""
    spans, (start, late, end, none) = seen.spans, marks
    row = _rows_of(spans, lines)
    mine = spans.entity.astype(np.int64) * len(spans.names) + spans.name
    operation = np.r_[mine, -1][row]  # the last entry answers for row -1
    covered = np.unique(np.floor(lines.time / _BLOCK_SECONDS))
    opens = np.flatnonzero(np.isin(mine, operation) & np.isin(np.floor(spans.start / _BLOCK_SECONDS), covered))
    # A request with a span is known by the span's row, one without by a number below zero.
    request = np.where(row[lines.request] >= 0, row[lines.request], -1 - lines.request.astype(np.int64))
    within = np.r_[opens, request]
    time = np.r_[np.full(opens.size, -np.inf), lines.time]
    opening = np.where(np.isin(mine[opens], _late(spans, lines, row, mine)), late, start)
    event = np.r_[opening.astype(np.int64), lines.pattern.astype(np.int64) + len(spans.names)]
    entity = np.r_[codes[0][spans.entity[opens]], codes[1][lines.pattern]]
    context = np.r_[spans.name[opens].astype(np.int64), np.full(lines.time.size, none, np.int64)]
    began = np.r_[spans.start[opens], lines.time]
    order = np.lexsort((event, time, within))
    follower, first = _followers(within[order], event[order], end)
    return entity[order], context[order], event[order], follower, began[order][first][np.cumsum(first) - 1]


def _late(spans: SpanTable, lines: LineSequence, row: Rows, operation: Rows) -> Rows:
    """Operations that mostly call somebody before they write their first line: the answer may decide what it says."""
    child = np.flatnonzero(spans.parent >= 0)
    first_call, first_line = np.full(len(spans), np.inf), np.full(len(spans), np.inf)
    np.minimum.at(first_call, spans.parent[child], spans.start[child])
    known = row[lines.request] >= 0
    np.minimum.at(first_line, row[lines.request][known], lines.time[known])
    both = np.isfinite(first_call) & np.isfinite(first_line)
    keys, group = np.unique(operation[both], return_inverse=True)
    after = np.bincount(group, first_line[both] > first_call[both], keys.size)
    return np.asarray(keys[after > 0.5 * np.bincount(group, minlength=keys.size)])


def _rows_of(spans: SpanTable, lines: LineSequence) -> NDArray[np.int64]:
    """The span of each request, -1 where there is none; shape (requests,)."""
    traces = {id: code for code, id in enumerate(spans.traces)}
    rows = {key: row for row, key in enumerate(zip(spans.trace.tolist(), spans.ids, strict=False))}
    return np.array([rows.get((traces.get(trace, -1), span), -1) for _, trace, span in lines.requests], np.int64)


def _of_spans(seen: Observation, entity_code: NDArray[np.int64], marks: tuple[int, int, int]) -> _Part:
    """The start of every span and each of its children, with what came next in it.

    Below the client's span of a call stands the callee's: whether there is one is not the caller's decision.
    """
    start, answer, end = marks
    spans = seen.spans
    rows = np.arange(len(spans))
    child = np.flatnonzero(spans.parent >= 0)
    within = np.r_[rows, spans.parent[child]]
    # The span itself stands first among its children: it opens the chain.
    time = np.r_[np.full(rows.size, -np.inf), spans.start[child]]
    operation = spans.entity.astype(np.int64) * max(len(spans.names), 1) + spans.name
    waits = np.isin(operation, np.unique(operation[seen.calls.client])) & within_itself(spans)
    event = np.r_[np.where(waits, answer, start), spans.name[child].astype(np.int64)]
    order = np.lexsort((event, time, within))
    within, event = within[order], event[order]
    follower, _ = _followers(within, event, end)
    return entity_code[spans.entity[within]], spans.name[within].astype(np.int64), event, follower, spans.start[within]


def _followers(
    chain: NDArray[np.integer], event: NDArray[np.int64], end: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The next event of the same chain (``end`` at its end), and which events are the first of theirs."""
    linked = np.r_[chain[1:] == chain[:-1], False][: chain.size]
    return np.where(linked, np.r_[event[1:], end][: event.size], end), np.r_[True, ~linked[:-1]][: chain.size]


def _g_test(
    was: NDArray[np.int64], now: NDArray[np.int64], owner: NDArray[np.int64], owners: int
) -> tuple[Floats, Floats]:
    """G and degrees of freedom for each owner: do its pairs have the same shares in both periods?"""
    n_was, n_now = np.bincount(owner, was, owners), np.bincount(owner, now, owners)
    pooled = (was + now) / np.maximum(n_was + n_now, 1)[owner]
    terms = np.zeros(was.size)
    for count, total in ((was, n_was), (now, n_now)):
        some = count > 0
        terms[some] += 2.0 * count[some] * np.log(count[some] / (total[owner[some]] * pooled[some]))
    either = (was + now) > 0
    g = np.bincount(owner, terms, owners).astype(np.float64)
    return g, np.maximum(np.bincount(owner, either, owners) - 1.0, 0.0)


def _dispersion(
    chain: _Chain, pair: NDArray[np.int64], pairs: int, owner: NDArray[np.int64], owners: int, old: NDArray[np.bool_]
) -> Floats:
    """How much more than a multinomial each owner varies between normal minutes; at least 1."""
    block = np.floor(chain.began / _BLOCK_SECONDS).astype(np.int64)
    blocks, index = np.unique(block[old], return_inverse=True)
    ones = np.ones(owners)
    if blocks.size < 3:
        return ones
    whole = np.bincount(pair[old], minlength=pairs)
    sums, frees = np.zeros(owners), np.zeros(owners)
    ordered = pair[old][np.argsort(index, kind="stable")]
    for block_pairs in np.split(ordered, np.cumsum(np.bincount(index))[:-1]):
        part = np.bincount(block_pairs, minlength=pairs)
        g, freedom = _g_test(whole - part, part, owner, owners)
        present = np.bincount(owner, part, owners) >= _LEAST_SEEN
        sums, frees = sums + np.where(present, g, 0.0), frees + np.where(present, freedom, 0.0)
    return np.maximum(np.where(frees > 0, sums / np.maximum(frees, 1.0), 1.0), ones)
