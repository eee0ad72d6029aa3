"""Run a ranking suite: every case through the product's engine, its answer compared with the truth afterwards."""

import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from agent.doors.reading import InputError
from diagnosis.channels import CHANNELS
from diagnosis.engine import diagnose
from diagnosis.findings import Diagnosis
from diagnosis.incident import Incident
from diagnosis.weights import CHANNEL_WEIGHTS
from evals import scores
from evals.suite import Case, Suite


@dataclass(frozen=True)
class Result:
    """One case. ``rank`` is the truth's place (None: not among the answers); ``probability`` is that of ``answer``."""

    id: str
    answer: str
    truth: tuple[str, ...]
    rank: int | None
    probability: float
    correct: bool
    fault_kind: str
    true_kind: str | None
    top: tuple[tuple[str, float], ...]
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class Options:
    """How a suite is run: which cases, and without which channels (an ablation)."""

    subset: str = ""
    protocol: str = ""
    only: str = ""
    without: frozenset[str] = frozenset()
    weights: Mapping[str, float] = field(default_factory=lambda: CHANNEL_WEIGHTS)


def chosen(suite: Suite, data: Path, options: Options) -> list[Case]:
    """The cases that the options name. Raises ``InputError`` where there are none."""
    if not data.is_dir():
        raise InputError(f"--data {data} is no folder; download the benchmark and give its path")
    protocol = options.protocol or suite.protocols[0]
    if protocol not in suite.protocols:
        raise InputError(f"--protocol {protocol} is not one of {', '.join(suite.protocols)}")
    unknown = sorted(options.without - CHANNELS.keys())
    if unknown:
        raise InputError(f"--without {unknown[0]} is no channel; the channels are {', '.join(sorted(CHANNELS))}")
    cases = [case for case in suite.cases(data, options.subset, protocol) if options.only in case.id]
    if not cases:
        raise InputError(f"no case of {suite.name} {options.subset} {options.only!r} below {data}")
    return cases


def answer(case: Case, options: Options) -> tuple[Result, Incident | None, Diagnosis | None]:
    """Load, diagnose, then (and only then) look at the truth. A case that cannot be read counts as wrong."""
    begun = time.perf_counter()
    try:
        incident = case.load()
        found = diagnose(incident, without=options.without, weights=options.weights)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        return _unreadable(case, f"{type(error).__name__}: {error}"), None, None
    return score(case, found, time.perf_counter() - begun), incident, found


def score(case: Case, found: Diagnosis, seconds: float) -> Result:
    """Compare one diagnosis with the truth; what the benchmark does not let one name is left out."""
    suspects = [s for s in found.suspects if not case.answers or s.entity in case.answers]
    scored = [(s.entity, s.probability) for s in suspects]
    rank = scores.rank_of(case.truth.entities, scored)
    best = suspects[0] if suspects else None
    return Result(
        id=case.id,
        answer=best.entity if best else "",
        truth=tuple(sorted(case.truth.entities)),
        rank=rank,
        probability=best.probability if best else 0.0,
        correct=rank == 1,
        fault_kind=best.fault_kind.value if best else "",
        true_kind=case.truth.fault_kind.value if case.truth.fault_kind else None,
        top=tuple((name, round(p, 4)) for name, p in scored[:5]),
        seconds=seconds,
    )


def _unreadable(case: Case, error: str) -> Result:
    truth = tuple(sorted(case.truth.entities))
    kind = case.truth.fault_kind.value if case.truth.fault_kind else None
    return Result(case.id, "", truth, None, 0.0, False, "", kind, (), 0.0, error)


def summary(results: Sequence[Result]) -> dict[str, object]:
    """The suite's one JSON object. The fault kind is judged where the service is right; seconds are the median."""
    ranks = [r.rank for r in results]
    answers = [(r.probability, r.correct) for r in results]
    kinds = [r.fault_kind == r.true_kind for r in results if r.correct and r.true_kind]
    return {
        "cases": len(results),
        **{f"ac@{k}": round(scores.accuracy_at(ranks, k), 4) for k in (1, 3, 5)},
        "fault_kind_accuracy": round(sum(kinds) / len(kinds), 4) if kinds else None,
        "confidently_wrong": scores.confidently_wrong(answers),
        "ece": round(scores.expected_calibration_error(answers), 4),
        "brier": round(scores.brier(answers), 4),
        "seconds_per_case": round(statistics.median(r.seconds for r in results), 3),
        "reliability": [asdict(b) for b in scores.reliability(answers)],
        "details": [asdict(r) for r in results],
    }


def run(suite: Suite, data: Path, options: Options, *, as_json: bool, explain: str = "") -> None:
    """Run the chosen cases and print a table or one JSON object; ``explain`` prints one case in full."""
    if explain:
        options = replace(options, only=explain)
    console, progress = Console(), Console(stderr=True)
    results = []
    for result, incident, found in _answers(chosen(suite, data, options), options, progress):
        results.append(result)
        if result.error:
            progress.print(f"{result.id}: {result.error}", markup=False)
        if explain and incident is not None and found is not None:
            _explain(console, result, found)
    if as_json:
        print(json.dumps(summary(results), indent=2))
    elif not explain:
        _print(console, results)


def _answers(
    cases: Sequence[Case], options: Options, progress: Console
) -> Iterator[tuple[Result, Incident | None, Diagnosis | None]]:
    for case in track(cases, "diagnosing", console=progress, disable=not progress.is_terminal):
        yield answer(case, options)


def _print(console: Console, results: Sequence[Result]) -> None:
    # Names are folded, not cut: they are what one passes to --case and --explain.
    columns = ("case", "answer", "p", "truth", "rank", "fault kind", "s")
    table = Table(*(Column(name, overflow="fold") for name in columns), box=None)
    for r in results:
        mark = "✓" if r.correct else "✗"
        kind = r.fault_kind + (f" ({r.true_kind})" if r.true_kind and r.true_kind != r.fault_kind else "")
        table.add_row(
            r.id, f"{mark} {r.answer}", f"{r.probability:.2f}", ", ".join(r.truth), str(r.rank or "-"), kind,
            f"{r.seconds:.2f}",
        )  # fmt: skip
    console.print(table)
    curve = Table("said", "was right", "cases", title="reliability", box=None)
    for b in scores.reliability([(r.probability, r.correct) for r in results]):
        curve.add_row(f"{b.probability:.2f}", f"{b.frequency:.2f}", str(b.count))
    console.print(curve)
    totals = {key: value for key, value in summary(results).items() if key not in ("details", "reliability")}
    console.print(", ".join(f"{key} {value}" for key, value in totals.items()), highlight=False)


def _explain(console: Console, result: Result, found: Diagnosis) -> None:
    """One case in full: suspects with each channel's share, what was found at them, and the path."""
    console.rule(f"{result.id}: truth {', '.join(result.truth)}, rank {result.rank}")
    for suspect in found.suspects:
        shares = ", ".join(f"{method} {value:.2f}" for method, value in suspect.shares)
        console.print(
            f"{suspect.probability:.2f}  {suspect.entity}  {suspect.fault_kind.value} {suspect.kind_probability:.2f}  "
            f"({suspect.score:.2f} nats: {shares})", markup=False, highlight=False,
        )  # fmt: skip
        for finding in filter(None, map(found.finding, suspect.finding_ids)):
            console.print(f"      {finding.id} {finding.method}: {finding.sentence}", markup=False, highlight=False)
    for hop in found.path:
        state = "verified" if hop.verified else "unverified"
        console.print(f"  {hop.cause} → {hop.effect}  {state}", markup=False, highlight=False)
