import datetime
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from diagnosis.findings import FaultKind
from retrieval.runbooks import Runbook, RunbookError, find_runbook, load_runbooks, parse_runbook

SECTIONS = ["Symptoms", "Confirm", "Mitigate", "Fix", "Verify", "Escalate"]
FOLDER = Path(__file__).resolve().parents[2] / "runbooks"
RUNBOOKS = load_runbooks()
KINDS = [kind for kind in FaultKind if kind is not FaultKind.UNKNOWN]

each_runbook = pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda runbook: runbook.name)


def text_of(runbook: Runbook) -> str:
    return (FOLDER / runbook.file).read_text(encoding="utf-8")


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
    assert found.file == f"{found.name}.md"


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
    assert set(linked) <= {other.file for other in RUNBOOKS} - {runbook.file}


@each_runbook
def test_a_runbook_can_be_read_in_one_go(runbook: Runbook):
    assert 35 <= len(text_of(runbook).splitlines()) <= 70


@pytest.mark.parametrize(
    "text",
    [
        "no front matter",
        "---\nname: x\n---\n",
        "---\n: [\n---\n",
        "---\nname: a\ndescription: b\nfault_kinds: [magic]\n---\n",
    ],
)
def test_an_unusable_runbook_names_its_file(tmp_path: Path, text: str):
    path = tmp_path / "broken.md"
    path.write_text(text)
    with pytest.raises(RunbookError, match=r"broken\.md"):
        parse_runbook(path, tmp_path)
