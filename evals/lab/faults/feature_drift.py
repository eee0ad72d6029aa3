"""An upstream begins to send cents for euros, and the nightly batch writes them into the feature store."""

from diagnosis.findings import FaultKind, Remediation
from evals.lab.fault import Effect, Fault, Truth

# The service is recommender: features serves what it was given, fast and without an error, and no telemetry of it
# changes. The drift is measured, and does its harm, where the features are used.
FAULT = Fault(
    name="feature-drift",
    summary="a feature is a hundred times too large since the last batch",
    truth=Truth("recommender", FaultKind.DATA_DRIFT, Remediation.QUARANTINE_DATA),
    effect=Effect('max(feature_drift_psi{service="recommender"})', above=0.6),
    inject=lambda world: world.load_features(scale=100.0),
    undo=lambda world: world.load_features(scale=1.0),
)
