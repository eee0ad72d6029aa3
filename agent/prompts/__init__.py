"""Prompts: one file a part, in Jinja with strict variables; what comes from telemetry stands only in the data block.

A file has two halves parted by a line ``---``: what is always the same (so that a provider can cache it), and what this
incident adds.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

_HALVES = "\n---\n"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent. ``digest`` (12 hex digits of SHA-256) names the wording, whatever is filled in."""

    name: str
    system: str
    user: str
    digest: str


def render(name: str, **values: object) -> Prompt:
    """Fill a prompt. A variable that is missing is an error (``jinja2.UndefinedError``), never a gap."""
    source = _source(f"{name}.md")
    system, user = _environment().get_template(f"{name}.md").render(**values).split(_HALVES, 1)
    digest = hashlib.sha256((source + _source("untrusted.md")).encode()).hexdigest()[:12]
    return Prompt(name, system.strip(), user.strip(), digest)


def data_block(text: object) -> str:
    """Text from outside, unable to end the block that it stands in."""
    return str(text).replace("<", "&lt;").replace(">", "&gt;")


@cache
def _source(name: str) -> str:
    return (files(__name__) / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    # Nothing here becomes HTML; what is foreign goes through the filter.
    found = Environment(
        loader=FunctionLoader(_source), undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True  # noqa: S701
    )  # fmt: skip
    found.filters["data"] = data_block
    return found
