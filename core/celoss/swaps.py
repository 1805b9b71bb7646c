"""Owns the search for columns that are swapped: the loss that every column would give, and which other order is better."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from celoss.exact import UNITS_PER_ONE, Table
from celoss.kernels import DEFAULT_EPS, Codes, Floats, floored_loss
from celoss.spread import RatioSums, spread
from celoss.standing import LEAST_ROWS, Standing

# One-sided, p = 3e-5, for one thing that is tried.
LEAST_Z = 4.0
# Larger losses count as this where differences are taken, so that no single row decides.
LARGEST = floored_loss(DEFAULT_EPS)

# Classes, each of which seems to have the column of the next one, and the last that of the first.
Cycle = tuple[int, ...]


class LossTable:
    """Exact sums, by true class, of the loss that the column of each class would give."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._sums = Table()
        self._infinite: NDArray[np.int64] = np.zeros(k * k, np.int64)

    def add(self, losses: Floats, codes: Codes, weights: Floats | None) -> None:
        """Adds rows: losses (k, n) by the column of each class, codes (n,) of the true classes, weights (n,) or None."""
        cells = (codes * self._k + np.arange(self._k)[:, np.newaxis]).ravel()
        infinite = np.isinf(losses)
        if infinite.any():
            counted = infinite if weights is None else infinite & (weights > 0.0)
            self._infinite += np.bincount(cells[counted.ravel()], minlength=self._k**2)
            losses = np.where(infinite, 0.0, losses)
        self._sums.add(cells, (losses if weights is None else losses * weights).ravel())

    def sums(self) -> Floats:
        """Σ w l of the rows of class a by the column of class b: (k, k), nats, may be +inf."""
        sums = np.array([one / UNITS_PER_ONE for one in self._sums.integers(self._k**2)])
        return np.where(self._infinite > 0, np.inf, sums).reshape(self._k, self._k)


class Differences:
    """Sums, by true class, of what rows would lose less by the column of another class. to: (k,) that class, or the same."""

    def __init__(self, to: Codes) -> None:
        self._to = to
        self.by_class: dict[int, RatioSums] = {}

    def add(self, losses: Floats, codes: Codes, weights: Floats | None) -> None:
        """Adds rows, as `LossTable.add` does; those without weight do not count."""
        counted = self._to[codes] != codes
        at = np.flatnonzero(counted if weights is None else counted & (weights > 0.0))
        own = codes[at]
        values = np.minimum(losses[own, at], LARGEST) - np.minimum(losses[self._to[own], at], LARGEST)
        for code in np.flatnonzero(np.bincount(own)).tolist():
            mine = own == code
            w = None if weights is None else weights[at][mine]
            sums = RatioSums.of(values[mine] if w is None else values[mine] * w, w)
            self.by_class[code] = self.by_class[code].plus(sums) if code in self.by_class else sums


def candidates(standing: Standing, table: Floats) -> tuple[Cycle, ...]:
    """Cycles of classes that would lose less with each other's columns, and now lose more than by the base rate.

    table: (k, k), as `LossTable.sums`.
    """
    found = []
    to = _best(np.where(np.isinf(table), LARGEST * standing.weight[:, np.newaxis], table))
    for cycle in _cycles(to):
        own, other = list(cycle), to[list(cycle)]
        rows = standing.rows[own]
        is_enough = int(rows.sum()) >= LEAST_ROWS and np.count_nonzero(rows) > 1
        if is_enough and standing.excess[own].sum() > 0.0 and table[own, other].sum() < table[own, own].sum():
            found.append(cycle)
    return tuple(found)


def next_of(cycles: Sequence[Cycle], k: int) -> Codes:
    """The class whose column belongs to each class (k,): the next of its cycle; its own without one."""
    to: Codes = np.arange(k)
    for cycle in cycles:
        to[list(cycle)] = np.roll(cycle, -1)
    return to


def _best(table: Floats) -> Codes:
    """The assignment of columns to classes (k,) with the least loss. H. W. Kuhn 1955, DOI 10.1002/nav.3800020109."""
    k = len(table)
    unchanged: Codes = np.arange(k)
    if (table.min(axis=1) >= table.diagonal()).all():
        return unchanged
    if k == 2:
        return unchanged[::-1] if table[0, 1] + table[1, 0] < table.trace() else unchanged
    from scipy.optimize import linear_sum_assignment

    to: Codes = linear_sum_assignment(table)[1]
    return to


def _cycles(to: Codes) -> Iterator[Cycle]:
    """The cycles of two or more classes, each from its first class on."""
    seen: set[int] = set()
    for start in range(len(to)):
        cycle = []
        code = start
        while code not in seen:
            seen.add(code)
            cycle.append(code)
            code = int(to[code])
        if len(cycle) > 1:
            yield tuple(cycle)


def proven(cycles: Sequence[Cycle], standing: Standing, table: Floats, by_class: dict[int, RatioSums]) -> tuple[Cycle, ...]:
    """The candidates of which the rows say that their columns are swapped.

    Their differences are above 0 by `least_z` standard errors. So they can be where a forecaster only overrates a class, as
    after training with more weight on it; but then the other columns are worse than the base rate, and its own still rise
    with the class. So the mean over classes of their mean differences, which no factor on a column changes (it cancels out
    in a cycle), is to be above 0 as well: by as many standard errors too, unless the loss of all rows with the other
    columns is at most that of the base rate.
    """
    k = len(table)
    is_better = table[np.arange(k), next_of(cycles, k)].sum() <= standing.base.sum()
    return tuple(cycle for cycle in cycles if _is_proven(cycle, k, by_class, bool(is_better)))


def _is_proven(cycle: Cycle, k: int, by_class: dict[int, RatioSums], is_better: bool) -> bool:
    classes = {code: by_class[code] for code in cycle if code in by_class}
    whole = spread(reduce(RatioSums.plus, classes.values()))
    if whole is None:
        return False
    least = least_z(len(cycle), k)
    if not _is_above(whole.mean, whole.error, least):
        return False
    if len(classes) < len(cycle):
        return is_better
    mean, error = _balanced(list(classes.values()))
    return (is_better and mean > 0.0) or _is_above(mean, error, least)


def least_z(moved: int, k: int) -> float:
    """4 for one cycle that could be; for N of them √(16 + 2 ln N), which bounds the tail by that of 4 over N (Bonferroni).

    N = k! / (k − m)! / m: the cycles of m among k classes.
    """
    return math.sqrt(LEAST_Z**2 + 2.0 * (math.lgamma(k + 1) - math.lgamma(k - moved + 1) - math.log(moved)))


def _is_above(mean: float, error: float, least: float) -> bool:
    return mean > 0.0 and mean >= least * error


def _balanced(classes: list[RatioSums]) -> tuple[float, float]:
    """The sum over classes of their means, and its standard error.

    A class's variance is its own or the pooled one, whichever is larger: few rows hardly have one of their own.
    """
    n = np.array([sums.n for sums in classes])
    spreads = [spread(sums) for sums in classes]
    means = np.array([float(sums.v / sums.w) for sums in classes])
    variances = np.array([one.deviation**2 if one else 0.0 for one in spreads])
    free = int((n - 1).sum())
    pooled = float((variances * (n - 1)).sum() / free) if free else math.inf
    return float(means.sum()), math.sqrt(float((np.maximum(variances, pooled) / n).sum()))
