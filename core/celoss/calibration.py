"""Owns calibration: whether what is forecast with a probability comes true that often, from the histogram of forecasts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from celoss.exact import UNITS_PER_ONE
from celoss.forecasts import LEAST, NEAR_EXPONENT, WIDTH, Integers, located
from celoss.intervals import Interval, wilson_interval
from celoss.kernels import Codes, Floats, Mask
from celoss.plan import Plan
from celoss.records import dataclass

Number = float | None
# Of each class a histogram is in memory, half a megabyte.
MOST_CLASSES = 200


@dataclass(frozen=True)
class ReliabilityBin:
    """Forecasts of one bin. low, high: the smallest and largest mean forecast of its cells. weight: Σ w. mean_forecast,
    observed: the means of what was forecast and of what came true. interval: of `observed`."""

    low: float
    high: float
    rows: int
    weight: float
    mean_forecast: float
    observed: float
    interval: Interval


@dataclass(frozen=True)
class ClassWise:
    """Calibration errors of each class by itself, in class order, and their means over the classes (M. Kull et al. 2019,
    arXiv:1910.12656): by bins of equal mass, and of equal width."""

    ece: float
    ece_equal_width: float
    classes: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class Calibration:
    """Calibration errors, ≥ 0, and the reliability table.

    of: whose forecasts: `positive class`, `top class` or `labels`. bins: how many were asked for. ece: Σ n_b / n · |observed −
    mean forecast| over bins with equally many rows, equal forecasts never split. ece_equal_width: the same over bins of equal
    width (C. Guo et al. 2017, arXiv:1706.04599). l2_debiased: the root of the weighted mean of squares without what
    chance adds to them, 0 where that is more (A. Kumar, P. Liang, T. Ma 2019, arXiv:1909.10155). cell_width: of the cells of
    which the bins are made, relative to the distance from 0 or 1. table: the bins of `ece`. class_wise: only with
    recalibration, of up to 200 classes.
    """

    of: str
    bins: int
    ece: float
    ece_equal_width: float
    l2_debiased: float
    cell_width: float
    table: tuple[ReliabilityBin, ...]
    class_wise: ClassWise | None = None


@dataclass(frozen=True)
class _Cells:
    """The cells with weight in the order of their forecasts: of each the sums of w p, w y, w, w², w m and of rows, each (m,),
    every one of them rounded once; whether it is in the upper half, and its bin of equal width. m is the distance of p from 0
    or 1, whichever is nearer. Sums over cells are taken one after another in this order, so that they have the same bits
    whatever the order of the rows."""

    forecast: Floats
    hits: Floats
    weight: Floats
    weight_squared: Floats
    near: Floats
    rows: Floats
    is_upper: Mask
    bin: Codes

    @classmethod
    def of(cls, plan: Plan, cells: Mapping[int, Integers]) -> _Cells:
        """The cells of a histogram."""
        numbers = sorted(cells)
        values = [cells[number] for number in numbers]
        rows, hits = (np.array([one[place] for one in values], np.float64) for place in (0, 1))
        near = np.array([math.ldexp(one[2], NEAR_EXPONENT) for one in values], np.float64)
        weight, squared = rows, rows
        if any(len(one) > 3 for one in values):
            others = [[part / UNITS_PER_ONE for part in one[3:]] or [0.0] * 4 for one in values]
            more_hits, more_near, weights, squares = np.array(others).T
            hits, near = hits + more_hits, near + more_near
            if plan.weights is not None:
                weight, squared = weights, squares
        is_upper, bins = located(np.array(numbers, np.int64), plan.options.bins)
        every = cls(np.where(is_upper, weight - near, near), hits, weight, squared, near, rows, is_upper, bins)
        return every.take(weight > 0.0)

    def take(self, chosen: Mask) -> _Cells:
        """The cells of a mask."""
        return _Cells(*(one[chosen] for one in vars(self).values()))

    def in_groups(self, groups: Codes) -> _Groups:
        """The sums of the cells with each of these numbers (m,), which do not descend; without those that no cell has."""
        names = ("forecast", "hits", "weight", "weight_squared", "rows")
        sums: list[Floats] = [np.bincount(groups, getattr(self, name)).astype(np.float64, copy=False) for name in names]
        filled = sums[2] > 0.0
        return _Groups(*(one[filled] for one in sums))


@dataclass(frozen=True)
class _Groups:
    """Sums of w p, w y, w, w² and of rows, each (b,)."""

    forecast: Floats
    hits: Floats
    weight: Floats
    weight_squared: Floats
    rows: Floats

    @property
    def mean_forecast(self) -> Floats:
        return self.forecast / self.weight

    @property
    def observed(self) -> Floats:
        return self.hits / self.weight

    @property
    def effective_rows(self) -> Floats:
        return self.weight * (self.weight / self.weight_squared)

    @property
    def error(self) -> float:
        """The expected calibration error."""
        return math.fsum(np.abs(self.hits - self.forecast).tolist()) / math.fsum(self.weight.tolist())


def calibration(plan: Plan, histogram: Mapping[int, Integers], confidence: float) -> Calibration | None:
    """The calibration of a histogram of forecasts; None without weight, and under class weights, which it does not have."""
    cells = _Cells.of(plan, histogram)
    if not len(cells.rows) or plan.options.class_weights is not None:
        return None
    bins = plan.options.bins
    groups = _equal_mass(cells.weight, bins)
    equal_mass = cells.in_groups(groups)
    return Calibration(
        "labels" if plan.task == "multilabel" else "positive class" if len(plan.classes) == 2 else "top class",
        bins,
        equal_mass.error,
        cells.in_groups(cells.bin).error,
        _debiased(equal_mass),
        WIDTH,
        tuple(_table(cells, groups, equal_mass, confidence)),
    )


def has_class_wise(plan: Plan) -> bool:
    """Whether the classes have forecasts that are not those of the whole, and are not too many to look at each."""
    return (len(plan.classes) > 2 or plan.task == "multilabel") and len(plan.classes) <= MOST_CLASSES


def class_wise(plan: Plan, histograms: Sequence[Mapping[int, Integers]]) -> ClassWise:
    """The errors of each class from the histogram of its forecasts."""
    found = []
    for name, histogram in zip(plan.classes, histograms, strict=True):
        cells = _Cells.of(plan, histogram)
        equal_mass = cells.in_groups(_equal_mass(cells.weight, plan.options.bins))
        found.append((name, equal_mass.error, cells.in_groups(cells.bin).error))
    ece, ece_equal_width = (math.fsum(errors) / len(found) for errors in zip(*(one[1:] for one in found), strict=True))
    return ClassWise(ece, ece_equal_width, tuple(found))


def mean_logit(plan: Plan, histogram: Mapping[int, Integers]) -> Number:
    """The mean over all rows of ln(c / (1 − c)), c being the larger probability, at least 0 and floored as the loss is: by how
    much the loss of a row would grow, at least, whose label were another one than was forecast. None without weight."""
    cells = _Cells.of(plan, histogram)
    if not len(cells.rows):
        return None
    near = np.maximum(cells.near / cells.weight, max(plan.eps, LEAST))
    counts = cells.is_upper | (len(plan.classes) == 2) | (plan.task == "multilabel")
    terms = np.where(counts, np.log((1.0 - near) / near) * cells.weight, 0.0)
    return math.fsum(terms.tolist()) / math.fsum(cells.weight.tolist())


def _equal_mass(weights: Floats, bins: int) -> Codes:
    """The bin of each cell (m,), so that all have about the same weight: that in which the middle of the cell lies."""
    after = np.cumsum(weights)
    groups: Codes = np.minimum(((after - weights / 2.0) * bins / after[-1]).astype(np.intp), bins - 1)
    return groups


def _debiased(bins: _Groups) -> float:
    observed, more = bins.observed, np.maximum(bins.effective_rows - 1.0, 0.0)
    chance = np.divide(observed * (1.0 - observed), more, out=np.zeros(len(more)), where=more > 0.0)
    terms = bins.weight * ((observed - bins.mean_forecast) ** 2 - chance)
    return math.sqrt(max(0.0, math.fsum(terms.tolist()) / math.fsum(bins.weight.tolist())))


def _table(cells: _Cells, groups: Codes, bins: _Groups, confidence: float) -> Iterator[ReliabilityBin]:
    means = cells.forecast / cells.weight
    first = np.flatnonzero(np.diff(groups, prepend=-1))
    last = np.append(first[1:], len(groups)) - 1
    for place, (low, high) in enumerate(zip(means[first].tolist(), means[last].tolist(), strict=True)):
        observed = float(bins.observed[place])
        yield ReliabilityBin(
            low=low,
            high=high,
            rows=int(bins.rows[place]),
            weight=float(bins.weight[place]),
            mean_forecast=float(bins.mean_forecast[place]),
            observed=observed,
            interval=wilson_interval(min(1.0, observed), float(bins.effective_rows[place]), confidence),
        )
