"""Owns what benchmarks find: tables, kept as CSV files of one folder, and the document that is made of them."""

from __future__ import annotations

import csv
import os
import platform
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

Cell = str | int | float | None

PACKAGES = ("celoss", "numpy", "pyarrow", "pandas", "polars", "duckdb", "scikit-learn", "typer")
# Written by hand beside the tables, and put before them.
NOTES = "notes.md"


@dataclass(frozen=True)
class Size:
    """How much is measured. small: a trial of about two minutes. times: rounds of runs in turn. only: the workloads of the
    comparison with this in their name."""

    small: bool
    times: int
    only: str = ""


@dataclass(frozen=True)
class Table:
    """name: of its CSV file. title: above it. note: below it. None is an empty cell.

    failures: what must hold and did not, which ends the benchmarks with exit status 1.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    failures: Sequence[str] = ()


def skipped(name: str, title: str, why: str) -> Table:
    """A table that could not be taken."""
    return Table(name, title, (), (), f"Not taken: {why}.")


def version(package: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return installed_version(package)
    except PackageNotFoundError:
        return None


def machine() -> Table:
    """Where the figures were taken: the processor, the memory, and the versions of what was run."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    rows = [
        ("processor", f"{cpu[1] if cpu else platform.processor()}, {os.cpu_count()} cores"),
        ("memory", f"{memory:.0f} GB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES if version(name))),
    ]
    return Table("machine", "Machine", ("what", "found"), rows)


def write(table: Table, folder: Path) -> None:
    """Writes a table as a CSV file whose first lines are its title and its note, each after `# `."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{table.name}.csv").open("w", newline="") as file:
        file.write(f"# {table.title}\n# {' '.join(table.note.split())}\n")
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(table.columns)
        lines.writerows(table.rows)


def read(path: Path) -> Table:
    """The table of a CSV file that `write` wrote."""
    with path.open(newline="") as file:
        title, note = (file.readline()[2:].rstrip("\n") for _ in range(2))
        columns, *rows = csv.reader(file)
    return Table(path.stem, title, columns, [[_cell(text) for text in row] for row in rows], note)


def _cell(text: str) -> Cell:
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", text) else text


def markdown(table: Table) -> str:
    """A table with its title and its note."""
    lines = [f"| {' | '.join(map(_shown, row))} |" for row in [table.columns, *table.rows]]
    if table.columns:
        lines.insert(1, f"|{' --- |' * len(table.columns)}")
    body = "\n".join(lines) + "\n\n" if table.columns else ""
    return f"## {table.title}\n\n{body}{table.note}".rstrip() + "\n"


def _shown(cell: Cell) -> str:
    """Three significant digits at most, and no fewer than stand before the point."""
    if cell is None:
        return ""
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, str):
        return cell
    return f"{cell:,.0f}" if abs(cell) >= 99.95 else f"{cell:#.3g}"


def document(folder: Path, names: Iterable[str]) -> Path:
    """Writes `FOLDER.md`: the notes and the tables of the folder, in the order of these beginnings of their names."""
    parts = [f"# Benchmarks of {folder.name}\n"]
    for name in ("machine", *names):
        parts += [markdown(read(path)) for path in sorted(folder.glob(f"{name}*.csv"))]
        if name == "machine" and (folder / NOTES).exists():
            parts.append((folder / NOTES).read_text())
    parts += [f"![{path.stem}]({folder.name}/{path.name})\n" for path in sorted(folder.glob("*.png"))]
    written = folder.with_name(f"{folder.name}.md")
    written.write_text("\n".join(parts))
    return written


def shown(table: Table) -> None:
    """Prints a table, and what failed to standard error."""
    print(markdown(table), flush=True)
    for failure in table.failures:
        print(f"FAILED: {failure}", file=sys.stderr, flush=True)
