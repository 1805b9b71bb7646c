"""Time and memory of `celoss eval` as rows, classes, groups and threads grow, one at a time."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.make import Recipe, pair
from benchmarks.process import Run, celoss, measure, medians, takes, warm
from benchmarks.results import Cell, Size, Table, skipped
from benchmarks.threads import OPTION

# A run this long is taken once, a shorter one as often as is asked for.
LONG_SECONDS = 20.0
COUNTS = (1, 2, 3, 4, 6, 8)
MOST_SHUFFLED = 10_000_000


@dataclass(frozen=True)
class Growth:
    """One thing that grows. recipes: by kind and by how many there are. unit: what a run's time is divided by."""

    name: str
    title: str
    recipes: Mapping[str, Mapping[int, Recipe]]
    unit: str = "row"


def rows(small: bool) -> Growth:
    """Binary Parquet in order and shuffled."""
    sizes = [10**exponent for exponent in range(4, 7 if small else 9)]
    in_order = {count: Recipe(count, ids="none") for count in sizes}
    shuffled = {count: Recipe(count, shuffled=True) for count in sizes if count <= MOST_SHUFFLED}
    title = "Growth: rows, binary Parquet, in order without ids and shuffled by int64 ids"
    return Growth("rows", title, {"in order": in_order, "shuffled": shuffled})


def classes(small: bool) -> Growth:
    """As many probabilities, in fewer rows of more classes."""
    cells = 2_000_000 if small else 20_000_000
    recipes = {count: Recipe(cells // count, count, ids="none") for count in (2, 10, 100, 1_000, 10_000)}
    title = f"Growth: classes, as many rows as hold {cells:,} probabilities"
    return Growth("classes", title, {"in order": recipes}, "probability")


def groups(small: bool) -> Growth:
    """Binary rows in more and more groups."""
    total, most = (100_000, 4) if small else (1_000_000, 5)
    recipes = {10**one: Recipe(total, ids="none", groups=10**one) for one in range(most + 1)}
    return Growth("groups", "Growth: groups of `--by`, with the JSON of all of them", {"by group": recipes})


def threads(small: bool) -> Growth:
    """The same file."""
    recipe = Recipe(200_000 if small else 10_000_000, ids="none")
    return Growth("threads", f"Growth: threads, {os.cpu_count()} cores", {"in order": dict.fromkeys(COUNTS, recipe)})


def taken(recipe: Recipe, times: int, *options: str) -> list[Run]:
    """Runs of one recipe. Raises SystemExit when not all rows were scored."""
    files = pair(recipe)
    warm(*files)
    by = ["--by", "group"] if recipe.groups else []
    runs = [measure(celoss(*files, *by, *options))]
    if json.loads(runs[0].output)["rows"]["scored"] != recipe.rows:
        raise SystemExit(f"not all rows of {files[0]} were scored")
    more = 0 if runs[0].seconds >= LONG_SECONDS else times - 1
    return runs + [measure(celoss(*files, *by, *options)) for _ in range(more)]


def table(growth: Growth, times: int) -> Table:
    """A line for each size."""
    lines: list[list[Cell]] = []
    for kind, by_count in growth.recipes.items():
        before: float | None = None
        for count, recipe in by_count.items():
            print(f"growth: {growth.name}, {kind}, {count:,}", file=sys.stderr, flush=True)
            options = (OPTION, str(count)) if growth.name == "threads" else ()
            seconds, cpu, peak = medians(taken(recipe, times, *options))
            units = recipe.rows * (recipe.classes if growth.unit == "probability" else 1)
            lines.append([kind, count, recipe.rows, seconds, cpu, peak, before and seconds / before, 1e9 * cpu / units])
            before = seconds
    columns = ("kind", growth.name, "rows of the file", "s", "CPU s", "peak MB", "× the line above", f"CPU ns a {growth.unit}")
    return Table(f"growth-{growth.name}", growth.title, columns, lines)


def tables(size: Size) -> Iterator[Table]:
    """A table for each of the four."""
    for growth in (rows(size.small), classes(size.small), groups(size.small), threads(size.small)):
        if growth.name == "threads" and not takes(OPTION):
            yield skipped("growth-threads", growth.title, f"`celoss eval` has no {OPTION}")
        else:
            yield table(growth, max(1, size.times // 2))
