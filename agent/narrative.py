"""What a model tells, held against the claim that each sentence rests on: it may say less than the claim, never more.

The rule is one of form, so that no judgement is needed: the words of the sentence are the words of its claim, from the
first on, up to the end or to a comma or semicolon of the claim. Articles may be put in, and what the claim quotes (a log
line, a title: written by anybody) may be left out or stand as a whole between quotation marks. A line of a diff is taken
as it is or not at all.
"""

from collections.abc import Sequence

from agent.state import Check, Claim, Statement

_FEWEST_WORDS = 3
_ARTICLES = frozenset(("a", "an", "the"))
_MARKS = '“”"`'
_QUOTATION = "“"  # begins the one word that a quotation is
_PAUSES = (",", ";")


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
    if claim.check is Check.DIFF_QUOTE:
        return _as_it_is(sentence) == _as_it_is(claim.sentence)
    said, whole = _words(sentence.rstrip(" .!")), _words(claim.sentence)
    return _begins(whole, said) or _begins([word for word in whole if not word.startswith(_QUOTATION)], said)


def _begins(claim: Sequence[str], said: Sequence[str]) -> bool:
    """Whether what is said is the claim's beginning and ends where the claim ends or pauses."""
    place = 0
    for word in said:
        if place < len(claim) and _same(word, claim[place]):
            place += 1
        elif word not in _ARTICLES:
            return False
    if place == len(claim):
        return place > 0
    return place >= _FEWEST_WORDS and claim[place - 1].endswith(_PAUSES)


def _same(word: str, wanted: str) -> bool:
    bare = wanted.rstrip(",;:")
    return word.rstrip(",;:") in (bare, f"{bare}'s")


def _words(text: str) -> list[str]:
    """In small letters. From the first quotation mark to the last is one word, for what is quoted may hold marks too."""
    begin = min((place for mark in _MARKS if (place := text.find(mark)) >= 0), default=-1)
    end = max(text.rfind(mark) for mark in _MARKS)
    if begin < 0 or begin == end:
        return _split(text)
    quotation = _QUOTATION + " ".join(text[begin + 1 : end].split())
    return [*_split(text[:begin]), quotation, *_split(text[end + 1 :])]


def _split(text: str) -> list[str]:
    return text.replace("\u2019", "'").lower().split()


def _as_it_is(text: str) -> str:
    folded = " ".join(text.split())
    return folded[:1].lower() + folded[1:]
