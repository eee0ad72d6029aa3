"""What stands behind a verdict as one self-contained page, under the report's policy: no script, no request."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib import resources

from markupsafe import Markup, escape

from agent.report import explain as say
from agent.report import svg
from agent.report.explain_graph import call_graph
from agent.report.explain_series import changes_of, charts
from agent.report.html import environment, meter, report_css
from agent.report.sections import hop_mark, words
from agent.report.text import inert
from agent.report.times import clock, count, duration, percent, stamp
from agent.state import STATE_VERSION
from diagnosis.findings import Hop, Suspect
from diagnosis.weights import CHANNEL_WEIGHTS, WEIGHTS

_ROOM_FOR_SIGN, _ROOM_FOR_NAME = 6.0, 17.0  # percent of the bar's width that two letters take, and a name


def render_explained_html(found: say.Explanation) -> str:
    """The page. Everything from outside is inert and escaped, whichever way it reaches the template."""
    css = report_css() + resources.files("agent.report").joinpath("explain.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    diagnosis = found.diagnosis
    return (
        environment()
        .get_template("explain.html.j2")
        .render(
            found=found,
            css=Markup(css),  # noqa: S704 - files of this package
            policy=Markup(policy),  # noqa: S704 - made of a digest
            title=f"{found.alert.name} at {found.alert.entity or 'an unnamed service'}",
            headline=headline(found),
            facts=facts(found),
            ranking=[(place, s, meter(s.probability), percent(s.probability), say.kind_of(s), say.nats(s.score)) for place, s in enumerate(diagnosis.suspects, 1)],
            elsewhere=(meter(found.elsewhere), percent(found.elsewhere), say.nats(WEIGHTS["place_unseen"])),
            bars=bars(diagnosis.suspects),
            natures=[(nature, swatch(nature)) for nature in dict.fromkeys(p.nature for s in diagnosis.suspects for p in say.parts(s))],
            next_counts=[percent(WEIGHTS["same_nature"] ** place) for place in (1, 2)],
            heads=[(inert(name, 40), say.sign(name)) for name in found.channels],
            shares=[(s, _cells(s, found.channels), say.nats(s.score)) for s in diagnosis.suspects],
            reasons=[(say.sign(name), inert(words(name), 40), _weight(name), say.reason(name)) for name in found.channels],
            hypotheses=[(h, percent(h.probability), [(f"{s.weight:+.2f}", s.reason, s.finding_id) for s in h.supports]) for h in diagnosis.hypotheses],
            charts=charts(found),
            legend=svg.legend(sorted({change.kind for change in changes_of(found)})),
            graph=call_graph(found),
            hops=[(place, hop, hop_mark(hop), _proof(hop, found)) for place, hop in enumerate(diagnosis.path, 1)],
            finding_heads=say.FINDING_HEADS,
            findings=[(say.finding_row(f), _accused(f.id, diagnosis.suspects)) for f in diagnosis.findings],
            footer=f"investigation {found.id} · {stamp(found.scope.start)} to {stamp(found.scope.end)} UTC · state version {STATE_VERSION}",
        )
    )  # fmt: skip


def headline(found: say.Explanation) -> str:
    """The likeliest place and what is left for others."""
    suspects = found.diagnosis.suspects
    if not suspects:
        return "No suspect: no channel found anything that only a fault would show."
    return f"{inert(suspects[0].entity, 80)} is the likeliest place of the fault: {percent(suspects[0].probability)}."


def facts(found: say.Explanation) -> list[tuple[str, str]]:
    """Name and value, for the head of the page."""
    diagnosis, fired_at = found.diagnosis, found.alert.fired_at
    told = [
        ("Alert", f"{inert(found.alert.entity, 80)} {inert(found.alert.metric, 120)}, {stamp(fired_at)} UTC".strip())
    ]
    if diagnosis.onset is not None:
        side = "before" if diagnosis.onset <= fired_at else "after"
        told.append(("Onset", f"{stamp(diagnosis.onset)} UTC, {duration(fired_at - diagnosis.onset)} {side} the alert"))
    if diagnosis.suspects:
        first, *others = diagnosis.suspects
        margin = (
            f", {say.nats(first.score - others[0].score)} nats ahead of {inert(others[0].entity, 80)}" if others else ""
        )
        told.append(("Likely kind", say.kind_of(first)))
        told.append(("Score", f"{say.nats(first.score)} nats from {count(len(first.shares), 'channel')}{margin}"))
    if diagnosis.hypotheses:
        best = diagnosis.hypotheses[0]
        told.append(("Leading cause", f"{inert(best.sentence)} ({percent(best.probability)})"))
    return told


def _weight(method: str) -> str:
    return say.nats(CHANNEL_WEIGHTS[method]) if method in CHANNEL_WEIGHTS else say.NONE


def _cells(suspect: Suspect, channels: Sequence[str]) -> list[str]:
    by_method = {part.method: say.counted(part) for part in say.parts(suspect)}
    return [by_method.get(name, say.NONE) for name in channels]


def _accused(id: str, suspects: Sequence[Suspect]) -> str:
    """Which suspects a finding speaks against, by their places in the ranking."""
    return ", ".join(str(place) for place, suspect in enumerate(suspects, 1) if id in suspect.finding_ids)


def _proof(hop: Hop, found: say.Explanation) -> list[tuple[str, str]]:
    """Each part of a hop's proof, and what there is of it."""

    def end(name: str, id: str) -> str:
        finding = found.diagnosis.finding(id)
        if finding is None:
            return "missing: no deviation was found there"
        when = f" since {clock(finding.onset)}" if finding.onset is not None else ""
        return f"{finding.id}{when}: {inert(finding.sentence, 200)}"

    return [
        (hop.cause, end(hop.cause, hop.cause_finding)),
        (hop.effect, end(hop.effect, hop.effect_finding)),
        ("call edge", "calls run between them" if hop.edge else "missing: neither topology nor spans show a call"),
        (
            "order in time",
            "the cause began no later" if hop.ordered else "missing: the cause began later, or nobody knows when",
        ),
    ]


def bars(suspects: Sequence[Suspect]) -> list[tuple[Suspect, str, Markup]]:
    """A stacked bar for each suspect, all on the scale of the largest score."""
    longest = max((sum(max(part.counts, 0.0) for part in say.parts(s)) for s in suspects), default=0.0)
    return [(s, say.nats(s.score), share_bar(s, longest, f"bar-{n}")) for n, s in enumerate(suspects, 1) if longest > 0]


def share_bar(suspect: Suspect, longest: float, name: str) -> Markup:
    """Parts as wide as what they count, with a sign or a name where there is room; lengths are percent, so that the
    letters keep their size whatever the width of the page."""
    found = [part for part in say.parts(suspect) if part.counts > 0]
    told = ", ".join(f"{words(part.method)} {say.counted(part)}" for part in found)
    pieces = [
        f'<svg class="bar" role="img" aria-labelledby="{name}-t {name}-d"><title id="{name}-t">{escape(inert(suspect.entity, 160))}: {say.nats(suspect.score)} nats</title>'
        f'<desc id="{name}-d">{escape(inert(told))}</desc>'
    ]
    begin = 0.0
    for part in found:
        width = 100.0 * part.counts / longest
        pieces += _piece(part, begin, width)
        begin += width
    return Markup("".join((*pieces, "</svg>")))  # noqa: S704 - every text in it was escaped above


def _piece(part: say.Part, begin: float, width: float) -> Iterator[str]:
    hint = f"{words(part.method)}, {say.counted(part)} nats: {say.reason(part.method)}"
    middle = f'x="{begin + width / 2:.2f}%" y="18" text-anchor="middle"'
    yield f'<g class="{_css_class(part.nature)}"><title>{escape(inert(hint))}</title><rect x="{begin:.2f}%" width="{width:.2f}%" y="1" height="26"/>'
    if width >= _ROOM_FOR_NAME:
        yield f'<text class="long" {middle}>{escape(inert(words(part.method), 24))}</text>'
    if width >= _ROOM_FOR_SIGN:
        css = "short" if width >= _ROOM_FOR_NAME else "always"
        yield f'<text class="{css}" {middle}>{escape(inert(say.sign(part.method), 4))}</text>'
    yield "</g>"


def _css_class(nature: str) -> str:
    """Natures are a closed set of the ranking; anything else has the colour of the rest."""
    return f"part {nature if nature in ('behaviour', 'time', 'resource', 'judgement') else 'rest'}"


def swatch(nature: str) -> Markup:
    """The colour of a nature, for the legend."""
    square = f'<svg viewBox="0 0 14 14" aria-hidden="true" class="sign {_css_class(nature)}"><rect width="14" height="14"/></svg>'
    return Markup(square)  # noqa: S704 - a closed set
