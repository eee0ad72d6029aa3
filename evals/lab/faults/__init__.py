"""The faults of the lab: every module here that has a ``FAULT``, by its name."""

import pkgutil
from collections.abc import Sequence
from importlib import import_module

from evals.lab.fault import Fault


class UnknownFaultError(ValueError):
    """No fault has that name; the message lists those that there are."""


def every_fault() -> dict[str, Fault]:
    """All faults by name, in order of name."""
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    found: list[Fault] = [module.FAULT for module in modules]
    return {fault.name: fault for fault in sorted(found, key=lambda fault: fault.name)}


def chosen_faults(names: Sequence[str]) -> list[Fault]:
    """The faults of these names, in that order. Raises ``UnknownFaultError``."""
    faults = every_fault()
    unknown = [name for name in names if name not in faults]
    if unknown:
        raise UnknownFaultError(f"{', '.join(map(repr, unknown))}: no such fault; there are {', '.join(faults)}")
    return [faults[name] for name in names]
