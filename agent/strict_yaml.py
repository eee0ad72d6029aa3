"""YAML in which a key stands once: a second one would silently take the place of the first."""

from collections.abc import Hashable
from typing import Any

import yaml


class DuplicateKey(yaml.MarkedYAMLError):
    """``problem`` says it all in one line; it names the key and no value."""

    def __str__(self) -> str:
        return str(self.problem)


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        self._refuse_duplicates(node)
        found: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return found

    def _refuse_duplicates(self, node: yaml.MappingNode) -> None:
        """Before what is merged by ``<<`` comes in, since to write such a key again is how it is changed."""
        lines: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key, line = self.construct_object(key_node), key_node.start_mark.line + 1
            if key in lines:
                said = f"line {line}: {key!r} stands in line {lines[key]} already: write it once"
                raise DuplicateKey(problem=said, problem_mark=key_node.start_mark)
            lines[key] = line


def load(text: str | bytes) -> object:
    """What a file says. Raises ``yaml.YAMLError``, for a key that stands twice ``DuplicateKey``."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a safe loader, which builds nothing but plain values
    except (
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:  # a date that is none, a number that is none, no end of brackets
        if isinstance(error, yaml.YAMLError | UnicodeDecodeError):
            raise
        raise yaml.YAMLError(f"a value cannot be read: {str(error)[:200] or type(error).__name__}") from None
