"""Three reports made by code: one incident with everything, one that found nothing, one full of hostile text."""

import json
import math

import pytest

from agent.report.model import ChangeView, HypothesisView, NodeView, Report, SeriesView, TimelineEntry
from agent.state import (  # fmt: skip
    Action,
    ActionResult,
    Alert,
    CeilingHit,
    Check,
    Claim,
    Evidence,
    Outcome,
    Prediction,
    RemovedClaim,
    Spend,
    Verification,
)
from diagnosis.findings import Attribution, FaultKind, Hop, Remediation, RuledOut

ONSET = 1_790_000_000.0 + 64 * 60
START, FIRED = ONSET - 60 * 60, ONSET + 250
COMMIT, OTHER = "9c1f4e7a" + "d" * 32, "41b7aa02" + "e" * 32
QUOTE = "-    pool: Pool = Pool(size=40, wait=timedelta(seconds=5))\n+    pool: Pool = Pool(size=4, wait=timedelta(seconds=5))"
HOSTILE = (
    "<script>alert(1)</script> [red]x[/red] \x1b[31mred\x1b[0m \x9b31m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07 "
    "](http://evil.example/) ![i](http://evil.example/i.png) <http://evil.example> www.evil.example a@evil.example @all #1 "
    "| pipe | `tick` ```\n```\n# title\n\n> quote\n\u202egnp\u202c \u2066x\u2069 \u200b\x00 \ud800 \u2028 Z" + "\u0301" * 90
    + " <img src=x onerror=alert(1)> \"onload=\"x ' {{ 7*7 }} {% raw %} </style></title></svg> url(x) " + "x" * 10_000
)  # fmt: skip


def series(entity: str, metric: str, before: float, after: float, onset: float | None, evidence: str) -> SeriesView:
    """90 samples a minute apart with a wobble, a gap, and a step at ``onset``."""
    times = tuple(START + 60.0 * i for i in range(90))
    values = tuple(
        None if i in (20, 21, 22) else (after if onset is not None and t >= onset else before) * (1 + 0.04 * math.sin(i * 1.7))
        for i, t in enumerate(times)
    )  # fmt: skip
    return SeriesView(entity=entity, metric=metric, times=times, values=values, onset=onset, evidence_id=evidence)


def claim(number: int, role: str, sentence: str, check: Check, evidence: str, *value: float) -> Claim:
    return Claim(
        id=f"C{number}", role=role, sentence=sentence, check=check, evidence_ids=(evidence,),
        query=f'query_metrics {{"end": {START + 5400}, "entities": [], "start": {START}}}', window_start=START,
        window_end=START + 5400, subject=("ledger", "db_pool_in_use"), value=value,
    )  # fmt: skip


def change(
    kind: str, id: str, minutes: float, entity: str, title: str, author: str = "", guilty: bool = False
) -> ChangeView:
    return ChangeView(
        id=id, kind=kind, time=ONSET + 60 * minutes, entity=entity, title=title, author=author, guilty=guilty
    )


@pytest.fixture(scope="session")
def incident() -> Report:
    claims = (
        claim(1, "symptom", "web http_server_duration_p99_seconds rose from 0.31 to 4.8", Check.SERIES_LEVELS, "E-Q101", 0.31, 4.8, ONSET),
        claim(2, "cause", "ledger db_pool_wait_p99_seconds rose from 0.0021 to 4.6", Check.SERIES_LEVELS, "E-Q101", 0.0021, 4.6, ONSET),
        claim(3, "cause", "ledger db_pool_size fell from 40 to 4", Check.SERIES_LEVELS, "E-Q101", 40, 4, ONSET - 60),
        claim(4, "path", "payments http_server_duration_p99_seconds rose from 0.22 to 4.7", Check.SERIES_LEVELS, "E-Q101", 0.22, 4.7, ONSET),
        claim(5, "cause", "ledger log pattern “no connection within <*> s (pool of <*>)” is new (1,204 lines)", Check.PATTERN_COUNTS, "E-Q102", ONSET, 1.0),
        claim(6, "blast", "payments POST /charge fails in 31 % of calls", Check.SPAN_ERRORS, "E-Q103", 0.0, 0.31, ONSET),
        claim(7, "onset", "web http_server_duration_p99_seconds left its baseline at 15:17:20 UTC", Check.SERIES_ONSET, "E-Q101", ONSET),
        claim(8, "delivery", "commit 9c1f4e7add “Make pool settings explicit” went to ledger at 15:14:20 UTC, before the onset", Check.CHANGE_TIME, "E-Q104", ONSET - 180, ONSET),
        claim(9, "change", "its diff says: size=40 → size=4", Check.DIFF_QUOTE, "E-Q201"),
        claim(10, "path", "calls run between payments and ledger", Check.EDGE, "E-Q001"),
        claim(11, "path", "ledger deviated at 15:17:20, payments at 15:17:20", Check.ORDER, "E-Q101", ONSET, ONSET),
        claim(12, "path", "calls run between checkout and payments", Check.EDGE, "E-Q001"),
    )  # fmt: skip
    changes = (
        change("commit", OTHER, -55, "", "Bump the linter", "dependency-bot"),
        change("commit", "77aa" * 10, -41, "", "search: shorter snippets", "Ines Duarte"),
        change("deploy", "search-3.1.0", -32, "search", "3.1.0"),
        change("flag", "new_receipt_mail", -20, "checkout", "", "Mara Lindqvist"),
        change("commit", COMMIT, -12, "", "Make pool settings explicit", "Tomasz Wilk", guilty=True),
        change("deploy", "ledger-2.14.0", -3, "ledger", "2.14.0", guilty=True),
        change("config", "cdn-ttl", -1, "web", "longer TTL for images", "Jonas Brandt"),
        change("deploy", "mailer-1.9.2", 2, "mailer", "1.9.2"),
    )
    timeline = tuple(TimelineEntry(time=c.time, label=f"{c.kind} {c.title or c.id} at {c.entity}", kind="change") for c in changes if c.kind != "commit")  # fmt: skip
    return Report(
        schema_version=1,
        investigation_id="5f0c19ab27de",
        title="CheckoutSlow at web",
        headline="Pool exhaustion at ledger since 15:17:20 UTC: commit 9c1f4e7a (Make pool settings explicit), deployed to ledger, is the probable cause.",
        alert=Alert(id="a1", name="CheckoutSlow", entity="web", fired_at=FIRED, metric="http_server_duration_p99_seconds", severity="critical"),
        cause_found=True, nothing_wrong=False, probability=0.93, fault_kind=FaultKind.POOL_EXHAUSTION, first_failing="ledger",
        change=changes[4], change_quote=QUOTE, remediation=Remediation.ROLLBACK, onset=ONSET,
        blast_radius=("payments", "checkout", "web", "mailer"),
        path=(
            Hop(cause="ledger", effect="payments", cause_finding="F1", effect_finding="F2", edge=True, ordered=True),
            Hop(cause="payments", effect="checkout", cause_finding="F2", effect_finding="F3", edge=True, ordered=True),
            Hop(cause="checkout", effect="web", cause_finding="F3", effect_finding="F4", edge=True, ordered=False),
            Hop(cause="payments", effect="mailer", cause_finding="F2", edge=True, ordered=True),
        ),
        nodes=(
            NodeView(name="ledger", role="cause", deviation="db_pool_wait_p99_seconds 0.0021 → 4.6"),
            NodeView(name="payments", role="path", deviation="http_server_duration_p99_seconds 0.22 → 4.7"),
            NodeView(name="checkout", role="path", deviation="POST /order errors 0 → 0.28"),
            NodeView(name="web", role="symptom", deviation="http_server_duration_p99_seconds 0.31 → 4.8"),
            NodeView(name="mailer", role="affected", deviation="queue_depth 3 → 412"),
        ),
        claims=claims,
        removed_claims=(RemovedClaim(sentence="search cache_hits_ratio fell from 0.92 to 0.4", reason="the level after is 0.91, not 0.4"),),
        hypotheses=(
            HypothesisView(sentence="commit 9c1f4e7add caused the pool exhaustion at ledger", probability=0.93, attribution=Attribution.CHANGE, reasons=("it went to ledger, which fails first", "it lowers size from 40 to 4, and ledger shows a move from 40 to 4 in db_pool_size")),
            HypothesisView(sentence="a surge of orders exhausted the pool", probability=0.05, attribution=Attribution.CASE, reasons=("traffic rose by 6 %",)),
            HypothesisView(sentence="the cause lies outside the telemetry at hand", probability=0.02, attribution=Attribution.UNSEEN, reasons=("no host metrics",)),
        ),
        ruled_out=(
            RuledOut(subject="deploy search-3.1.0", reason="search is not called by anything that fails"),
            RuledOut(subject="flag new_receipt_mail", reason="it took effect 20 min before the onset and touches no pool"),
            RuledOut(subject="traffic surge", reason="requests a second stayed within 6 % of the baseline"),
        ),
        blind_spots=("get_traces: spans of mailer are missing", "query_metrics: there is no host telemetry"),
        next_steps=(
            Action(key="k1", name="rollback", arguments="{}", risk="advice", sentence="Roll ledger back to the version before 9c1f4e7add."),
            Action(key="k2", name="runbook", arguments="{}", risk="advice", sentence="Compare the pool's size with the number of workers.", citation="runbooks/pool-exhaustion.md#check (line 14)"),
        ),
        action_results=(ActionResult(action_key="k1", outcome="rejected", detail="Ann: not before the freeze ends"),),
        verification=Verification(outcome="not_recovered", sentence="web http_server_duration_p99_seconds is still 4.8"),
        prediction=Prediction(sentence="within 15 minutes of the rollback, web http_server_duration_p99_seconds is below 2.56 again"),
        series=(
            series("web", "http_server_duration_p99_seconds", 0.31, 4.8, ONSET, "E-Q101"),
            series("ledger", "db_pool_wait_p99_seconds", 0.0021, 4.6, ONSET, "E-Q101"),
            series("ledger", "db_pool_size", 40, 4, ONSET - 60, "E-Q101"),
            series("ledger", "process_resident_memory_bytes", 412e6, 397e6, None, "E-Q101"),
        ),
        changes=changes,
        timeline=tuple(sorted((*timeline, TimelineEntry(time=ONSET, label="web left its baseline", kind="onset", claim_id="C7"), TimelineEntry(time=FIRED, label="alert CheckoutSlow fired", kind="alert")), key=lambda e: e.time)),
        evidence=tuple(
            Evidence(id=id, tool=tool, arguments=json.dumps({"start": START, "end": START + 5400}) if id != "E-Q001" else "{}", outcome=outcome, summary=summary, points=900, digest=digest * 32 if digest else "", note=note)
            for id, tool, outcome, summary, digest, note in (
                ("E-Q001", "get_topology", Outcome.ROWS, "6 entities, 7 call edges", "a1", ""),
                ("E-Q101", "query_metrics", Outcome.ROWS, "66 series x 90 times", "b2", "12 samples were out of order"),
                ("E-Q102", "log_patterns", Outcome.ROWS, "19 patterns of 6,404 lines", "c3", ""),
                ("E-Q103", "get_traces", Outcome.FAILED, "the file ends in the middle of a line", "", ""),
                ("E-Q104", "list_changes", Outcome.ROWS, "8 changes", "d4", ""),
                ("E-Q201", "read_change", Outcome.ROWS, "17 lines of diff", "e5", ""),
            )
        ),
        ceiling=None, spend=Spend(tool_calls=9, points=4210, seconds=0.8), reasoner="statistical",
        window_start=START, window_end=START + 5400, created_at=FIRED + 20,
    )  # fmt: skip


@pytest.fixture(scope="session")
def unsolved() -> Report:
    """Nothing found, nothing there, and a ceiling met."""
    return Report(
        schema_version=1, investigation_id="0", title="QueueLag at orders", headline="No cause found for the trouble at orders.",
        alert=Alert(id="a2", name="QueueLag", entity="orders", fired_at=FIRED), cause_found=False, nothing_wrong=False,
        probability=0.0, fault_kind=FaultKind.UNKNOWN, first_failing="", change=None, change_quote="", remediation=Remediation.NONE,
        onset=None, blast_radius=(), path=(), nodes=(), claims=(), removed_claims=(), hypotheses=(), ruled_out=(), blind_spots=(),
        next_steps=(), action_results=(), verification=None, prediction=None, series=(), changes=(), timeline=(), evidence=(),
        ceiling=CeilingHit(resource="tool_calls", limit="3", spent="3", unasked=("search_logs of orders", "get_traces of orders")),
        spend=Spend(tool_calls=3, seconds=190.0), reasoner="", window_start=START, window_end=FIRED, created_at=FIRED,
    )  # fmt: skip


@pytest.fixture(scope="session")
def hostile(incident: Report) -> Report:
    """Every text that is not of a closed set is ``HOSTILE``; names stay apart by a number, so that a path stays a path."""
    raw = poisoned(incident.model_dump())
    assert isinstance(raw, dict)
    names = {
        name: f"{place} {HOSTILE}" for place, name in enumerate(("ledger", "payments", "checkout", "web", "mailer"))
    }
    for spoiled, hop in zip(raw["path"], incident.path, strict=True):
        spoiled |= {"cause": names[hop.cause], "effect": names[hop.effect]}
    for spoiled, node in zip(raw["nodes"], incident.nodes, strict=True):
        spoiled["name"] = names[node.name]
    raw["change_quote"] = "\n".join(("-```", f"+{HOSTILE}", *["+more"] * 500))
    raw["ceiling"] = {"resource": HOSTILE, "limit": HOSTILE, "spent": HOSTILE, "unasked": [HOSTILE]}
    raw["timeline"][0]["time"] = 1e20
    raw["series"][0]["values"] = [math.nan, math.inf, 1e308, -1e308, *raw["series"][0]["values"][4:]]
    raw["series"][1]["values"] = [1e-320] * 90
    return Report.model_validate(raw)


_CLOSED = ("attribution", "check", "fault_kind", "remediation", "outcome", "usd")


def poisoned(value: object) -> object:
    match value:
        case dict():
            return {
                k: v if k in _CLOSED and not (k == "outcome" and "action_key" in value) else poisoned(v)
                for k, v in value.items()
            }
        case list() | tuple():
            return [poisoned(item) for item in value]
        case str():
            return HOSTILE
        case _:
            return value
