"""PetShop (Hardt et al., "The PetShop Dataset", CLeaR 2024; amazon-science/petshop-root-cause-analysis), as published.

``<traffic>/graph.csv`` is who calls whom, ``noissue/metrics.csv`` two days without a fault, ``train`` and ``test`` the
issues with ``metrics.csv`` (five-minute samples around the issue) and ``target.json`` (the alert, and the truth apart).
Protocol ``official`` takes the fault-free days as normal, as the authors do, although they lie after the issues;
``strict`` takes only samples from before the alert: the issue's own and those of earlier issues up to their alerts.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from agent.doors.reading import InputError
from diagnosis.incident import Incident
from diagnosis.telemetry import Edge, Node, SeriesKey, SeriesMatrix, Topology, Window
from evals.suite import Case, Truth

_STEP = 300.0  # seconds a sample; its time is the start of its interval
_AFTER = 900.0


@dataclass(frozen=True)
class Issue:
    """One issue's folder with its alert."""

    folder: Path
    entity: str
    metric: str
    fired_at: float


class PetShop:
    """The suite. Subsets are the folders of traffic patterns; ``low`` or ``low_traffic`` names one."""

    name = "petshop"
    subsets = ("low", "high", "temporal")
    protocols = ("official", "strict")

    def cases(self, data: Path, subset: str, protocol: str) -> Iterator[Case]:
        scenarios = sorted({path.parent.resolve() for path in data.rglob("graph.csv")})
        if not scenarios:
            raise InputError(f"{data} holds no graph.csv; give the benchmark's dataset folder")
        for scenario in scenarios:
            if not scenario.name.startswith(subset):
                continue
            issues = sorted(read_issues(scenario), key=lambda issue: issue.fired_at)
            for place, issue in enumerate(issues):
                yield Case(
                    f"{scenario.name}/{issue.folder.parent.name}/{issue.folder.name}",
                    lambda scenario=scenario, issue=issue, earlier=tuple(issues[:place]): load(  # type: ignore[misc]
                        scenario, issue, earlier, strict=protocol == "strict"
                    ),
                    Truth(frozenset({_target(issue.folder)["root_cause"]["node"]})),
                    frozenset(node.name for node in read_graph(scenario).nodes),
                )


def _target(folder: Path) -> dict:  # type: ignore[type-arg]
    return dict(json.loads((folder / "target.json").read_text()))


def read_issues(scenario: Path) -> list[Issue]:
    """Every issue of a scenario; the truth stays in its file."""
    found = []
    for path in sorted(scenario.glob("*/issue_*/target.json")):
        target = _target(path.parent)["target"]
        metric = f"{target['metric']}_{target['agg']}"
        found.append(Issue(path.parent, target["node"], metric, float(target["timestamp"])))
    return found


def load(scenario: Path, issue: Issue, earlier: Sequence[Issue], *, strict: bool) -> Incident:
    """Everything up to the end of the issue's window, and what counts as normal under the protocol."""
    own = read_metrics(issue.folder / "metrics.csv")
    window = Window(issue.fired_at - _STEP, issue.fired_at + _AFTER)
    if strict:
        parts = [(read_metrics(e.folder / "metrics.csv"), e.fired_at - _STEP) for e in earlier]
        parts.append((own, issue.fired_at - _STEP))
        normal = tuple(Window(float(m.times[0]), until) for m, until in parts if m.times[0] < until)
        metrics = _joined([m for m, _ in parts])
    else:
        quiet = read_metrics(scenario / "noissue" / "metrics.csv")
        normal = (Window(float(quiet.times[0]), float(quiet.times[-1]) + _STEP),)
        metrics = _joined([own, quiet])
    return Incident(
        entity=issue.entity,
        metric=issue.metric,
        fired_at=issue.fired_at,
        window=window,
        metrics=metrics,
        topology=read_graph(scenario),
        normal=normal,
    )


def _joined(parts: list[SeriesMatrix]) -> SeriesMatrix:
    """Parts in order of time as one matrix; a series that a part lacks is missing there."""
    parts = sorted(parts, key=lambda part: float(part.times[0]))
    keys = tuple(sorted({key for part in parts for key in part.keys}))
    place = {key: row for row, key in enumerate(keys)}
    values = np.full((len(keys), sum(part.times.size for part in parts)), np.nan)
    begin = 0
    for part in parts:
        values[[place[key] for key in part.keys], begin : begin + part.times.size] = part.values
        begin += part.times.size
    times = np.concatenate([part.times for part in parts])
    order = np.argsort(times, kind="stable")
    return SeriesMatrix(keys, times[order], values[:, order])


@lru_cache(maxsize=256)
def read_metrics(path: Path) -> SeriesMatrix:
    """One file: three header rows (node, metric, statistic), then a row a sample."""
    with path.open(newline="") as lines:
        rows = list(csv.reader(lines))
    keys = tuple(SeriesKey(n, f"{m}_{s}") for n, m, s in zip(rows[0][1:], rows[1][1:], rows[2][1:], strict=True))
    body = [row for row in rows[3:] if row[0] and row[0] != "unix_timestamp"]
    times = np.array([float(row[0]) for row in body])
    values = np.array([[float(v) if v else np.nan for v in row[1:]] for row in body]).T
    return SeriesMatrix(keys, times, values)


@lru_cache(maxsize=8)
def read_graph(scenario: Path) -> Topology:
    """The adjacency matrix: a row's node calls the columns' nodes that hold a one."""
    with (scenario / "graph.csv").open(newline="") as lines:
        header, *rows = list(csv.reader(lines))
    names = header[1:]
    edges = [Edge(row[0], name) for row in rows for name, value in zip(names, row[1:], strict=True) if float(value)]
    return Topology(tuple(Node(name) for name in sorted(names)), tuple(sorted(edges)))


PETSHOP = PetShop()
