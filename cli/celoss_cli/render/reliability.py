"""Owns the reliability table: what was forecast, what was seen, and how sure that is."""

from __future__ import annotations

from celoss.calibration import ReliabilityBin
from celoss.report import Report
from celoss_cli.render.shown import bounds, percent

HEADER = ("forecast", "rows", "mean", "seen")
CELLS = 25
SCALE = "0 %   │ mean  ● seen  100 %"


def rows(report: Report) -> list[tuple[tuple[str, ...], str, str]]:
    """(texts under `HEADER`, interval of what was seen, a drawing of it) of each bin of the calibration error."""
    table = () if report.calibration is None else report.calibration.table
    return [(_texts(one), bounds(one.interval, percent), _drawn(one)) for one in table]


def _texts(one: ReliabilityBin) -> tuple[str, ...]:
    forecast = f"{one.low:.3f}" if one.low == one.high else f"{one.low:.3f} … {one.high:.3f}"
    return (forecast, f"{one.rows:,}", percent(one.mean_forecast), percent(one.observed))


def _drawn(one: ReliabilityBin) -> str:
    """0 to 1 as cells: ─ the interval, ● what was seen, │ the mean forecast, ◉ both."""
    low, high, seen, mean = map(_cell, (one.interval.low, one.interval.high, one.observed, one.mean_forecast))
    cells = ["─" if low <= cell <= high else "·" for cell in range(CELLS)]
    cells[mean] = "│"
    cells[seen] = "◉" if seen == mean else "●"
    return "".join(cells)


def _cell(share: float) -> int:
    return min(int(share * CELLS), CELLS - 1)
