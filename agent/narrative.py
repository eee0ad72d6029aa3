"""What a model tells, held against the claim that each sentence rests on: it may say less than the claim, never more.

The rule is one of form, so that no judgement is needed: without the words that carry nothing (articles, "is", "there"),
the words of the sentence are the beginning of the words of its claim. A number of another time, a service that is not
in the claim, an order turned round or a "not" put in are all other words. What the claim quotes (a log line, a title)
was written by anybody: it may be left out, or stand as a whole between quotation marks.
"""

import re
from collections.abc import Sequence

from agent.state import Check, Claim, Statement

_FEWEST_WORDS = 3
_QUOTED = re.compile(r"“([^”]*)”|\"([^\"]*)\"|`([^`]*)`")
_WORD = re.compile(r"[^\s,;()“”\"`…]+")
_EDGE = ".:!?'"
_CARRIES_NOTHING = frozenset(
    "a an the of at in on is are was were be been has have had it its this these there here we see saw also "
    "service services metric metrics log logs utc so".split()
)


def supported_statements(statements: Sequence[Statement], kept: Sequence[Claim]) -> tuple[list[Statement], int]:
    """The statements that hold, one a claim, and how many do not: those are counted and shown nowhere."""
    claims = {claim.id: claim for claim in kept}
    good: dict[str, Statement] = {}
    unsupported = 0
    for statement in statements:
        claim = claims.get(statement.claim_id)
        if claim is None or not says_no_more(statement.sentence, claim):
            unsupported += 1
        else:
            good.setdefault(claim.id, statement)
    return list(good.values()), unsupported


def says_no_more(sentence: str, claim: Claim) -> bool:
    """Whether a sentence says what its claim says, or less."""
    said, whole = _words(sentence), _words(claim.sentence)
    plain = [word for word in whole if not word.startswith("“")]
    # A line of a diff has no quotation marks of its own, and half of one says something else.
    fewest = len(whole) if claim.check is Check.DIFF_QUOTE else min(_FEWEST_WORDS, len(plain))
    return len(said) >= fewest and said in (whole[: len(said)], plain[: len(said)])


def _words(text: str) -> list[str]:
    """The words that carry something, in small letters; a quotation is one word, which begins with its mark."""
    found: list[str] = []
    end = 0
    for quoted in _QUOTED.finditer(text):
        found += _plain_words(text[end : quoted.start()])
        inside = next(group for group in quoted.groups() if group is not None)
        found.append("“" + " ".join(inside.split()))
        end = quoted.end()
    return found + _plain_words(text[end:])


def _plain_words(text: str) -> list[str]:
    words = (word.strip(_EDGE).removesuffix("'s").lower() for word in _WORD.findall(text.replace("\u2019", "'")))
    return [word for word in words if word and word not in _CARRIES_NOTHING]
