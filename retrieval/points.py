"""Names within the index: the vectors of a point, the views of a runbook, and which point holds which view."""

from uuid import UUID, uuid5

DENSE, SPARSE = "meaning", "words"  # the two vectors of every point
NAME, MEANING, SAID, SECTION = "name", "meaning", "said", "section"  # the views
_SPACE = UUID("6f6d2a1e-3f0b-5d7c-9a54-8e1f52c0b7aa")


def point_id(path: str, view: str, number: int = 0) -> str:
    """The same view of the same runbook is always the same point."""
    return str(uuid5(_SPACE, f"{path}\n{view}\n{number}"))
