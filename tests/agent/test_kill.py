import json
import subprocess
import sys
from pathlib import Path

TRIALS = 30


def test_kill_at_random_moments_then_resume_gives_the_same_report_and_repeats_nothing(recording: Path, tmp_path: Path):
    script = Path(__file__).with_name("kill_trials.py")
    root = script.parents[2]
    done = subprocess.run(
        [sys.executable, str(script), str(recording), str(tmp_path), str(TRIALS)],
        cwd=root,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    trials = json.loads(done.stdout)
    assert len(trials) == TRIALS
    assert [trial for trial in trials if not trial["same_report"]] == []
    assert [trial["repeated"] for trial in trials if trial["repeated"]] == []
    assert len({trial["before"] for trial in trials}) > 3, "the kills did not spread over the stages"
