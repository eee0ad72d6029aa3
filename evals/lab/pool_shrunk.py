"""The fault "pool-shrunk": a commit to the shared settings leaves inventory with 3 of its 24 store connections.

Around it, none of it harmful: a pool that is made larger, a dependency bump, a refactoring, texts, a flag, and two
deploys, one of them seconds after the guilty one.
"""

from evals.lab.alerting import AlertRule
from evals.lab.faults import DeployStep, Fault, FlagStep, PlannedStep
from evals.lab.load import LoadProfile
from evals.lab.source_tree import CommitDraft, Edit

_README_NAMES_RETURNS = CommitDraft(
    "Ines Duarte",
    "README: say who chooses the carrier of a return",
    (Edit("shop/README.md", "chooses a carrier |", "chooses a carrier, also for returns |"),),
)
_DEPENDENCY_BUMP = CommitDraft(
    "dependency-bot",
    "Bump prometheus-client from 0.20 to 0.21",
    (Edit("shop/requirements.txt", "prometheus-client>=0.20", "prometheus-client>=0.21"),),
)
_LARGER_PRICING_POOL = CommitDraft(
    "Jonas Brandt",
    "Resize pricing's connection pool ahead of the sale",
    (Edit("shop/settings.py", "PRICING_DB_POOL_SIZE = 12", "PRICING_DB_POOL_SIZE = 16"),),
)
_SMALLER_SHARED_POOL = CommitDraft(
    "Tomasz Wilk",
    "Tidy shared settings: use the values staging has run with for a month",
    (
        Edit("shop/settings.py", "\nDB_POOL_SIZE = 24\n", "\nDB_POOL_SIZE = 3\n"),
        Edit("shop/settings.py", "LOG_BODY_CHARACTERS = 2000", "LOG_BODY_CHARACTERS = 1000"),
    ),
)
_CARRIERS_AS_TABLE = CommitDraft(
    "Ines Duarte",
    "shipping: keep the carriers in a table",
    (
        Edit(
            "shop/shipping.py",
            "\n\ndef choose(",
            '\n_CARRIERS = ((1000, "letter post", 290), (5000, "parcel post", 590))\n\n\ndef choose(',
        ),
        Edit(
            "shop/shipping.py",
            "    if grams <= 1000:\n"
            '        return {"carrier": "letter post", "cents": 290}\n'
            "    if grams <= 5000:\n"
            '        return {"carrier": "parcel post", "cents": 590}\n',
            "    for most_grams, carrier, cents in _CARRIERS:\n"
            "        if grams <= most_grams:\n"
            '            return {"carrier": carrier, "cents": cents}\n',
        ),
    ),
)
_FRIENDLIER_SUBJECT = CommitDraft(
    "Ines Duarte",
    "notifications: friendlier subject line",
    (Edit("shop/notifications.py", '"Your order {order}"', '"Thank you for your order {order}"'),),
)

POOL_SHRUNK = Fault(
    name="pool-shrunk",
    kind="pool_exhaustion",
    remediation="rollback",
    cause=_SMALLER_SHARED_POOL,
    path=("inventory", "checkout", "storefront"),
    seconds=330,
    plan=(
        PlannedStep(12, _README_NAMES_RETURNS),
        PlannedStep(25, _DEPENDENCY_BUMP),
        PlannedStep(40, _LARGER_PRICING_POOL),
        PlannedStep(60, DeployStep("pricing")),
        PlannedStep(85, FlagStep("gift_wrap_hint", "storefront", True, "Mara Lindqvist")),
        PlannedStep(112, _SMALLER_SHARED_POOL),
        PlannedStep(150, DeployStep("inventory")),
        PlannedStep(152, _CARRIERS_AS_TABLE),
        PlannedStep(156, DeployStep("shipping")),
        PlannedStep(175, _FRIENDLIER_SUBJECT),
    ),
    # Three connections serve about 15 baskets a second: the load is just below that at the deploy and grows past it.
    load=LoadProfile(browse_per_second=10, buy_per_second=14, growth=0.4),
    alert=AlertRule(
        name="StorefrontSlow",
        service="storefront",
        metric="http_server_duration_p99_seconds",
        threshold=1.0,
        for_scrapes=6,
        severity="critical",
        summary="The slowest 1 % of storefront requests have taken longer than 1 s for 12 s.",
    ),
)
