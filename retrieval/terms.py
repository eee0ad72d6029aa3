"""BM25 as sparse vectors: terms of a text with their saturated frequencies; Qdrant multiplies with the rarity of each.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009). The mean length is a constant,
so that adding one runbook changes the vector of no other.
"""

import re
import zlib
from collections import Counter
from collections.abc import Sequence

from retrieval.sections import spaced

_SATURATION, _LENGTH_COUNTS = 1.2, 0.75
_MEAN_LENGTH = 250.0  # terms of a runbook
_WORD = re.compile(r"[a-z0-9]+")
_STOP = frozenset(
    "a about after all also an and any are as at be been before being but by can could did do does doing each for from "
    "get gets got had has have he her here his how i if in into is it its just may me more most my no not of off on "
    "one only or other our out over own should so some such than that the their them then there these they this those "
    "to too up us very was we were what when where which while who why will with would you your".split()
)
# The longest ending first; what is left must keep three letters.
_ENDINGS = ("ingly", "edly", "ings", "ing", "ies", "ied", "ed", "es", "ly", "s")

SparseVectors = tuple[list[list[int]], list[list[float]]]


def terms(text: str) -> list[str]:
    """The words of a text that carry meaning, in small letters, without their endings."""
    return [_stem(word) for word in _WORD.findall(spaced(text).lower()) if len(word) > 1 and word not in _STOP]


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
            break
    if word.endswith("e") and len(word) > 4:
        word = word[:-1]
    return word[:-1] if len(word) > 4 and word[-1] == word[-2] else word


def document_vectors(texts: Sequence[str]) -> SparseVectors:
    """Term ids and weights of each text as it is indexed. A text without terms has an empty vector."""
    return _vectors([_document(text) for text in texts])


def query_vectors(texts: Sequence[str]) -> SparseVectors:
    """Term ids and weights of each question: every term counts once for each time it is said."""
    return _vectors([{_id(term): float(count) for term, count in Counter(terms(text)).items()} for text in texts])


def _document(text: str) -> dict[int, float]:
    counts = Counter(map(_id, terms(text)))
    norm = _SATURATION * (1 - _LENGTH_COUNTS + _LENGTH_COUNTS * counts.total() / _MEAN_LENGTH)
    return {term: count * (_SATURATION + 1) / (count + norm) for term, count in counts.items()}


def _id(term: str) -> int:
    return zlib.crc32(term.encode())


def _vectors(found: Sequence[dict[int, float]]) -> SparseVectors:
    ordered = [sorted(one.items()) for one in found]
    return [[term for term, _ in one] for one in ordered], [[weight for _, weight in one] for one in ordered]
