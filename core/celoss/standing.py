"""Owns how each class stands against the base rate, from sums that a report has anyway: whether an audit can find anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from celoss.exact import UNITS_PER_ONE
from celoss.kernels import Floats
from celoss.plan import LABELS, Plan
from celoss.records import dataclass
from celoss.state import State

# The table of more would take longer than the scoring.
MOST_CLASSES = 200
# Fewer cannot have a z of 4, even if all say the same: that they do has a probability of 2^-15 = 3e-5.
LEAST_ROWS = 15

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Standing:
    """What the rows of each class cost, and what they would by the base rate, which always forecasts the label frequencies π.

    rows: (k,) with a weight. weight: (k,) Σ w. loss: (k,) Σ w l, nats, may be +inf. base: (k,) −Σ w ln π. margin: (k,)
    standard errors of `loss` by the spread within classes, √(1 + 2 ln(k / 2)) of them, by about as much as the largest of k may
    differ; all_margin: one standard error of the sum of all rows.
    """

    rows: Counts
    weight: Floats
    loss: Floats
    base: Floats
    margin: Floats
    all_margin: float

    @classmethod
    def of(cls, rows: Counts, weight: Floats, weight_squared: Floats, loss: Floats, squares: float) -> Standing:
        """weight_squared: (k,) Σ w². squares: Σ w² l² of all rows, infinite losses left out. Some row has a weight."""
        has_rows = weight > 0.0
        means = np.divide(loss, weight, out=np.zeros(len(loss)), where=has_rows & np.isfinite(loss))
        whole = float(weight_squared.sum())
        variance = max(0.0, squares - float((weight_squared * means**2).sum())) / whole
        logarithms = np.log(weight / weight.sum(), out=np.zeros(len(loss)), where=has_rows)
        margin = np.sqrt((1.0 + 2.0 * np.log(len(loss) / 2.0)) * variance * weight_squared)
        return cls(rows, weight, loss, 0.0 - weight * logarithms, margin, float(np.sqrt(variance * whole)))

    @property
    def excess(self) -> Floats:
        """By how much the loss of each class (k,) is above that of the base rate and the margin."""
        return self.loss - self.base - self.margin

    @property
    def may_be_swapped(self) -> bool:
        """Whether columns can be found to be swapped.

        They are only said to be where `excess`, summed over the classes that they belong to, two at least, is above 0. If the
        two largest do not add up to more than 0, all but the largest are at most 0, and no such sum is above 0: nothing can
        be found. A calibrated forecaster has an excess only by chance: E[−ln p | class] = E[−p ln p] / π ≤ −ln π, as −x ln x
        is concave (Jensen).
        """
        return self._is_enough and float(np.sort(self.excess[self.rows > 0])[-2:].sum()) > 0.0

    @property
    def may_be_shifted(self) -> bool:
        """Whether rows can be found to be shifted: all of them together are worse than the base rate and the margin."""
        return self._is_enough and float((self.loss - self.base).sum()) > self.all_margin

    @property
    def _is_enough(self) -> bool:
        return int(self.rows.sum()) >= LEAST_ROWS and int(np.count_nonzero(self.rows)) > 1


@dataclass(frozen=True)
class Suspicion:
    """What an audit is to look for."""

    standing: Standing
    swaps: bool
    shifts: bool


def suspicion(plan: Plan, state: State) -> Suspicion | None:
    """What the losses allow to look for; None for nothing, as of nearly all reports.

    Nothing for soft or independent labels, smoothed ones, and more than 200 classes. Shifts only of two inputs that are
    matched by position, weights being those of the labels.
    """
    if not plan.hard or plan.options.smoothing or len(plan.classes) > MOST_CLASSES:
        return None
    standing = _standing(plan, state)
    by_position = not plan.keys and not plan.labels_in_predictions and (plan.weights is None or plan.weights[0] == LABELS)
    found = Suspicion(standing, standing.may_be_swapped, by_position and standing.may_be_shifted)
    return found if found.swaps or found.shifts else None


def _standing(plan: Plan, state: State) -> Standing:
    """The standing of the classes by the sums of a report."""
    none = (0,) * len(plan.classes)

    def counts(name: str) -> Counts:
        return np.array(state.sums.get(name, none), dtype=np.int64)

    def sums(name: str) -> Floats:
        return np.array([one / UNITS_PER_ONE for one in state.sums.get(name, none)])

    rows = counts("rows") - counts("weightless")
    weight, weight_squared = (sums("weight"), sums("weight_squared")) if plan.weights else (rows.astype(np.float64),) * 2
    loss = np.where(counts("infinite") > 0, np.inf, sums("loss"))
    return Standing.of(rows, weight, weight_squared, loss, float(sums("loss_squared").sum()))
