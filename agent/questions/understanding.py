"""A question in words becomes a typed one, by code alone: times, services, measures, then the phrasing. Never a guess."""

import difflib
import re
import unicodedata

from agent.questions.intents import ABOUT_A_SERVICE, Intent, Query, Unclear
from agent.questions.metric_words import measures_in
from agent.questions.names import SERVICE, Named, Names, named_services
from agent.questions.rules import COMPILED, ORDINARY, SPELLINGS
from agent.questions.spoken_times import Clock, Spoken, spoken_times
from agent.redaction import cut_secrets
from agent.report.text import inert

LONGEST = 2_000  # characters of a question that are read
_TYPO, _SHORTEST_TYPO = 0.8, 5
_QUOTED = re.compile(r"[\"“”]([^\"“”]{2,120})[\"“”]")
_CONTAINING = re.compile(r"\bcontain(?:s|ing)\s+(\S{2,120})")
_REFERENCE = re.compile(r"\b(e-?[qc][\w-]{2,16}|e\d{1,4}|c\d{1,3})\b")
_SAY = "I did not understand that. Ask for a metric, logs, changes, callers, a runbook, why, or what else it could be; “help” shows examples."


def understand(text: str, names: Names, clock: Clock, default_service: str = "") -> Query | Unclear:
    """``default_service`` is the one that is talked about where the words name none."""
    said = _plain(text)
    if not said:
        return Unclear(_SAY)
    contains = _contains(said)
    if contains and cut_secrets(text[:LONGEST]) != text[:LONGEST]:  # the ledger would keep what is searched for
        return Unclear(
            "That holds what looks like a secret, so it is not searched for. Search for the words around it."
        )
    quoted = said.replace(contains, " ") if contains else said
    spoken = spoken_times(quoted, clock)
    named = named_services(spoken.rest, names, ORDINARY)
    if not named.services and not named.choices:  # a name is taken as it is; the other words may be misspelt
        spoken = spoken_times(_spelt(quoted, names), clock)
        named = named_services(spoken.rest, names, ORDINARY)
    else:
        named = Named(_spelt(named.text, names), named.services, named.choices, named.unknown)
    intent = _intent(named.text, bool(contains))
    measures = measures_in(named.text, names.all_metrics)
    if intent is Intent.ACT:
        return Query(Intent.ACT)
    if spoken.problem:
        return Unclear(spoken.problem)
    if intent is None and measures:
        intent = Intent.METRIC
    if intent is None and named.services:
        return Unclear(f"What about {' and '.join(map(inert, named.services))}? Its latency, errors, logs, changes, or who calls it?", open=True)  # fmt: skip
    if intent is None:
        return Unclear(_unknown(named, names) or _SAY, open=True)
    return _checked(_query(intent, named, measures, spoken, contains, said), named, names, default_service)


def _checked(query: Query, named: Named, names: Names, default_service: str) -> Query | Unclear:
    """Ask back where a service is needed and none, or more than one, is meant."""
    if named.choices:
        return Unclear(f"Which one do you mean: {', '.join(map(inert, named.choices))}?")
    wants = query.intent in _MAY_NAME
    if wants and not query.services and named.unknown and names.services:
        return Unclear(_unknown(named, names))
    if query.intent not in ABOUT_A_SERVICE or query.services or not names.services:
        return query
    if default_service in names.metrics:
        return Query(query.intent, (default_service,), query.measures, query.start, query.end, query.note)
    return Unclear(f"Of which service? There {'is' if len(names.services) == 1 else 'are'} {names.some()}.")


_MAY_NAME = ABOUT_A_SERVICE | {Intent.LOGS, Intent.UP, Intent.INVESTIGATE, Intent.WHY, Intent.CHANGES, Intent.ONSET}


def _query(
    intent: Intent, named: Named, measures: tuple[str, ...], spoken: Spoken, contains: str, said: str
) -> Query:  # fmt: skip
    if intent is Intent.METRIC and re.search(r"\b(?:how|is § (?:still |so |really )?)\s?(?:slow|fast)", named.text):
        measures = measures or ("latency",)
    if intent is Intent.METRIC and "error" in named.text and not measures:
        measures = ("errors",)
    reference = _REFERENCE.search(said) if intent is Intent.EVIDENCE else None
    return Query(
        intent, named.services, measures if intent is Intent.METRIC else (), spoken.start, spoken.end, spoken.note, contains,
        reference[1] if reference else "",
    )  # fmt: skip


def _intent(text: str, contains: bool) -> Intent | None:
    found = next((intent for intent, pattern in COMPILED if pattern.search(text)), None)
    if found is None and contains:
        return Intent.LOGS
    return found


def _plain(text: str) -> str:
    """Lower case, one line, of bounded length, without what acts on an eye."""
    folded = unicodedata.normalize("NFKC", text[: 4 * LONGEST]).replace("\u2019", "'").replace("\u2018", "'")
    return inert(folded, LONGEST).lower().replace("\N{REPLACEMENT CHARACTER}", "").replace(SERVICE, "").strip()


def _contains(said: str) -> str:
    found = _QUOTED.search(said) or _CONTAINING.search(said)
    return found[1].strip() if found else ""


def _spelt(text: str, names: Names) -> str:
    """With the misspelt words that a question is made of put right; names of the telemetry are left."""

    def right(match: re.Match[str]) -> str:
        word = match[0]
        if len(word) < _SHORTEST_TYPO or word in ORDINARY or word in names.words or not word.isascii():
            return word
        near = difflib.get_close_matches(word, _BY_LETTER, n=1, cutoff=_TYPO)
        return near[0] if near else word

    return re.sub(r"(?<![\w./-])[a-z]+(?![\w/-])", right, text)


_BY_LETTER = sorted(SPELLINGS)


def _unknown(named: Named, names: Names) -> str:
    if not named.unknown or not names.services:
        return ""
    word = named.unknown[0]
    return f"There is no service “{inert(cut_secrets(word), 60)}” in this telemetry. {names.nearest(word)}"
