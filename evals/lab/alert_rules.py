"""The alert rules of the shop: symptoms that any service may show. None of them knows a fault.

Written for every service by its label; times are a tenth of what a team would use, as all of the lab's are.
"""

from dataclasses import dataclass

import yaml

DOOR = "gateway"
_REQUESTS = "sum by (service) (rate(http_server_requests_total{selector}[10s]))"


@dataclass(frozen=True)
class Rule:
    """One rule: it fires for each service for which ``expression`` has been true for ``seconds``.

    ``metric`` and ``threshold`` are what the annotations tell; ``summary`` may use Prometheus templates.
    """

    name: str
    expression: str
    seconds: int
    severity: str
    metric: str
    threshold: float
    summary: str
    description: str


def _error_ratio(service: str, share: float) -> str:
    failed = _REQUESTS.replace("{selector}", f'{{{service}status=~"5.."}}')
    every = _REQUESTS.replace("{selector}", f"{{{service}}}")
    return f"{failed} / {every} > {share} and {every} > 0.3"


RULES = (
    Rule(
        "ShopErrors", _error_ratio(f'service="{DOOR}",', 0.05), 4, "critical", "http_server_error_ratio", 0.05,
        "{{ $value | humanizePercentage }} of the shoppers' requests fail",
        "http_server_error_ratio of {{ $labels.service }} has been above 0.05 for 4 s; it is {{ $value }}.",
    ),
    Rule(
        "ShopSlow",
        "histogram_quantile(0.99, sum by (service, le) "
        f'(rate(http_server_duration_seconds_bucket{{service="{DOOR}"}}[10s]))) > 1',
        6, "critical", "http_server_duration_p99_seconds", 1.0,
        "The slowest shoppers wait {{ $value | humanizeDuration }}",
        "http_server_duration_p99_seconds of {{ $labels.service }} has been above 1 for 6 s; it is {{ $value }}.",
    ),
    Rule(
        "ServiceErrors", _error_ratio("", 0.1), 6, "warning", "http_server_error_ratio", 0.1,
        "{{ $labels.service }} fails {{ $value | humanizePercentage }} of its requests",
        "http_server_error_ratio of {{ $labels.service }} has been above 0.1 for 6 s; it is {{ $value }}.",
    ),
    Rule(
        "ServiceDown", "up == 0", 4, "critical", "up", 0.0,
        "{{ $labels.service }} does not answer",
        "up of {{ $labels.service }} has been 0 for 4 s: its metrics cannot be scraped.",
    ),
    Rule(
        "QueueNotMoving", "max by (service) (queue_oldest_message_age_seconds) > 10", 4, "warning",
        "queue_oldest_message_age_seconds", 10.0,
        "The oldest message of {{ $labels.service }} has waited {{ $value | humanizeDuration }}",
        "queue_oldest_message_age_seconds of {{ $labels.service }} has been above 10 for 4 s; it is {{ $value }}.",
    ),
    Rule(
        "VolumeAlmostFull", "volume_used_bytes / volume_size_bytes > 0.9", 4, "warning", "volume_used_ratio", 0.9,
        "The volume of {{ $labels.service }} is {{ $value | humanizePercentage }} full",
        "volume_used_ratio of {{ $labels.service }} has been above 0.9 for 4 s; it is {{ $value }}.",
    ),
    Rule(
        "MemoryAlmostUsedUp", "process_resident_memory_bytes / (process_memory_limit_bytes > 0) > 0.9", 4, "warning",
        "process_memory_used_ratio", 0.9,
        "{{ $labels.service }} uses {{ $value | humanizePercentage }} of the memory it may have",
        "process_memory_used_ratio of {{ $labels.service }} has been above 0.9 for 4 s; it is {{ $value }}.",
    ),
    Rule(
        "ModelQualityLow", "min by (service) (model_quality_auc) < 0.65", 10, "warning", "model_quality_auc", 0.65,
        "Recommendations of {{ $labels.service }} match what shoppers want less than they should",
        "model_quality_auc of {{ $labels.service }} has been below 0.65 for 10 s; it is {{ $value }}.",
    ),
    Rule(
        "FeatureDrift", "max by (service) (feature_drift_psi) > 0.5", 10, "warning", "feature_drift_psi", 0.5,
        "A feature read by {{ $labels.service }} no longer looks as it did in training",
        "feature_drift_psi of {{ $labels.service }} has been above 0.5 for 10 s; it is {{ $value }}.",
    ),
)  # fmt: skip


def rules_file() -> str:
    """The rules as Prometheus reads them."""
    rules = [
        {
            "alert": rule.name,
            "expr": rule.expression,
            "for": f"{rule.seconds}s",
            "labels": {"severity": rule.severity},
            "annotations": {
                "summary": rule.summary,
                "description": rule.description,
                "metric": rule.metric,
                "threshold": f"{rule.threshold:g}",
                "value": "{{ $value }}",
            },
        }
        for rule in RULES
    ]
    return yaml.safe_dump({"groups": [{"name": "shop", "rules": rules}]}, sort_keys=False)
