"""A commit prices a basket line by line, one call each, where one call priced all of it."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth
from evals.lab.load import LoadProfile
from evals.lab.source_tree import CommitDraft, Edit

_LINE_BY_LINE = CommitDraft(
    "Ines Duarte",
    "checkout: price every line by itself, so that vouchers can go by line",
    (
        Edit(
            "shop/checkout.py",
            '    price = request.call("pricing", "/quote", basket_of(lines))\n    return cast("int", price["cents"])\n',
            '    quotes = [request.call("pricing", "/quote", basket_of([line])) for line in lines]\n'
            '    return sum(cast("int", quote["cents"]) for quote in quotes)\n',
        ),
    ),
)

FAULT = Fault(
    name="n-plus-one",
    summary="checkout calls pricing once a line of the basket",
    truth=Truth("checkout", FaultKind.SLOW_CODE, Remediation.ROLLBACK, _LINE_BY_LINE),
    effect=Effect(
        'rate(http_client_duration_seconds_count{service="checkout",peer="pricing"}[10s]) '
        '/ ignoring(peer) rate(http_client_duration_seconds_count{service="checkout",peer="broker"}[10s])',
        above=4.0,
    ),
    inject=lambda world: world.ship(_LINE_BY_LINE, "checkout"),
    undo=lambda world: world.roll_back("checkout"),
    # A week's shopping rather than a present: with two lines nobody would notice.
    load=LoadProfile(browse_per_second=4, buy_per_second=3, recommend_per_second=3, fewest_lines=10, most_lines=30),
)
