"""What an approver is shown, rendered by code and the same in every door: exactly what will run, and why."""

import json

from agent.approvals import Request
from agent.report.text import inert
from agent.report.times import stamp

_LONGEST_ARGUMENT = 400


def card(request: Request) -> tuple[tuple[str, str], ...]:
    """Lines of label and text, in the order in which they are read; every argument is among them, whole."""
    lines = [("Action", f"{inert(request.action)}: {inert(request.summary)}"), ("Target", _target(request))]
    for name, value in sorted(json.loads(request.arguments).items()):
        lines.append((f"Argument {inert(name)}", _whole(value)))
    lines.append(("Effect", inert(request.effect) or "the target tells nothing of it beforehand"))
    lines += [("", inert(line)) for line in request.effect_lines]
    lines.append(("Risk", inert(request.risk)))
    if request.undoes:
        lines.append(("Undoes", request.undoes))
    lines.append(("Because", inert(request.claim) or "no claim stands behind it"))
    if request.prediction:
        lines.append(("Prediction", inert(request.prediction)))
    if request.requested_by:
        lines.append(("Asked by", inert(request.requested_by)))
    lines.append(("Approvals", _votes(request)))
    lines += [("Policy", inert(request.rule)), ("Expires", stamp(request.expires_at))]
    lines.append(("Fingerprint", request.arguments_hash[:16]))
    return tuple(lines)


def _target(request: Request) -> str:
    return inert(request.target) + (f" in {inert(request.environment)}" if request.environment else "")


def _whole(value: object) -> str:
    """An argument as JSON; longer than an eye takes in, it is shown in parts, never cut."""
    text = json.dumps(value, ensure_ascii=True)
    return " ".join(text[at : at + _LONGEST_ARGUMENT] for at in range(0, len(text), _LONGEST_ARGUMENT))


def _votes(request: Request) -> str:
    given = [f"{inert(vote.by)} ({vote.door})" for vote in request.votes if vote.approved]
    return f"{len(given)} of {request.needs}" + (f": {', '.join(given)}" if given else "")
