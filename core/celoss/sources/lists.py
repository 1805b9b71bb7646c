"""Owns columns of lists of numbers: the columns `p[0]`, `p[1]`, … they count as, and their elements, typed or in text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from celoss import compute as pc
from celoss.bridge import from_ndarray, ndarray, ndarray_or
from celoss.errors import Fault
from celoss.kernels import Floats, Mask
from celoss.records import dataclass
from celoss.sources.base import NOT_FINITE, NUMBER, Suspicious, as_numbers, as_text

NO_LIST = -1

BLANKS = " \t\r\n\v\f"
# As JSON, NumPy and Python print them. One number in parentheses is no list: `(5)` is how accountants write -5.
LIST = re.compile(r"\[([^\[\]()]*)\]|\(([^\[\]()]*,[^\[\]()]*)\)")


@dataclass(frozen=True)
class Lists:
    """The stored columns that hold lists, with the length that each list has."""

    widths: Mapping[str, int]

    @cached_property
    def places(self) -> dict[str, tuple[str, int]]:
        """Column of numbers `p[2]` → the list column `p` and the place 2 in it; one alone keeps the name of the list."""
        return {name: (stored, place) for stored in self.widths for place, name in enumerate(self.names(stored))}

    def names(self, stored: str) -> list[str]:
        """What the columns of a list column are called."""
        width = self.widths[stored]
        return [f"{stored}[{place}]" for place in range(width)] if width > 1 else [stored]

    def stored(self, name: str) -> str:
        """The stored column that the column `name` is read from."""
        return self.places[name][0] if name in self.places else name

    def columns(self, names: Iterable[str], read: Callable[[str, int], Elements]) -> dict[str, ListColumn]:
        """Those of these names that are places of lists; read(stored, width) reads a list column, each once."""
        wanted = [name for name in names if name in self.places]
        found = {stored: read(stored, self.widths[stored]) for stored in dict.fromkeys(map(self.stored, wanted))}
        return {name: ListColumn(found[self.stored(name)], self.places[name][1]) for name in wanted}


NO_LISTS = Lists({})


@dataclass(frozen=True)
class Elements:
    """The elements of n lists of numbers, one list after the other.

    values: Arrow array (n · width,), null where a list is missing or has another length.
    """

    values: Any
    width: int

    @cached_property
    def planes(self) -> Floats:
        """float64 planes (width, n), NaN where missing; a view."""
        numbers, _ = as_numbers(self.values, 0, "", "")
        return numbers.reshape(-1, self.width).T

    def texts(self, place: int) -> Any:
        """Canonical texts (n,) of one place of the lists."""
        return as_text(pc.take(self.values, from_ndarray(np.arange(place, len(self.values), self.width))))


@dataclass(frozen=True)
class ListColumn:
    """One place of n lists: a column."""

    elements: Elements
    place: int

    @property
    def numbers(self) -> Floats:
        """float64 (n,), NaN where missing."""
        column: Floats = self.elements.planes[self.place]
        return column

    @property
    def texts(self) -> Any:
        """Canonical texts (n,)."""
        return self.elements.texts(self.place)


def elements(lists: Any, width: int, start: int, column: str, role: str) -> tuple[Elements, list[Fault]]:
    """The elements of an Arrow array (n,) of lists, and a fault (E507) for each row whose list has another length."""
    # A list that is missing is a missing value, as an empty cell of a text file is.
    lengths = ndarray_or(pc.list_value_length(lists), NO_LIST)
    fits = lengths == width
    faults = [
        wrong_length(start + row, column, int(lengths[row]), role)
        for row in np.flatnonzero(~fits & (lengths != NO_LIST)).tolist()
    ]
    kept = lists if fits.all() else pc.take(lists, from_ndarray(np.flatnonzero(fits)))
    return Elements(_spread(pc.list_flatten(kept), fits, width), width), faults


def _spread(values: Any, filled: Mask, width: int) -> Any:
    """The elements of the lists of the `filled` rows (n,) with nulls for the other rows: (n · width,)."""
    if filled.all():
        return values
    places = np.cumsum(np.repeat(filled, width)) - 1
    # A take by null gives null, and pyarrow makes nulls of NumPy's booleans only through pandas.
    missing = pa.nulls(1, values.type)
    places[~np.repeat(filled, width)] = len(values)
    return pc.take(pa.concat_arrays([values, missing]), from_ndarray(places))


def wrong_length(row: int, column: str, count: int, role: str) -> Fault:
    """The fault of a list that has `count` numbers, and should have another number of them."""
    return Fault(row, column, "1 number" if count == 1 else f"{count} numbers", "E507", role)


# --- lists in text --------------------------------------------------------------------------------------------------------


def list_width(cells: Sequence[str]) -> int:
    """The length of the first list where most of the cells that are not empty are lists of numbers, else 0.

    A few bad cells do not hide a column: they are for the reading of every row to find.
    """
    filled = [cell.strip(BLANKS) for cell in cells if cell]
    lists = [numbers for cell in filled if LIST.fullmatch(cell) and (numbers := list_numbers(cell)) is not None]
    return len(lists[0]) if len(lists) * 2 > len(filled) else 0


def list_numbers(cell: str) -> list[float] | None:
    """The numbers of one cell, a list or a single number; None for anything else."""
    found = LIST.fullmatch(cell.strip(BLANKS))
    if found is None:
        parts = [cell]
    else:
        inner = found[1] or found[2] or ""
        parts = inner.split(",") if "," in inner else inner.split()
    stripped = [part.strip(BLANKS) for part in parts]
    if all(NUMBER.fullmatch(part) or NOT_FINITE.fullmatch(part) for part in stripped):
        return list(map(float, stripped))
    return None


def parse_lists(cells: Sequence[str], width: int, start: int, column: str, role: str) -> tuple[Elements, list[Fault]]:
    """The elements of cells (n,), none for an empty one, and faults for another length (E507) and for no number (E501)."""
    values = np.full((len(cells), width), np.nan)
    faults = []
    for row, cell in enumerate(cells):
        numbers = list_numbers(cell)
        if numbers is not None and len(numbers) == width:
            values[row] = numbers
        elif numbers is not None:
            faults.append(wrong_length(start + row, column, len(numbers), role))
        elif cell:
            faults.append(Fault(start + row, column, cell, "E501", role))
    return Elements(from_ndarray(values.ravel()), width), faults


def split_lists(cells: Any, width: int) -> Elements:
    """The elements of an Arrow array of cells (n,), none for an empty one.

    Raises Suspicious or an ArrowException unless all are in square brackets and written alike.
    """
    filled = ndarray(pc.binary_length(cells)) > 0
    kept = pc.ascii_trim_whitespace(cells if filled.all() else pc.take(cells, from_ndarray(np.flatnonzero(filled))))
    if not pc.all(pc.and_(pc.starts_with(kept, "["), pc.ends_with(kept, "]"))).as_py():
        raise Suspicious("a cell is not a list in square brackets")
    inner = pc.ascii_trim_whitespace(pc.utf8_slice_codeunits(kept, 1, -1))
    has_commas = pc.any(pc.match_substring(inner, ",")).as_py()
    lists = pc.split_pattern(inner, ",") if has_commas else pc.ascii_split_whitespace(inner)
    if (ndarray(pc.list_value_length(lists)) != width).any():
        raise Suspicious("a list has another length than the first")
    numbers = pc.cast(pc.ascii_trim_whitespace(pc.list_flatten(lists)), pa.float64())
    return Elements(_spread(numbers, filled, width), width)
