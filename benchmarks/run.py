"""Takes all figures, or those of the sections named, and writes them: a CSV file for each table, plots, and one document.

    python -m benchmarks.run --small
    python -m benchmarks.run [comparison startup exact groups threads many memory growth]

Exit status 1 when programs disagree, or what must hold does not.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command sets it

from benchmarks import comparison, exact, groups, growth, many, memory, plot, startup, threads
from benchmarks.make import DATA
from benchmarks.process import compile_all
from benchmarks.results import Size, document, machine, shown, write

SECTIONS = {
    "comparison": comparison.tables,
    "startup": startup.tables,
    "exact": exact.tables,
    "groups": groups.tables,
    "threads": threads.tables,
    "many": many.tables,
    "memory": memory.tables,
    "growth": growth.tables,
}
RESULTS = Path(__file__).parent / "results"
# Trials are not kept: this folder is ignored.
TRIALS = DATA / "trials"


def _main() -> int:
    parser = argparse.ArgumentParser(description="Take the figures of celoss and of what it is compared with.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}  [all]")
    parser.add_argument("--small", action="store_true", help="small files, few rounds: two minutes")
    parser.add_argument("--times", type=int, help="rounds of runs in turn  [7; small: 2]")
    parser.add_argument("--only", default="", metavar="WORDS", help="workloads of the comparison with this in their name")
    parser.add_argument(
        "--into", type=Path, help="folder of the results  [benchmarks/results/DATE, of a part benchmarks/data/trials/DATE]"
    )
    given = parser.parse_args()
    if unknown := set(given.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}")
    size = Size(given.small, given.times or (2 if given.small else 7), given.only)
    folder = given.into or (TRIALS if given.small or given.only else RESULTS) / datetime.now(UTC).date().isoformat()
    compile_all()
    write(machine(), folder)
    start = time.monotonic()
    failures: list[str] = []
    for name in given.sections or SECTIONS:
        try:
            for table in SECTIONS[name](size):
                write(table, folder)
                shown(table)
                failures += table.failures
        except RuntimeError as error:
            print(f"FAILED: {name}: {error}", file=sys.stderr, flush=True)
            failures.append(str(error))
        print(f"{name}: done after {(time.monotonic() - start) / 60:.1f} minutes", file=sys.stderr, flush=True)
    plot.draw(folder)
    # The longest table last.
    print(document(folder, (*SECTIONS, "runs")))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(_main())
