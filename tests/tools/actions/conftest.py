"""A verdict to fit actions to, and what they act on: a cluster, a delivery system, a folder of scripts."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from diagnosis.findings import Remediation
from tests.kubernetes_double import Kubernetes, kubernetes_double
from tests.signed_double import Signed, signed_double
from tests.tools.actions.script_cases import ROLL, write
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


@pytest.fixture
def double() -> Iterator[Signed]:
    with signed_double() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scripts"
    made.mkdir(mode=0o755)
    write(made, "roll.sh", ROLL)
    return made
