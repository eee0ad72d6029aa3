"""What stands behind a verdict: all of it is there, it adds up, and nothing from outside acts in it."""

import base64
import hashlib
import io
import json
import math
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from agent.ledger import Ledger
from agent.report import explain as say
from agent.report.explain import Explanation, parts, render_explained_json, sign
from agent.report.explain_graph import call_graph
from agent.report.explain_html import render_explained_html
from agent.report.explain_layout import WIDTH, plan
from agent.report.explain_series import charts, traced
from agent.report.explain_terminal import render_explained
from agent.state import Alert, Scope
from diagnosis.findings import (
    Attribution,
    Channel,
    Diagnosis,
    FaultKind,
    Finding,
    Hop,
    Hypothesis,
    Remediation,
    Support,
    Suspect,
)  # fmt: skip
from diagnosis.incident import Incident
from diagnosis.telemetry import Change, ChangeKind, Edge, Node, SeriesKey, SeriesMatrix, Topology, Window
from diagnosis.weights import CHANNEL_REASONS

ROOT = Path(__file__).resolve().parents[2]
START = 1_790_000_000.0
ONSET, FIRED, END = START + 3600, START + 3900, START + 4500
HOSTILE = (
    "<script>alert(1)</script> [red]x[/red] \x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07link \u202egnp\u202c \u200b\x00 \ud800 "
    "<img src=x onerror=alert(1)> \"onload=\"x ' {{ 7*7 }} {% raw %} </style></title></svg> url(x) Z" + "\u0301" * 90 + "x" * 3000
)  # fmt: skip


def finding(
    id: str,
    entity: str,
    subject: str,
    method: str,
    before: float,
    after: float,
    deviation: float,
    channel: Channel = Channel.METRICS,
) -> Finding:
    return Finding(
        id=id, channel=channel, signal="latency+", entity=entity, subject=subject, sentence=f"{entity} {subject} rose from {before} to {after}",
        onset=ONSET, before=before, after=after, deviation=deviation, method=method, window_start=ONSET, window_end=END,
    )  # fmt: skip


def diagnosis() -> Diagnosis:
    """ledger → payments is verified, payments → checkout lacks the order, checkout → web lacks the edge."""
    findings = (
        finding("F1", "web", "http_p99_seconds", "deviation", 0.3, 4.8, 88.0),
        finding("F2", "ledger", "db_wait_seconds", "saturation", 0.0021, 4.6, 180_000.0),
        finding("F3", "payments", "http_p99_seconds", "", 0.2, 4.7, 91.0),
        finding("F4", "ledger", "reserve", "span_errors", 0.0, 0.31, 4.5, Channel.TRACES),
        finding("F5", "checkout", "http_p99_seconds", "deviation", 0.25, 4.7, math.nan),
    )
    return Diagnosis(
        onset=ONSET, first_failing="ledger", findings=findings,
        hypotheses=(
            Hypothesis(
                id="H1", entity="ledger", fault_kind=FaultKind.POOL_EXHAUSTION, remediation=Remediation.ROLLBACK, probability=0.9,
                sentence="deploy ledger@2 caused the pool exhaustion at ledger", attribution=Attribution.CHANGE, change_id="ledger@2",
                supports=(Support(weight=1.5, reason="it went to ledger, which fails first"), Support(weight=-0.4, reason="it was carried", finding_id="F2")),
            ),
        ),
        suspects=(
            # Of one nature (time) 2.0 and 1.0 count 2.0 and 0.4; the others count whole: 2.5 + 1.75 + 2.4.
            Suspect(entity="ledger", probability=0.9, fault_kind=FaultKind.POOL_EXHAUSTION, kind_probability=0.7, score=6.65,
                    shares=(("saturation", 2.5), ("conservation", 2.0), ("span_errors", 1.75), ("deviation", 1.0)), finding_ids=("F2", "F4")),
            Suspect(entity="web", probability=0.06, fault_kind=FaultKind.UNKNOWN, kind_probability=0.0, score=0.8,
                    shares=(("deviation", 0.8),), finding_ids=("F1",)),
        ),
        ruled_out=(), blast_radius=("checkout", "payments", "web"),
        path=(
            Hop(cause="ledger", effect="payments", cause_finding="F2", effect_finding="F3", edge=True, ordered=True),
            Hop(cause="payments", effect="checkout", cause_finding="F3", effect_finding="F5", edge=True, ordered=False),
            Hop(cause="checkout", effect="web", cause_finding="F5", effect_finding="", edge=False, ordered=True),
        ),
    )  # fmt: skip


def incident(topology: Topology) -> Incident:
    times = START + 30.0 * np.arange(150)
    late = times >= ONSET
    rows = {
        SeriesKey("ledger", "db_wait_seconds"): np.where(late, 4.6, 0.0021),
        SeriesKey("web", "http_p99_seconds"): np.where(late, 4.8, 0.3),
    }
    changes = (Change(ChangeKind.DEPLOY, "ledger@2", ONSET - 60, "ledger", version="2"),)
    metrics = SeriesMatrix(tuple(rows), times, np.vstack(list(rows.values())))
    return Incident("web", "http_p99_seconds", FIRED, Window(START, END), metrics, topology=topology, changes=changes)


def explained(told: Diagnosis, topology: Topology, alerted: str = "web") -> Explanation:
    alert = Alert(id="a", name="CheckoutSlow", entity=alerted, fired_at=FIRED, metric="http_p99_seconds")
    return Explanation("5f0c19ab27de", alert, Scope(entities=(), start=START, end=END), told, incident(topology))


TOPOLOGY = Topology(
    tuple(map(Node, ("checkout", "faraway", "ledger", "mailer", "payments", "web"))),
    (Edge("checkout", "payments"), Edge("payments", "ledger"), Edge("checkout", "mailer")),
)


@pytest.fixture
def found() -> Explanation:
    return explained(diagnosis(), TOPOLOGY)


@pytest.fixture
def hostile() -> Explanation:
    """Every text that is not of a closed set is ``HOSTILE``; names stay apart by a number."""
    names = {
        name: f"{place} {HOSTILE}" for place, name in enumerate(("checkout", "ledger", "mailer", "payments", "web"))
    }

    def spoiled(value: object, key: str = "") -> object:
        match value:
            case dict():
                return {
                    k: v if k in ("attribution", "channel", "fault_kind", "remediation") else spoiled(v, k)
                    for k, v in value.items()
                }
            case list() | tuple():
                return [spoiled(item, key) for item in value]
            case str():
                ids = key in ("id", "finding_ids", "finding_id") or key.endswith("_finding")
                return names.get(value, value if ids else HOSTILE)
            case _:
                return value

    raw = spoiled(diagnosis().model_dump())
    edges = tuple(Edge(names[e.caller], names[e.callee]) for e in TOPOLOGY.edges)
    topology = Topology(tuple(map(Node, names.values())), edges)
    return explained(Diagnosis.model_validate(raw), topology, names["web"])


@pytest.fixture
def quiet() -> Explanation:
    nothing = Hypothesis(
        id="H1", entity="", fault_kind=FaultKind.UNKNOWN, remediation=Remediation.NONE, probability=0.7,
        sentence="nothing in the telemetry deviates from its baseline", attribution=Attribution.NOTHING_WRONG,
    )  # fmt: skip
    told = Diagnosis(onset=None, first_failing="web", findings=(), hypotheses=(nothing,), suspects=(), ruled_out=(), path=(), blast_radius=())  # fmt: skip
    return explained(told, Topology())


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
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"
        self.text += " " if tag in ("td", "th", "dt", "dd", "span") else ""

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


@pytest.fixture(params=["found", "hostile", "quiet"])
def page(request: pytest.FixtureRequest) -> Page:
    return Page(render_explained_html(request.getfixturevalue(request.param)))


def terminal(found: Explanation, width: int = 100, colour: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=colour, color_system="truecolor" if colour else None).print(
        render_explained(found)
    )
    return out.getvalue()


# What it says


def test_the_shares_add_up_to_the_score():
    for suspect in diagnosis().suspects:
        assert math.isclose(math.fsum(part.counts for part in parts(suspect)), suspect.score)
        assert say.OTHER not in {part.method for part in parts(suspect)}
    counts = {part.method: round(part.counts, 6) for part in parts(diagnosis().suspects[0])}
    assert counts == {"saturation": 2.5, "conservation": 2.0, "span_errors": 1.75, "deviation": 0.4}


def test_a_score_of_other_rules_has_a_part_that_says_so():
    old = diagnosis().suspects[0].model_copy(update={"score": 7.0, "shares": (("saturation", 2.5), ("forgotten", 1.5))})
    assert [(part.method, round(part.counts, 6)) for part in parts(old)][-1] == (say.OTHER, 3.0)
    assert say.reason("forgotten") == "this version knows no such channel"


def test_every_channel_has_a_sign_of_its_own():
    signs = [sign(name) for name in CHANNEL_REASONS]
    assert len(set(signs)) == len(signs) and all(re.fullmatch("[A-Z]{2}", one) for one in signs)


def test_the_page_has_the_ranking_and_what_is_left_for_the_unseen(found: Explanation):
    words = Page(render_explained_html(found)).words
    for fact in ("ledger is the likeliest place of the fault: 90 %", "6.65 nats from 4 channels, 5.85 nats ahead of web",
                 "1 ledger 90 % pool exhaustion, 70 % 6.65", "2 web 6 % of no known kind 0.80", "something I cannot see 4 %"):  # fmt: skip
        assert fact in words, fact


def test_the_page_has_each_share_as_a_part_a_number_and_a_reason(found: Explanation):
    html = render_explained_html(found)
    words = Page(html).words
    assert html.count('class="bar"') == 2 and html.count('<g class="part ') == 5
    assert "web 0.80" in words and "0.40 of 1.00" in words
    assert "SA saturation 2.50 a resource of its own ran short; busier callers can do that to it" in words
    assert ">saturation</text>" in html and ">SA</text>" in html


def test_bars_are_as_wide_as_what_they_count(found: Explanation):
    html = render_explained_html(found)
    first, second = html.split('class="bar"')[1:3]
    widths = [
        sum(map(float, re.findall(r'<rect x="[\d.]+%" width="([\d.]+)%"', bar.split("</svg>")[0])))
        for bar in (first, second)
    ]
    assert widths == [pytest.approx(100.0, abs=0.1), pytest.approx(100 * 0.8 / 6.65, abs=0.1)]


def test_hypotheses_have_what_speaks_for_and_against_them(found: Explanation):
    words = Page(render_explained_html(found)).words
    assert "+1.50 it went to ledger, which fails first" in words and "-0.40 it was carried (F2)" in words


def test_series_have_their_baseline_onset_and_alert(found: Explanation):
    html = render_explained_html(found)
    assert [item.finding.id for item in traced(found)] == ["F2", "F1"]
    assert (
        html.count('class="chart"')
        == html.count('class="baseline"')
        == html.count('class="onset"')
        == html.count('class="alert"')
        == 2
    )
    assert html.count('class="guilty"') == 2 and "db_wait_seconds: 2.1 ms → 4.6 s (F2)" in html


def test_a_long_series_keeps_its_spike(found: Explanation):
    times = START + np.arange(4500.0)
    values = np.where(times == START + 1234, 9.0, 1.0)
    metrics = SeriesMatrix((SeriesKey("ledger", "db_wait_seconds"),), times, values[None])
    long = Explanation(
        found.id, found.alert, found.scope, found.diagnosis, Incident("web", "", FIRED, Window(START, END), metrics)
    )
    (item,) = traced(long)
    assert max(v for v in item.view.values if v is not None) == 9.0 and len(item.view.values) <= 360
    assert charts(long)


def test_unverified_hops_are_marked_with_what_they_lack(found: Explanation):
    html = render_explained_html(found)
    words = Page(html).words
    assert html.count('class="hop"') == 1 and html.count('class="hop unproved"') == 2
    assert {
        ">1</text>",
        ">2?</text>",
        ">3?</text>",
        ">order?</text>",
        ">call edge?</text>",
        ">deviation?</text>",
    } <= set(re.findall(r">[^<>]+</text>", html))
    assert "payments → checkout unverified: no order in time" in words
    assert (
        "missing: neither topology nor spans show a call" in words and "missing: no deviation was found there" in words
    )


def test_the_graph_outlines_suspects_by_probability_and_tells_what_it_leaves_out(found: Explanation):
    graph = call_graph(found)
    outlines = [float(width) for width in re.findall(r'class="node suspect" stroke-width="([\d.]+)"', graph.picture)]
    assert len(outlines) == 2 and max(outlines) > 3 and min(outlines) < 2
    assert (graph.shown, graph.left_out) == (5, 1)  # faraway is no neighbour
    assert "1 more are left out" not in render_explained_html(found) and "1 more is left out" in render_explained_html(
        found
    )
    assert "F2 db_wait_seconds" in graph.picture and "+180k \N{GREEK SMALL LETTER SIGMA}" in graph.picture


def test_a_large_graph_is_cut_to_forty_and_keeps_the_suspects(found: Explanation):
    names = [f"service-{n}" for n in range(300)]
    edges = tuple(Edge("payments", name) for name in names) + TOPOLOGY.edges
    large = explained(diagnosis(), Topology(tuple(map(Node, (*names, *(n.name for n in TOPOLOGY.nodes)))), edges))
    graph = call_graph(large)
    assert (graph.shown, graph.left_out) == (40, 266)
    assert graph.picture.count('class="node suspect"') == 2


def test_findings_are_listed_with_channel_levels_deviation_onset_and_window(found: Explanation):
    words = Page(render_explained_html(found)).words
    window = f"{say.clock(ONSET)} to {say.clock(END)}"
    assert (
        f"F2 saturation ledger ledger db_wait_seconds rose from 0.0021 to 4.6 2.1 ms 4.6 s +180k \N{GREEK SMALL LETTER SIGMA} {say.clock(ONSET)} {window} 1"
        in words
    )
    assert "F3 metrics, not counted payments" in words and "no number" in words


def test_without_a_suspect_it_says_so(quiet: Explanation):
    for text in (Page(render_explained_html(quiet)).words, terminal(quiet)):
        assert "No suspect" in text and "nothing in the telemetry deviates" in text


# The drawing


def test_callers_stand_left_of_callees_and_no_boxes_overlap():
    names = {f"n{i}": 40.0 + 10 * (i % 3) for i in range(40)}
    edges = [(f"n{i // 3}", f"n{i}") for i in range(1, 36)] + [("n0", "n30"), ("n2", "n29")]
    drawn = plan(names, edges)
    assert set(drawn.boxes) == set(names)
    assert all(drawn.boxes[a][0] < drawn.boxes[b][0] for a, b in edges)
    rectangles = [(x, y, names[name]) for name, (x, y) in drawn.boxes.items()]
    for place, (x, y, height) in enumerate(rectangles):
        assert 0 <= x <= drawn.width - WIDTH and 0 <= y <= drawn.height - height
        for u, v, other in rectangles[place + 1 :]:
            assert abs(x - u) >= WIDTH or y + height <= v or v + other <= y
    assert all(
        way[0][0] == drawn.boxes[a][0] + WIDTH and way[-1][0] == drawn.boxes[b][0] for (a, b), way in drawn.ways.items()
    )


@pytest.mark.parametrize(
    "edges", [[("a", "b"), ("b", "a")], [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")], [("a", "a")], []]
)
def test_a_cycle_is_drawn_as_well(edges: list[tuple[str, str]]):
    drawn = plan(dict.fromkeys("abcd", 40.0), edges)
    assert set(drawn.boxes) == set("abcd")
    assert set(drawn.ways) == {(a, b) for a, b in edges if a != b}


# Nothing acts


def test_it_is_well_formed_and_asks_for_nothing(page: Page):
    assert page.open == []
    assert not {"script", "img", "link", "iframe", "form", "a", "object", "use", "image"} & {
        tag for tag, _ in page.tags
    }
    attributes = [(name, value or "") for _, attrs in page.tags for name, value in attrs.items()]
    assert not [n for n, _ in attributes if n.startswith("on") or n in ("src", "href", "style", "srcset", "action")]
    assert not [v for _, v in attributes if "http" in v.replace("http-equiv", "") or "url(" in v or "evil" in v]
    assert "url(" not in page.style and "@import" not in page.style


def test_the_policy_allows_its_own_style_and_nothing_else(page: Page):
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_hostile_names_are_inert_on_the_page(hostile: Explanation):
    html = render_explained_html(hostile)
    assert "<script" not in html and "<img" not in html and "</style></title>" not in html
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", html)
    html.encode("utf-8")
    assert len(html) < 400_000


@pytest.mark.parametrize("width", [60, 100, 160])
def test_hostile_names_are_inert_in_the_terminal(hostile: Explanation, width: int):
    text = terminal(hostile, width)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert max(map(cell_len, text.splitlines())) <= width
    assert set(re.findall(r"\x1b(?!\[[\d;]*m)", terminal(hostile, width, colour=True))) == set()


def test_every_picture_says_what_it_shows(page: Page):
    ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
    assert len(set(ids)) == len(ids)
    for attrs in (attrs for tag, attrs in page.tags if tag == "svg"):
        named = (attrs.get("aria-labelledby") or "").split()
        assert attrs.get("aria-hidden") == "true" or (attrs.get("role") == "img" and named and set(named) <= set(ids))


def test_parts_are_legible_in_every_palette():
    folder = resources.files("agent.report")
    grounds = re.findall(r"--ground: (#\w+)", folder.joinpath("report.css").read_text(encoding="utf-8"))
    palettes = re.findall(
        r":root \{([^}]*--on-part[^}]*)\}", folder.joinpath("explain.css").read_text(encoding="utf-8")
    )
    assert len(palettes) == len(grounds) == 3  # light, dark, print
    for ground, palette in zip(grounds, palettes, strict=True):
        colours = dict(re.findall(r"--([\w-]+): (#\w+)", palette))
        ink = colours.pop("on-part")
        assert all(contrast(colour, ink) >= 4.5 and contrast(colour, ground) >= 3 for colour in colours.values())


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(d * 2 for d in colour[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# Terminal and JSON


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_terminal_has_the_same_facts_at_any_width(found: Explanation, width: int):
    text = terminal(found, width)
    assert max(map(cell_len, text.splitlines())) <= width
    words = " ".join(text.split())
    for fact in ("pool exhaustion", "6.65", "4 %", "SA 2.50", "DE 0.40 of 1.00", "CO conservation 3.00",
                 "90 % deploy ledger@2 caused", "payments ┄?┄▶ checkout", "ledger → payments: verified", "unverified: no order in time",
                 "no deviation of web", "▁|█", "F2 ledger db_wait_seconds rose from 0.0021 to 4.6", "2.1 ms → 4.6 s, +180k"):  # fmt: skip
        assert fact in words, fact


def test_json_is_one_object_of_the_stored_parts(found: Explanation, hostile: Explanation):
    told = json.loads(render_explained_json(found))
    assert set(told) == {"investigation_id", "suspects", "hypotheses", "findings", "path", "onset"}
    assert math.isclose(math.fsum(value for _, value in told["suspects"][0]["counted"]), told["suspects"][0]["score"])
    assert [hop["verified"] for hop in told["path"]] == [True, False, False]
    assert told["path"][1]["missing"] == ["order in time"]
    assert told["findings"][4]["deviation"] is None  # no number
    assert re.fullmatch(r"[\n\x20-\x7e]*", render_explained_json(hostile))


# The command


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explained")


def pcause(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PCAUSE_HOME": str(home), "COLUMNS": "100"}
    command = [sys.executable, "-m", "agent.doors.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def bundled(home: Path) -> str:
    """The id of the bundled incident's investigation."""
    from evals.lab import bundled_incident

    done = pcause(home, "investigate", "--recording", str(bundled_incident()), "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["investigation_id"])


def test_the_bundled_incident_is_explained_as_a_page(home: Path, bundled: str, tmp_path: Path):
    written = tmp_path / "explained.html"
    done = pcause(home, "explain", bundled[:6], "--html", str(written))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "" and f"Wrote {written}" in done.stderr
    page = Page(written.read_text())
    assert page.open == [] and "inventory is the likeliest place of the fault" in page.words
    html = written.read_text()
    assert html.count('class="hop"') == 2 and "unproved" not in html.split("</style>")[1]
    assert 'class="baseline"' in html and "db_pool_wait_p50_seconds" in html


def test_the_bundled_incident_is_explained_as_json_that_adds_up(home: Path, bundled: str):
    done = pcause(home, "explain", bundled, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["investigation_id"] == bundled and told["suspects"][0]["entity"] == "inventory"
    for suspect in told["suspects"]:
        assert math.isclose(math.fsum(value for _, value in suspect["counted"]), suspect["score"])
        assert say.OTHER not in {name for name, _ in suspect["counted"]}
    ids = {finding["id"] for finding in told["findings"]}
    assert all(set(suspect["finding_ids"]) <= ids for suspect in told["suspects"])


def test_the_bundled_incident_is_explained_in_the_terminal_without_colour(home: Path, bundled: str):
    done = pcause(home, "explain", bundled)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    for part in (
        "Where the fault may be",
        "something I cannot see",
        "What each channel adds",
        "inventory → checkout: verified",
        "Findings",
    ):
        assert part in done.stdout


def test_an_unknown_id_is_the_same_error_as_in_show(home: Path, bundled: str):
    shown, explained = pcause(home, "show", "nothing"), pcause(home, "explain", "nothing")
    assert (explained.returncode, explained.stdout, explained.stderr) == (1, "", shown.stderr)


def test_an_investigation_without_a_diagnosis_says_how_to_go_on(tmp_path: Path):
    alert = Alert(id="a", name="n", entity="e", fired_at=FIRED)
    Ledger(tmp_path).create_investigation("abc123", alert.model_dump_json(), "{}", "{}")
    done = pcause(tmp_path, "explain", "abc")
    assert done.returncode == 1 and "pcause resume abc123" in done.stderr and "Traceback" not in done.stderr
