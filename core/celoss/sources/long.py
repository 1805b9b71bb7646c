"""Owns the long form: a file with one row for each case and class, presented with one row for each case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from celoss.bridge import from_ndarray
from celoss.errors import Fault
from celoss.kernels import Floats
from celoss.naming import class_text
from celoss.records import dataclass
from celoss.sources.base import (
    CHUNK_ROWS,
    Chunk,
    Column,
    Head,
    Line,
    Source,
    as_text,
    check_names,
    head_rows,
    planes,
    read_all,
)
from celoss.sources.cases import NO_CLASS, Rows, Turn, are_together, first_cases, in_memory, keyed, whole_cases

# A few cases whose rows differ where they should not are for the check of every row to find.
MOST_CASES = 0.5
# A head whose cases have no more than this share of their rows is of a file in another order: class by class, or shuffled.
LEAST_FILLED = 0.5


class LongSource:
    """`source` with one row for each case, and a column of numbers for each class instead of the class and value columns.

    A case is a combination of values of `id_columns`; cases come in the order in which they first appear. Any other column
    has the value that all rows of the case share. Where the rows of every case are together the file is streamed,
    otherwise it is turned in memory.

    Faults have the row of the long file, and the case. Besides those of `source`: E509 for a case without a row for some
    class, E510 for a class that a case has twice, E511 for one that is none of `classes`, E512 for a value that is not the
    one of the case's first row. Of a case with an unreadable row or an unknown class nothing else is told.
    """

    def __init__(
        self, source: Source, id_columns: tuple[str, ...], class_column: str, value_column: str, classes: tuple[str, ...]
    ) -> None:
        self._source = source
        self.role = source.role
        self.path = source.path
        self.name = source.name
        self.format = source.format
        self.has_lines = source.has_lines
        self.delimiter = getattr(source, "delimiter", None)
        self.id_columns = id_columns
        self.class_column = class_column
        self.value_column = value_column
        self.classes = classes
        self._codes = {name: code for code, name in enumerate(classes)}
        self._together: bool | None = None

    def lines(self, rows: Sequence[int]) -> dict[int, Line]:
        """Rows of the long file."""
        return self._source.lines(rows)

    def in_file(self, faults: Sequence[Fault]) -> list[Fault]:
        """Faults of cases as faults of the file: at the row of the class, or the first of the case, under the file's columns.

        Reads the whole file, carefully; a fault that has a row of the file already stays as it is.
        """
        mine = {one.row for one in faults if one.case is None} | {one.first_row for one in faults if one.first_row is not None}
        first: dict[int, int] = {}
        cells: dict[tuple[int, str], int] = {}
        cases: dict[str, int] = {}
        for chunk in self._rows([*self.id_columns, self.class_column], [], careful=True):
            keys, classes = chunk.texts[0].to_pylist(), chunk.texts[-1].to_pylist()
            for row, (key, name) in enumerate(zip(keys, classes, strict=True), start=chunk.start):
                case = cases.setdefault(key, len(cases))
                if case in mine:
                    first.setdefault(case, row)
                    cells.setdefault((case, class_text(name)), row)
        return [one if one.case is not None else self._in_file(one, first, cells) for one in faults]

    def _in_file(self, fault: Fault, first: dict[int, int], cells: dict[tuple[int, str], int]) -> Fault:
        row = cells.get((fault.row, fault.column or ""), first.get(fault.row, fault.row))
        before = None if fault.first_row is None else first.get(fault.first_row, fault.first_row)
        column = fault.column if fault.column is None else self._stored(fault.column)
        return replace(fault, row=row, column=column, first_row=before, case=fault.row)

    # --- all cases --------------------------------------------------------------------------------------------------------

    def is_contiguous(self, careful: bool = False) -> bool:
        """Whether the rows of every case are together. Reads the ids of the whole file, once, and keeps one for each case."""
        if self._together is None:
            self._together = are_together(self._rows(self.id_columns, [], careful))
        return self._together

    @property
    def share_read(self) -> float | None:
        """See Source."""
        return self._source.share_read

    def batches(self, texts: Sequence[str], numbers: Sequence[str], careful: bool = False, keys: int = 0) -> Iterator[Chunk]:
        """See Source. The text of a class is that of the value column."""
        together = whole_cases if self.is_contiguous(careful) else in_memory
        written = list(dict.fromkeys([*self.id_columns, self.class_column, *map(self._stored, texts)]))
        counted = list(dict.fromkeys(map(self._stored, numbers)))
        start = 0
        for rows in together(self._rows(written, counted, careful)):
            stored = _Named(
                rows, dict(zip(written, rows.texts[1:], strict=True)), dict(zip(counted, rows.numbers, strict=True))
            )
            cases = self._cases(stored, start, texts, numbers)
            for offset in range(0, cases.rows, CHUNK_ROWS):
                yield cases.part(offset, min(CHUNK_ROWS, cases.rows - offset))
            start += cases.rows

    def _stored(self, name: str) -> str:
        """The column of the long file that a column of the cases is made of."""
        return self.value_column if name in self._codes else name

    def _rows(self, texts: Sequence[str], numbers: Sequence[str], careful: bool) -> Iterator[Chunk]:
        """Chunks of the long file with the key of the case first; its texts begin with the id columns."""
        return (keyed(chunk, len(self.id_columns)) for chunk in self._source.batches(texts, numbers, careful))

    def _cases(self, stored: _Named, start: int, texts: Sequence[str], numbers: Sequence[str]) -> Chunk:
        """The chunk of cases, numbered from `start` on, that some rows of the long file are."""
        turn = Turn.of(stored.rows.texts[0], stored.texts[self.class_column], self.classes)
        unequal: list[tuple[str, Any, Rows]] = []

        def columns(names: Sequence[str], values: dict[str, Any], by_class: Any, shared: Any) -> list[Any]:
            codes = [self._codes[name] for name in names if name in self._codes]
            of_classes = iter(by_class(values[self.value_column], codes) if codes else ())
            result = []
            for name in names:
                if name in self._codes:
                    result.append(next(of_classes))
                else:
                    column, others = shared(values[name])
                    result.append(column)
                    unequal.append((name, values[name], others))
            return result

        written = columns(texts, stored.texts, turn.class_texts, turn.shared_texts)
        values = planes(columns(numbers, stored.numbers, turn.class_numbers, turn.shared_numbers), len(turn.first))
        return Chunk(start, len(turn.first), tuple(written), values, tuple(self._faults(stored, turn, start, unequal)))

    def _faults(self, stored: _Named, turn: Turn, start: int, unequal: Sequence[tuple[str, Any, Rows]]) -> Iterator[Fault]:
        """The faults of the rows, those of the cases, and those of the columns (name, values, rows) that differ in a case."""
        first = stored.rows.start
        unreadable = np.zeros(stored.rows.rows, dtype=np.bool_)
        unreadable[[fault.row - first for fault in stored.rows.faults]] = True
        unknown = (turn.codes == NO_CLASS) & ~unreadable
        silent = np.zeros(len(turn.first), dtype=np.bool_)
        silent[turn.cases[unreadable | unknown]] = True

        def fault(row: int, column: str, value: str, code: str) -> Fault:
            return Fault(first + row, column, value, code, self.role, case=start + int(turn.cases[row]))

        for one in stored.rows.faults:
            yield replace(one, case=start + int(turn.cases[one.row - first]))
        named = stored.texts[self.class_column]
        for row in np.flatnonzero(unknown).tolist():
            yield fault(row, self.class_column, named[row].as_py(), "E511")
        for row in np.flatnonzero(turn.repeated & ~silent[turn.cases]).tolist():
            yield fault(row, self.class_column, named[row].as_py(), "E510")
        for case in np.flatnonzero(turn.lacking & ~silent).tolist():
            row = int(turn.first[case])
            key = ", ".join(stored.texts[name][row].as_py() for name in self.id_columns)
            yield fault(row, self.classes[int(turn.at[:, case].argmin())], key, "E509")
        for name, values, others in unequal:
            for row in others[~silent[turn.cases[others]]].tolist():
                yield fault(row, name, _shown(values[row]), "E512")

    # --- the head ---------------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        """One row for each case; where the rows of cases are not together, the first cases are sought in the whole file."""
        return self._head

    @cached_property
    def _head(self) -> Head:
        head = self._source.head()
        cases = rows_of_cases(head, self.id_columns)
        if not head.complete:
            # The last one may go on after the head.
            cases = cases[:-1]
            if not self._are_whole(cases):
                head = self._first_cases(head)
                cases = rows_of_cases(head, self.id_columns)
        shared = [
            replace(column, texts=tuple(column.texts[rows[0]] for rows in cases))
            for column in head.columns
            if column.name not in (self.class_column, self.value_column) and varying(column, cases) <= MOST_CASES
        ]
        columns = (*shared, *self._class_columns(head, cases))
        check_names(self.name, 1 if self.has_lines else None, [column.name for column in columns])
        return Head(columns, len(cases), head.complete)

    def _class_columns(self, head: Head, cases: Sequence[Sequence[int]]) -> list[Column]:
        names = [class_text(text) for text in head.column(self.class_column).texts]
        value = head.column(self.value_column)
        cells = [{names[row]: value.texts[row] for row in reversed(rows)} for rows in cases]
        return [Column(name, value.kind, tuple(cell.get(name, "") for cell in cells), value.spacing) for name in self.classes]

    def _are_whole(self, cases: Sequence[Sequence[int]]) -> bool:
        """Whether the rows of a head, case by case, are those of a file that has the rows of every case together."""
        together = all(rows[-1] - rows[0] < len(rows) for rows in cases)
        return together and sum(map(len, cases)) > LEAST_FILLED * len(cases) * len(self.classes)

    def _first_cases(self, head: Head) -> Head:
        """The rows of the first cases, wherever in the file they are, as a head that is not complete."""
        written = [column for column in head.columns if column.name != self.value_column and _has_text(column)]
        names = list(dict.fromkeys([*self.id_columns, *(column.name for column in written)]))
        count = head_rows(len(names) + len(self.classes))
        rows = read_all(lambda careful: first_cases(self._rows(names, [self.value_column], careful), count))
        texts = {name: tuple(column.to_pylist()) for name, column in zip(names, rows.texts[1:], strict=True)}
        # Not as text, which would keep a decimal comma.
        values = tuple(as_text(from_ndarray(rows.numbers[0])).to_pylist())
        columns = [replace(column, texts=texts[column.name]) for column in written]
        return Head((*columns, replace(head.column(self.value_column), texts=values)), rows.rows, False)


@dataclass(frozen=True)
class _Named:
    """Some rows of the long file, and their columns by name."""

    rows: Chunk
    texts: dict[str, Any]
    numbers: dict[str, Floats]


def _shown(value: Any) -> str:
    """A number or an Arrow text as a fault tells it; a missing one is empty."""
    if isinstance(value, float):
        return repr(float(value)) if value == value else ""
    return str(value.as_py())


def _has_text(column: Column) -> bool:
    """Whether a column can be read as text; structures and bytes cannot."""
    return column.kind != "other" or any(column.texts)


def rows_of_cases(head: Head, id_columns: Sequence[str]) -> list[list[int]]:
    """The rows of each case of a head, in the order in which the cases first appear."""
    cases: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(zip(*(head.column(name).texts for name in id_columns), strict=True)):
        cases.setdefault(key, []).append(row)
    return list(cases.values())


def varying(column: Column, cases: Sequence[Sequence[int]]) -> float:
    """The share of the cases with several rows that have several values in a column."""
    several = [{column.texts[row] for row in rows} for rows in cases if len(rows) > 1]
    return sum(len(values) > 1 for values in several) / max(1, len(several))
