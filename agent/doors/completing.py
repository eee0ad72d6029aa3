"""What the shell offers after Tab: ids of investigations, names of actions."""


def complete_id(incomplete: str) -> list[str]:
    """Ids that begin so, newest first."""
    from agent.investigate import investigation_ids
    from agent.settings import load_settings

    return [id for id in investigation_ids(load_settings()) if id.startswith(incomplete)]


def complete_action(incomplete: str) -> list[str]:
    """Names of configured actions that begin so."""
    from agent.settings import load_settings

    return sorted(name for name in load_settings().actions.names if name.startswith(incomplete))
