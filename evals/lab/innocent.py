"""Changes that harm nobody: every run has some of them around its fault, as every day of a team has."""

import random

from evals.lab.source_tree import CommitDraft, Edit
from evals.lab.steps import DeployStep, FlagStep, ModelStep, PlannedStep, Step

_BEFORE_SECONDS = (8.0, 22.0, 36.0, 48.0)
_AFTER_SECONDS = (4.0, 14.0)
_BETWEEN_STEPS_SECONDS = 2.0

_SHIPPED: tuple[tuple[Step, ...], ...] = (
    (
        CommitDraft(
            "Jonas Brandt",
            "Resize pricing's connection pool ahead of the sale",
            (Edit("shop/settings.py", "PRICING_DB_POOL_SIZE = 12", "PRICING_DB_POOL_SIZE = 16"),),
        ),
        DeployStep("pricing"),
    ),
    (
        CommitDraft(
            "Ines Duarte",
            "notifications: friendlier subject line",
            (Edit("shop/notifications.py", '"Your order {order}"', '"Thank you for your order {order}"'),),
        ),
        DeployStep("notifications"),
    ),
    (
        CommitDraft(
            "Ines Duarte",
            "shipping: keep the carriers in a table",
            (
                Edit(
                    "shop/shipping.py",
                    "\n\ndef choose(",
                    '\n\n_CARRIERS = ((1000, "letter post", 290), (5000, "parcel post", 590))\n\n\ndef choose(',
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
        ),
        DeployStep("shipping"),
    ),
    (
        CommitDraft(
            "Mara Lindqvist",
            "features: two more store connections",
            (Edit("shop/settings.py", "FEATURES_DB_POOL_SIZE = 8", "FEATURES_DB_POOL_SIZE = 10"),),
        ),
        DeployStep("features"),
    ),
    (
        CommitDraft(
            "Tomasz Wilk",
            "gateway: say what the door is for",
            (Edit("shop/gateway.py", '    """A product page."""', '    """A product page, for whoever asks."""'),),
        ),
        DeployStep("gateway"),
    ),
)
_QUIET: tuple[tuple[Step, ...], ...] = (
    (
        CommitDraft(
            "dependency-bot",
            "Bump prometheus-client from 0.20 to 0.21",
            (Edit("shop/requirements.txt", "prometheus-client>=0.20", "prometheus-client>=0.21"),),
        ),
    ),
    (
        CommitDraft(
            "Tomasz Wilk",
            "Log less of long bodies",
            (Edit("shop/settings.py", "LOG_BODY_CHARACTERS = 2000", "LOG_BODY_CHARACTERS = 1500"),),
        ),
    ),
    (
        CommitDraft(
            "Jonas Brandt",
            "cache: room for more entries",
            (Edit("shop/settings.py", "CACHE_MAX_ENTRIES = 5000", "CACHE_MAX_ENTRIES = 8000"),),
        ),
    ),
    (FlagStep("gift_wrap_hint", "storefront", True, "Mara Lindqvist"),),
    (ModelStep("recommender", "v2", "Noor Haddad", "Promote click model v2, retrained on last month"),),
)


def innocent_steps(name: str, service: str) -> tuple[tuple[PlannedStep, ...], tuple[PlannedStep, ...]]:
    """(before, after) for the fault of that name: drawn by its name, so that a fault always has the same.

    Before: four groups from the start of the baseline. After: one that is deployed within seconds of the fault (not to
    ``service``, where the fault is: its rollback would no longer be one), and one more.
    """
    rng = random.Random(name)
    shipped, quiet = list(_SHIPPED), list(_QUIET)
    rng.shuffle(shipped)
    rng.shuffle(quiet)
    near = next(group for group in shipped if DeployStep(service) not in group)
    shipped.remove(near)
    early = [shipped[0], quiet[0], shipped[1], quiet[1]]
    return _planned(_BEFORE_SECONDS, early), _planned(_AFTER_SECONDS, [near, quiet[2]])


def _planned(times: tuple[float, ...], groups: list[tuple[Step, ...]]) -> tuple[PlannedStep, ...]:
    return tuple(
        PlannedStep(begin + place * _BETWEEN_STEPS_SECONDS, step)
        for begin, group in zip(times, groups, strict=True)
        for place, step in enumerate(group)
    )
