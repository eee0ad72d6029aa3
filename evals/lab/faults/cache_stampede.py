"""A commit lets no product text live in the cache, and every page is put together from the store."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth
from evals.lab.source_tree import CommitDraft, Edit

_NO_LIFETIME = CommitDraft(
    "Mara Lindqvist",
    "catalog: show changed texts at once",
    (Edit("shop/settings.py", "CACHE_TTL_SECONDS = 300", "CACHE_TTL_SECONDS = 0"),),
)

FAULT = Fault(
    name="cache-stampede",
    summary="catalog keeps nothing in the cache and goes to the store for everything",
    truth=Truth("catalog", FaultKind.CACHE_STAMPEDE, Remediation.ROLLBACK, _NO_LIFETIME),
    effect=Effect('rate(cache_misses_total{service="catalog"}[10s])', above=3.0),
    inject=lambda world: world.ship(_NO_LIFETIME, "catalog"),
    undo=lambda world: world.roll_back("catalog"),
)
