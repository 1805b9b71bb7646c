"""Owns what every source gives: a head to look at, and columns in chunks."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol, TextIO, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from celoss import compute as pc
from celoss.bridge import from_texts, ndarray_or
from celoss.errors import CelossError, Diagnostic, Fault, Place, escape, quoted
from celoss.naming import LONGEST_INTEGER
from celoss.records import dataclass

T = TypeVar("T")

HEAD_ROWS = 1000
HEAD_CELLS = 100_000
CHUNK_ROWS = 1 << 17
# A head has at least one row of all columns, and every class is a column; a vocabulary of tokens has up to 262,144 words.
MOST_COLUMNS = 1 << 18
# Characters. A row of 100,000 numbers with all their digits takes 2.5 million; a file without line breaks takes all memory.
LONGEST_LINE = 1 << 24

# What counts as a number in text: ASCII digits with an optional sign, point and exponent. Thousands separators, decimal
# commas, hexadecimal, underscores, percent signs and other scripts' digits are not numbers here, whatever float() takes.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)
BLANKS = " \t"
# Rows that were cut wrongly, or are no text or no rows: nothing else is told of them.
STRUCTURE = ("E105", "E201", "E206", "E215")
# The last line of what the clients of databases print.
ROW_COUNT = re.compile(r"\(\d+ rows?\)|\d+ rows? in set.*", re.ASCII)
# Exchanges comma and point: `0,5` becomes a number and `0.5` none, in a file of decimal commas.
SWAPPED = str.maketrans(",.", ".,")
# `1,234` may be a thousand and more: such numbers alone do not show what the comma means.
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)


@dataclass(frozen=True)
class Column:
    """The head of one column: its name, what is stored, and the first values as canonical text ("" where missing).

    kind: `text` (as in CSV: anything), `number`, `bool` or `other`. spacing: relative distance of neighbouring stored
    numbers (2^-23 for float32), 0 for text and integers.
    """

    name: str
    kind: str
    texts: tuple[str, ...]
    spacing: float = 0.0

    @cached_property
    def numerals(self) -> tuple[str, ...]:
        """The texts that are numbers as celoss reads numbers."""
        return tuple(filter(is_number, self.texts))

    @cached_property
    def looks_numeric(self) -> bool:
        """Whether at least half of the values that are there are numbers: bad or missing cells do not hide a column."""
        if self.kind != "text":
            return self.kind == "number"
        if 2 * len(self.numerals) >= len(self.texts):
            return True
        return 2 * len(self.numerals) >= sum(bool(text) and not NOT_FINITE.fullmatch(text) for text in self.texts)

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """The values as numbers, NaN for what is none or missing; infinities are numbers."""
        if len(self.numerals) == len(self.texts):
            return tuple(map(float, self.texts))
        return tuple(float(text) if is_number(text) or NOT_FINITE.fullmatch(text) else math.nan for text in self.texts)

    @cached_property
    def decimals(self) -> int:
        """The most digits after the decimal point: 4 for 0.1234, 7 for 1.25e-5."""
        return max(map(_decimals, self.numerals), default=0)


@dataclass(frozen=True)
class Head:
    """The first rows of a source. `named` is False when the columns have no names of their own (arrays)."""

    columns: tuple[Column, ...]
    rows: int
    complete: bool
    named: bool = True

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns in file order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column called `name`, the first one of several without a name."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in reversed(self.columns)}


@dataclass(frozen=True)
class Chunk:
    """Some rows of the columns asked for, from row `start` (0-based) of the file.

    texts: one array (n,) for each text column, "" where a value is missing: strings, or a dictionary of strings, all
    different, of which some may not occur. A key can be int64 or uint64 instead, whose decimal digits are its text.
    numbers: (k, n) C-contiguous float64 planes of the number columns, NaN where a value is missing.
    faults: cells and rows that could not be read; their values above mean nothing. wanted: (n,) which rows matter, None for
    all: what is wrong with the others is told to nobody.
    """

    start: int
    rows: int
    texts: tuple[Any, ...]
    numbers: NDArray[np.float64]
    faults: tuple[Fault, ...] = ()
    wanted: NDArray[np.bool_] | None = None

    def only(self, wanted: NDArray[np.bool_]) -> Chunk:
        """The chunk with only these rows (n,) wanted; rows that were cut wrongly, or are no text, are told of all the same."""
        told = (one for one in self.faults if wanted[one.table_row - self.start] or one.code in STRUCTURE)
        return replace(self, faults=tuple(told), wanted=wanted)

    def part(self, offset: int, rows: int) -> Chunk:
        """`rows` rows from `offset` on."""
        if offset == 0 and rows == self.rows:
            return self
        first = self.start + offset
        return Chunk(
            first,
            rows,
            tuple(text.slice(offset, rows) for text in self.texts),
            np.ascontiguousarray(self.numbers[:, offset : offset + rows]),
            tuple(fault for fault in self.faults if first <= fault.table_row < first + rows),
            None if self.wanted is None else self.wanted[offset : offset + rows],
        )


@dataclass(frozen=True)
class Line:
    """One row of a text file as written: its line number, its text, and where each field stands in it.

    is_open: whether the file ends after it without a line break.
    """

    number: int
    text: str
    fields: tuple[str, ...]
    spans: tuple[tuple[int, int], ...] = ()
    is_open: bool = False


class Source(Protocol):
    """One input. It may be iterated more than once and hides format, compression and place.

    role: `predictions` or `labels`. path: as the user gave it, None for objects in memory. has_lines: whether a row
    has a line number in an editor.
    """

    role: str
    path: str | None
    format: str
    has_lines: bool

    @property
    def share_read(self) -> float | None:
        """How much of the input the present reading has read, 0 … 1; None where that is not known."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def head(self) -> Head:
        """The first rows; opens nothing twice."""

    def batches(self, texts: Sequence[str], numbers: Sequence[str], careful: bool = False, keys: int = 0) -> Iterator[Chunk]:
        """Reads the columns named, in order. With `careful` a text file is read slowly, cell by cell.

        The first `keys` of the texts are keys, which are only compared: they can come as integers.
        Raises Suspicious when the fast reader stumbles and a careful reading can say where and why.
        """

    def lines(self, rows: Sequence[int]) -> dict[int, Line]:
        """The given rows (0-based) as written, and the header as row -1; nothing for formats without lines."""


class Suspicious(Exception):  # noqa: N818 - a signal to read again carefully, never shown to a user
    """The fast reader could not read the file; the careful one finds the exact place, or reads it."""


class LongLine(Exception):  # noqa: N818 - the source that reads the lines makes E111 of it
    """A line has more than `limit` characters. number: the line, 1-based."""

    def __init__(self, number: int, limit: int) -> None:
        super().__init__(f"line {number} is longer than {limit} characters")
        self.number = number
        self.limit = limit

    def diagnostic(self, name: str) -> Diagnostic:
        """What the user reads about the file called `name`."""
        return Diagnostic(
            "E111",
            f"line {self.number} is longer than {self.limit:,} characters",
            (Place(name, self.number),),
            help="a table has one row per line; the line breaks may be missing",
        )


def bounded_lines(text: TextIO, limit: int = LONGEST_LINE) -> Iterator[str]:
    """The lines of a text with their line breaks. Raises LongLine for one that is longer than `limit`, without reading on."""
    number = 0
    while line := text.readline(limit + 1):
        number += 1
        if len(line) > limit:
            raise LongLine(number, limit)
        yield line


def read_all(fold: Callable[[bool], T]) -> T:
    """What `fold(careful)` makes of all that it reads: quickly, and from the beginning with care if that raises Suspicious.

    `fold` keeps nothing of a reading that was given up, so that no row counts twice.
    """
    try:
        return fold(False)
    except Suspicious:
        return fold(True)


def _decimals(text: str) -> int:
    found = NUMBER.fullmatch(text.strip(BLANKS))
    if found is None or len(text) > LONGEST_INTEGER:
        return 0
    exponent = int(found[2][1:]) if found[2] else 0
    return max(0, len(found[1].partition(".")[2]) - exponent)


def is_number(text: str) -> bool:
    """Whether a text is a number as celoss reads numbers."""
    return NUMBER.fullmatch(text.strip(BLANKS)) is not None


def number_hint(text: str, decimal: str = ".") -> str:
    """What to write instead of a text that is nearly a number; empty when it is not. decimal: the file's decimal mark."""
    stripped = text.strip(BLANKS)
    if stripped.endswith("%") and is_number(stripped[:-1]):
        return f"write the share, not the percentage: {Decimal(stripped[:-1]) / 100:f} for {stripped}"
    if decimal == "," and "." in stripped and is_number(stripped):
        return "numbers of this file have decimal commas; write " + stripped.translate(SWAPPED)
    # `1,234` may be 1234 as well.
    if stripped.count(",") == 1 and is_number(stripped.replace(",", ".")) and not THOUSANDS.fullmatch(stripped):
        return "write a decimal point, not a comma: " + stripped.replace(",", ".")
    return ""


def ragged_hint(fields: Sequence[str], expected: int) -> str:
    """What may have gone wrong with a line that has not as many fields as the header."""
    if any("\n" in field or "\r" in field for field in fields):
        return 'a quote " may be opened and not closed'
    if fields[0].startswith("#"):
        return "if it is a comment, remove the line"
    if len(fields) == 1 and ROW_COUNT.fullmatch(fields[0].strip()):
        return "it is a count of rows, as databases write it; remove the line"
    if len(fields) > expected:
        return 'an unquoted comma inside a value does this, or a missing column name; quote such values with "'
    return "the line may be cut off, or a value holds a line break that is not quoted"


def check_width(source: str, line: int | None, columns: int) -> None:
    """Raises CelossError (E213) for more columns, places of lists included, than celoss takes."""
    if columns > MOST_COLUMNS:
        raise CelossError(
            Diagnostic(
                "E213",
                f"{escape(source)} has {columns:,} columns",
                (Place(source, line),),
                details=(f"at most {MOST_COLUMNS:,} columns, numbers in a list included, are read",),
            )
        )


def check_names(source: str, line: int | None, names: Sequence[str]) -> None:
    """Raises CelossError when there are too many columns (E213), or two have one name (E203); unnamed ones may be several."""
    check_width(source, line, len(names))
    for name, count in Counter(names).items():
        if name and count > 1:
            fields = [str(index + 1) for index, other in enumerate(names) if other == name]
            raise CelossError(
                Diagnostic(
                    "E203",
                    f"{len(fields) if len(fields) > 2 else 'two'} columns are called {quoted([name])}",
                    (Place(source, line),),
                    details=(f"found: columns {', '.join(fields[:-1])} and {fields[-1]}",),
                    help="give every column its own name",
                )
            )


def head_rows(columns: int) -> int:
    """How many rows a head of that many columns holds."""
    return max(1, min(HEAD_ROWS, HEAD_CELLS // max(columns, 1)))


def as_text(values: Any) -> Any:
    """Canonical text of an Arrow array, the one written rule by which values of different types match.

    Text stays as it is. Integers are decimal digits. Floats that are whole (below 2^53) are written as integers, others by
    the shortest digits that read back. Booleans are True and False. Decimals lose trailing zeros. Dates and times are ISO
    8601, midnight as the date alone. Missing values (and float NaN) are the empty text.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return as_text(pc.dictionary_decode(values))
    if pa.types.is_boolean(kind):
        text = pc.if_else(values, "True", "False")
    elif pa.types.is_floating(kind):
        text = from_texts(_float_texts(ndarray_or(values, np.nan)))
    elif pa.types.is_decimal(kind):
        text = pc.replace_substring_regex(pc.cast(values, pa.string()), r"\.0*$|(\.\d*?)0+$", r"\1")
    else:
        text = values if pa.types.is_string(kind) else pc.cast(values, pa.string())
        if pa.types.is_timestamp(kind):
            text = pc.replace_substring_regex(text, r"\.0*$|(\.\d*?)0+$", r"\1")
            text = pc.replace_substring_regex(text, r"[ T]00:00:00$", "")
    return text.fill_null("") if text.null_count else text


def _float_texts(values: NDArray[Any]) -> list[str]:
    wide = values.astype(np.float64)
    with np.errstate(invalid="ignore"):
        whole = (np.abs(wide) < 2.0**53) & (wide == np.trunc(wide))
        integers = np.where(whole, wide, 0.0).astype(np.int64)
    # The shortest digits are those of the stored width: 0.1 for a float32, not 0.10000000149011612.
    texts: list[str] = np.where(np.isnan(wide), "", np.where(whole, integers.astype(str), values.astype(str))).tolist()
    return texts


def as_numbers(values: Any, start: int, column: str, role: str) -> tuple[NDArray[np.float64], list[Fault]]:
    """float64 of an Arrow array, NaN where missing, and a fault (E501) for each value that is not a number."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return as_numbers(pc.dictionary_decode(values), start, column, role)
    if pa.types.is_float64(kind):
        return ndarray_or(values, np.nan), []
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return ndarray_or(pc.cast(values, pa.float64(), safe=False), np.nan), []
    return parse_numbers(as_text(values).to_pylist(), start, column, role)


def parse_numbers(
    texts: Sequence[str], start: int, column: str, role: str, decimal: str = "."
) -> tuple[NDArray[np.float64], list[Fault]]:
    """float64 of texts, NaN where a text is empty, and a fault (E501) for each that is not a number."""
    numbers = np.empty(len(texts))
    faults = []
    for index, text in enumerate(texts):
        stripped = text.strip(BLANKS)
        if decimal == ",":
            stripped = stripped.translate(SWAPPED)
        if NUMBER.fullmatch(stripped) or NOT_FINITE.fullmatch(stripped):
            numbers[index] = float(stripped)
        else:
            numbers[index] = np.nan
            if text:
                faults.append(Fault(start + index, column, text, "E501", role))
    return numbers, faults


def joined(columns: Sequence[Any]) -> Any:
    """The texts or keys of several chunks, one after another; as plain texts where they come as different types."""
    kinds = {column.type for column in columns}
    return pa.concat_arrays(columns if len(kinds) == 1 else [as_text(column) for column in columns])


def planes(columns: Sequence[NDArray[np.float64]], rows: int) -> NDArray[np.float64]:
    """Columns (n,) as contiguous planes (k, n); a single column is not copied."""
    if len(columns) == 1:
        return np.ascontiguousarray(columns[0])[np.newaxis, :]
    result = np.empty((len(columns), rows))
    for plane, column in zip(result, columns, strict=True):
        plane[:] = column
    return result
