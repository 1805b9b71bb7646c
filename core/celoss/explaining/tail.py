"""Owns the exact sum of the largest of many values that can be read again but not kept.

Non-negative doubles are in the order of their bits. A histogram over the upper bits shows in which bin the n-th largest
value lies; once a bin has few enough values, the next reading keeps these and adds up all above them. Memory is bounded
whatever the values are: a bin that has too many is split by the next bits, three times at most, after which it holds one value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np

from celoss.checks import Batch
from celoss.exact import total, units
from celoss.explaining.reading import Reading
from celoss.kernels import Floats, RowScores
from celoss.records import dataclass

# Of the 63 bits of a double without its sign: 3 · 21.
ALL_BITS, STEP_BITS = 63, 21
MOST_KEPT = 1 << 20


@dataclass(frozen=True)
class Bin:
    """The values whose bits are low … low + 2^width − 1: `count` of them, of which the `needed` largest are asked for."""

    low: int = 0
    width: int = ALL_BITS
    count: int = 0
    needed: int = 0

    @property
    def too_large(self) -> bool:
        """Whether its values have to be told apart further before they are kept."""
        return self.width > 0 and self.count > MOST_KEPT


class Histogram:
    """Counts of the values of a bin by the next bits."""

    def __init__(self, whole: Bin) -> None:
        self._whole = whole
        self._shift = whole.width - STEP_BITS
        # Of these 16 MB only the pages in which values fall are ever touched.
        self._counts = np.zeros(1 << STEP_BITS, np.int64)

    def add(self, values: Floats) -> None:
        """Counts values (n,), ≥ 0 and not −0.0, that lie in the bin."""
        places = (values.view(np.int64) - self._whole.low) >> self._shift
        np.add.at(self._counts, places[(places >= 0) & (places < len(self._counts))], 1)

    def bin_of(self, needed: int) -> Bin:
        """The bin in which the `needed` largest values end."""
        filled = np.flatnonzero(self._counts)[::-1]
        reached = np.cumsum(self._counts[filled])
        last = int(np.searchsorted(reached, needed))
        place, count = int(filled[last]), int(self._counts[filled[last]])
        return Bin(self._whole.low + (place << self._shift), self._shift, count, needed - int(reached[last]) + count)


class TailSum:
    """The exact sum of the values from some place in a bin on, in units of 2^-1074."""

    def __init__(self, last: Bin) -> None:
        self._last = last
        self._above = 0
        self._kept: list[Floats] = []

    def add(self, values: Floats) -> None:
        """Takes values (n,), finite and ≥ 0."""
        places = (values.view(np.int64) - self._last.low) >> self._last.width
        self._above += total(values[places > 0])
        if self._last.width:
            self._kept.append(values[places == 0])

    def units(self) -> int:
        """The sum."""
        if not self._last.width:
            return self._above + self._last.needed * units(float(np.int64(self._last.low).view(np.float64)))
        kept = np.concatenate(self._kept)
        return self._above + total(np.partition(kept, -self._last.needed)[-self._last.needed :])


Part = TypeVar("Part", Histogram, TailSum)


class _Each(Generic[Part]):
    """Gives the contributions of every block to several histograms or sums."""

    def __init__(self, reading: Reading, parts: list[Part]) -> None:
        self._reading = reading
        self.parts: list[Part] = parts

    def __call__(self, block: Batch, row: RowScores) -> None:
        contributions = self._reading.weighted(block, row.loss)
        for part in self.parts:
            part.add(contributions)


def largest_sums(reading: Reading, first: Histogram, counts: Sequence[int]) -> list[int]:
    """The exact sums of the largest contributions, as many as each of `counts` says (≥ 1), in units of 2^-1074.

    first: the histogram of all contributions, none of them infinite. Reads the inputs again, mostly once.
    """
    bins = [first.bin_of(count) for count in counts]
    while any(one.too_large for one in bins):
        bins = _split(reading, bins)
    _, sums = reading.into(lambda: _Each(reading, [TailSum(one) for one in bins]))
    return [one.units() for one in sums.parts]


def _split(reading: Reading, bins: list[Bin]) -> list[Bin]:
    """The bins, with the part in which its needed values end in place of each that is too large."""
    _, found = reading.into(lambda: _Each(reading, [Histogram(one) for one in bins if one.too_large]))
    histograms = iter(found.parts)
    return [next(histograms).bin_of(one.needed) if one.too_large else one for one in bins]
