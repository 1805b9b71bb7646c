"""What a command costs before there is much to do: a small pair, `--version` and `--help`, and where each millisecond goes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.comparison import commands, disagreements
from benchmarks.make import Recipe, pair
from benchmarks.process import Run, in_turn, measure, medians, paired, warm
from benchmarks.results import Cell, Size, Table

SMALL_PAIR = Recipe(1_000, 10, format="csv")
NOTHING, PANDAS = "python -c pass", 'python -c "import pandas"'
VERSION, HELP, EVAL = "celoss --version", "celoss --help", "celoss eval"
# What is held against what, and at most how many times its CPU time.
TARGETS = ((EVAL, PANDAS, 0.75), (VERSION, NOTHING, 3.0), (HELP, PANDAS, 0.5))
# More rounds than of long runs: a hundredth of a second is soon lost in noise.
ROUNDS = 3
STEPS = Path(__file__).with_name("steps.py")


def programs() -> dict[str, list[str]]:
    """All commands, by the name in the table."""
    ours, *peers = commands(SMALL_PAIR).items()
    python = [sys.executable]
    return {
        EVAL: ours[1],
        HELP: [*python, "-m", "celoss_cli", "--help"],
        VERSION: [*python, "-m", "celoss_cli", "--version"],
        NOTHING: [*python, "-c", "pass"],
        PANDAS: [*python, "-c", "import pandas"],
    } | {f"{name}, the same pair": command for name, command in peers}


def whole(runs: Mapping[str, Sequence[Run]]) -> Table:
    """Time of each command, and of `celoss eval` in multiples of it."""
    lines: list[list[Cell]] = []
    for name, taken in runs.items():
        seconds, cpu, peak = medians(taken)
        lines.append([name, 1000 * seconds, 1000 * cpu, peak, *paired(runs[EVAL], taken)])
    plain = {"celoss" if name == EVAL else name.removesuffix(", the same pair"): taken for name, taken in runs.items()}
    note = f"Medians of {len(runs[EVAL])} rounds. CPU: " + "; ".join(
        f"`{one}` takes {paired(runs[one], runs[other])[1]:.2f} × `{other}`, at most {most} is the target"
        for one, other, most in TARGETS
    )
    columns = ("command", "ms", "CPU ms", "peak MB", "celoss eval ÷ it", "by CPU")
    return Table(
        "startup-commands", "Start-up: 1000 rows × 10 classes of CSV", columns, lines, f"{note}.", disagreements(plain)
    )


def steps(times: int) -> Table:
    """CPU milliseconds by import and by step, medians."""
    files = pair(SMALL_PAIR)
    command = [sys.executable, str(STEPS), "eval", *map(str, files), "-f", "json"]
    runs = [json.loads(measure(command).output) for _ in range(times)]
    found = {name: median(run.get(name, 0.0) for run in runs) for name in runs[0]}
    lines: list[list[Cell]] = [[name, spent] for name, spent in sorted(found.items(), key=lambda one: -one[1])]
    lines.append(["together", median(sum(run.values()) for run in runs)])
    note = """Imports by whose module it is, steps without the imports inside them. The start of Python is here with the modules
    that the tracer loads, some of which celoss would load; ending the process is not."""
    return Table("startup-steps", "Start-up: where `celoss eval` spends it", ("what", "CPU ms"), lines, note)


def tables(size: Size) -> Iterator[Table]:
    """Whole commands, and the steps of one."""
    warm(*pair(SMALL_PAIR))
    times = ROUNDS * size.times
    # Once before: what has never been imported is compiled first.
    in_turn(programs(), 1)
    yield whole(in_turn(programs(), times))
    yield steps(times)
