"""The house as a whole: what the documents promise about the code."""

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.picture import renewed

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("agent", "tools", "retrieval", "evals", "diagnosis", "runbooks")


def test_the_picture_in_the_readme_is_the_graph_that_runs():
    text = (ROOT / "README.md").read_text()
    assert renewed(text) == text, "renew it with: python -m agent.picture README.md"


def test_no_other_distribution_owns_one_of_our_import_names():
    owners = importlib.metadata.packages_distributions()
    for room in ROOMS:
        assert set(owners.get(room, ["probable-cause"])) == {"probable-cause"}


def test_help_and_version_load_no_heavy_library():
    code = (
        "import sys; sys.argv = ['pcause', '--help']\n"
        "from agent.doors.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'langgraph', 'langchain_core', 'sqlalchemy', 'numpy', 'drain3', 'orjson', 'pydantic'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout, done.stdout[-300:]
    assert "investigate" in done.stdout


@pytest.mark.parametrize("folder", ["agent", "tools", "retrieval", "evals", "diagnosis"])
def test_no_rule_names_a_benchmark_scenario(folder: str):
    data = ROOT.parent / "shared" / "data" / "rootcausebench"
    if not data.is_dir():
        pytest.skip("the benchmark is not beside the checkout")
    names = [path.parent.parent.parent.name for path in data.rglob("environment/data/alert.json")]
    code = "\n".join(path.read_text() for path in (ROOT / folder).rglob("*.py"))
    assert [name for name in names if name in code] == []
    assert not re.search(r"inventoryservice|paymentservice|checkoutservice|productcatalogservice|productdb", code)


def test_the_lock_names_no_host():
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_every_file_of_the_engine_has_a_docstring():
    for path in (ROOT / "diagnosis").glob("*.py"):
        assert path.read_text().startswith('"""'), path.name


def test_every_command_of_the_readme_exists():
    text = (ROOT / "README.md").read_text()
    commands = set(re.findall(r"^    pcause (\w+)", text, re.M))
    env = {**os.environ, "COLUMNS": "200"}
    shown = subprocess.run(
        [sys.executable, "-m", "agent.doors.cli", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=env,
    ).stdout
    assert commands
    assert [command for command in commands if f" {command} " not in shown] == []
