"""Owns the sums of one reading: scored blocks are added to them, and they become a State."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from celoss.checks import Batch
from celoss.exact import MOST_LOOPED, Groups, Table
from celoss.forecasts import ForecastCells, events
from celoss.groups import GroupTables
from celoss.kernels import Codes, Floats, RowScores
from celoss.moments import Moments
from celoss.plan import Plan
from celoss.quantities import CLUSTERED, Quantity, cell_codes, contributions, quantities
from celoss.shorts import ShortSums
from celoss.state import State
from celoss.tails import TailSums


class RunningSums:
    """The sums of the blocks that were added, for one thread; adding changes them, which a State never does."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._k = len(plan.classes)
        self._noticed = State.empty(plan)
        self._groups = GroupTables(len(plan.by), self._k)
        self._clusters = GroupTables(1 if plan.cluster else 0, self._k)
        self._forecasts = ForecastCells(plan.options.bins)
        self._tail = TailSums()
        self._counts: dict[str, NDArray[np.int64]] = {}
        self._totals: dict[str, list[int]] = {}
        self._tables: dict[str, Table] = {}
        self._moments: dict[str, Moments] = {}
        self._shorts: dict[str, ShortSums] = {}

    def notice(self, batch: Batch) -> None:
        """Adds what the checks of a batch found."""
        self._noticed = self._noticed + State.noticed(self._plan, batch)

    def add(self, block: Batch, row: RowScores) -> None:
        """Adds the scores of a block."""
        plan = self._plan
        wanted = list(quantities(plan, block, row))
        if plan.by:
            self._groups.add(block.by[: len(plan.by)], cell_codes(block), wanted)
        if plan.cluster:
            few = [one for one in wanted if CLUSTERED.match(one.name)]
            self._clusters.add(block.by[len(plan.by) :], cell_codes(block), few)
        self._forecasts.add(*events(plan, block, row))
        if plan.options.class_weights is None:
            # Weights of classes, which can depend on all rows, would change what each row adds.
            self._tail.add(contributions(block, row))
        codes = cell_codes(block)
        cells = Groups(codes, self._k if block.codes is not None else 1)
        whole = Groups(codes, 1)
        for one in wanted:
            if one.rows is not None and not one.rows.size:
                continue
            groups = cells if one.cell is None else whole
            if one.a is None:
                self._count(one, groups)
            elif one.short and groups.count == 1:
                self._shorts.setdefault(one.name, ShortSums()).add(one.a)
            elif one.with_squares:
                self._add_moments(one, one.a, groups)
            else:
                self._sum(one, one.a, groups)

    def state(self) -> State:
        """The state of all that was added."""
        found = {name: counts.tolist() for name, counts in self._counts.items()}
        found |= self._totals
        found |= {name: table.integers(self._k) for name, table in self._tables.items()}
        found |= {name: [short.units(), *[0] * (self._k - 1)] for name, short in self._shorts.items()}
        for name, moments in self._moments.items():
            found[f"{name}_squared"] = [moments.squares(), *[0] * (self._k - 1)]
            if moments.count:
                found[name] = moments.sums() + [0] * (self._k - moments.count)
        sums = {name: tuple(cells) for name, cells in found.items() if any(cells)}
        groups = self._groups.sums()
        clusters = {value: group for (_, value), group in self._clusters.sums().items()}
        return self._noticed + State(self._plan.identity, sums, groups, clusters, self._forecasts.integers(), self._tail.tail())

    def _count(self, one: Quantity, groups: Groups) -> None:
        counts = self._counts.setdefault(one.name, np.zeros(self._k, dtype=np.int64))
        first = one.cell or 0
        counts[first : first + groups.count] += groups.counts(one.rows)

    def _sum(self, one: Quantity, values: Floats, groups: Groups) -> None:
        if one.rows is not None:
            groups = Groups(groups.codes[one.rows], groups.count)
        if groups.count > MOST_LOOPED:
            self._add_to_table(one, values, groups.codes)
            return
        totals = self._totals.setdefault(one.name, [0] * self._k)
        for cell, added in enumerate(_sums(one, values, groups), start=one.cell or 0):
            totals[cell] += added

    def _add_to_table(self, one: Quantity, values: Floats, codes: Codes) -> None:
        table = self._tables.setdefault(one.name, Table())
        if one.b is None:
            table.add(codes, values)
        else:
            table.add_products(codes, values, one.b)

    def _add_moments(self, one: Quantity, values: Floats, groups: Groups) -> None:
        # By more than two groups the values themselves are added as others are.
        count = groups.count if groups.count <= 2 else 0
        self._moments.setdefault(one.name, Moments(count)).add(values, groups)
        if not count:
            self._sum(one, values, groups)


def _sums(one: Quantity, values: Floats, groups: Groups) -> list[int]:
    if one.b is None:
        return groups.sums(values)
    return groups.square_sums(values) if one.b is values else groups.product_sums(values, one.b)
