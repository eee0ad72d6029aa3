"""The right answers of a confirmed investigation, in the shapes in which a model answers.

Each is what a person confirmed and what the evidence carries, and would pass the checks of a model's own answer. Where
there is none, a phrase says why.
"""

from collections.abc import Sequence

from agent.narrative import says_no_more
from agent.prompts import Prompt, data_block
from agent.reasoners.answers import Narrative, Reading, Readings, Statement, Weighing, Weight
from agent.reasoners.briefing import diff_lines, diff_text, shown_findings, shown_hypotheses
from agent.state import Claim
from diagnosis.findings import Attribution, Diagnosis, Hypothesis
from diagnosis.telemetry import Change
from diagnosis.weights import WEIGHTS

_MOST_WRONG, _MOST_CITED, _MOST_TOLD = 3, 4, 6
# The order in which the prompt wants it told: the cause, how it spread, how it shows.
_ROLES = ("cause", "delivery", "change", "path", "blast", "symptom", "onset")
_POINTS_AT_SOMETHING = (Attribution.CHANGE, Attribution.CASE, Attribution.PLACE)


def weighing(shown: Diagnosis, confirmed: Hypothesis, first_failing: str) -> Weighing | str:
    """Full support for the confirmed cause, some against the strongest others that something of their own speaks for."""
    candidates, findings = shown_hypotheses(shown), frozenset(finding.id for finding in shown_findings(shown))
    right = next((h for h in candidates if _same_cause(h, confirmed)), None)
    if right is None:
        return "the confirmed cause is not among the hypotheses that are shown"
    proofs = _proofs(right, findings)
    if not proofs:
        return "no finding that is shown speaks for the confirmed cause"
    # The same kind of fault, or the same place, with nothing said of what set it off: no wrong answer, it only says less.
    places = {confirmed.entity, right.entity, first_failing}
    wrong: list[Weight] = []
    for other in candidates:
        same = other.entity in places or other.fault_kind in (confirmed.fault_kind, right.fault_kind)
        less = other.attribution is Attribution.PLACE and same
        own = [id for id in _proofs(other, findings) if id not in proofs]
        if other is not right and other.attribution in _POINTS_AT_SOMETHING and own and not less:
            wrong.append(Weight(hypothesis=other.id, support=-1, findings=own[:_MOST_CITED]))
    best = Weight(hypothesis=right.id, support=2, findings=proofs[:_MOST_CITED])
    return Weighing(weights=[best, *wrong[:_MOST_WRONG]], added=[], ask=[])


def readings(
    prompt: Prompt, changes: Sequence[Change], confirmed: Hypothesis, known: Sequence[Hypothesis]
) -> Readings | str:
    """Yes with the guilty line for the confirmed change; no only for a change that works the other way."""
    shown = shown_changes(prompt, changes)
    told: list[Reading] = []
    for label, change in sorted(shown.items()):
        if change.id == confirmed.change_id:
            quote = _changed_line(confirmed.quote, change)
            if not quote:
                return "no line of the confirmed change is known to have done it"
            told.append(Reading(change=label, produces="yes", quote=quote))
        else:
            quote = next((_changed_line(h.quote, change) for h in known if _works_against(h, change)), "")
            told.append(Reading(change=label, produces="no" if quote else "unclear", quote=quote))
    if all(reading.produces != "yes" for reading in told):
        return "the confirmed cause is none of the diffs that are shown"
    return Readings(readings=told)


def narrative(prompt: Prompt, kept: Sequence[Claim]) -> Narrative | str:
    """The claims of the report as they stand, one of each role before a second of any, the cause first."""
    shown = [c for c in kept if data_block(f"{c.id} {c.sentence}") in prompt.user.splitlines()]
    good = [c for c in shown if c.role in _ROLES and says_no_more(c.sentence, c)]
    nth = {c.id: sum(d.role == c.role for d in good[:place]) for place, c in enumerate(good)}
    told = sorted(good, key=lambda c: (nth[c.id], _ROLES.index(c.role)))[:_MOST_TOLD]
    if not told:
        return "no claim of the report is shown"
    ordered = sorted(told, key=lambda c: (_ROLES.index(c.role), nth[c.id]))
    return Narrative(statements=[Statement(claim=c.id, sentence=c.sentence) for c in ordered])


def shown_changes(prompt: Prompt, changes: Sequence[Change]) -> dict[str, Change]:
    """The changes whose diffs a prompt shows, by their labels in it."""
    found: dict[str, Change] = {}
    for change in changes:
        if change.diff:
            block = f":\n<diff>\n{data_block(diff_text(change))}\n</diff>"
            before, there, _ = prompt.user.partition(block)
            if there:
                found[before.rsplit(maxsplit=1)[-1]] = change
    return found


def _same_cause(hypothesis: Hypothesis, confirmed: Hypothesis) -> bool:
    if confirmed.change_id:
        return hypothesis.change_id == confirmed.change_id
    wanted = (confirmed.attribution, confirmed.entity, confirmed.fault_kind)
    return (hypothesis.attribution, hypothesis.entity, hypothesis.fault_kind) == wanted


def _proofs(hypothesis: Hypothesis, shown: frozenset[str]) -> list[str]:
    cited = [s.finding_id for s in hypothesis.supports if s.weight > 0 and s.finding_id in shown]
    return list(dict.fromkeys(cited))


def _works_against(hypothesis: Hypothesis, change: Change) -> bool:
    contradicted = any(support.weight == WEIGHTS["wrong_direction"] for support in hypothesis.supports)
    return hypothesis.change_id == change.id and contradicted


def _changed_line(quote: str, change: Change) -> str:
    """The last line of a quote as it stands in the diff that is shown, with its + or -; "" where none does."""
    shown = {_plain(line): line for line in diff_lines(change) if line[:1] in ("+", "-")}
    return next((shown[_plain(line)] for line in reversed(quote.splitlines()) if _plain(line) in shown), "")


def _plain(line: str) -> str:
    return f"{line[:1]} {' '.join(line[1:].split())}"
