"""A verdict to fit actions to, and a cluster."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from diagnosis.findings import Remediation
from tests.kubernetes_double import Kubernetes, kubernetes_double
from tools.actions.spec import Target

_VERDICT = Target(
    entity="store", remediation=Remediation.ROLLBACK, change_id="store@2", change_kind="deploy", change_key="pool_size",
    before="24", alert_name="front latency", alert_entity="front", services=frozenset(("store", "front", "price")),
)  # fmt: skip


@pytest.fixture
def target() -> Callable[..., Target]:
    """The verdict, with other fields where they are given."""
    return lambda **fields: replace(_VERDICT, **fields)


@pytest.fixture
def cluster() -> Iterator[Kubernetes]:
    with kubernetes_double() as double:
        yield double
