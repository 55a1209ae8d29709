"""`make bench-start`: W12, importing the API and being ready; a minute.

Imports happen in fresh processes whose CPU time is taken, those of the API and of the three large
libraries alone in turn: what others do to the machine shows in both, and so hardly in the ratio.
"""

import asyncio
import compileall
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.machine import cpu_seconds, description, tree
from benchmarks.report import Report
from benchmarks.rounds import ratios
from benchmarks.service import Service, postgres

_DIRECTORY = Path(".scm-api/benchmark-start").absolute()
_DATABASE = "start"
_IMPORTS = 10
_STARTS = 5
_LIBRARIES = "fastapi, sqlalchemy, asyncpg"


def main() -> None:
    """Import, start, and print the figures."""
    print(description())
    compileall.compile_dir(str(Path(__file__).parents[1] / "src"), quiet=1)
    report = Report()
    _imports(report)
    _starts(report)
    report.note(f"the floor is to import {_LIBRARIES}, which no code of ours can change")
    report.finish()


def _imports(report: Report) -> None:
    ours, floors = [], []
    for _ in range(_IMPORTS):
        ours.append(_seconds_to_import("scm_api.app"))
        floors.append(_seconds_to_import(_LIBRARIES))
    report.figure(
        "import",
        median(ours),
        "s",
        floor=median(floors),
        ratio=ratios(ours, floors),
        count=_IMPORTS,
        remark=f"floor {median(floors):.3g}",
    )
    report.figure(
        "import_least",
        min(ours),
        "s",
        floor=min(floors),
        count=_IMPORTS,
        remark=f"floor {min(floors):.3g}",
    )


def _seconds_to_import(modules: str) -> float:
    program = (
        f"import time; t = time.process_time(); import {modules}; print(time.process_time()-t)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _starts(report: Report) -> None:
    """`scm-api serve` on a database that is there, until it answers 200 to `/health/ready`."""
    passed, used = [], []
    shutil.rmtree(_DIRECTORY, ignore_errors=True)
    with postgres(_DIRECTORY / "postgres") as server:
        url = asyncio.run(server.create_database(_DATABASE))
        with Service(_DIRECTORY / _DATABASE, url) as service:
            for _ in range(_STARTS):
                started = time.perf_counter()
                process = service.api(1)
                passed.append(time.perf_counter() - started)
                used.append(cpu_seconds(tree(process.popen.pid)))
                process.popen.terminate()
                process.popen.wait()
    report.figure("ready", median(passed), "s", count=_STARTS, remark=f"least {min(passed):.3g}")
    report.figure("ready_cpu", median(used), "s", count=_STARTS, remark=f"least {min(used):.3g}")


if __name__ == "__main__":
    main()
