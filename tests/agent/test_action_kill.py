"""kill -9 around an approved action: it is done once, and its state is known."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_killed_program_does_an_approved_action_once(recording: Path, tmp_path: Path):
    script = [sys.executable, str(ROOT / "tests" / "agent" / "action_kill_trials.py")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*script, str(recording), str(tmp_path), "20"],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 22
    for trial in found:
        assert trial == {"status": "done", "runs": 1, "outcomes": ["done"], "audit": ""}
