"""Owns the sums by the values of the --by columns: as many groups as there are values, at a cost that only rows decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from celoss.bridge import dictionary, ndarray
from celoss.checks import Batch
from celoss.exact import Table
from celoss.kernels import Codes
from celoss.plan import Plan
from celoss.quantities import Quantity, cell_codes
from celoss.state import GroupSums


class GroupTables:
    """The sums of one reading by value, in tables that grow; `sums` gives them as the integers of a State."""

    def __init__(self, plan: Plan) -> None:
        self._columns = [_Column(len(plan.classes)) for _ in plan.by]

    def add(self, block: Batch, wanted: Sequence[Quantity]) -> None:
        """Adds the `quantities` of a block."""
        for column, texts in zip(self._columns, block.by, strict=True):
            column.add(texts, cell_codes(block), wanted)

    def sums(self) -> dict[tuple[int, str], GroupSums]:
        """(number of the column, value) → its sums."""
        return {(by, value): group for by, column in enumerate(self._columns) for value, group in column.groups()}


class _Column:
    """The sums by the values of one column. A pair of value and cell that occurs has a number, its place in the tables."""

    def __init__(self, cells: int) -> None:
        self._cells = cells
        self._values: dict[str, int] = {}
        # Pairs in order, and the number of each: its place in the tables, by its first appearance.
        self._pairs = np.empty(0, dtype=np.intp)
        self._places = np.empty(0, dtype=np.intp)
        self._tables: dict[str, Table] = {}
        self._counts: dict[str, Codes] = {}

    def add(self, texts: Any, cells: Codes, wanted: Sequence[Quantity]) -> None:
        encoded = dictionary(texts)
        values = np.array([self._values.setdefault(text, len(self._values)) for text in encoded.dictionary.to_pylist()])
        of_row = values[ndarray(encoded.indices)] * self._cells
        own = self._numbered(of_row + cells)
        for one in wanted:
            if one.rows is not None and not one.rows.size:
                continue
            rows = slice(None) if one.rows is None else one.rows
            self._sum(one, own[rows] if one.cell is None else self._numbered(of_row[rows] + one.cell))

    def _sum(self, one: Quantity, places: Codes) -> None:
        if one.a is None:
            counts = np.bincount(places, minlength=len(self._places))
            before = self._counts.get(one.name, counts[:0])
            counts[: len(before)] += before
            self._counts[one.name] = counts
            return
        table = self._tables.setdefault(one.name, Table())
        if one.b is None:
            table.add(places, one.a)
        elif one.b is one.a:
            table.add_squares(places, one.a)
        else:
            table.add_products(places, one.a, one.b)

    def _numbered(self, pairs: Codes) -> Codes:
        """The numbers (n,) of pairs of value and cell, new ones for those that are new."""
        distinct, inverse = np.unique(pairs, return_inverse=True)
        at = np.minimum(np.searchsorted(self._pairs, distinct), max(len(self._pairs) - 1, 0))
        known = self._pairs[at] == distinct if len(self._pairs) else np.zeros(len(distinct), dtype=np.bool_)
        if not known.all():
            fresh = distinct[~known]
            pairs = np.concatenate([self._pairs, fresh])
            places = np.concatenate([self._places, len(self._places) + np.arange(len(fresh))])
            order = np.argsort(pairs)
            self._pairs, self._places = pairs[order], places[order]
            at = np.searchsorted(self._pairs, distinct)
        return self._places[at][inverse]

    def groups(self) -> Iterator[tuple[str, GroupSums]]:
        """Each value with its sums."""
        count = len(self._places)
        columns = {name: table.integers(count) for name, table in self._tables.items()}
        for name, counts in self._counts.items():
            columns[name] = counts.tolist() + [0] * (count - len(counts))
        # Pairs are in order, so the cells of each value are.
        found: list[list[tuple[int, int]]] = [[] for _ in self._values]
        for pair, place in zip(self._pairs.tolist(), self._places.tolist(), strict=True):
            found[pair // self._cells].append((pair % self._cells, place))
        for value, number in self._values.items():
            cells = tuple(cell for cell, _ in found[number])
            if not cells:
                # An entry of a dictionary that no row has.
                continue
            sums = {name: tuple(column[place] for _, place in found[number]) for name, column in columns.items()}
            yield value, GroupSums(cells, {name: one for name, one in sums.items() if any(one)})
