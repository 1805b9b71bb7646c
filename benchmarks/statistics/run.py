"""Takes all simulations, or those of the sections named, and writes `results/SECTION.md` for each.

    python -m benchmarks.statistics.run                      # all
    python -m benchmarks.statistics.run coverage paired      # some sections
    python -m benchmarks.statistics.run --part 0.05          # a trial of half a minute, into benchmarks/data/trials

Exit status 1 when what must hold does not.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core, as a reader can leave it alone

from benchmarks.make import DATA
from benchmarks.results import Table, markdown, shown
from benchmarks.statistics.trials import SEED, Effort

SECTIONS = {
    "coverage": "Coverage of intervals",
    "trust": "When an interval can't be trusted",
    "paired": "Tests of a difference",
    "gates": "Gates",
    "gain": "The gain of recalibration",
    "suspects": "Planted wrong labels",
}
# What writes its own document, in full only.
PROGRAMS = ("audit",)
RESULTS = Path(__file__).parent / "results"
TRIALS = DATA / "trials" / "statistics"


def _main() -> int:
    parser = argparse.ArgumentParser(description="Simulate what the intervals and tests of celoss promise.")
    known = (*SECTIONS, *PROGRAMS)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(known)}  [all]")
    parser.add_argument("--part", type=float, default=1.0, help="this part of the samples  [1]")
    given = parser.parse_args()
    if unknown := set(given.sections) - set(known):
        parser.error(f"no section {', '.join(sorted(unknown))}")
    folder = RESULTS if given.part == 1.0 else TRIALS
    failures: list[str] = []
    for name in given.sections or (known if given.part == 1.0 else SECTIONS):
        if name in PROGRAMS:
            subprocess.run([sys.executable, "-m", f"benchmarks.statistics.{name}"], check=True)
            continue
        tables: Callable[[Effort], Iterable[Table]] = import_module(f"benchmarks.statistics.{name}").tables
        start, found = time.monotonic(), []
        for table in tables(Effort(given.part)):
            shown(table)
            found.append(table)
            failures += table.failures
        write(folder / f"{name}.md", SECTIONS[name], found, f"python -m benchmarks.statistics.run {name}")
        print(f"{name}: {(time.monotonic() - start) / 60:.1f} minutes", file=sys.stderr, flush=True)
    return 1 if failures else 0


def write(path: Path, title: str, tables: Iterable[Table], command: str) -> None:
    """Writes the tables of a section with what they were made by."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packages = ", ".join(f"{name} {version(name)}" for name in ("celoss", "numpy", "scipy"))
    made = f"`{command}`, {datetime.now(UTC).date().isoformat()}, seed {SEED}; {packages}."
    path.write_text("\n".join([f"# {title}\n", f"{made}\n", *map(markdown, tables)]))


if __name__ == "__main__":
    sys.exit(_main())
