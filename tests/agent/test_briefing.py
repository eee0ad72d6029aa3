"""What a model is shown stays small, however much there is."""

from itertools import pairwise

import numpy as np

from agent.reasoners.briefing import call_graph, changes_table, diff_text, findings_table, hypotheses_table
from diagnosis.engine import diagnose
from diagnosis.incident import Incident
from diagnosis.span_table import SpanTable
from diagnosis.telemetry import Change, ChangeKind, Edge, Node, SeriesKey, SeriesMatrix, Topology, Window
from evals.doubles.scripted_model import tokens

ENTITIES = [f"service-{n}" for n in range(100)]
METRICS = (
    "http_server_duration_p99_seconds",
    "http_errors_per_second",
    "cpu_usage_ratio",
    "db_pool_in_use",
    "queue_depth",
)


def incident() -> Incident:
    """500 series that all leave their baseline together, 100 services that call each other, 300 changes."""
    times = 1_790_000_000.0 + 15.0 * np.arange(240)
    random = np.random.default_rng(3)
    keys = tuple(SeriesKey(entity, metric) for entity in ENTITIES for metric in METRICS)
    level = np.where(times >= times[200], 9.0, 1.0)
    values = level * (1 + 0.02 * random.standard_normal((len(keys), times.size)))
    changes = [
        Change(
            ChangeKind.DEPLOY, f"deploy-{n}", float(times[n % 200]), ENTITIES[n % 100], "a title of some words " * 20
        )
        for n in range(300)
    ]
    edges = tuple(Edge(caller, callee) for caller, callee in pairwise(ENTITIES))
    return Incident(
        entity=ENTITIES[0], metric=METRICS[0], fired_at=float(times[210]), window=Window(float(times[0]), float(times[-1])),
        metrics=SeriesMatrix(keys, times, values), patterns=None, spans=SpanTable.empty(),
        topology=Topology(tuple(map(Node, ENTITIES)), edges), changes=tuple(changes),
    )  # fmt: skip


def test_a_window_of_five_hundred_series_is_under_two_thousand_tokens():
    whole = incident()
    diagnosis = diagnose(whole)
    assert len(diagnosis.findings) >= 40, "more than is shown"
    assert tokens(f"{findings_table(diagnosis)}\n{hypotheses_table(diagnosis)}") < 2_000
    rest = f"{call_graph(whole, diagnosis)}\n{changes_table(whole, diagnosis)}"
    assert tokens(rest) < 2_000


def test_a_diff_of_ten_thousand_lines_is_under_four_thousand_tokens():
    lines = "".join(f"+    value_{n} = compute(value_{n - 1}, 'some text')\n" for n in range(10_000))
    change = Change(ChangeKind.COMMIT, "a" * 40, 0.0, title="t" * 5_000, files=("a.py",) * 900, diff=lines)
    assert tokens(diff_text(change)) < 4_000
