"""The whole way: a bad deploy, Alertmanager, the page in Chromium, an approval, the rollback, a report that says so."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from evals.lab.approval_doors import DoorError, door_named
from evals.lab.browser import open_browser
from evals.lab.end_to_end import EndToEnd

BASELINE_SECONDS = 45.0


@pytest.mark.slow
@pytest.mark.skipif(
    os.environ.get("PCAUSE_END_TO_END") != "1",
    reason="wants a quiet machine for two minutes: set PCAUSE_END_TO_END=1, or run pcause lab end-to-end",
)
def test_a_bad_deploy_is_found_shown_approved_rolled_back_and_seen_to_be_gone(tmp_path: Path) -> None:
    said: list[str] = []
    with ExitStack() as stack, open_browser(tmp_path) as browser:
        walked = EndToEnd(door_named("auto", stack), browser, said.append, baseline_seconds=BASELINE_SECONDS).run()
    assert walked.error == "", "\n".join(said)
    assert walked.ok
    assert (walked.symptom_gone, walked.verification) == (True, "recovered")
    assert [Path(picture).stat().st_size > 10_000 for picture in walked.pictures] == [True, True]


def test_an_unknown_door_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(DoorError, match="'fax': no such door; there are auto"):
        door_named("fax", ExitStack())
