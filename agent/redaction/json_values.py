"""``redact_json``: the strings of a JSON value, each read beside its key."""

from typing import Any

from agent.redaction.cutting import cut_secrets


def redact_json(value: object) -> object:
    """A JSON value of any depth with the secrets of its strings cut, keys included.

    A value is read beside its key, so that ``{"password": "…"}`` is cut too, as it is in a pair and in ``{"name": …, "value": …}``. Raises nothing; what is no JSON is kept.
    """
    whole = [_cut(value)]
    waiting: list[Any] = [whole]
    while waiting:
        holder = waiting.pop()
        for place, item in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
            if isinstance(item, dict | list | tuple):
                holder[place] = _level(item)
                waiting.append(holder[place])
    return whole[0]


def _level(value: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> dict[Any, Any] | list[Any]:
    """A copy of one object or array with its own keys and strings cut, and what is inside of it as it was."""
    match value:
        case dict():
            named = value.get("name", value.get("key"))
            return {
                _cut(key): _beside(named if key == "value" and isinstance(named, str) else key, item)
                for key, item in value.items()
            }
        case [str() as key, str() as item]:
            return [cut_secrets(key), _beside(key, item)]
        case _:
            return [_cut(item) for item in value]


def _cut(item: object) -> object:
    return cut_secrets(item) if isinstance(item, str) else item


def _beside(key: object, item: object) -> object:
    if not isinstance(key, str) or not isinstance(item, str):
        return _cut(item)
    cleaned = cut_secrets(item)
    head = f'{key}: "'
    both = cut_secrets(head + cleaned.replace('"', "'") + '"')
    return (
        both[len(head) : -1]
        if both.startswith(head) and "[secret:" in both[len(head) :] and '"' not in cleaned
        else cleaned
    )
