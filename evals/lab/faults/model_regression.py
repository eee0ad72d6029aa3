"""A version of the click model that was trained on somebody else's clicks is made the active one."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth
from evals.lab.steps import ModelStep

_WORSE = ModelStep("recommender", "v3", "Noor Haddad", "Promote click model v3, trained on joined sessions")
_BACK = ModelStep("recommender", "v1", "lab", "Back to click model v1")

FAULT = Fault(
    name="model-regression",
    summary="click model v3 is promoted",
    truth=Truth("recommender", FaultKind.MODEL_REGRESSION, Remediation.CONFIG_REVERT, _WORSE),
    effect=Effect('model_quality_auc{service="recommender"}', below=0.62),
    inject=lambda world: world.take(_WORSE),
    undo=lambda world: world.take(_BACK),
)
