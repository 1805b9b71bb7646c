"""Owns the worst rows: those that contribute most to the loss, and how much of it few rows carry."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from celoss.checks import Batch
from celoss.exact import units
from celoss.explaining.reading import Largest, Reading, ScoredRow, Total, line_numbers
from celoss.explaining.tail import Bin, Histogram, largest_sums
from celoss.kernels import RowScores
from celoss.metrics import Number
from celoss.records import dataclass
from celoss.state import State

# In percent of the rows.
CARRIED_BY = (1, 10)


@dataclass(frozen=True, kw_only=True)
class WorstRow(ScoredRow):
    """A row that contributes much: weight · loss.

    rank: 1 is the worst; of equal rows the first. line: in the predictions, as an editor counts; None without lines.
    share: of the contributions of all rows. running_share: that of the rows up to this one. Both None where the sum is
    infinite or 0.
    """

    rank: int
    line: int | None
    share: Number
    running_share: Number


@dataclass(frozen=True)
class Carried:
    """What share of all loss the worst rows carry: `percent` percent of the rows, rounded up."""

    percent: int
    rows: int
    share: Number


@dataclass(frozen=True)
class WorstRows:
    """The rows that contribute most, and what a hundredth and a tenth of the rows carry."""

    rows: tuple[WorstRow, ...]
    carried: tuple[Carried, ...]


class _FirstReading:
    """Takes all rows: keeps the worst, counts contributions by size, adds them up."""

    def __init__(self, reading: Reading, count: int) -> None:
        self._reading = reading
        self.largest = Largest(reading, count)
        self.histogram = Histogram(Bin())
        self.total = Total()

    def __call__(self, block: Batch, row: RowScores) -> None:
        contributions = self._reading.weighted(block, row.loss)
        self.largest.add(block, contributions, contributions)
        self.histogram.add(contributions)
        self.total.add(contributions)


def worst_rows(reading: Reading, count: int) -> tuple[State, WorstRows]:
    """The state of all rows, and the `count` worst of them. Raises CelossError with all faults."""
    state, first = reading.into(lambda: _FirstReading(reading, count))
    return state, WorstRows(_ranked(reading, first), _carried(reading, first, state.count))


def _ranked(reading: Reading, first: _FirstReading) -> tuple[WorstRow, ...]:
    entries, total = first.largest.entries, first.total
    lines = line_numbers(reading.evaluation.predictions, [one.scored.row - 1 for one in entries])
    parts = [0 if total.infinite else units(one.size) for one in entries]
    return tuple(
        WorstRow(
            **vars(one.scored),
            rank=rank,
            line=lines.get(one.scored.row - 1),
            share=total.share(part),
            running_share=total.share(running),
        )
        for rank, (one, part, running) in enumerate(zip(entries, parts, accumulate(parts), strict=True), start=1)
    )


def _carried(reading: Reading, first: _FirstReading, rows: int) -> tuple[Carried, ...]:
    found = [Carried(percent, -(-rows * percent // 100), None) for percent in CARRIED_BY]
    if first.total.infinite or not first.total.units:
        return tuple(found)
    sums = largest_sums(reading, first.histogram, [one.rows for one in found])
    return tuple(replace(one, share=first.total.share(part)) for one, part in zip(found, sums, strict=True))
