"""An alert rule and its evaluation on live samples."""

from collections.abc import Iterable
from dataclasses import dataclass

from evals.lab.clock import rfc3339
from evals.lab.scrape import Sample


@dataclass(frozen=True)
class AlertRule:
    """Fires when ``metric`` of ``service`` is above ``threshold`` in ``for_scrapes`` scrapes one after the other."""

    name: str
    service: str
    metric: str
    threshold: float
    for_scrapes: int
    severity: str
    summary: str


@dataclass(frozen=True)
class Alert:
    """A rule that fired, with the value that made it fire."""

    rule: AlertRule
    observed: float
    fired_at: float

    def to_record(self) -> dict[str, object]:
        """The content of ``alert.json``."""
        return {
            "name": self.rule.name,
            "service": self.rule.service,
            "metric": self.rule.metric,
            "threshold": self.rule.threshold,
            "observed": round(self.observed, 4),
            "fired_at": rfc3339(self.fired_at),
            "severity": self.rule.severity,
            "summary": self.rule.summary,
            "labels": {},
        }


class AlertWatch:
    """Evaluates one rule scrape by scrape; it fires at most once."""

    def __init__(self, rule: AlertRule) -> None:
        self._rule = rule
        self._above = 0
        self.alert: Alert | None = None

    def observe(self, samples: Iterable[Sample]) -> None:
        """Take in the samples of one scrape; a scrape without the metric changes nothing."""
        for sample in samples:
            if (sample.entity, sample.metric) == (self._rule.service, self._rule.metric):
                self._above = self._above + 1 if sample.value > self._rule.threshold else 0
                if self._above == self._rule.for_scrapes and self.alert is None:
                    self.alert = Alert(self._rule, sample.value, sample.time)
