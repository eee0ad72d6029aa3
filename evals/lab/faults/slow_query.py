"""A commit finds related goods by the words of their texts instead of by their family: there is no index for that."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth
from evals.lab.load import LoadProfile
from evals.lab.source_tree import CommitDraft, Edit

_BY_WORDS = CommitDraft(
    "Mara Lindqvist",
    "catalog: related goods by their texts, the best reviewed first",
    (
        Edit(
            "shop/product_texts.py",
            '        "SELECT title FROM product WHERE family = ? ORDER BY popularity DESC LIMIT 8",\n        (family,),\n',
            "        \"SELECT title FROM product JOIN review USING (sku) WHERE lower(title || ' ' || description) \"\n"
            '        "LIKE lower(?) GROUP BY sku ORDER BY AVG(stars) DESC, popularity DESC LIMIT 8",\n'
            '        (f"%{family}.%",),\n',
        ),
    ),
)

FAULT = Fault(
    name="slow-query",
    summary="catalog looks for related goods by a scan of all texts",
    truth=Truth("catalog", FaultKind.SLOW_CODE, Remediation.ROLLBACK, _BY_WORDS),
    effect=Effect(
        'rate(db_statement_duration_seconds_sum{service="catalog"}[10s]) '
        '/ rate(db_statement_duration_seconds_count{service="catalog"}[10s])',
        above=0.1,
    ),
    inject=lambda world: world.ship(_BY_WORDS, "catalog"),
    undo=lambda world: world.roll_back("catalog"),
    # A page is one such scan, and catalog has two connections for them.
    load=LoadProfile(browse_per_second=9, buy_per_second=2, recommend_per_second=2),
)
