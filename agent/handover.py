"""A line to go on elsewhere: the same investigation, through another door."""


def handover(id: str, public_url: str) -> tuple[str, ...]:
    """How to meet an investigation in the terminal, and in the browser where the server's address is known."""
    lines = [f"In the terminal: pcause chat {id}"]
    if public_url:
        lines.append(f"In the browser: {public_url.rstrip('/')}/investigations/{id}")
    return tuple(lines)
