from pathlib import Path

import pytest

from diagnosis.findings import FaultKind
from retrieval.runbooks import RunbookError, find_runbook, load_runbooks, parse_runbook

SECTIONS = ["Symptoms", "Confirm", "Mitigate", "Fix", "Verify", "Escalate"]
FOLDER = Path(__file__).resolve().parents[2] / "runbooks"


@pytest.mark.parametrize("runbook", load_runbooks(), ids=lambda runbook: runbook.name)
def test_a_runbook_has_its_sections_in_order_and_steps_with_places(runbook):
    text = (FOLDER / runbook.file).read_text()
    assert [line[3:].strip() for line in text.splitlines() if line.startswith("## ")] == SECTIONS
    assert len(runbook.steps) >= 2
    lines = text.splitlines()
    assert all(step.text in lines[step.line - 1] for step in runbook.steps)


def test_the_runbook_of_a_fault_kind_is_found():
    found = find_runbook(load_runbooks(), FaultKind.POOL_EXHAUSTION)
    assert found is not None and found.name == "pool-exhaustion"
    assert find_runbook((), FaultKind.DNS) is None


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
