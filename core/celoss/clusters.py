"""Owns clusters: rows that are not independent of one another, of which each cluster counts as one unit of a mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from celoss.exact import UNITS_PER_ONE
from celoss.kernels import Floats
from celoss.plan import Plan
from celoss.spread import Exact, RatioSums, Spread, spread
from celoss.state import GroupSums


class Clusters:
    """The sums of each cluster with a weight, class weights applied, and the spread of means over them.

    Rows of one cluster may depend on one another in any way; clusters do not. K.-Y. Liang, S. L. Zeger 1986, DOI
    10.1093/biomet/73.1.13; for evaluations of models E. Miller 2024, arXiv:2411.00640.
    """

    def __init__(self, plan: Plan, clusters: Mapping[str, GroupSums], class_weights: Sequence[Exact] | None) -> None:
        # In the order of their names and classes, so that sums over these round alike whatever came first.
        self._clusters = [clusters[value] for value in sorted(clusters)]
        sizes = [len(one.cells) for one in self._clusters]
        self._of = np.repeat(np.arange(len(sizes)), np.array(sizes, np.intp))
        self._cells = np.array([cell for one in self._clusters for cell in one.cells], np.intp)
        self._weighted = plan.weights is not None
        # Only quotients count: all weights become at most 1, so that no cube is too large.
        of_classes = class_weights or [1] * len(plan.classes)
        self._of_classes = np.array([float(Fraction(one) / (max(of_classes) or 1)) for one in of_classes])
        name = "weight" if self._weighted else "rows"
        largest = max((sum(one.sums.get(name, ())) for one in self._clusters), default=0)
        self._largest = 1 << (largest * (1 if self._weighted else UNITS_PER_ONE)).bit_length()
        self._every_weight = self._weights_by()
        self._weights = self._every_weight[self._every_weight > 0.0]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._weights)

    def spread(self, name: str) -> Spread | None:
        """The spread of the mean of a quantity."""
        return self._spread(self._totals(name), self._every_weight)

    def credit_spread(self, name: str) -> Spread | None:
        """The spread of the mean credit of a ranking, whose sums are by j/m."""
        earned = np.zeros(len(self._clusters))
        for key in sorted({key for one in self._clusters for key in one.sums if key.startswith(f"{name} ")}):
            earned += float(Fraction(key.partition(" ")[2])) * self._totals(key, counted=not self._weighted)
        return self._spread(earned, self._every_weight)

    def ratio_spread(self, costs: Sequence[Exact]) -> Spread | None:
        """The spread of the mean loss divided by the mean of what each class costs."""
        return self._spread(self._totals("loss"), self._weights_by(np.array([float(one) for one in costs])))

    def _spread(self, values: Floats, weights: Floats) -> Spread | None:
        weighing = self._every_weight > 0.0
        return spread(RatioSums.of(values[weighing], weights[weighing])) if self.count > 1 else None

    def _weights_by(self, costs: Floats | None = None) -> Floats:
        return self._totals("weight" if self._weighted else "rows", costs, counted=not self._weighted)

    def _totals(self, name: str, costs: Floats | None = None, counted: bool = False) -> Floats:
        """A sum of each cluster (m,), each class's times its weight, and its cost where there are any.

        counted: whether it is a number of rows, and not in units.
        """
        largest = self._largest // UNITS_PER_ONE if counted else self._largest
        nothing = (0,) * (int(self._cells.max(initial=0)) + 1)
        sums = (one.sums.get(name, nothing[: len(one.cells)]) for one in self._clusters)
        values = np.array([value / largest for of_cells in sums for value in of_cells], np.float64)
        values *= self._of_classes[self._cells]
        if costs is not None:
            values *= costs[self._cells]
        totals = np.zeros(len(self._clusters))
        np.add.at(totals, self._of, values)
        return totals
