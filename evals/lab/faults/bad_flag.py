"""A flag shows the stars of every product, also of those that have none yet: dividing by their number fails."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth
from evals.lab.steps import FlagStep

_STARS_ON = FlagStep("review_stars", "storefront", True, "Noor Haddad")
_STARS_OFF = FlagStep("review_stars", "storefront", False, "lab")

FAULT = Fault(
    name="bad-flag",
    summary="the flag review_stars is switched on",
    truth=Truth("storefront", FaultKind.ERROR_REGRESSION, Remediation.FLAG_OFF, _STARS_ON),
    effect=Effect('sum(rate(http_server_requests_total{service="storefront",status="500"}[10s]))', above=0.5),
    inject=lambda world: world.take(_STARS_ON),
    undo=lambda world: world.take(_STARS_OFF),
)
