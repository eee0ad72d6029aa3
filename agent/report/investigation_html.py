"""The page of one investigation: what is asked of a person, the verdict and all behind it, how it went, who did what."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.approval_card import card
from agent.approvals import Request
from agent.audit import AuditRow
from agent.report import sections as say
from agent.report.html import parts
from agent.report.listing_html import kind_of
from agent.report.model import Report
from agent.report.page_html import GOING_ON, Region, Viewer, region, render
from agent.report.progress import Progress
from agent.report.times import count, duration, money
from agent.state import Spend
from agent.summaries import Summary

_SENTENCES = {
    "accepted": "Accepted. It waits for its turn.",
    "running": "The investigation runs.",
    "interrupted": "The investigation was interrupted and will go on.",
    "waiting": "The investigation waits for an approval.",
    "decided": "It was decided, and the investigation goes on.",
    "failed": "The investigation failed before it could write a report. The server's log says why.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as this viewer sees it. ``why_not`` says why they cannot answer it, "" where they can; ``expired``:
    nobody has answered it in time."""

    request: Request
    why_not: str
    expired: bool = False

    @property
    def state(self) -> str:
        """As it is now: one that nobody answered in time is not noted as expired until somebody looks for work."""
        return "expired" if self.expired and self.request.state == "pending" else str(self.request.state)

    @property
    def lines(self) -> list[tuple[str, list[str]]]:
        """The card; a line without a label belongs to the one before."""
        found: list[tuple[str, list[str]]] = []
        for label, text in card(self.request):
            if label or not found:
                found.append((label, [text]))
            else:
                found[-1][1].append(text)
        return found

    @property
    def votes(self) -> list[str]:
        """Who said what so far."""
        said = {True: "approved", False: "rejected"}
        return [f"{v.by} {said[v.approved]} ({v.door})" + (f": {v.reason}" if v.reason else "") for v in self.request.votes]  # fmt: skip

    @property
    def missing(self) -> int:
        """How many must still approve."""
        return max(self.request.needs - sum(vote.approved for vote in self.request.votes), 0)


@dataclass(frozen=True, slots=True)
class Case:
    """All that the page shows. ``report`` is the last that was written, ``causes`` what may be said
    to be wrong (id, sentence), ``actions`` the names of what may be asked for, ``handover`` lines of text, ``trouble`` what could
    not be read."""

    summary: Summary
    report: Report | None
    progress: Progress
    asked: Sequence[Asked]
    causes: Sequence[tuple[str, str]]
    actions: Sequence[str]
    audit: Sequence[AuditRow]
    spend: Spend
    handover: Sequence[str]
    trouble: str = ""


def render_investigation(case: Case, viewer: Viewer) -> str:
    """The page. It works without its script, which renews what changes."""
    goes_on = case.summary.status in GOING_ON
    return render(
        "investigation.html.j2", case=case, viewer=viewer, here=case.summary.id, goes_on=goes_on, regions=_regions(case, viewer),
        follow=goes_on or case.summary.status == "waiting",
    )  # fmt: skip


def render_confirmation(asked: Asked, viewer: Viewer, ticket: str, answer: str, reason: str, wrong_cause: bool) -> str:
    """The page on which an answer becomes final: everything that is known of the action stands there again."""
    return render(
        "investigation_confirm.html.j2", asked=asked, viewer=viewer, ticket=ticket, answer=answer, reason=reason,
        wrong_cause=wrong_cause, here=asked.request.investigation_id,
    )  # fmt: skip


def _regions(case: Case, viewer: Viewer) -> list[Region]:
    """In the order in which somebody on call wants them."""
    summary, report = case.summary, case.report
    told = parts(report) if report else {}
    sentence = report.headline if report else _SENTENCES.get(summary.status, summary.status)
    verdict = region(
        "verdict", "investigation_verdict.html.j2", summary=summary, report=report, sentence=sentence, kind=kind_of(summary.status),
        latest=case.progress.steps[-1].title if case.progress.steps else "", **told,
    )  # fmt: skip
    approvals = region("approvals", "investigation_approvals.html.j2", asked=case.asked, viewer=viewer, id=summary.id)
    went = region(
        "progress", "investigation_progress.html.j2", steps=case.progress.steps, open=report is None,
        goes_on=summary.status in GOING_ON, seconds=sum(step.seconds or 0.0 for step in case.progress.steps),
    )  # fmt: skip
    if report:
        body = region("report", "report_body.html.j2", report=report, **told)
    else:
        shown = {"hypotheses": case.progress.hypotheses, "answers": case.progress.answers}
        body = region("report", "investigation_so_far.html.j2", **shown)
    trail = region("audit", "investigation_audit.html.j2", rows=case.audit, trouble=case.trouble)
    costs = region(
        "cost", "investigation_cost.html.j2", cost=_cost(case.spend, report), lines=case.handover, report=report
    )
    wishes = region("wishes", "investigation_wishes.html.j2", case=case, viewer=viewer, id=summary.id)
    return [verdict, approvals, went, body, wishes, trail, costs]


def _cost(spend: Spend, report: Report | None) -> str:
    """What it has cost so far; the report's own words once there is one."""
    if report:
        return say.footer(report)
    return f"{money(spend.usd)}, {count(spend.tool_calls, 'tool call')}, {count(spend.points, 'point')}, {duration(spend.seconds)} of answers"
