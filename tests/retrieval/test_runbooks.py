import datetime
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from diagnosis.findings import FaultKind
from retrieval.runbooks import Runbook, RunbookError, find_runbook, load_runbooks, read_folder

SECTIONS = ["Symptoms", "Confirm", "Mitigate", "Fix", "Verify", "Escalate"]
FOLDER = Path(__file__).resolve().parents[2] / "runbooks"
RUNBOOKS = load_runbooks()
KINDS = [kind for kind in FaultKind if kind is not FaultKind.UNKNOWN]

each_runbook = pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda runbook: runbook.name)


def text_of(runbook: Runbook) -> str:
    return (FOLDER / runbook.path).read_text(encoding="utf-8")


def test_every_fault_kind_but_unknown_has_exactly_one_runbook_of_its_own():
    own = Counter(kind for runbook in RUNBOOKS if len(runbook.fault_kinds) == 1 for kind in runbook.fault_kinds)
    assert own == Counter(KINDS)


def test_there_are_runbooks_for_stacks_too():
    assert len(RUNBOOKS) >= 45
    assert all(len(runbook.fault_kinds) >= 2 for runbook in RUNBOOKS if runbook.name.replace("-", "_") not in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_runbook_of_a_fault_kind_is_found(kind: FaultKind):
    found = find_runbook(RUNBOOKS, kind)
    assert found is not None and found.name == kind.value.replace("_", "-")
    assert found.path == f"{found.name}.md"


def test_no_runbook_is_found_where_there_is_none():
    assert find_runbook(RUNBOOKS, FaultKind.UNKNOWN) is None
    assert find_runbook((), FaultKind.DNS) is None


@each_runbook
def test_a_runbook_has_its_sections_in_order(runbook: Runbook):
    assert re.findall(r"^## (.+)$", text_of(runbook), re.M) == SECTIONS


@each_runbook
def test_a_runbook_has_steps_that_know_their_place(runbook: Runbook):
    lines = text_of(runbook).splitlines()
    assert len(runbook.steps) >= 3
    assert {step.heading for step in runbook.steps} == {"mitigate", "fix"}
    assert all(re.fullmatch(r"\d+\. " + re.escape(step.text), lines[step.line - 1]) for step in runbook.steps)


@each_runbook
def test_each_step_fits_a_report_and_says_how_to_check_that_it_worked(runbook: Runbook):
    assert [step.text for step in runbook.steps if " Check: " not in step.text or len(step.text) > 400] == []


@each_runbook
def test_steps_are_one_line_each_and_counted_from_one(runbook: Runbook):
    for heading in ("Mitigate", "Fix"):
        body = text_of(runbook).split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
        numbers = [line.split(".", 1)[0] for line in body.splitlines() if line]
        assert numbers == [str(n) for n in range(1, len(numbers) + 1)]


@each_runbook
def test_the_front_matter_is_whole(runbook: Runbook):
    front = yaml.safe_load(text_of(runbook).split("---\n", 2)[1])
    assert list(front) == [
        *("name", "description", "fault_kinds", "services", "symptoms", "owner", "reviewed", "actions"),
    ]
    assert all(isinstance(symptom, str) for symptom in front["symptoms"]) and front["symptoms"]
    assert front["owner"] and isinstance(front["reviewed"], datetime.date)


@each_runbook
def test_links_lead_to_other_runbooks_and_nowhere_else(runbook: Runbook):
    linked = re.findall(r"\]\(([^)]+)\)", text_of(runbook))
    assert set(linked) <= {other.path for other in RUNBOOKS} - {runbook.path}


@each_runbook
def test_a_runbook_can_be_read_in_one_go(runbook: Runbook):
    assert 35 <= len(text_of(runbook).splitlines()) <= 70


def folder_with(tmp_path: Path, **files: bytes) -> Path:
    for name, data in files.items():
        (tmp_path / f"{name}.md").write_bytes(data)
    return tmp_path


def test_a_runbook_of_anybody_is_read_without_front_matter(tmp_path: Path):
    text = b"# KubeNodeNotReady\n\n## Meaning\n\nA node is gone.\n\n## Mitigation\n\n- Drain it,\n  slowly.\n- Delete it.\n"
    (runbook,) = read_folder(folder_with(tmp_path, KubeNodeNotReady=text)).runbooks
    assert runbook.title == "Kube Node Not Ready"
    assert [(step.text, step.heading, step.line) for step in runbook.steps] == [
        ("Drain it, slowly.", "mitigation", 9), ("Delete it.", "mitigation", 11),
    ]  # fmt: skip
    assert [section.heading for section in runbook.sections] == ["Meaning", "Mitigation"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"---\nname: x\n---\n", "is empty"),
        (b"# A\n\x00\x01binary", "is binary and not Markdown"),
    ],
)
def test_what_is_no_runbook_is_named_and_left_out(tmp_path: Path, data: bytes, reason: str):
    found = read_folder(folder_with(tmp_path, broken=data, sound=b"# Sound\n\nAll is well.\n"))
    assert [runbook.name for runbook in found.runbooks] == ["sound"]
    assert [str(problem) for problem in found.problems] == [f"broken.md {reason}"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"---\n: [\n---\n# A\n\ntext\n", "has front matter that is no YAML"),
        ("# Größe\n\nzu groß\n".encode("latin-1"), "is not UTF-8"),
        (b"# Long\n\n" + b"word " * 1_000_000, "is longer than 1,000,000 bytes"),
    ],
)
def test_what_is_half_sound_is_read_and_named(tmp_path: Path, data: bytes, reason: str):
    found = read_folder(folder_with(tmp_path, odd=data))
    assert [runbook.name for runbook in found.runbooks] == ["odd"]
    assert reason in str(found.problems[0])


def test_of_two_files_with_the_same_text_the_first_counts(tmp_path: Path):
    found = read_folder(folder_with(tmp_path, a=b"# Same\n\ntext\n", b=b"# Same\n\ntext\n"))
    assert [runbook.name for runbook in found.runbooks] == ["a"]
    assert [str(problem) for problem in found.problems] == ["b.md has the same text as a.md"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(RunbookError, match="is no folder"):
        read_folder(tmp_path / "nowhere")


def test_a_heading_within_a_code_block_is_no_heading(tmp_path: Path):
    text = b"# A\n\n```sh\n# not a heading\nls\n```\n"
    (runbook,) = read_folder(folder_with(tmp_path, a=text)).runbooks
    assert [section.heading for section in runbook.sections] == ["A"]
