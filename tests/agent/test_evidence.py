from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.evidence import EvidenceError, EvidenceStore, decode, encode
from diagnosis.telemetry import Change, ChangeKind, LogRecord, SeriesKey, SeriesMatrix, Span
from tools.spec import LogBatch, MetricCatalogue, SpanBatch

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=4, unique=True), st.integers(0, 5), st.integers(0, 10_000))
def test_series_survive_with_every_bit(names: list[tuple[str, str]], count: int, seed: int):
    random = np.random.default_rng(seed)
    values = random.standard_normal((len(names), count))
    values[random.random(values.shape) < 0.3] = np.nan
    matrix = SeriesMatrix(tuple(SeriesKey(*name) for name in names), np.arange(count, dtype=float), values)
    again = decode(encode(matrix))
    assert isinstance(again, SeriesMatrix)
    assert again.keys == matrix.keys
    assert np.array_equal(again.values, matrix.values, equal_nan=True)
    assert encode(again) == encode(matrix)


@given(
    TEXT, TEXT, st.dictionaries(TEXT, st.one_of(TEXT, st.booleans(), st.floats(allow_nan=False, allow_infinity=False)))
)
def test_records_survive(body: str, entity: str, attributes: dict[str, str | float | bool]):
    batch = LogBatch((LogRecord(1.5, entity, "INFO", body, "t", attributes),), 3)
    assert decode(encode(batch)) == batch
    spans = SpanBatch((Span("t", "s", "", entity, body, "SERVER", 1.0, 0.5, True, body, attributes),), 1)
    assert decode(encode(spans)) == spans
    change = Change(ChangeKind.COMMIT, body, 2.0, files=(entity,), diff=None)
    assert decode(encode(change)) == change
    catalogue = MetricCatalogue(((entity, (body,)),), 0.0, 1.0)
    assert decode(encode(catalogue)) == catalogue


def test_the_same_body_is_one_file(tmp_path: Path):
    store = EvidenceStore(tmp_path)
    body = LogBatch((), 0)
    assert store.put(body) == store.put(body)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_damaged_or_missing_body_is_a_clear_error(tmp_path: Path):
    store = EvidenceStore(tmp_path)
    digest = store.put(LogBatch((), 0))
    with pytest.raises(EvidenceError, match="is not in"):
        store.get("0" * 64)
    next(path for path in tmp_path.rglob("*") if path.is_file()).write_bytes(b"x")
    with pytest.raises(EvidenceError, match="damaged"):
        store.get(digest)


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f\x8b", encode(LogBatch((), 0))[:-9]])
def test_bytes_that_are_no_body_are_a_clear_error(data: bytes):
    with pytest.raises(EvidenceError):
        decode(data)


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(EvidenceError, match="cannot store"):
        EvidenceStore(tmp_path / "file" / "below").put(LogBatch((), 0))
