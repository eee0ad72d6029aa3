"""The runbook suite counts what it says it counts."""

import json
from pathlib import Path

import pytest

from agent.doors.reading import InputError
from evals.retrieval import measure, read_queries


def asked(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "queries.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_recall_and_rank_are_those_of_the_first_relevant_runbook(tmp_path: Path):
    folder = tmp_path / "runbooks"
    folder.mkdir()
    for name, text in (("DiskFull", "No space is left on the disk."), ("DnsDown", "Names do not resolve.")):
        (folder / f"{name}.md").write_text(f"# {name}\n\n## Meaning\n\n{text}\n")
    disk = {"query": "the disk is full", "relevant": ["DiskFull.md", "gone.md"]}
    wrong = {"query": "the disk is full", "relevant": ["DnsDown.md"]}
    queries = read_queries(asked(tmp_path, json.dumps(disk), "", json.dumps(wrong)))
    found = measure(folder, queries, lambda done, total: None)
    assert (found["recall@1"], found["recall@3"], found["mrr"]) == (0.5, 1.0, 0.75)
    assert (found["queries"], found["runbooks"]) == (2, 2)


@pytest.mark.parametrize("line", ["{", '{"query": "x"}', '["x"]'])
def test_a_line_that_is_no_query_is_named(tmp_path: Path, line: str):
    with pytest.raises(InputError, match=r"queries\.jsonl, line 1"):
        read_queries(asked(tmp_path, line))


def test_a_file_without_queries_or_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(InputError, match="holds no query"):
        read_queries(asked(tmp_path, ""))
    with pytest.raises(InputError, match="cannot read"):
        read_queries(tmp_path / "nowhere.jsonl")
