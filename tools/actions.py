"""Actions: what could be done about a cause. An action is declared once, with its risk; nothing here decides to run it.

The registry that ships is empty of executors: a verdict's remediation becomes advice for a person. Whoever registers
an action gets it proposed, asked for, run once, and verified by the same machine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from diagnosis.findings import Remediation
from tools.spec import Risk


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """``run`` takes the arguments, does the thing and returns one sentence about what it did.

    It must be idempotent, or cheap to repeat: a machine that dies between doing and recording asks for it once more.
    """

    name: str
    remediation: Remediation
    risk: Risk
    summary: str
    run: Callable[[Mapping[str, str]], str]


def registry(*specs: ActionSpec) -> Mapping[str, ActionSpec]:
    """Actions by name; two of one name are an error."""
    by_name = {spec.name: spec for spec in specs}
    if len(by_name) != len(specs):
        raise ValueError(f"two actions share a name: {sorted(spec.name for spec in specs)}")
    return by_name
