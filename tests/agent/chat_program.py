"""The chat as a program, over a home that a test prepared: HOME, then ID or "", RECORDING or "", BOARD or ""."""

import sys
from pathlib import Path

from agent.doors.chat import open_session, run_chat
from agent.settings import Settings
from evals.doubles.switchboard import Switchboard


def main() -> int:
    home, id, recording, board = sys.argv[1:5]
    policy = Path(home).parent / "policy.yaml"
    settings = Settings(home=Path(home), policy=policy if policy.exists() else None)
    session = open_session(settings, id, Path(recording) if recording else None, "--json" in sys.argv)
    if board:
        session.actions = Switchboard(Path(board)).actions()
    return run_chat(session)


if __name__ == "__main__":
    sys.exit(main())
