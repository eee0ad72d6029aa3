import math

import pytest

from agent.reasoners.answers import Added, Reading, Readings, Weighing, Weight
from agent.reasoners.weighing import with_readings, with_weights
from diagnosis.findings import Attribution, Channel, Diagnosis, FaultKind, Finding, Hypothesis, Remediation
from diagnosis.incident import Incident
from diagnosis.span_table import SpanTable
from diagnosis.telemetry import Change, ChangeKind, Edge, Node, SeriesMatrix, Topology, Window

CHANGES = (Change(ChangeKind.COMMIT, "c" * 40, 10.0), Change(ChangeKind.COMMIT, "d" * 40, 20.0))
INCIDENT = Incident(
    entity="front", metric="", fired_at=100.0, window=Window(0.0, 200.0), metrics=SeriesMatrix.empty(), patterns=None,
    spans=SpanTable.empty(), topology=Topology((Node("front"), Node("store")), (Edge("front", "store"),)),
    changes=CHANGES,
)  # fmt: skip


def hypothesis(id: str, probability: float, change: str = "") -> Hypothesis:
    return Hypothesis(
        id=id, entity="store", fault_kind=FaultKind.SLOW_CODE, remediation=Remediation.ROLLBACK, probability=probability,
        sentence=id, attribution=Attribution.CHANGE if change else Attribution.PLACE, change_id=change,
    )  # fmt: skip


DIAGNOSIS = Diagnosis(
    onset=50.0, first_failing="store", path=(), blast_radius=(), ruled_out=(), suspects=(),
    findings=(
        Finding(id="F1", channel=Channel.METRICS, signal="", entity="store", subject="m", sentence="m rose"),
        Finding(id="F2", channel=Channel.METRICS, signal="", entity="front", subject="m", sentence="front m rose"),
    ),
    hypotheses=(hypothesis("H1", 0.5, "c" * 40), hypothesis("H2", 0.3, "d" * 40), hypothesis("H3", 0.2)),
)  # fmt: skip


def weighed(*weights: Weight, added: tuple[Added, ...] = ()) -> tuple[dict[str, float], int]:
    found = with_weights(DIAGNOSIS, INCIDENT, Weighing(weights=list(weights), added=list(added), ask=[]))
    assert math.isclose(math.fsum(h.probability for h in found.diagnosis.hypotheses), 1.0)
    return {h.sentence: round(h.probability, 3) for h in found.diagnosis.hypotheses}, found.dropped


def test_a_support_that_cites_findings_moves_the_odds_by_a_factor_of_four_at_most():
    found, dropped = weighed(Weight(hypothesis="H2", support=2, findings=["F1"]))
    assert found["H2"] / found["H1"] == pytest.approx(0.6 * math.exp(1.4), rel=0.01)
    assert dropped == 0


@pytest.mark.parametrize(
    "weight",
    [
        Weight(hypothesis="H9", support=2, findings=["F1"]),
        Weight(hypothesis="H2", support=2, findings=[]),
        Weight(hypothesis="H2", support=2, findings=["F77"]),
    ],
)
def test_a_support_without_ground_moves_nothing_and_is_counted(weight: Weight):
    assert weighed(weight) == ({"H1": 0.5, "H2": 0.3, "H3": 0.2}, 1)


def cause(entity: str = "store", kind: FaultKind = FaultKind.DNS, change: str = "", findings: str = "F1") -> Added:
    return Added(entity=entity, fault_kind=kind, change=change, findings=[findings])


def test_an_added_cause_is_shown_as_the_models_and_is_never_enough_to_be_named():
    every = [Weight(hypothesis=id, support=-2, findings=["F1"]) for id in ("H1", "H2", "H3")]
    found, dropped = weighed(*every, added=(cause(), cause(kind=FaultKind.DISK_IO)))
    assert found["a language model suggests: dns at store"] == 0.1
    assert dropped == 0


@pytest.mark.parametrize(
    "added",
    [
        cause(entity="payroll"),
        cause(findings="F2"),
        cause(change="nothing"),
        cause(kind=FaultKind.UNKNOWN),
        cause(kind=FaultKind.SLOW_CODE),
    ],
    ids=["no such place", "a finding of another place", "no such change", "no kind", "there already"],
)
def test_an_added_cause_that_names_what_is_not_there_is_dropped(added: Added):
    assert weighed(added=(added,)) == ({"H1": 0.5, "H2": 0.3, "H3": 0.2}, 1)


DIFFS = {"K1": ("c" * 40, "@@ a.py @@\n-retries = 5\n+if a < b: retries = 0\n")}


@pytest.mark.parametrize(
    ("reading", "ratio", "dropped"),
    [
        (Reading(change="K1", produces="no", quote="-retries = 5"), math.exp(-1.4), 0),
        (Reading(change="K1", produces="yes", quote="+if a &lt; b: retries = 0"), math.exp(0.7), 0),
        (Reading(change="K1", produces="unclear", quote=""), 1.0, 0),
        (Reading(change="K1", produces="no", quote="+os.exit()"), 1.0, 1),
        (Reading(change="K1", produces="yes", quote=""), 1.0, 1),
        (Reading(change="K7", produces="no", quote="-retries = 5"), 1.0, 1),
    ],
)
def test_a_reading_counts_where_its_quote_is_a_changed_line(reading: Reading, ratio: float, dropped: int):
    found = with_readings(DIAGNOSIS, DIFFS, Readings(readings=[reading]))
    shares = {h.sentence: h.probability for h in found.diagnosis.hypotheses}
    assert shares["H1"] / shares["H2"] == pytest.approx(ratio * 0.5 / 0.3)
    assert found.dropped == dropped
