"""Whole incidents in systems with names that nobody has seen: mechanisms are found, names and order do not matter."""

from dataclasses import replace

import numpy as np
import pytest

from diagnosis.engine import diagnose
from diagnosis.findings import Attribution, Channel
from diagnosis.span_table import SpanTable
from diagnosis.symptoms import Symptom
from diagnosis.telemetry import Change, ChangeKind, Edge, Node, Topology, Window
from diagnosis.walk import first_failing

SEEDS = range(2)
FAULTS = [
    "a starved processor",
    "a slow network to a callee",
    "an exception before the calls",
    "a slow store under several callers",
    "a dependency that answers with errors",
    "a memory that fills",
    "a call for each of many things",
    "a slow network out of a caller",
    "a call that was not made before",
    "a service that falls silent",
]  # fmt: skip
SOUND = [fault for fault in FAULTS if isinstance(fault, str)]


def first(found) -> str:
    return found.suspects[0].entity if found.suspects else ""


def under_names(found, names: list[str]) -> list[tuple[int, float]]:
    """The suspects as places in the list of names, with their probabilities."""
    return [(names.index(s.entity), round(s.probability, 6)) for s in found.suspects if s.probability > 0.001]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_guilty_service_comes_first(worlds, fault: str):
    for seed in SEEDS:
        world = worlds.world(worlds.random_names(seed), fault, seed)
        assert first(diagnose(world.incident())) == world.answer, f"seed {seed}"


@pytest.mark.parametrize("fault", SOUND)
def test_the_guilty_service_is_named_by_the_first_hypothesis(worlds, fault: str):
    world = worlds.world(worlds.random_names(7), fault, 7)
    top = diagnose(world.incident()).hypotheses[0]
    assert (top.attribution, top.entity) == (Attribution.PLACE, world.answer)


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("a starved processor", {"cpu_saturation"}),
        ("a memory that fills", {"memory_exhaustion"}),
        ("a dependency that answers with errors", {"error_regression", "dependency_outage"}),
        ("an exception before the calls", {"error_regression"}),
        ("a call for each of many things", {"slow_code"}),
        (
            "a slow store under several callers",
            {"slow_code", "cpu_saturation", "lock_contention", "pool_exhaustion", "network_delay"},
        ),
    ],
)
def test_the_kind_of_the_fault_follows_from_the_mechanism(worlds, fault: str, kinds: set[str]):
    world = worlds.world(worlds.random_names(5), fault, 5)
    guilty = next(s for s in diagnose(world.incident()).suspects if s.entity == world.answer)
    assert guilty.fault_kind.value in kinds


@pytest.mark.parametrize("fault", ["a starved processor", "a memory that fills", "a slow store under several callers"])
def test_series_alone_are_enough_for_a_fault_that_costs_time(worlds, fault: str):
    for seed in SEEDS:
        world = worlds.world(worlds.random_names(seed), fault, seed)
        incident = replace(world.incident(), spans=SpanTable.empty(), patterns=None, topology=_calls(world.names))
        assert first(diagnose(incident)) == world.answer, f"seed {seed}"


@pytest.mark.parametrize(
    "fault",
    [
        *(fault for fault in SOUND if fault != "a memory that fills"),
        "a slow network to a callee",
        "a dependency that answers with errors",
    ],
)
def test_spans_alone_are_enough(worlds, fault: str):
    for seed in SEEDS:
        world = worlds.world(worlds.random_names(seed), fault, seed)
        incident = world.incident()
        incident = replace(incident, metrics=incident.metrics.empty(), patterns=None, normal=(_normal(incident),))
        assert first(diagnose(incident)) == world.answer, f"seed {seed}"


@pytest.mark.parametrize("fault", SOUND)
def test_an_alert_that_names_no_service_changes_no_culprit(worlds, fault: str):
    world = worlds.world(worlds.random_names(2), fault, 2)
    assert first(diagnose(replace(world.incident(), entity="", metric=""))) == world.answer


@pytest.mark.parametrize("fault", [*SOUND, "a slow network to a callee"])
def test_an_alert_about_errors_changes_no_culprit(worlds, fault: str):
    world = worlds.world(worlds.random_names(6), fault, 6)
    assert first(diagnose(world.incident(metric="error_ratio"))) == world.answer


@pytest.mark.parametrize("fault", SOUND)
def test_a_known_normal_time_changes_no_culprit(worlds, fault: str):
    world = worlds.world(worlds.random_names(4), fault, 4)
    incident = world.incident()
    found = diagnose(replace(incident, normal=(_normal(incident),)))
    assert first(found) == world.answer, [(s.entity, s.shares) for s in found.suspects]


def _normal(incident) -> Window:
    """The first hour of the window."""
    return Window(incident.window.start, incident.window.start + 3600.0)


def _calls(names: list[str]) -> Topology:
    pairs = ((0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (3, 5))
    return Topology(tuple(Node(name) for name in sorted(names)), tuple(Edge(names[a], names[b]) for a, b in pairs))


# Silence


def silent(worlds, seed: int):
    """A world with series only, in which one service stops to report."""
    world = worlds.world(worlds.random_names(seed), "a service that falls silent", seed)
    return world, replace(world.incident(), spans=SpanTable.empty(), patterns=None, topology=_calls(world.names))


def test_series_that_stop_after_a_known_normal_time_make_a_suspect(worlds):
    world, incident = silent(worlds, 1)
    found = diagnose(replace(incident, normal=(_normal(incident),)))
    assert any(s.entity == world.answer and dict(s.shares).get("absence") for s in found.suspects)


def test_series_that_stop_shortly_before_the_alert_make_a_suspect(worlds):
    world, incident = silent(worlds, 1)
    assert any(s.entity == world.answer and dict(s.shares).get("absence") for s in diagnose(incident).suspects)


# Quiet


def test_a_quiet_system_has_no_suspect_and_nobody_is_accused(worlds):
    accused = []
    for seed in range(12):
        found = diagnose(worlds.world(worlds.random_names(seed), "nothing", seed).incident())
        accused += [(seed, s.entity, s.probability) for s in found.suspects if s.probability > 0.5]
        accused += [] if _no_accusation(found) else [(seed, found.hypotheses[0].sentence)]
    assert accused == []


def test_a_quiet_system_of_spans_and_lines_accuses_nobody(worlds):
    for seed in range(12):
        incident = worlds.world(worlds.random_names(seed), "nothing", seed).incident()
        found = diagnose(replace(incident, metrics=incident.metrics.empty()))
        assert all(s.probability <= 0.5 for s in found.suspects), f"seed {seed}"
        assert _no_accusation(found), f"seed {seed}"


def _no_accusation(found) -> bool:
    return found.hypotheses[0].attribution in (Attribution.NOTHING_WRONG, Attribution.UNSEEN)


# Names


@pytest.mark.parametrize(
    "fault", [*SOUND, "a dependency that answers with errors", "a service that falls silent", "nothing"]
)
def test_other_names_give_the_same_ranking(worlds, fault: str):
    assert len(_rankings(worlds, fault)) == 1


def test_of_two_services_that_show_the_same_the_name_does_not_choose(worlds):
    assert len(_rankings(worlds, "a slow network to a callee")) == 1


def _rankings(worlds, fault: str) -> set[tuple[tuple[int, float], ...]]:
    """The different rankings that one incident gets under several sets of names."""
    sets = [worlds.random_names(seed) for seed in (11, 12, 13)]
    return {tuple(under_names(diagnose(worlds.world(names, fault, 1).incident()), names)) for names in sets}


def test_names_that_look_like_what_they_are_not_give_the_same_ranking(worlds):
    plain = worlds.random_names(11)
    loud = ["gateway", "redis", "mysql-primary", "auth", "kafka", "search"]
    for fault in SOUND:
        found = [
            under_names(diagnose(worlds.world(names, fault, 1, named=False).incident()), names)
            for names in (plain, loud)
        ]
        assert found[0] == found[1], fault


# Order


@pytest.mark.parametrize("fault", SOUND)
def test_the_order_of_series_spans_and_changes_changes_nothing(worlds, fault: str):
    world = worlds.world(worlds.random_names(3), fault, 3)
    incident = replace(world.incident(), changes=_changes(world))
    one = diagnose(incident)
    for seed in SEEDS:
        assert diagnose(world.shuffled(incident, seed)) == one, f"seed {seed}"


def test_one_incident_diagnosed_twice_gives_the_same(worlds):
    incident = worlds.world(worlds.random_names(3), "an exception before the calls", 3).incident()
    assert diagnose(incident) == diagnose(incident)


def _changes(world) -> tuple[Change, ...]:
    """A commit and a deploy for each of three services, before the fault."""
    begin = 1_790_000_000.0
    return tuple(
        change
        for i, name in enumerate(world.names[:3])
        for change in (
            Change(ChangeKind.COMMIT, f"{i}" * 40, begin + 60 * i, "", "tidy", "ann", (f"{name}/view.py",), f"@@ {name}/view.py @@\n-    total = compute(x)\n+    total = sum_up(x)\n"),
            Change(ChangeKind.DEPLOY, f"{name}@{i}", begin + 1800 + 60 * i, name, commit=f"{i}" * 40),
        )
    )  # fmt: skip


# The walk from the alert


def _failing(entity: str, *, own: bool) -> Symptom:
    signals = frozenset({"errors+", "origin"} if own else {"errors+"})
    return Symptom(Channel.TRACES, entity, "serve", signals, "serve", 1.0, True, "", onset=0.0)


def test_blame_leads_through_a_service_that_only_hands_it_on():
    topology = Topology((), (Edge("front", "shop"), Edge("shop", "store")))
    symptoms = [_failing("front", own=False), _failing("shop", own=False), _failing("store", own=True)]
    blames = {("front", "shop"), ("shop", "store")}
    assert first_failing("front", symptoms, topology, blames, 120.0) == "store"


def test_blame_leads_to_a_callee_that_fails_by_itself():
    topology = Topology((), (Edge("front", "store"),))
    symptoms = [_failing("front", own=False), _failing("store", own=True)]
    assert first_failing("front", symptoms, topology, {("front", "store")}, 120.0) == "store"


def test_the_generated_systems_differ_only_by_their_names(worlds):
    one, other = (worlds.world(worlds.random_names(seed), "a starved processor", 1).incident() for seed in (11, 12))
    assert np.array_equal(one.metrics.values, other.metrics.values)
    assert np.array_equal(one.spans.duration, other.spans.duration)
