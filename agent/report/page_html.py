"""What all pages of the server share: templates with their filters, one style sheet, one small script, one sign.

A page is made of regions. Each has a key that tells whether it says the same as before, so that a page that is open can
be renewed part by part without disturbing who reads it.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

from jinja2 import Environment
from markupsafe import Markup

from agent.report.html import environment, report_css
from agent.report.times import clock, duration, percent

STATUS_WORDS = MappingProxyType(
    {
        "accepted": ("○", "Accepted"),
        "running": ("◐", "Running"),
        "interrupted": ("◌", "Interrupted"),
        "waiting": ("◆", "Waits for an approval"),
        "decided": ("◐", "Decided, goes on"),
        "done": ("●", "Done"),
        "failed": ("✕", "Failed"),
    }
)
GOING_ON = frozenset(("accepted", "running", "interrupted", "decided"))
ENDED = frozenset(("done", "failed"))


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a page that is renewed as a whole; ``key`` is equal where ``html`` is."""

    name: str
    html: Markup
    key: str


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: the name behind a personal token, "" for who may read only. ``deciding`` is false where nobody can
    decide here, since no approver has a token for the pages."""

    name: str = ""
    deciding: bool = False


def render(template: str, **values: object) -> str:
    """A template of this package. Values are made inert and escaped when they are printed."""
    return _environment().get_template(template).render(**values)


def region(name: str, template: str, **values: object) -> Region:
    """A part of a page by its template."""
    html = render(template, **values).strip()
    digest = hashlib.sha256(html.encode("utf-8", "replace")).hexdigest()
    return Region(name, Markup(html), digest[:16])  # noqa: S704 - rendered with escaping


@lru_cache(maxsize=8)
def asset(name: str) -> tuple[bytes, str] | None:
    """Content and media type of what a page asks for under ``/static/``; None for anything else."""
    match name:
        case "pcause.css":
            return (report_css() + _file("pages.css")).encode(), "text/css; charset=utf-8"
        case "pcause.js":
            return _file("pages.js").encode(), "text/javascript; charset=utf-8"
        case "pcause.svg":
            return _file("pages.svg").encode(), "image/svg+xml"
        case _:
            return None


def render_message(title: str, text: str, back: str = "/investigations", viewer: Viewer | None = None) -> str:
    """A page that says one thing; ``back`` is a path of ours."""
    return render("page_message.html.j2", title=title, text=text, back=back, viewer=viewer or Viewer(), here="")


def _file(name: str) -> str:
    return resources.files("agent.report").joinpath(name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    overlaid = environment().overlay()
    filters = {
        "duration": duration, "clock": clock, "share": lambda share: "" if share is None else percent(share),
        "sign": lambda status: STATUS_WORDS.get(status, ("○", status))[0],
        "status_words": lambda status: STATUS_WORDS.get(status, ("○", status))[1],
    }  # fmt: skip
    overlaid.filters = {**overlaid.filters, **filters}
    return overlaid
