"""Draws growth, where matplotlib is installed: a column for each thing that grows, seconds above, peak memory below."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.memory import LIMIT
from benchmarks.results import Cell, read

# What grows → what its axis is called.
PANELS = {
    "rows": "rows (binary)",
    "classes": "classes (as many probabilities)",
    "groups": "groups of --by",
    "threads": "threads",
}
COLORS = ("#1f5fa8", "#c4541f")
GREY = "#888888"
SECONDS, PEAK = 3, 5


def draw(folder: Path) -> None:
    """Writes `growth.png` from the tables of growth that are in the folder."""
    tables = {name: read(path) for name in PANELS if (path := folder / f"growth-{name}.csv").exists()}
    found = {name: table.rows for name, table in tables.items() if table.rows}
    if not found:
        return
    try:
        import matplotlib  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        print("no plot: matplotlib is not installed", file=sys.stderr)
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(found), figsize=(3.9 * len(found), 6.4), squeeze=False, sharex="col", sharey="row")
    for (above, below), (name, lines) in zip(axes.T, found.items(), strict=True):
        _panel(above, lines, SECONDS)
        _panel(below, lines, PEAK)
        below.set_xlabel(PANELS[name])
        if name == "rows":
            _proportional(above, lines)
            below.axhline(LIMIT, linestyle="--", color=GREY, linewidth=1, label=f"limit in order, {LIMIT:.0f} MB")
            above.legend(frameon=False, loc="upper left", fontsize=9)
            below.legend(frameon=False, loc="best", fontsize=9)
        if name == "threads":
            below.set_xscale("linear")
    axes[0][0].set_ylabel("seconds, whole process")
    axes[1][0].set_ylabel("peak memory, MB")
    figure.tight_layout()
    figure.savefig(folder / "growth.png", dpi=100)


def _panel(axis: Any, lines: Sequence[Sequence[Cell]], column: int) -> None:
    """A curve for each kind, on logarithmic axes whose numbers are written out."""
    for color, kind in zip(COLORS, dict.fromkeys(line[0] for line in lines), strict=False):
        mine = [line for line in lines if line[0] == kind]
        axis.plot([line[1] for line in mine], [line[column] for line in mine], "o-", color=color, label=kind, markersize=4)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.xaxis.set_major_formatter(lambda number, _: _short(number))
    axis.yaxis.set_major_formatter(lambda number, _: f"{number:g}")
    axis.yaxis.set_minor_formatter(lambda number, _: f"{number:g}" if f"{number:e}"[0] in "25" else "")
    axis.grid(which="both", color="#eeeeee", linewidth=0.6)
    axis.grid(which="major", color="#cccccc", linewidth=0.8)
    axis.spines[["top", "right"]].set_visible(False)


def _short(number: float) -> str:
    """1000 as 1k, a million as 1M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"


def _proportional(axis: Any, lines: Sequence[Sequence[Cell]]) -> None:
    """A line through the largest file in order, down to the least time: what time that is proportional to rows looks like."""
    mine = [(float(line[1] or 0), float(line[SECONDS] or 0)) for line in lines if line[0] == lines[0][0]]
    rows, seconds = max(mine)
    factor = seconds / min(least for _, least in mine)
    axis.plot([rows / factor, rows], [seconds / factor, seconds], "--", color=GREY, linewidth=1, label="proportional to rows")
