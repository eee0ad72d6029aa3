"""A volume holds no more than its quota, whoever fills it; a journal on it keeps whole records."""

import errno
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from evals.lab.shop.volume import Journal, Volume


def _volume(folder: Path, size_bytes: int) -> tuple[Volume, CollectorRegistry]:
    registry = CollectorRegistry()
    return Volume(folder, size_bytes, registry), registry


def test_a_write_that_would_pass_the_quota_is_refused_and_leaves_no_trace(tmp_path: Path) -> None:
    volume, _ = _volume(tmp_path, 100)
    journal = Journal(volume, "a.ndjson")
    journal.append({"a": "x" * 50})
    with pytest.raises(OSError, match="No space left on device") as raised:
        journal.append({"a": "x" * 50})
    assert raised.value.errno == errno.ENOSPC
    assert journal.records() == [{"a": "x" * 50}]


def test_what_others_write_counts_too(tmp_path: Path) -> None:
    volume, registry = _volume(tmp_path, 100)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "filler").write_bytes(bytes(100))
    with pytest.raises(OSError, match="No space left"):
        Journal(volume, "a.ndjson").append({})
    assert registry.get_sample_value("volume_used_bytes") == registry.get_sample_value("volume_size_bytes") == 100


def test_a_long_journal_can_be_cut_to_what_still_matters(tmp_path: Path) -> None:
    journal = Journal(_volume(tmp_path, 1000)[0], "a.ndjson")
    while not journal.is_long:
        journal.append({"n": len(journal.records())})
    journal.rewrite(journal.records()[-2:])
    assert [record["n"] for record in journal.records()][1] > 2
    assert not journal.is_long


def test_a_line_cut_short_by_a_crash_is_left_out(tmp_path: Path) -> None:
    journal = Journal(_volume(tmp_path, 1000)[0], "a.ndjson")
    journal.append({"n": 1})
    with (tmp_path / "a.ndjson").open("ab") as file:
        file.write(b'{"n":2')
    assert journal.records() == [{"n": 1}]
