"""Causes one fault in the running shop, under load, and watches it until the alert and a while longer."""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from evals.lab.alerting import Alert, AlertWatch
from evals.lab.change_maker import ChangeMaker
from evals.lab.changes import Deploy
from evals.lab.faults import Fault
from evals.lab.load import Load
from evals.lab.processes import Shop
from evals.lab.recording_writer import Incident, read_telemetry
from evals.lab.sampling import within
from evals.lab.scrape import Sample, Scraper
from evals.lab.source_tree import SourceTree

SCRAPE_SECONDS = 2.0
WARM_UP_SECONDS = 10.0
AFTER_ALERT_SECONDS = 60.0
_LOOK_SECONDS = 0.2


class NoIncidentError(RuntimeError):
    """The alert did not fire, or fired before the fault was there: nothing worth recording."""


def rehearse(fault: Fault, seconds: float, say: Callable[[str], None]) -> Incident:
    """Run the shop through ``fault``; raises NoIncidentError when there is no alert within ``seconds``.

    Every process and every file of the run is gone when this returns or raises.
    """
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        run = Path(name) / "run"
        run.mkdir()
        with Shop(run) as shop, ExitStack() as stack:
            tree = SourceTree(Path(name) / "source")
            shop.start(tree.release)
            load = Load(shop.ports["storefront"], fault.load, WARM_UP_SECONDS + seconds + AFTER_ALERT_SECONDS)
            stack.callback(load.stop)
            load.start()
            time.sleep(WARM_UP_SECONDS)
            maker = ChangeMaker(shop, tree, run)
            start, samples, alert = _watch(fault, seconds, maker, shop, say)
            end = time.time()
        spans, logs = within(read_telemetry(run, ".spans.ndjson"), read_telemetry(run, ".logs.ndjson"), start, end)
    _check(fault, maker, alert)
    return Incident(alert, samples, maker.feed, spans, logs, _truth(fault, maker))


def _watch(
    fault: Fault, seconds: float, maker: ChangeMaker, shop: Shop, say: Callable[[str], None]
) -> tuple[float, list[Sample], Alert]:
    watch = AlertWatch(fault.alert)
    samples: list[Sample] = []

    def on_beat(beat: list[Sample]) -> None:
        samples.extend(beat)
        watch.observe(beat)

    scraper = Scraper(shop.ports, SCRAPE_SECONDS, on_beat)
    start = time.time()
    scraper.start()
    try:
        plan = [(start + planned.at_seconds * seconds / fault.seconds, planned.step) for planned in fault.plan]
        while watch.alert is None or time.time() < watch.alert.fired_at + AFTER_ALERT_SECONDS:
            while plan and time.time() >= plan[0][0]:
                step = plan.pop(0)[1]
                say(f"{time.time() - start:6.1f} s  {type(step).__name__} {getattr(step, 'title', step)}")
                maker.take(step)
            if watch.alert is None and time.time() > start + seconds:
                raise NoIncidentError(f"{fault.alert.name} did not fire within {seconds:.0f} s; give it more time")
            time.sleep(_LOOK_SECONDS)
    finally:
        scraper.stop()
    return start, samples, watch.alert


def _check(fault: Fault, maker: ChangeMaker, alert: Alert) -> None:
    cause = maker.commit_of(fault.cause)
    shipped = min(change.time for change in maker.feed if isinstance(change, Deploy) and change.commit == cause.id)
    if alert.fired_at < shipped:
        raise NoIncidentError(f"{fault.alert.name} fired before the fault was deployed; is this machine busy?")


def _truth(fault: Fault, maker: ChangeMaker) -> dict[str, object]:
    return {
        "change": maker.commit_of(fault.cause).id,
        "service": fault.path[0],
        "fault_kind": fault.kind,
        "remediation": fault.remediation,
        "path": list(fault.path),
    }
