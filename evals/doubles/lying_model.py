"""A model that lies about everything: numbers, times, orders, names; mostly out of the words that it was given."""

import re
from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

from evals.doubles.schema_filling import ID, Filler, Schema, filled, plain
from evals.doubles.scripted_model import Script, prompt_text

T = TypeVar("T")
_NUMBER = re.compile(r"(?<![\w.-])(?<!\d:)\d+(?:\.\d+)?(?![\w-])(?!:\d)")
_TIME = re.compile(r"\b\d{2}:\d{2}(?::\d{2})?\b")
_COMMIT = re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{7,40}\b")
_NAME = re.compile(r"\b[a-z][a-z0-9]*(?:[-_][a-z0-9]+)+\b")
_WORD = re.compile(r"\b[a-z]{4,14}\b")
_PAIRS = ("before after", "rose fell", "above below", "is isn't", "was wasn't", "new old", "more fewer", "first last", "healthy failing")  # fmt: skip
_OPPOSITES = {one: other for pair in _PAIRS for one, other in (pair.split(), pair.split()[::-1])}


class _Liar(Filler):
    """Every field wrong, and made of the prompt's own names, numbers, times and ids where there are any."""

    fills_optional = True

    def __init__(self, random: Random, prompt: str) -> None:
        self._random = random
        self._names = _unique(_NAME, prompt) or _unique(_WORD, prompt)
        self._numbers = [float(number) for number in _unique(_NUMBER, prompt)]
        self._times = _unique(_TIME, prompt)
        self._ids = _unique(ID, prompt)
        self._commits = _unique(_COMMIT, prompt)
        self._lines = [line.strip() for line in prompt.splitlines() if 15 < len(line) < 300 and _NUMBER.search(line)]

    def string(self, name: str) -> str:
        key = plain(name)
        if re.search(r"ids?$|evidence|cite|finding|claim|hypothes", key):
            return self._one(self._ids, f"{self._random.choice('CFHE')}{self._random.randint(1, 99)}")
        if re.search(r"commit|change|sha", key):
            return self._one(self._commits, f"{self._random.getrandbits(160):040x}")
        if re.search(r"path|file|url", key):
            return self._path()
        if re.search(r"time|start|end|onset|at$", key):
            return self._one(self._times, self._time())
        if re.search(r"service|entit|node|component|cause|metric|name|tool|target", key):
            return self._name()
        return self._twisted() if self._lines and self._random.random() < 0.5 else self._invented()

    def number(self, name: str) -> float:
        if re.search(r"probab|confiden|share|ratio", plain(name)):
            return round(self._random.random(), 3)
        return round(self._one(self._numbers, 100.0) * self._random.choice([-1, 0, 0.1, 1, 3, 10, 1000]), 3)

    def boolean(self, name: str) -> bool:
        return self._random.random() < 0.5

    def choice(self, name: str, options: Sequence[Any]) -> Any:
        return self._random.choice(options)

    def absent(self, name: str) -> bool:
        return self._random.random() < 0.15

    def items(self, name: str, item: Schema) -> Sequence[Filler]:
        return [self] * self._random.randint(1, 4)

    def _one(self, seen: Sequence[T], invented: T) -> T:
        return self._random.choice(seen) if seen and self._random.random() < 0.7 else invented

    def _name(self) -> str:
        return self._one(self._names, self._random.choice(["billing-shadow", "auth-relay", "ghost_queue_depth"]))

    def _time(self) -> str:
        return f"{self._random.randrange(24):02}:{self._random.randrange(60):02}:{self._random.randrange(60):02}"

    def _path(self) -> str:
        return f"{self._name()}/{self._name()}/{self._random.choice(['settings', 'handler', 'pool'])}.py"

    def _wrong(self, number: str) -> str:
        other = self._one(self._numbers, self._random.uniform(0, 10_000))
        return f"{other if other != float(number) else other * 7 + 1:g}"

    def _twisted(self) -> str:
        """A line of the prompt with other numbers, times and names, and its words turned round."""
        line = _TIME.sub(lambda _: self._one(self._times, self._time()), self._random.choice(self._lines))
        line = _NUMBER.sub(lambda match: self._wrong(match[0]), line)
        line = _NAME.sub(lambda match: self._name(), line)
        return re.sub(r"[a-z']+", lambda match: _OPPOSITES.get(match[0], match[0]), line)

    def _invented(self) -> str:
        before, after = self._one(self._numbers, 0.2), self._random.uniform(0, 10_000)
        return self._random.choice(
            [
                f"{self._name()} rose from {before:g} to {after:g} at {self._time()}, before {self._name()} did",
                f"{self._name()} never called {self._name()}; {self._path()} was not changed",
                f"{self._name()} failed in {after / 100:.1f} % of calls because {self._path()} sets it to {before:g}",
                f"no deploy reached {self._name()} before {self._one(self._times, self._time())}",
            ]
        )


def liar(seed: int = 0) -> Script:
    """Lies in every field; the same for the same seed, turn and prompt."""
    return filled(lambda request, turn: _Liar(Random(f"{seed}/{turn}"), prompt_text(request)))


def _unique(pattern: re.Pattern[str], text: str) -> list[str]:
    return list(dict.fromkeys(pattern.findall(text)))
