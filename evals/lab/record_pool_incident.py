"""``python -m evals.lab.record_pool_incident OUT_DIR [--seconds N]`` records the incident "pool-shrunk".

Takes about N seconds of real time. Exit codes: 0 recorded, 1 no incident, 130 interrupted; nothing is left running.
"""

import argparse
import signal
import sys
from pathlib import Path

from evals.lab.pool_shrunk import POOL_SHRUNK
from evals.lab.recording_writer import write_recording
from evals.lab.rehearsal import NoIncidentError, rehearse
from evals.lab.sampling import SamplingPolicy


def main() -> int:
    """Parse the command line, rehearse, write."""
    parser = argparse.ArgumentParser(description="Break the lab's shop for real and record the incident.")
    parser.add_argument("out", type=Path, metavar="OUT_DIR", help="directory of the recording")
    parser.add_argument("--seconds", type=float, default=POOL_SHRUNK.seconds, help="longest wait for the alert")
    arguments = parser.parse_args()
    for stop in (signal.SIGINT, signal.SIGTERM):  # a shell's background job would ignore the first
        signal.signal(stop, signal.default_int_handler)
    try:
        incident = rehearse(POOL_SHRUNK, arguments.seconds, _say)
    except NoIncidentError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    write_recording(incident, arguments.out, SamplingPolicy())
    size = sum(path.stat().st_size for path in arguments.out.iterdir())
    _say(f"recorded {arguments.out}: {size / 1e6:.2f} MB")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
