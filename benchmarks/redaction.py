"""How fast secrets are cut, and how many clean lines are touched: ``python benchmarks/redaction.py``.

Lines are made up (``tests/clean_lines.py``, ``evals/doubles/planted_secrets.py``). The ratio is the time of cutting to that of
encoding the same text to UTF-8 and back, which any machine does at the speed of its memory.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_LEAST_MB_PER_SECOND = 5.0


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Processor seconds of the best of a few runs, after one that warms up."""
    work()
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def main() -> None:
    """Print the figures."""
    from agent.redaction import cut_secrets
    from evals.doubles.planted_secrets import planted_secrets
    from tests.clean_lines import clean_lines

    lines = clean_lines(10_000)
    text = "\n".join(lines)
    planted = "\n".join(one.text for one in planted_secrets(seed=1))
    copying = seconds(lambda: text.encode().decode()) / len(text)
    print(f"{'':34} {'MB/s':>6} {'ratio':>8}  bar: {_LEAST_MB_PER_SECOND:.0f} MB/s of clean text")
    for name, size, work in (
        ("clean, one text of 10,000 lines", len(text), lambda: cut_secrets(text)),
        ("clean, line by line", len(text), lambda: [cut_secrets(line) for line in lines]),
        ("planted secrets, one text", len(planted), lambda: cut_secrets(planted)),
    ):
        took = seconds(work)
        print(f"{name:34} {size / 1e6 / took:6.1f} {took / size / copying:8,.0f}")
    touched = sum(cut_secrets(line) != line for line in lines)
    print(f"clean lines touched: {touched} of {len(lines):,}")


if __name__ == "__main__":
    sys.path = [str(ROOT), *sys.path[1:]]
    main()
