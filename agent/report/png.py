"""Our charts as PNG, for doors that show no SVG. Needs the extra ``slack`` (resvg)."""

from collections.abc import Sequence

from agent.report.model import ChangeView, Report, SeriesView
from agent.report.svg import Span, series_chart, shared_span
from diagnosis.words import short_id

_SCALE = 2.0
_FONTS = "'DejaVu Sans', 'Liberation Sans', 'Noto Sans', Arial, sans-serif"
# The colours of the page (``report.css``) in light mode: a picture cannot follow its reader's.
_STYLE = f"""
text {{ font-family: {_FONTS}; font-size: 12px; fill: #59636d; }}
.grid {{ stroke: #e1dfd9; }}
.line {{ fill: none; stroke: #2f3b46; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }}
.after {{ fill: #f8ece6; }}
.onset {{ stroke: #ab3a17; stroke-width: 1.6; }}
.alert {{ stroke: #59636d; stroke-dasharray: 3 3; }}
.mark {{ fill: #ab3a17; font-weight: bold; }}
.guilty {{ fill: #ab3a17; stroke: #ab3a17; stroke-width: 1.5; }}
.change {{ fill: #ffffff; stroke: #59636d; }}
"""


class NoPictures(Exception):  # noqa: N818 - said as one says it
    """Charts cannot be drawn here; the message says what is missing."""


def series_png(view: SeriesView, changes: Sequence[ChangeView], fired_at: float, span: Span) -> bytes:
    """One series as a PNG of 720 pixels' width; b"" below two samples. Raises ``NoPictures``."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise NoPictures("charts need resvg-py: install probable-cause[slack]") from error
    drawn = str(series_chart(view, changes, fired_at, span, "chart"))
    if not drawn:
        return b""
    # Standing alone, an SVG must say that it is one.
    svg = drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    try:
        return bytes(svg_to_bytes(svg_string=svg, style_sheet=_STYLE, background="#ffffff", zoom=_SCALE))
    except ValueError as error:
        raise NoPictures(f"a chart cannot be drawn: {error}") from error


def charts(report: Report, most: int) -> list[tuple[SeriesView, bytes]]:
    """The first series of a report with their pictures, on one time axis. Raises ``NoPictures``."""
    span = shared_span(report.series)
    drawn = [(view, series_png(view, report.changes, report.alert.fired_at, span)) for view in report.series[:most]]
    return [(view, png) for view, png in drawn if png]


def described(view: SeriesView, report: Report) -> str:
    """A chart in words, for who cannot see it."""
    guilty = next((change for change in report.changes if change.guilty), None)
    blamed = f"; the change to blame is {short_id(guilty.id)}" if guilty else ""
    return f"{view.entity} {view.metric} over time{blamed}"
