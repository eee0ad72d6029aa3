"""Run a suite through the whole machine, as a user would, and score what comes out."""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from agent.alerts import parse_alert
from agent.doors.reading import InputError, read_json
from agent.events import Finished
from agent.investigate import investigate
from agent.report.model import Report
from agent.settings import Settings
from agent.sources import Source
from diagnosis.findings import Attribution
from evals.rootcausebench import REMEDIATION_NAMES, Scenario, scenarios, translate
from evals.scores import brier, confidently_wrong, expected_calibration_error


@dataclass(frozen=True)
class Result:
    """One scenario: what was answered and what was true. ``answer`` and ``truth`` are commit ids or "none"."""

    id: str
    answer: str
    truth: str
    probability: float
    correct: bool
    decoy: bool
    first_service: str
    first_service_correct: bool
    blast_radius_jaccard: float
    remediation: str
    remediation_correct: bool
    fault_kind: str
    seconds: float
    usd: str = "0"
    tokens_in: int = 0
    tokens_out: int = 0


async def investigate_recording(folder: Path, settings: Settings) -> Report:
    """The product's own way, from the alert to the report."""
    alert = parse_alert(read_json(folder / "alert.json"))
    async for event in investigate(alert, Source(kind="recording", place=str(folder)), settings):
        if isinstance(event, Finished):
            return event.report
    raise InputError(f"the investigation of {folder} ended without a report")


def run_scenario(scenario: Scenario, settings: Settings, *, without_culprit: bool) -> tuple[Result, Report]:
    """Translate, investigate, then (and only then) compare with the truth."""
    with tempfile.TemporaryDirectory() as place:
        recording, home = Path(place) / "recording", Path(place) / "home"
        home.mkdir()
        translate(scenario, recording, without_culprit=without_culprit)
        begun = time.perf_counter()
        report = asyncio.run(investigate_recording(recording, settings.model_copy(update={"home": home})))
        seconds = time.perf_counter() - begun
    return score(scenario, report, seconds, without_culprit=without_culprit), report


def score(scenario: Scenario, report: Report, seconds: float, *, without_culprit: bool) -> Result:
    """Compare one report with the truth, by the benchmark's own four measures."""
    truth = scenario.truth
    wanted = "none" if without_culprit or truth.commit is None else truth.commit
    answer = report.change.id if report.change is not None and report.change.kind == "commit" else "none"
    found, true = set(report.blast_radius), set(truth.blast_radius)
    remediation = REMEDIATION_NAMES[report.remediation]
    return Result(
        id=scenario.id,
        answer=answer,
        truth=wanted,
        probability=_probability(report, answer),
        correct=answer == wanted,
        decoy=answer not in ("none", wanted),
        first_service=report.first_failing,
        first_service_correct=report.first_failing == truth.first_service,
        blast_radius_jaccard=len(found & true) / len(found | true) if found | true else 1.0,
        remediation=remediation,
        remediation_correct=remediation == truth.remediation,
        fault_kind=report.fault_kind.value,
        seconds=seconds,
        usd=str(report.spend.usd),
        tokens_in=report.spend.tokens_in,
        tokens_out=report.spend.tokens_out,
    )


def _probability(report: Report, answer: str) -> float:
    """How sure the report is of this answer: of the commit, or that no change is to blame."""
    if answer != "none":
        return report.probability
    return max(0.0, 1.0 - sum(h.probability for h in report.hypotheses if h.attribution is Attribution.CHANGE))


def unreadable(scenario: Scenario, *, without_culprit: bool) -> Result:
    """The result of a scenario whose files could not be read: wrong in every measure, with no confidence."""
    wanted = "none" if without_culprit or scenario.truth.commit is None else scenario.truth.commit
    return Result(scenario.id, "error", wanted, 0.0, False, False, "", False, 0.0, "", False, "", 0.0)


def summary(results: Sequence[Result]) -> dict[str, object]:
    """The suite's one JSON object."""
    count = len(results)
    answers = [(r.probability, r.correct) for r in results]
    return {
        "cases": count,
        "commit_correct": sum(r.correct for r in results),
        "decoys": sum(r.decoy for r in results),
        "first_service_correct": sum(r.first_service_correct for r in results),
        "blast_radius_jaccard": round(sum(r.blast_radius_jaccard for r in results) / count, 4),
        "remediation_correct": sum(r.remediation_correct for r in results),
        "confidently_wrong": confidently_wrong(answers),
        "ece": round(expected_calibration_error(answers), 4),
        "brier": round(brier(answers), 4),
        "seconds_per_case": round(sum(r.seconds for r in results) / count, 3),
        "seconds_p50": round(statistics.median(r.seconds for r in results), 3),
        "usd_per_case": str(round(sum(Decimal(r.usd) for r in results) / count, 6)),
        "tokens_in_p50": statistics.median(r.tokens_in for r in results),
        "tokens_out_p50": statistics.median(r.tokens_out for r in results),
        "details": [asdict(r) for r in results],
    }


def run_rootcausebench(
    data: Path, settings: Settings, as_json: bool, without_culprit: bool, only: str = "", explain: str = ""
) -> None:
    """Run all scenarios below ``data`` and print a table or one JSON object."""
    if not data.is_dir():
        raise InputError(f"--data {data} is no folder; clone the benchmark and give its path")
    wanted = explain or only
    chosen = [s for s in scenarios(data) if wanted in s.id]
    if not chosen:
        raise InputError(f"no scenario {f'named like {wanted!r} ' if wanted else ''}below {data}")
    progress = Console(stderr=True)
    results: list[Result] = []
    for scenario in track(chosen, "investigating", console=progress, disable=not progress.is_terminal):
        try:
            result, report = run_scenario(scenario, settings, without_culprit=without_culprit)
        except (OSError, ValueError, KeyError, TypeError) as error:
            # A scenario that cannot be read counts as wrong; the others are still run.
            progress.print(f"{scenario.id}: {type(error).__name__}: {error}", markup=False)
            results.append(unreadable(scenario, without_culprit=without_culprit))
            continue
        results.append(result)
        if explain:
            from agent.report.terminal import render_terminal

            Console().print(render_terminal(report))
    if as_json:
        print(json.dumps(summary(results), indent=2))
    else:
        _print_table(results)


def _print_table(results: Sequence[Result]) -> None:
    console = Console()
    table = Table(
        "scenario",
        "answer",
        "truth",
        "probability",
        "first service",
        "remediation",
        "fault kind",
        "s",
        box=None,
    )
    for r in results:
        mark = "right" if r.correct else "decoy" if r.decoy else "missed"
        table.add_row(
            r.id, f"{r.answer[:8]} {mark}", r.truth[:8], f"{r.probability:.2f}",
            f"{r.first_service}{'' if r.first_service_correct else ' (wrong)'}",
            f"{r.remediation}{'' if r.remediation_correct else ' (wrong)'}", r.fault_kind, f"{r.seconds:.2f}",
        )  # fmt: skip
    console.print(table)
    totals = {key: value for key, value in summary(results).items() if key != "details"}
    console.print(", ".join(f"{key} {value}" for key, value in totals.items()), highlight=False)
