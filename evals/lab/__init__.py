"""A small real shop, broken on purpose: its processes, its load, its faults and how an incident is recorded."""

from pathlib import Path


def bundled_incident() -> Path:
    """The recorded incident that ``pcause demo`` investigates."""
    return Path(__file__).with_name("recordings") / "pool-shrunk"
