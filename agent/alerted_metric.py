"""Which listed series an alert is about: rules name what is scraped, sources list what they derive from it."""

from collections.abc import Iterable

from agent.state import Alert
from diagnosis.measures import words_of

# What deriving adds or takes away: it says how a number was made, not what of.
_FORM = frozenset("total bucket sum count per second p50 p90 p95 p99 ratio rate errors error".split())
_LEAST_SHARE = 0.6  # of the words in common


def resolve_metric(alert: Alert, listed: Iterable[str]) -> str:
    """The listed metric nearest to the alert's, by its words and then by those of the alert's text; else as it was."""
    names = sorted(set(listed))
    if not alert.metric or alert.metric in names:
        return alert.metric
    wanted = _stem(alert.metric)
    told = frozenset(words_of(f"{alert.name} {alert.summary}"))
    ranked = [(_alike(wanted, _stem(name)), len(told & frozenset(words_of(name))), name) for name in names]
    best = max(ranked, key=lambda item: (item[0], item[1]), default=(0.0, 0, ""))
    return best[2] if best[0] >= _LEAST_SHARE else alert.metric


def _stem(metric: str) -> frozenset[str]:
    return frozenset(words_of(metric)) - _FORM


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0
