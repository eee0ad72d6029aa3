"""Notifications: writes the confirmation mail of an order."""

from .app import App, Handler, Request

SUBJECT = "Your order {order}"


def confirm(request: Request) -> dict[str, object]:
    """Render the mail; sending it is left to a relay that the lab does not have."""
    subject = SUBJECT.format(order=request.body.get("order", ""))
    return {"subject": subject, "text": f"Thank you. You paid {request.body.get('cents', 0)} cents."}


def routes(_: App) -> dict[str, Handler]:
    """What this service answers to."""
    return {"/confirm": confirm}
