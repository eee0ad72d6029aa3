import math
from dataclasses import replace
from random import Random

import pytest

from agent.alerts import parse_alert
from agent.nodes.conclude import decide
from agent.reasoners.answers import Added, Reading, Readings, Weighing, Weight
from agent.reasoners.briefing import diff_lines, findings_table, shown_findings
from agent.reasoners.weighing import with_opinion, with_readings, with_weights
from diagnosis.findings import Attribution, Channel, Diagnosis, FaultKind, Finding, Hop, Hypothesis, Remediation
from diagnosis.incident import Incident
from diagnosis.span_table import SpanTable
from diagnosis.telemetry import Change, ChangeKind, Edge, Node, SeriesMatrix, Topology, Window

CHANGES = (Change(ChangeKind.COMMIT, "c" * 40, 10.0), Change(ChangeKind.COMMIT, "d" * 40, 20.0))
INCIDENT = Incident(
    entity="front", metric="", fired_at=100.0, window=Window(0.0, 200.0), metrics=SeriesMatrix.empty(), patterns=None,
    spans=SpanTable.empty(), topology=Topology((Node("front"), Node("store")), (Edge("front", "store"),)),
    changes=CHANGES,
)  # fmt: skip

ALERT = parse_alert({"name": "slow", "service": "front", "fired_at": 100})


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


def test_a_support_that_cites_findings_moves_the_odds_by_half_a_nat_at_most():
    found, dropped = weighed(Weight(hypothesis="H2", support=2, findings=["F1"]))
    assert found["H2"] / found["H1"] == pytest.approx(0.6 * math.exp(0.5), rel=0.01)
    assert dropped == 0


def every_lie(diagnosis: Diagnosis, against: str) -> Diagnosis:
    """All that a model can say against one hypothesis, in readings, weights and additions together."""
    read = with_readings(
        diagnosis,
        {h.id: (h.change_id, "+x = 1") for h in diagnosis.hypotheses if h.change_id},
        Readings(
            readings=[
                Reading(change=h.id, produces="no" if h.sentence == against else "yes", quote="+x = 1")
                for h in diagnosis.hypotheses
            ]
        ),
    )
    weights = [
        Weight(hypothesis=h.id, support=-2 if h.sentence == against else 2, findings=["F1"])
        for h in read.diagnosis.hypotheses
    ]
    added = [cause(), cause(kind=FaultKind.DISK_IO, change="d" * 40)]
    said = Weighing(weights=weights, added=added, ask=[])
    found = with_weights(diagnosis, INCIDENT, said, read.kept)
    assert found.dropped == 0
    return found.diagnosis


def test_all_that_a_model_says_of_two_causes_moves_their_odds_by_a_factor_of_e_at_most():
    found = {h.sentence: h.probability for h in every_lie(DIAGNOSIS, against="H1").hypotheses}
    moved = [math.log(found[h.sentence] / h.probability) for h in DIAGNOSIS.hypotheses]
    assert max(moved) - min(moved) == pytest.approx(1.0)
    assert found["H2"] / found["H1"] == pytest.approx(0.6 * math.e)


@pytest.mark.parametrize("kind", [Attribution.CHANGE, Attribution.CASE, Attribution.PLACE])
@pytest.mark.parametrize("rest", [Attribution.CHANGE, Attribution.PLACE, Attribution.UNSEEN])
@pytest.mark.parametrize("clear", [0.75, 0.8, 0.95])
def test_a_cause_that_was_measured_clearly_stays_named_whatever_a_model_says(
    kind: Attribution, rest: Attribution, clear: float
):
    def possible(id: str, probability: float, attribution: Attribution, change: str) -> Hypothesis:
        change = change if attribution is Attribution.CHANGE else ""
        return hypothesis(id, probability, change).model_copy(update={"attribution": attribution})

    first = possible("H1", clear, kind, "c" * 40)
    second = possible("H2", 1.0 - clear, rest, "d" * 40).model_copy(update={"fault_kind": FaultKind.BAD_DATA})
    diagnosis = DIAGNOSIS.model_copy(update={"hypotheses": (first, second)})
    verdict = decide(ALERT, every_lie(diagnosis, against="H1"))
    assert verdict.hypothesis is not None
    assert verdict.hypothesis.sentence == "H1"


def test_the_bound_holds_for_whatever_is_said_in_any_order():
    random = Random(7)
    for _ in range(200):
        weights = [
            Weight(hypothesis=random.choice(["H1", "H2", "H3"]), support=random.randint(-2, 2), findings=["F1"])
            for _ in range(random.randint(0, 6))
        ]
        answers = [
            Reading(change=random.choice(["K1", "K2"]), produces=random.choice(["yes", "no"]), quote="+a")
            for _ in range(random.randint(0, 4))
        ]
        read = with_readings(DIAGNOSIS, {"K1": ("c" * 40, "+a"), "K2": ("d" * 40, "+a")}, Readings(readings=answers))
        said = Weighing(weights=weights, added=[cause()] * random.randint(0, 2), ask=[])
        found = with_weights(DIAGNOSIS, INCIDENT, said, read.kept).diagnosis
        for now in found.hypotheses:
            assert abs(math.fsum(s.weight for s in now.supports)) <= 0.5 + 1e-9
        assert math.fsum(h.probability for h in found.hypotheses) == pytest.approx(1.0)


def test_of_weights_that_contradict_each_other_the_first_counts():
    weights = [Weight(hypothesis="H2", support=support, findings=["F1"]) for support in (2, -2, 1)]
    found, dropped = weighed(*weights)
    assert found == weighed(weights[0])[0]
    assert dropped == 2


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


def test_a_finding_counts_where_it_is_of_the_place_of_the_change_or_of_the_way():
    elsewhere = Weight(hypothesis="H1", support=2, findings=["F2"])
    assert weighed(elsewhere)[1] == 1
    both = Weight(hypothesis="H1", support=2, findings=["F2", "F1", "F1"])
    assert weighed(both) == (weighed(Weight(hypothesis="H1", support=2, findings=["F1"]))[0], 1)

    def dropped(diagnosis: Diagnosis, incident: Incident) -> int:
        return with_weights(diagnosis, incident, Weighing(weights=[elsewhere], added=[], ask=[])).dropped

    way = DIAGNOSIS.model_copy(update={"path": (Hop(cause="store", effect="front"),)})
    assert dropped(way, INCIDENT) == 0
    assert dropped(DIAGNOSIS, replace(INCIDENT, changes=(replace(CHANGES[0], entity="front"),))) == 0


def test_a_finding_that_was_not_shown_cannot_be_cited():
    many = tuple(DIAGNOSIS.findings[0].model_copy(update={"id": f"F{n}", "deviation": 99.0 - n}) for n in range(1, 40))
    diagnosis = DIAGNOSIS.model_copy(update={"findings": many})
    shown = [finding.id for finding in shown_findings(diagnosis)]
    assert [line.split()[0] for line in findings_table(diagnosis).splitlines()] == shown
    assert {"F1", "F39"} & set(shown) == {"F1"}
    for id, dropped in (("F1", 0), ("F39", 1)):
        said = Weighing(weights=[Weight(hypothesis="H1", support=2, findings=[id])], added=[cause(findings=id)], ask=[])
        assert with_weights(diagnosis, INCIDENT, said).dropped == 2 * dropped


def test_a_hypothesis_that_was_not_shown_cannot_be_weighed():
    many = tuple(hypothesis(f"H{n}", 0.1) for n in range(1, 11))
    diagnosis = DIAGNOSIS.model_copy(update={"hypotheses": many})
    said = Weighing(weights=[Weight(hypothesis="H10", support=2, findings=["F1"])], added=[], ask=[])
    assert with_weights(diagnosis, INCIDENT, said).dropped == 1


def test_a_models_word_is_told_and_proves_nothing():
    said = Weighing(weights=[Weight(hypothesis="H1", support=2, findings=["F1"])], added=[cause()], ask=[])
    found = with_weights(DIAGNOSIS, INCIDENT, said).diagnosis
    supports = [support for h in found.hypotheses for support in h.supports]
    assert [(s.finding_id, s.reason) for s in supports] == [("", "a language model holds for it: m rose")] * 2


def cause(entity: str = "store", kind: FaultKind = FaultKind.DNS, change: str = "", findings: str = "F1") -> Added:
    return Added(entity=entity, fault_kind=kind, change=change, findings=[findings])


def test_an_added_cause_is_shown_as_the_models_and_is_never_enough_to_be_named():
    every = [Weight(hypothesis=id, support=-2, findings=["F1"]) for id in ("H1", "H2", "H3")]
    found, dropped = weighed(*every, added=(cause(), cause(kind=FaultKind.DISK_IO)))
    assert found["a language model suggests: dns at store"] == 0.02
    assert dropped == 0


def test_the_same_cause_is_added_once():
    found, dropped = weighed(added=(cause(), cause()))
    assert found == weighed(added=(cause(),))[0]
    assert dropped == 1


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


DIFFS = {
    "K1": ("c" * 40, "--- a/a.py\n+++ b/a.py\n@@ a.py @@\n-retries = 5\n+if a < b: retries = 0\n+}\n same\n+++i\n")
}


@pytest.mark.parametrize(
    ("reading", "ratio", "dropped"),
    [
        (Reading(change="K1", produces="no", quote="-retries = 5"), math.exp(-0.5), 0),
        (Reading(change="K1", produces="yes", quote="+if a &lt; b: retries = 0"), math.exp(0.25), 0),
        (Reading(change="K1", produces="unclear", quote=""), 1.0, 0),
        (Reading(change="K1", produces="no", quote="+os.exit()"), 1.0, 1),
        (Reading(change="K1", produces="yes", quote=""), 1.0, 1),
        (Reading(change="K7", produces="no", quote="-retries = 5"), 1.0, 1),
        (Reading(change="K1", produces="no", quote="--- a/a.py"), 1.0, 1),
        (Reading(change="K1", produces="no", quote="+++ b/a.py"), 1.0, 1),
        (Reading(change="K1", produces="no", quote="+}"), 1.0, 1),
        (Reading(change="K1", produces="no", quote=" same"), 1.0, 1),
        (Reading(change="K1", produces="no", quote="+++i"), math.exp(-0.5), 0),
    ],
)
def test_a_reading_counts_where_its_quote_is_a_changed_line(reading: Reading, ratio: float, dropped: int):
    found = with_readings(DIAGNOSIS, DIFFS, Readings(readings=[reading]))
    shares = {h.sentence: h.probability for h in found.diagnosis.hypotheses}
    assert shares["H1"] / shares["H2"] == pytest.approx(ratio * 0.5 / 0.3)
    assert found.dropped == dropped


def test_of_a_change_that_is_read_twice_the_first_reading_counts():
    readings = [Reading(change="K1", produces=verdict, quote="-retries = 5") for verdict in ("no", "yes")]
    found = with_readings(DIAGNOSIS, DIFFS, Readings(readings=readings))
    assert [reading.produces for reading in found.kept] == ["no"]
    assert found.dropped == 1


def test_a_line_counts_as_far_as_it_was_shown_and_only_if_it_was():
    lines = ["+long = " + "x" * 300, *(f" same {n}" for n in range(80)), *(f"+new {n}" for n in range(90))]
    shown = diff_lines(replace(CHANGES[0], diff="\n".join(lines)))
    for quote, dropped in ((lines[0][:160], 0), (lines[0], 1), ("+new 5", 0), ("+new 89", 1)):
        reading = Reading(change="K1", produces="yes", quote=quote)
        found = with_readings(DIAGNOSIS, {"K1": ("c" * 40, "\n".join(shown))}, Readings(readings=[reading]))
        assert found.dropped == dropped, quote


def test_what_a_model_held_is_found_again_in_a_diagnosis_with_other_ids():
    read = with_readings(
        DIAGNOSIS, DIFFS, Readings(readings=[Reading(change="K1", produces="no", quote="-retries = 5")])
    )
    by_sentence = {h.sentence: h.id for h in read.diagnosis.hypotheses}
    weights = [Weight(hypothesis=by_sentence["H2"], support=1, findings=["F1"])]
    said = with_weights(DIAGNOSIS, INCIDENT, Weighing(weights=weights, added=[cause()], ask=[]), read.kept)
    later = DIAGNOSIS.model_copy(
        update={"hypotheses": (hypothesis("late", 0.4, "d" * 40), hypothesis("was first", 0.6, "c" * 40))}
    )
    found = {h.sentence: h.probability for h in with_opinion(later, read.kept, said.kept).hypotheses}
    assert found["late"] / found["was first"] == pytest.approx(4 / 6 * math.exp(0.75))
    assert found["a language model suggests: dns at store"] == pytest.approx(0.02)
    known = later.hypotheses[0].model_copy(update={"fault_kind": FaultKind.DNS, "change_id": ""})
    there = later.model_copy(update={"hypotheses": (known, later.hypotheses[1])})
    assert len(with_opinion(there, read.kept, said.kept).hypotheses) == 2
