"""The page: self-contained, well-formed, legible, and nothing from outside acts in it."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from importlib import resources

import pytest

from agent.report.html import render_html
from agent.report.model import Report

VOID = ("meta", "br", "hr")


class Page(HTMLParser):
    """Tags must nest exactly; text is kept apart from everything else."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.style = "", ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data


@pytest.fixture(params=["incident", "unsolved", "hostile"])
def page(request: pytest.FixtureRequest) -> Page:
    return Page(render_html(request.getfixturevalue(request.param)))


def test_it_is_well_formed_and_asks_for_nothing(page: Page):
    assert page.open == []
    assert not {"script", "img", "link", "iframe", "form", "a", "object", "use", "image"} & {
        tag for tag, _ in page.tags
    }
    attributes = [(name, value or "") for _, attrs in page.tags for name, value in attrs.items()]
    assert not [n for n, _ in attributes if n.startswith("on") or n in ("src", "href", "style", "srcset", "action")]
    assert not [v for n, v in attributes if "http://" in v or "https://" in v or "url(" in v or "evil" in v]
    assert "url(" not in page.style and "@import" not in page.style


def test_nothing_from_outside_acts_in_it(hostile: Report):
    html = render_html(hostile)
    assert "<script" not in html and "<img" not in html and "</style></title>" not in html
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", html)
    html.encode("utf-8")
    assert len(html) < 400_000
    assert "an impossible time" in html  # one absurd timestamp does not cost the report


def test_the_policy_allows_its_own_style_and_nothing_else(incident: Report):
    page = Page(render_html(incident))
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_the_verdict_comes_first_and_the_facts_are_there(incident: Report):
    text = " ".join(Page(render_html(incident)).text.split())
    order = ("Pool exhaustion at ledger", "93 %", "4m 10s before the alert", "9c1f4e7add", "Tomasz Wilk", "Pool(size=4,",
             "Causal path", "Series", "Evidence", "Ruled out", "Other hypotheses", "Next steps", "This is wrong if",
             "Timeline", "Blind spots", "1 statement was removed", "Questions asked", "$0.00, 9 tool calls, 4,210 points, 0.8 s")  # fmt: skip
    places = [text.index(fact) for fact in order]
    assert places == sorted(places)


def test_each_claim_opens_to_its_query_window_value_check_and_digest(incident: Report):
    html = render_html(incident)
    assert html.count("<details>") == len(incident.claims)
    first = html[html.index("<details>") : html.index("</details>")]
    for fact in ("query_metrics", "2026-09-21 14:17:20", "0.31", "4.8", "series levels", "E-Q101", "b2b2b2b2b2b2"):
        assert fact in first
    assert "b2b2b2b2b2b2b" not in first


def test_every_picture_says_what_it_shows(page: Page):
    ids = {attrs["id"] for _, attrs in page.tags if attrs.get("id")}
    pictures = [attrs for tag, attrs in page.tags if tag == "svg"]
    for attrs in pictures:
        named = (attrs.get("aria-labelledby") or "").split()
        assert attrs.get("aria-hidden") == "true" or (attrs.get("role") == "img" and named and set(named) <= ids)
    assert len(ids) == len([1 for _, attrs in page.tags if attrs.get("id")])


def test_charts_mark_the_onset_the_alert_and_the_guilty_change(incident: Report):
    html = render_html(incident)
    assert html.count('class="chart"') == 4
    assert html.count('class="onset"') == 3  # the fourth series never left its baseline
    assert html.count('class="alert"') == 4
    assert html.count('class="guilty"') == 8 and html.count('class="change"') == 24 + 4
    assert ">deploy 2.14.0</text>" in html and ">onset 15:17:20</text>" in html


def test_a_gap_in_a_series_stays_a_gap(incident: Report):
    chart = render_html(incident).split('class="chart"')[1].split("</svg>")[0]
    assert chart.count('class="line"') == 2


def test_the_graph_tells_verified_hops_from_others_without_colour(incident: Report):
    html = render_html(incident)
    assert (html.count('class="sure"'), html.count('class="unsure"')) == (2, 2)
    assert "unverified: no order in time</text>" in html and "payments → mailer: unverified: no deviation" in html


def test_a_report_without_a_cause_has_its_ceiling_and_no_empty_section(unsolved: Report):
    page = Page(render_html(unsolved))
    assert "Ceiling tool_calls of 3 was met (3 spent), 2 questions left unasked." in page.text
    assert [t for t, _ in page.tags].count("h2") == 1 and "Left unasked" in page.text


def test_text_has_a_contrast_of_at_least_four_and_a_half():
    css = resources.files("agent.report").joinpath("report.css").read_text(encoding="utf-8")
    palettes = re.findall(r":root \{([^}]*--ground[^}]*)\}", css)
    assert len(palettes) == 3  # light, dark, print
    for palette in palettes:
        colours = dict(re.findall(r"--(\w+): (#\w+)", palette))
        for ink in ("ink", "soft", "accent"):
            for ground in ("ground", "card", "tint", "code"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground, colours)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(d * 2 for d in colour[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
