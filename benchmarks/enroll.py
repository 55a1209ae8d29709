"""`make bench-enroll`: W0, W1 and W2. See README.md for how to read what is printed."""

import argparse
import random
import secrets
import shutil
import time
from pathlib import Path

import uvloop

from benchmarks import accept, issue
from benchmarks.machine import description
from benchmarks.report import Report
from benchmarks.service import postgres

# On the disk of the working directory: /tmp may be memory, where a commit costs nothing.
_DIRECTORY = Path(".scm-api/benchmark").absolute()
# Each workload with the minute of the run after which it repeats no more blocks.
_WORKLOADS = {"accept": (accept.run, 4), "issue": (issue.run, 8)}


def main() -> None:
    """Run the workloads and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--only", choices=tuple(_WORKLOADS), help="one workload alone")
    options = parser.parse_args()
    print(description())
    print(f"seed     {options.seed}")
    uvloop.run(_run(random.Random(options.seed), options.only))


async def _run(lottery: random.Random, only: str | None) -> None:
    started, report = time.monotonic(), Report()
    directory = _DIRECTORY
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    with postgres(directory / "postgres") as server:
        for name, (run, minutes) in _WORKLOADS.items():
            if only in {None, name}:
                deadline = started + minutes * 60
                await run(server, directory, lottery, report, deadline=deadline)
    report.note(f"took {(time.monotonic() - started) / 60:.1f} minutes")
    report.finish()


if __name__ == "__main__":
    main()
