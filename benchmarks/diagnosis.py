"""Time and memory of the deterministic engine, beside BARO where it is installed: ``python benchmarks/diagnosis.py``.

``--quick`` takes smaller sizes (a minute), ``--json`` prints the figures as JSON. BARO (Pham et al., FSE 2024) is an
optional package: ``pip install fse-baro``. Each figure is measured in a process of its own, held on one processor
where the system can do that (Linux); ratios are between figures of one run. Telemetry is made up, with one fault in it
(see ``synthetic.py``); "found" is the place at which the faulty service was named.

The engine is timed whole, from an ``Incident`` to a diagnosis. BARO is timed twice, on the same matrices, with missing
samples filled before the clock starts: its RobustScorer alone, which is told when the fault began (the engine is not),
and as it is published, where its BOCPD finds the time first. Where BOCPD finds no usable time the scorer is told.
BOCPD looks at latency and error series only; its state grows with their square, so it runs at the smallest size only,
up to a ceiling of seconds.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parent.parent
POINTS = 240
TIMES_AS_FAST = 20.0
_BOCPD_SHARE = 0.2  # of the series are of latency or errors
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Figure:
    """One measurement; ``bar`` is what was promised and ``met`` whether it holds, None where nothing was promised."""

    name: str
    seconds: float | None = None
    peak_mb: float | None = None
    found: int | None = None
    ratio: float | None = None
    bar: str = ""
    met: bool | None = None
    stopped: bool = False  # at these seconds: it takes longer
    note: str = ""


def best_of(repeats: int, work: Callable[[], _Result]) -> tuple[float, _Result]:
    """Wall seconds of the best of a few runs, and what the last one gave."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - begun)
    return min(times), result


def peak_mb() -> float | None:
    """Peak resident memory of this process so far, the telemetry included; None where the system does not tell."""
    try:
        # Not getrusage: its peak counts the parent's memory from before exec.
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    return next(float(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def place_of(truth: str, ranking: list[str]) -> int | None:
    """Place of the faulty service in a ranking, from 1; None where it is not named."""
    return ranking.index(truth) + 1 if truth in ranking else None


def engine(incident: Any, truth: str, repeats: int) -> dict[str, Any]:  # noqa: ANN401 - numpy is not loaded yet
    """``diagnose`` on an incident with a known fault, once what is imported late is there."""
    import synthetic

    from diagnosis.engine import diagnose

    diagnose(synthetic.metrics_only(100, POINTS)[0])
    seconds, found = best_of(repeats, lambda: diagnose(incident))
    return {"seconds": seconds, "found": place_of(truth, [suspect.entity for suspect in found.suspects])}


def one_metrics(series: int) -> dict[str, Any]:
    """The engine on ``series`` x 240 samples."""
    import synthetic

    return engine(*synthetic.metrics_only(series, POINTS), repeats=5)


def one_spans(count: int) -> dict[str, Any]:
    """The engine on spans of 200 services."""
    import synthetic

    return engine(*synthetic.spans(count, 200), repeats=3)


def one_topology(services: int, outage: int) -> dict[str, Any]:
    """The engine on services with four calls and 20 series of 60 samples each."""
    import synthetic

    return engine(*synthetic.topology(services, 4 * services, 60, outage=bool(outage)), repeats=3)


def one_logs(count: int) -> dict[str, Any]:
    """Mining lines, a thousand a service, then the engine on the patterns, both once."""
    import synthetic

    from diagnosis.log_patterns import mine

    lines, window, truth = synthetic.log_lines(count, count // 1000)
    mining, patterns = best_of(1, lambda: mine(lines, window))
    found = engine(synthetic.logs_only(patterns, window), truth, repeats=1)
    note = f"mining {mining:.1f} s, {len(patterns.patterns):,} patterns"
    return {"seconds": mining + found["seconds"], "found": found["found"], "note": note}


def baro_input(series: int) -> tuple[Any, float, str]:
    """A column a series named ``service_metric``, missing samples filled as BARO's ``read_data`` does; onset, truth."""
    import pandas
    import synthetic

    incident, truth = synthetic.metrics_only(series, POINTS)
    matrix = incident.metrics
    columns = [f"{key.entity}_{key.metric}" for key in matrix.keys]
    frame = pandas.DataFrame(matrix.values.T, columns=columns).ffill().fillna(0.0)
    frame.insert(0, "time", matrix.times)
    return frame, synthetic.began(matrix), truth


def one_baro_scorer(series: int) -> dict[str, Any]:
    """BARO's RobustScorer, told when the fault began, once what it imports late is there."""
    from baro.root_cause_analysis import robust_scorer
    from baro.utility import to_service_ranks

    frame, began, truth = baro_input(series)
    robust_scorer(baro_input(100)[0], inject_time=began)
    repeats = 5 if series < 5000 else 3 if series < 50_000 else 1
    seconds, found = best_of(repeats, lambda: robust_scorer(frame, inject_time=began))
    return {"seconds": seconds, "found": place_of(truth, to_service_ranks(found["ranks"]))}


def one_baro(series: int) -> dict[str, Any]:
    """BARO as published: BOCPD, then RobustScorer from the first change point on; once."""
    from baro.anomaly_detection import bocpd
    from baro.root_cause_analysis import robust_scorer
    from baro.utility import to_service_ranks

    frame, began, truth = baro_input(series)
    detecting, anomalies = best_of(1, lambda: bocpd(frame))
    usable = bool(anomalies) and 0 < anomalies[0] < len(frame) - 1
    when = {"anomalies": anomalies} if usable else {"inject_time": began}
    scoring, found = best_of(1, lambda: robust_scorer(frame, **when))
    note = "" if usable else f"BOCPD says {anomalies} of {POINTS}, which is no use; the scorer was told the time"
    return {
        "seconds": detecting + scoring,
        "found": place_of(truth, to_service_ranks(found["ranks"])),
        "note": note,
    }


MEASUREMENTS = {
    work.__name__.removeprefix("one_"): work
    for work in (one_metrics, one_spans, one_topology, one_logs, one_baro_scorer, one_baro)
}


def measure_here(name: str, arguments: list[int]) -> None:
    """Print one measurement as JSON. One processor from before numpy is loaded, which counts them then."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found = MEASUREMENTS[name](*arguments)
    print(json.dumps(found | {"peak_mb": peak_mb()}))


def in_child(name: str, *arguments: int, ceiling: float | None = None) -> dict[str, Any]:
    """One measurement in a process of its own; raises ``subprocess.TimeoutExpired`` after ``ceiling`` seconds."""
    command = [sys.executable, __file__, "--one", name, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ceiling, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[1:])} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def figure(name: str, got: Mapping[str, Any], bar: str = "", met: bool | None = None, **more: Any) -> Figure:  # noqa: ANN401
    """A child's answer as a row; ``met`` counts only with a ``bar``."""
    return Figure(name, bar=bar, met=met if bar else None, **{**got, **more})


def of_metrics(sizes: tuple[int, ...], ceiling: float, *, baro: bool) -> list[Figure]:
    """The engine at each size, with BARO beside it, and how the engine's time grows."""
    rows, seconds = [], {}
    for size in sizes:
        got = in_child("metrics", size)
        seconds[size] = got["seconds"]
        bar = "under 3 s and 2 GB" if size == 50_000 else ""
        met = got["seconds"] < 3.0 and (got["peak_mb"] or 0.0) < 2048
        rows.append(figure(f"engine, {size:,} series x {POINTS}", got, bar, met))
        if baro:
            rows.append(of_scorer(size, seconds[size]))
            rows += [of_baro(size, seconds[size], ceiling)] if size == sizes[0] else []
    small, large = sizes[-2:]
    growth, linear = seconds[large] / seconds[small], large / small
    name, bar = (
        f"engine, growth from {small:,} to {large:,} series",
        f"at most {1.5 * linear:.0f}, linear is {linear:.0f}",
    )
    return [*rows, Figure(name, ratio=growth, bar=bar, met=growth <= 1.5 * linear)]


def of_scorer(size: int, engine_seconds: float) -> Figure:
    """RobustScorer alone; of BOCPD only how large it would be."""
    got = in_child("baro_scorer", size)
    ratio = got["seconds"] / engine_seconds
    # BOCPD keeps a matrix of its series by its series for each sample so far.
    state = POINTS * (_BOCPD_SHARE * size) ** 2 * 8 / 1e9
    return figure(
        f"  BARO's RobustScorer alone, told the time, {size:,} series",
        got,
        f"engine {TIMES_AS_FAST:.0f} times as fast",
        ratio >= TIMES_AS_FAST,
        ratio=ratio,
        note=f"without BOCPD, whose state would take {state:,.0f} GB" if state > 0.5 else "",
    )


def of_baro(size: int, engine_seconds: float, ceiling: float) -> Figure:
    """BARO's whole pipeline, or the ceiling where it takes longer."""
    try:
        got = in_child("baro", size, ceiling=ceiling)
    except subprocess.TimeoutExpired:
        got = {"seconds": ceiling, "stopped": True, "note": "stopped"}
    ratio = got["seconds"] / engine_seconds
    bar = f"engine {TIMES_AS_FAST:.0f} times as fast"
    return figure(f"  BARO as published, {size:,} series", got, bar, ratio >= TIMES_AS_FAST, ratio=ratio)


def measure(*, quick: bool, ceiling: float) -> list[Figure]:
    """All figures. The bars are for the full sizes."""
    baro = importlib.util.find_spec("baro") is not None
    if not baro:
        print("BARO is not installed, so nothing is compared with it: pip install fse-baro", file=sys.stderr)
    rows = of_metrics((500, 5000) if quick else (500, 5000, 50_000), ceiling, baro=baro)
    many, services = (100_000, 500) if quick else (1_000_000, 5000)
    got = in_child("spans", many)
    rows.append(
        figure(f"engine, {many:,} spans of 200 services", got, "" if quick else "under 10 s", got["seconds"] < 10.0)
    )
    got = in_child("logs", many)
    name = f"mining + engine, {many:,} lines of {many // 1000:,} services"
    rows.append(figure(name, got, "" if quick else "under 60 s", got["seconds"] < 60.0))
    for outage, what in enumerate(("one fault", "all suffer")):
        name = f"engine, {services:,} services, {4 * services:,} calls, {20 * services:,} series x 60, {what}"
        rows.append(figure(name, in_child("topology", services, outage), "" if quick else "completes", True))
    return rows


def table(rows: list[Figure]) -> str:
    """Plain text, a line a figure."""
    width = max(len(row.name) for row in rows)
    lines = [f"{'':{width}}  {'seconds':>9} {'peak MB':>8} {'found':>5} {'ratio':>9}  bar"]
    for row in rows:
        more = ">" if row.stopped else ""
        cells = (
            "" if row.seconds is None else f"{more}{row.seconds:.3f}",
            "" if row.peak_mb is None else f"{row.peak_mb:.0f}",
            "" if row.found is None else str(row.found),
            "" if row.ratio is None else f"{more}{row.ratio:,.1f}",
        )
        verdict = "" if row.met is None else f"{row.bar}: {'met' if row.met else 'MISSED'}"
        line = f"{row.name:{width}}  {cells[0]:>9} {cells[1]:>8} {cells[2]:>5} {cells[3]:>9}  {verdict}"
        lines.append((line + (f"  ({row.note})" if row.note else "")).rstrip())
    return "\n".join(lines)


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="figures as JSON")
    options.add_argument("--quick", action="store_true", help="smaller sizes, a minute in all")
    options.add_argument("--ceiling", type=float, help="seconds for BARO as published (240; quick: 20)")
    options.add_argument("--one", nargs="+", help=argparse.SUPPRESS)  # what a child measures
    chosen = options.parse_args()
    if chosen.one:
        measure_here(chosen.one[0], [int(number) for number in chosen.one[1:]])
        return
    rows = measure(quick=chosen.quick, ceiling=chosen.ceiling or (20.0 if chosen.quick else 240.0))
    print(json.dumps([asdict(row) for row in rows], indent=2) if chosen.json else table(rows))


if __name__ == "__main__":
    # This file bears the package's name: the checkout goes first and this file's folder last.
    sys.path = [str(ROOT), *sys.path[1:], str(ROOT / "benchmarks")]
    main()
