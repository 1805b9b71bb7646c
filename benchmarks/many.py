"""Many prediction files against one file of labels: one pass over the labels, and a reading for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.make import Recipe, pair
from benchmarks.process import Run, in_turn, medians, paired, warm
from benchmarks.results import Cell, Size, Table, skipped

import celoss

FUNCTION = "evaluate_each"
FILES = 10
TITLE = f"{FILES} prediction files against one file of labels"
# Each is a program of its own, called with the labels and the predictions; all print the same numbers.
EACH = f"""
import sys, celoss
for report in celoss.{FUNCTION}(sys.argv[2:], sys.argv[1]):
    print(repr(report.log_loss))
"""
ONE_BY_ONE = """
import sys, celoss
for predictions in sys.argv[2:]:
    print(repr(celoss.evaluate(predictions, sys.argv[1]).log_loss))
"""
COMMANDS = """
import subprocess, sys
for predictions in sys.argv[2:]:
    subprocess.run([sys.executable, "-m", "celoss_cli", "eval", predictions, sys.argv[1], "--only", "log_loss"], check=True)
"""
PROGRAMS = {f"`{FUNCTION}`": EACH, "`evaluate`, 10 times": ONE_BY_ONE, "`celoss eval`, 10 times": COMMANDS}


def workloads(small: bool) -> dict[str, Recipe]:
    """What is scored, by the name in the table."""
    rows = 20_000 if small else 1_000_000
    return {
        "binary, parquet, in order, no ids": Recipe(rows, ids="none"),
        "binary, parquet, in order, int64 ids": Recipe(rows),
        "binary, parquet, shuffled, int64 ids": Recipe(rows, shuffled=True),
        "binary, csv, shuffled, text ids": Recipe(rows, ids="text", shuffled=True, format="csv"),
        "10 classes, parquet, shuffled, int64 ids": Recipe(rows // 5, 10, shuffled=True),
    }


def files(recipe: Recipe) -> tuple[Path, list[Path]]:
    """The labels, and the predictions of each model."""
    pairs = [pair(replace(recipe, model=model)) for model in range(FILES)]
    return pairs[0][1], [predictions for predictions, _ in pairs]


def taken(recipe: Recipe, times: int) -> dict[str, list[Run]]:
    """The runs of each program."""
    labels, predictions = files(recipe)
    warm(labels, *predictions)
    arguments = [str(labels), *map(str, predictions)]
    return in_turn({name: [sys.executable, "-c", code, *arguments] for name, code in PROGRAMS.items()}, times)


def tables(size: Size) -> Iterator[Table]:
    """Times of the three ways."""
    if not hasattr(celoss, FUNCTION):
        yield skipped("many", TITLE, f"celoss has no `{FUNCTION}`")
        return
    lines: list[list[Cell]] = []
    wrong = []
    for title, recipe in workloads(size.small).items():
        runs = taken(recipe, size.times)
        ours = next(iter(runs.values()))
        lines += [[title, recipe.rows, name, *medians(theirs), *paired(ours, theirs)] for name, theirs in runs.items()]
        if len({run.output for theirs in runs.values() for run in theirs}) > 1:
            wrong.append(f"{title}: the numbers of the three ways differ")
    columns = ("workload", "rows", "program", "s", "CPU s", "peak MB", f"{FUNCTION} ÷ it", "by CPU")
    yield Table("many", TITLE, columns, lines, "All gave the same numbers." if not wrong else "", wrong)
