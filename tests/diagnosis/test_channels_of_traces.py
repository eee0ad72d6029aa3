"""Channels that read spans, and the lines within them."""

from dataclasses import replace

import pytest

from diagnosis.channels.call_gap import call_gap
from diagnosis.channels.clue import Source
from diagnosis.channels.event_patterns import event_patterns
from diagnosis.channels.self_time import self_time
from diagnosis.channels.texts import fan_out, span_errors
from diagnosis.findings import FaultKind
from diagnosis.ranking import rank
from diagnosis.telemetry import LogRecord, Topology


def blamed(clues) -> dict[str, float]:
    """The strongest clue of each entity."""
    return {clue.entity: max(c.strength for c in clues if c.entity == clue.entity) for clue in clues}


def place(ranked, entity: str):
    return next(one for one in ranked if one.entity == entity)


# Self time


def shop(op, call, work: float = 0.02, gap: float = 0.002):
    return op("front", "open", 0.01, (call("front", op("store", "fetch", work), gap),))


def test_the_operation_that_got_slow_by_itself_is_blamed_and_not_its_caller(telemetry):
    spans = telemetry.requests(shop(telemetry.op, telemetry.call), shop(telemetry.op, telemetry.call, work=0.2))
    (clue,) = self_time(telemetry.observe(spans=spans))
    assert (clue.entity, clue.symptom.subject) == ("store", "fetch")
    assert clue.strength > 0.8


def test_a_client_span_that_waits_is_not_work(telemetry):
    spans = telemetry.requests(shop(telemetry.op, telemetry.call), shop(telemetry.op, telemetry.call, gap=0.5))
    assert self_time(telemetry.observe(spans=spans)) == []


def test_work_that_got_faster_is_no_clue(telemetry):
    spans = telemetry.requests(shop(telemetry.op, telemetry.call, work=0.2), shop(telemetry.op, telemetry.call))
    assert self_time(telemetry.observe(spans=spans)) == []


def test_of_two_slower_operations_the_one_that_costs_more_counts_more(telemetry):
    def plan(cheap: float, dear: float):
        op = telemetry.op
        return op("front", "open", 0.01, (op("mail", "write", cheap), op("store", "fetch", dear)))

    spans = telemetry.requests(plan(0.001, 0.1), plan(0.003, 0.3))
    found = blamed(self_time(telemetry.observe(spans=spans)))
    assert found["store"] > found["mail"] > 0


def test_an_entity_has_one_clue_for_its_own_time(telemetry):
    def plan(work: float):
        op = telemetry.op
        return op("front", "open", 0.01, (op("store", "fetch", work), op("store", "count", work)))

    spans = telemetry.requests(plan(0.01), plan(0.1))
    assert [clue.entity for clue in self_time(telemetry.observe(spans=spans))] == ["store"]


def test_three_slow_spans_prove_nothing(telemetry):
    spans = telemetry.requests(
        shop(telemetry.op, telemetry.call), shop(telemetry.op, telemetry.call, work=2.0), faulty_count=3
    )
    assert self_time(telemetry.observe(spans=spans)) == []


# Call gap


def calls_of(telemetry, gaps: dict[tuple[str, str], float], pairs: tuple[tuple[str, str], ...]):
    """One request for each pair of caller and callee, in turn."""
    op, call = telemetry.op, telemetry.call

    def plan(i: int):
        caller, callee = pairs[i % len(pairs)]
        return op(caller, "open", 0.01, (call(caller, op(callee, "fetch"), gaps.get((caller, callee), 0.002)),))

    return plan


def gap_clues(telemetry, pairs: tuple[tuple[str, str], ...], slow: tuple[tuple[str, str], ...]):
    spans = telemetry.requests(
        calls_of(telemetry, {}, pairs), calls_of(telemetry, dict.fromkeys(slow, 0.3), pairs), 150, 150
    )
    return call_gap(telemetry.observe(spans=spans))


def test_calls_of_many_callers_that_wait_for_one_callee_blame_the_callee(telemetry):
    pairs = (("front", "store"), ("mail", "store"), ("front", "price"), ("mail", "price"))
    clues = gap_clues(telemetry, pairs, slow=(("front", "store"), ("mail", "store")))
    assert [clue.entity for clue in clues] == ["store"]
    assert max(clues[0].kinds, key=clues[0].kinds.get) is FaultKind.NETWORK_DELAY


def test_calls_of_one_caller_that_wait_for_many_callees_blame_the_caller(telemetry):
    pairs = (("front", "store"), ("front", "price"), ("front", "mail"), ("back", "store"), ("back", "price"))
    clues = gap_clues(telemetry, pairs, slow=pairs[:3])
    assert [clue.entity for clue in clues] == ["front"]


def test_one_call_that_waits_blames_the_callee(telemetry):
    clues = gap_clues(telemetry, (("front", "store"), ("front", "price")), slow=(("front", "store"),))
    assert [clue.entity for clue in clues] == ["store"]


def test_a_callee_that_works_longer_leaves_no_gap(telemetry):
    spans = telemetry.requests(shop(telemetry.op, telemetry.call), shop(telemetry.op, telemetry.call, work=0.5))
    assert call_gap(telemetry.observe(spans=spans)) == []


def unlinked(telemetry, wait: float, name: str = "remote store fetch"):
    """A call whose other side lost the trace: its leaf may name the service, whose own spans are roots elsewhere."""
    op = telemetry.op
    return lambda i: op("store", "fetch") if i % 2 else op("front", "open", 0.01, (op("front", name, wait),))


def test_an_unlinked_leaf_that_names_a_service_is_a_call_to_it(telemetry):
    spans = telemetry.requests(unlinked(telemetry, 0.02), unlinked(telemetry, 0.4))
    seen = telemetry.observe(spans=spans)
    assert blamed(call_gap(seen)).keys() == {"store"}
    assert self_time(seen) == []


def test_an_unlinked_leaf_that_names_nobody_is_work(telemetry):
    spans = telemetry.requests(unlinked(telemetry, 0.02, "render"), unlinked(telemetry, 0.4, "render"))
    seen = telemetry.observe(spans=spans)
    assert call_gap(seen) == []
    assert blamed(self_time(seen)).keys() == {"front"}


# Event patterns


def order(telemetry, *callees: str, entity: str = "shop"):
    """A request in which the shop calls others, in this order."""
    op = telemetry.op
    return op("front", "open", 0.01, (op(entity, "order", 0.01, tuple(op(name, f"serve {name}") for name in callees)),))


def mixed(telemetry, often: float, seed: int = 0):
    """The shop asks the mail in this share of its requests, spread evenly."""

    def plan(i: int):
        with_mail = int((i + 1) * often) > int(i * often)
        return order(telemetry, "store", *(("mail",) if with_mail else ()))

    return plan


def test_a_child_call_that_is_missing_blames_the_service_that_does_not_make_it(telemetry):
    spans = telemetry.requests(order(telemetry, "store", "mail"), order(telemetry, "store"))
    clues = event_patterns(telemetry.observe(spans=spans))
    assert blamed(clues).keys() == {"shop"}
    assert blamed(clues)["shop"] > 0.8
    assert clues[0].symptom.subject.startswith("serve store → ")


def test_a_call_that_is_made_again_and_again_is_slow_code_and_no_missing_call(telemetry):
    """What came next after the first call comes less often for one reason: the same call comes once more."""
    spans = telemetry.requests(order(telemetry, "store", "store", "mail"), order(telemetry, *["store"] * 12, "mail"))
    (clue,) = [clue for clue in event_patterns(telemetry.observe(spans=spans)) if clue.entity == "shop"]
    assert clue.symptom.subject == "serve store → serve store"
    assert max(clue.kinds, key=lambda kind: clue.kinds[kind]) is FaultKind.SLOW_CODE


@pytest.mark.parametrize("recent", [10, 240])
def test_more_or_less_traffic_alone_changes_no_pattern(telemetry, recent: int):
    spans = telemetry.requests(mixed(telemetry, 0.5), mixed(telemetry, 0.5), 120, recent)
    assert event_patterns(telemetry.observe(spans=spans)) == []


def test_a_service_that_is_called_less_does_not_change_itself(telemetry):
    spans = telemetry.requests(mixed(telemetry, 0.8), mixed(telemetry, 0.2), 100, 100)
    assert blamed(event_patterns(telemetry.observe(spans=spans))).keys() == {"shop"}


def test_slower_calls_in_the_same_order_change_no_pattern(telemetry):
    op = telemetry.op

    def plan(work: float):
        return op("front", "open", 0.01, (op("shop", "order", work, (op("store", "fetch", work),)),))

    assert event_patterns(telemetry.observe(spans=telemetry.requests(plan(0.01), plan(0.5)))) == []


def with_lines(telemetry, normal: tuple[str, ...], faulty: tuple[str, ...], answered: bool = False):
    """Requests of the shop that write these lines before (or after) they call the store; spans and lines."""
    spans = telemetry.requests(order(telemetry, "store"), order(telemetry, "store"))
    lines = []
    for span in spans:
        if span.entity == "shop":
            said = normal if span.trace_id.startswith("n") else faulty
            begin = span.start + (0.9 if answered else 0.1) * span.duration
            lines += [
                LogRecord(begin + 1e-4 * i, "shop", "INFO", text, span.trace_id, {}, span.span_id)
                for i, text in enumerate(said)
            ]
    return spans, lines


def test_a_line_that_is_missing_within_a_span_is_a_changed_pattern(telemetry):
    spans, lines = with_lines(
        telemetry, ("order read from the request", "a reservation is made now"), ("order read from the request",)
    )
    clues = event_patterns(telemetry.observe(spans=spans, logs=lines))
    assert blamed(clues).keys() == {"shop"}
    assert clues[0].symptom.subject.startswith("order read from the request → ")


def test_a_span_that_says_nothing_any_more_is_a_changed_pattern(telemetry):
    spans, lines = with_lines(telemetry, ("order read from the request",), ())
    # Another service still writes, so lines were collected all the time.
    lines += [
        LogRecord(s.start, "front", "INFO", "opened", s.trace_id, {}, s.span_id) for s in spans if s.entity == "front"
    ]
    assert blamed(event_patterns(telemetry.observe(spans=spans, logs=lines))).keys() == {"shop"}


def test_lines_of_requests_without_a_span_are_chains_as_well(telemetry):
    _, lines = with_lines(
        telemetry, ("order read from the request", "a reservation is made now"), ("order read from the request",)
    )
    assert blamed(event_patterns(telemetry.observe(logs=lines))).keys() == {"shop"}


def test_minutes_of_which_no_line_was_collected_are_no_silence(telemetry):
    spans, lines = with_lines(telemetry, ("order read from the request",), ())
    assert event_patterns(telemetry.observe(spans=spans, logs=lines)) == []


def test_another_first_line_before_any_call_may_come_from_the_caller(telemetry):
    spans, lines = with_lines(telemetry, ("order read from the request",), ("basket was empty",))
    (clue,) = event_patterns(telemetry.observe(spans=spans, logs=lines))
    assert (clue.entity, clue.source) == ("shop", Source.CALLERS)


def test_another_first_line_after_a_call_may_come_from_the_callee(telemetry):
    spans, lines = with_lines(
        telemetry, ("a reservation is made now",), ("nothing could be reserved here today",), answered=True
    )
    (clue,) = event_patterns(telemetry.observe(spans=spans, logs=lines))
    assert (clue.entity, clue.source) == ("shop", Source.CALLEES)


def test_what_the_normal_minutes_vary_among_themselves_is_divided_out(telemetry):
    def bursts(i: int):
        """The same share as ``mixed(0.5)``, but whole minutes (eight requests) with the mail and whole minutes without."""
        return order(telemetry, "store", *(("mail",) if i // 8 % 2 else ()))

    found = {}
    for name, normal in (("steady", mixed(telemetry, 0.5)), ("bursty", bursts)):
        spans = telemetry.requests(normal, mixed(telemetry, 0.8), 480, 60)
        found[name] = blamed(event_patterns(telemetry.observe(spans=spans))).get("shop", 0.0)
    assert found["steady"] > 0.2
    assert found["bursty"] < 0.1


def changed_input(telemetry):
    """The front asks for no login any more and orders something else, so that the shop answers in another way."""
    op = telemetry.op
    normal = op("front", "open", 0.01, (op("login", "check"), op("shop", "order", 0.01, (op("store", "fetch"),))))
    faulty = op("front", "open", 0.01, (op("shop", "order", 0.01, (op("price", "quote"),)),))
    return telemetry.observe(spans=telemetry.requests(normal, faulty))


def test_another_input_from_the_caller_is_explained_away_by_the_caller(telemetry):
    seen = changed_input(telemetry)
    clues = event_patterns(seen)
    assert blamed(clues).keys() == {"front", "shop"}
    with_calls, without = rank(clues, seen.topology, {}), rank(clues, Topology(), {})
    assert with_calls[0].entity == "front"
    assert place(with_calls, "shop").score < 0.5 * place(without, "shop").score


def test_what_a_callee_does_after_its_first_call_is_not_explained_by_the_caller(telemetry):
    spans = telemetry.requests(order(telemetry, "store", "mail"), order(telemetry, "store"))
    (clue,) = event_patterns(telemetry.observe(spans=spans))
    assert clue.source is Source.CALLEES


# Errors of spans


def failing(telemetry, deep: bool):
    op = telemetry.op
    store = op("store", "fetch", 0.01, error=deep, message="table is missing" if deep else "")
    return op("front", "open", 0.01, (store,), error=True, message="fetch failed")


def test_an_error_that_begins_here_is_ones_own_and_one_from_a_callee_is_inherited(telemetry):
    good = replace(failing(telemetry, deep=False), error=False, message="")
    clues = span_errors(telemetry.observe(spans=telemetry.requests(good, failing(telemetry, deep=True))))
    assert {clue.entity: clue.source for clue in clues} == {"front": Source.CALLEES, "store": Source.OWN}
    assert blamed(clues)["store"] > blamed(clues)["front"]


def test_an_error_without_a_failing_callee_is_ones_own(telemetry):
    good = replace(failing(telemetry, deep=False), error=False, message="")
    (clue,) = span_errors(telemetry.observe(spans=telemetry.requests(good, failing(telemetry, deep=False))))
    assert (clue.entity, clue.source) == ("front", Source.OWN)


def test_errors_that_were_as_frequent_before_are_no_clue(telemetry):
    spans = telemetry.requests(failing(telemetry, deep=True), failing(telemetry, deep=True))
    assert span_errors(telemetry.observe(spans=spans)) == []


# Fan-out


def many(telemetry, times: int, client: bool):
    op, call = telemetry.op, telemetry.call
    fetch = call("shop", op("store", "fetch")) if client else op("store", "fetch")
    return op("front", "open", 0.01, (op("shop", "order", 0.01, (fetch,) * times),))


def test_more_calls_of_one_operation_blame_the_caller(telemetry):
    spans = telemetry.requests(many(telemetry, 1, client=False), many(telemetry, 12, client=False))
    assert blamed(fan_out(telemetry.observe(spans=spans))).keys() == {"shop"}


def test_more_calls_seen_from_the_client_side_blame_the_same_caller(telemetry):
    spans = telemetry.requests(many(telemetry, 1, client=True), many(telemetry, 12, client=True))
    assert blamed(fan_out(telemetry.observe(spans=spans))).keys() == {"shop"}


def test_as_many_calls_as_ever_are_no_fan_out(telemetry):
    spans = telemetry.requests(many(telemetry, 12, client=False), many(telemetry, 12, client=False))
    assert fan_out(telemetry.observe(spans=spans)) == []
