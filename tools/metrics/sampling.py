"""How samples lie in time: when they begin and end, and how far apart they are, by the job that scrapes them."""

import math
from collections.abc import Iterable, Mapping, Sequence

from diagnosis.telemetry import Window
from tools.metrics.api import Sampled
from tools.metrics.policy import MetricPolicy
from tools.metrics.promql import ROW, equal, joined, seconds, selector
from tools.metrics.questions import Questions, most
from tools.spec import ToolError

# Samples are counted over the shortest of these that holds enough of them, since there may be few minutes of samples.
_COUNTED_SECONDS = (60.0, 150.0, 300.0, 600.0, 1800.0)
_ENOUGH_SAMPLES = 10
_USUAL_INTERVALS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300)
_PROBED_OF_JOB, _PROBED_JOBS = 2, 40  # metrics of a job that are asked for the distance and the bounds of samples
_TOGETHER = 12

Labels = Mapping[str, str]


class Sampling:
    """Probes some metrics of each job. Nothing of it is needed: where it cannot be had, the window and the usual
    distance stand for it, and a note says so."""

    def __init__(self, questions: Questions, policy: MetricPolicy) -> None:
        self._questions, self._policy = questions, policy

    def of(
        self, labels: Mapping[str, Sequence[Labels]], window: Window, notes: list[str]
    ) -> tuple[float, float, Mapping[str, float]]:
        """Times of the first and the last sample (NaN where there is none), and seconds between samples by metric.

        Of jobs that are scraped at different distances the longest counts: a rate over less is nothing for its job.
        """
        probed = _by_job(labels)
        try:
            first, last = self._bounds(probed, window, notes)
        except ToolError as error:
            notes.append(f"when samples begin and end is not known: {error}")
            first, last = window.start, window.end
        by_job: Mapping[str, float] = {}
        try:
            by_job = self._intervals(probed, Window(first, last), notes) if first <= last else {}
        except ToolError as error:
            notes.append(f"how far samples lie apart is not known: {error}")
        known = {name: [by_job[job] for job in _jobs(sets) if job in by_job] for name, sets in labels.items()}
        return first, last, {name: max(lengths) for name, lengths in known.items() if lengths}

    def _intervals(self, probed: Mapping[str, Sequence[str]], window: Window, notes: list[str]) -> Mapping[str, float]:
        """Seconds between samples by job, from the densest series at three moments."""
        by_job: dict[str, float] = {}
        lasting = max(window.seconds, 1.0)
        for length in _COUNTED_SECONDS:
            left = {job: names for job, names in probed.items() if job not in by_job}
            template = f"max(count_over_time({{}}[{seconds(length)}]))"
            for job, found in (self._of_each(left, template, window, notes) if left else {}).items():
                samples = max(map(most, found))
                if samples >= _ENOUGH_SAMPLES or (length == _COUNTED_SECONDS[-1] and samples > 1):
                    # n samples that fill less than the counted time lie n - 1 distances apart
                    by_job[job] = _interval(length / samples if length < lasting else lasting / max(samples - 1, 1))
        return by_job

    def _bounds(self, probed: Mapping[str, Sequence[str]], window: Window, notes: list[str]) -> tuple[float, float]:
        """Times of the first and the last sample of some families; NaN where there are none."""
        moments = min(max(round(window.seconds / 60), 2), 240)

        def stamps(template: str, within: Window) -> list[float]:
            found = self._of_each(probed, template, within, notes, moments)
            return [
                float(value) for ones in found.values() for one in ones for value in one.values if math.isfinite(value)
            ]

        last = max(stamps("max(timestamp({}))", window), default=float("nan"))
        first = min(stamps("min(timestamp({}))", window), default=float("nan"))
        if first <= last:  # the moments lie far apart, and the first sample may lie before the first that saw one
            before = Window(first - window.seconds / (moments - 1), first)
            first = max(min([first, *stamps("min(timestamp({}))", before)]), window.start)
        return first, last

    def _of_each(
        self, probed: Mapping[str, Sequence[str]], template: str, window: Window, notes: list[str], moments: int = 3
    ) -> Mapping[str, list[Sampled]]:
        """What a query tells of some metrics of each job, by job."""
        asked = [(job, template.format(self._of_job(name, job))) for job, names in probed.items() for name in names]
        groups = [asked[begin : begin + _TOGETHER] for begin in range(0, len(asked), _TOGETHER)]
        step = max(round(window.seconds / (moments - 1)), 1)

        def ask(group: Sequence[tuple[str, str]]) -> list[tuple[str, Sampled]]:
            found = self._questions.range(joined(query for _, query in group), window, step)
            placed = [(one.labels.get(ROW, ""), one) for one in found]
            return [
                (group[int(place)][0], one) for place, one in placed if place.isdecimal() and int(place) < len(group)
            ]

        by_job: dict[str, list[Sampled]] = {}
        for job, one in (pair for pairs in self._questions.each(groups, ask, notes) for pair in pairs):
            by_job.setdefault(job, []).append(one)
        return by_job

    def _of_job(self, name: str, job: str) -> str:
        of_job = [equal("job", job)] if job and "job" not in self._policy.matchers else []
        return selector([name], [*self._policy.matches, *of_job])


def _jobs(sets: Sequence[Labels]) -> Iterable[str]:
    """The jobs of the series: a job is one scrape configuration, so all of its series have one distance of samples."""
    return sorted({labels.get("job", "") for labels in sets}) or [""]


def _by_job(labels: Mapping[str, Sequence[Labels]]) -> Mapping[str, list[str]]:
    """Some metrics of each job, those with few series first."""
    found: dict[str, list[str]] = {}
    for name in sorted(labels, key=lambda name: (len(labels[name]), name)):
        for job in _jobs(labels[name]):
            if job in found or len(found) < _PROBED_JOBS:
                names = found.setdefault(job, [])
                names += [name] if len(names) < _PROBED_OF_JOB else []
    return found


def _interval(measured: float) -> float:
    """A usual distance of samples where the measured one is near to it, in seconds."""
    near = min(_USUAL_INTERVALS, key=lambda usual: abs(usual - measured))
    return float(near) if abs(near - measured) <= 0.15 * near else max(measured, 1.0)
