"""A call that never arrived accuses whom it did not reach, not who tells of it."""

import numpy as np

from diagnosis.channels.clue import Observation
from diagnosis.channels.unreachable import unreachable
from diagnosis.findings import Channel, FaultKind
from diagnosis.localisation import clues_of
from diagnosis.periods import Periods
from diagnosis.span_table import SpanTable
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import Edge, Node, PatternTable, SeriesMatrix, Topology, Window


def failing(entity: str, text: str, *signals: str) -> Symptom:
    return Symptom(
        Channel.TRACES, entity, "POST", frozenset({"errors+", "origin", *signals}), text, strength=0.9, bad=True,
        sentence=text, onset=50.0,
    )  # fmt: skip


def observed(*symptoms: Symptom, owned: bool = True) -> Observation:
    topology = Topology((Node("bank", owned), Node("shop")), (Edge("shop", "bank"),))
    return Observation(
        SeriesMatrix((), np.empty(0), np.empty((0, 0))), PatternTable(Window(0, 100), 10.0, ()), SpanTable.empty(),
        topology, Periods((Window(0, 50),), Window(50, 100)), symptoms,
    )  # fmt: skip


def clues(*symptoms: Symptom, owned: bool = True) -> list[tuple[str, FaultKind]]:
    return [(clue.entity, next(iter(clue.kinds))) for clue in unreachable(observed(*symptoms, owned=owned))]


def test_a_refused_call_accuses_the_callee() -> None:
    assert clues(failing("shop", "bank: connection refused", "text:refused")) == [("bank", FaultKind.DEPENDENCY_OUTAGE)]


def test_a_name_that_is_not_resolved_is_no_outage() -> None:
    assert clues(failing("shop", "no such host bank", "text:dns", "text:refused")) == [("bank", FaultKind.DNS)]


def test_an_error_that_names_nobody_accuses_nobody_else() -> None:
    assert clues(failing("shop", "connection refused", "text:refused")) == []


def test_a_peer_that_is_not_ours_is_left_to_the_case_of_the_foreign_peer() -> None:
    assert clues(failing("shop", "bank: connection refused", "text:refused"), owned=False) == []


def test_a_certificate_accuses_the_callee_only_where_it_says_so_too() -> None:
    ours = failing("shop", "bank: certificate expired", "text:certificate")
    theirs = Symptom(
        Channel.LOGS, "bank", "handshake", frozenset({"text:certificate"}), "handshake failed", strength=0.5, bad=True,
        sentence="handshake failed", onset=50.0,
    )  # fmt: skip
    assert clues(ours) == []
    assert clues(ours, theirs) == [("bank", FaultKind.CERTIFICATE)]


def test_what_a_caller_does_instead_is_not_its_own_trouble() -> None:
    """It cannot reach the bank and asks its own store: the store gets busy."""
    cut_off = failing("shop", "bank: connection refused", "text:refused")
    busy = Symptom(
        Channel.METRICS, "shop", "cache_misses_per_second", frozenset({"cache_misses+"}), "", strength=0.8, bad=True,
        sentence="misses rose", onset=50.0, before=0.0, after=20.0,
    )  # fmt: skip
    alone, both = (
        {(clue.method, clue.entity): clue.strength for clue in clues_of(observed(*symptoms))}
        for symptoms in ((busy,), (busy, cut_off))
    )
    assert both[("saturation", "shop")] < 0.4 * alone[("saturation", "shop")]
