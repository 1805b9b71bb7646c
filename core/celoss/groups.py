"""Owns the sums by the values of the --by and --cluster columns: as many groups as values, at a cost that only rows decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from celoss.bridge import dictionary, ndarray
from celoss.exact import Table
from celoss.kernels import Codes
from celoss.quantities import Quantity
from celoss.state import GroupSums


class GroupTables:
    """The sums of one reading by value, in tables that grow; `sums` gives them as the integers of a State.

    columns: how many there are. cells: how many cells each value has.
    """

    def __init__(self, columns: int, cells: int) -> None:
        self._columns = [_Column(cells) for _ in range(columns)]

    def add(self, texts: Sequence[Any], codes: Codes, wanted: Sequence[Quantity]) -> None:
        """Adds quantities of rows with the values of each column, `texts`, each (n,), and their cells (n,)."""
        for column, values in zip(self._columns, texts, strict=True):
            column.add(values, codes, wanted)

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
        # Pairs are in order, so each value has its cells, in order, side by side.
        places = self._places.tolist()
        columns = {name: list(map(column.__getitem__, places)) for name, column in columns.items()}
        cells = (self._pairs % self._cells).tolist()
        bounds = np.searchsorted(self._pairs, np.arange(len(self._values) + 1) * self._cells).tolist()
        for value, number in self._values.items():
            start, end = bounds[number], bounds[number + 1]
            # An entry of a dictionary that no row has is no group.
            if start < end:
                sums = {name: tuple(part) for name, column in columns.items() if any(part := column[start:end])}
                yield value, GroupSums(tuple(cells[start:end]), sums)
