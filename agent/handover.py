"""A line to go on elsewhere: the same investigation, through another door."""


def handover(id: str, public_url: str, slack: bool = False) -> tuple[str, ...]:
    """How to meet an investigation in the terminal, in the browser where the server's address is known, and in Slack where
    somebody may ask there."""
    lines = [f"In the terminal: pcause chat {id}"]
    if public_url:
        lines.append(f"In the browser: {public_url.rstrip('/')}/investigations/{id}")
    if slack:
        lines.append(f"In Slack: mention the app with show {id}")
    return tuple(lines)
