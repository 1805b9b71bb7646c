"""Owns delimited text (CSV, TSV): a fast reading by Arrow, and a careful one, line by line, that finds the exact cell."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from celoss.bridge import from_texts, ndarray_or
from celoss.errors import CelossError, Diagnostic, Fault, Place, escape
from celoss.kernels import Floats
from celoss.sources.base import (
    Chunk,
    Column,
    Head,
    Line,
    Suspicious,
    check_names,
    head_rows,
    parse_numbers,
    planes,
    ragged_hint,
)
from celoss.sources.commas import decimal_mark, with_points
from celoss.sources.lists import Elements, Lists, list_numbers, list_width, parse_lists, split_lists
from celoss.sources.streams import DAMAGED, Input

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
BLOCK_BYTES = 1 << 20
CAREFUL_ROWS = 4096
SNIFFED_RECORDS = 50
# The csv module's own limit of 128 KiB a field is meant against runaway quotes; a list of many numbers can be longer.
LONGEST_FIELD = 1 << 27

Record = tuple[int, list[str]]


class TextSource:
    """A delimited text file with a header line.

    Ids and labels are read as text. A blank line is skipped, except in a file of one column, where it is an empty value. A
    column of lists of numbers counts as columns called `name[0]`, `name[1]`, ….
    """

    format = "csv"
    has_lines = True

    def __init__(self, source: Input, role: str, delimiter: str | None) -> None:
        csv.field_size_limit(LONGEST_FIELD)
        self._input = source
        self.role = role
        self.path: str | None = source.path
        self.name = source.name
        self._check_encoding()
        self.delimiter = delimiter or self._sniff_delimiter()
        self._names = self._header()

    def _check_encoding(self) -> None:
        start = self._input.start
        wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
            len(start) > 3 and 0 in (start[0], start[1]) and start[0] != start[1]
        )
        if wide:
            raise CelossError(
                Diagnostic(
                    "E105",
                    f"'{escape(self.name)}' is not UTF-8",
                    (Place(self.name, 1),),
                    details=("found: UTF-16, two bytes for each character",),
                    help=f"convert: iconv -f UTF-16 -t UTF-8 {self.name} > {self.name}.utf8",
                )
            )

    def _records(self, delimiter: str) -> Iterator[Record]:
        """Line number (of the record's first line) and fields; blank lines are left out where Arrow leaves them out."""
        with io.TextIOWrapper(self._buffered(), "utf-8-sig", errors="surrogateescape", newline="") as text:
            reader = csv.reader(text, delimiter=delimiter)
            single = False
            line = 1
            try:
                for index, fields in enumerate(reader):
                    if index == 0:
                        single = len(fields) == 1
                    if fields or single:
                        yield line, fields or [""]
                    line = reader.line_num + 1
            except csv.Error as error:
                raise CelossError(
                    Diagnostic("E207", f"cannot read the text: {error}", (Place(self.name, reader.line_num),))
                ) from None
            except DAMAGED as error:
                raise CelossError(self._input.broken(error)) from None

    def _buffered(self) -> io.BufferedReader:
        stream = self._input.open()
        return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream, BLOCK_BYTES)

    def _sniff_delimiter(self) -> str:
        """The delimiter that cuts the first records into equally many fields, at least two; the one with most fields."""
        best, most = ",", 1
        for delimiter in DELIMITERS:
            counts = [len(fields) for _, fields in islice(self._records(delimiter), SNIFFED_RECORDS)]
            header = counts[0] if counts else 1
            usual = sum(count == header for count in counts) * 2 > len(counts)
            if header > most and (usual or (best == "," and most == 1)):
                best, most = delimiter, header
        return best

    def _header(self) -> tuple[str, ...]:
        first = next(self._records(self.delimiter), None)
        if first is None:
            raise CelossError(Diagnostic("E103", f"'{escape(self.name)}' holds only blank lines", (Place(self.name, 1),)))
        _, names = first
        check_names(self.name, 1, names)
        self._check_encoded(names)
        if len(names) == 1:
            other = next((mark for mark in DELIMITERS if mark != self.delimiter and mark in names[0]), None)
            if other:
                raise CelossError(self._one_column(names[0], other))
        return tuple(names)

    def _check_encoded(self, names: Sequence[str]) -> None:
        for name in names:
            if any("\udc80" <= ch <= "\udcff" for ch in name):
                raise CelossError(self._not_utf8(Line(1, "", tuple(names)), name))

    def _one_column(self, header: str, other: str) -> Diagnostic:
        shown = "tab" if other == "\t" else f"'{other}'"
        return Diagnostic(
            "E202",
            f"'{escape(self.name)}' has one column, '{escape(header)}'",
            (Place(self.name, 1),),
            help=f"the fields are separated by {shown}. Add --input-format " + ("tsv" if other == "\t" else f"'csv:{other}'"),
        )

    @cached_property
    def _first(self) -> tuple[list[tuple[str, ...]], bool]:
        """The cells of the first rows, column by column, and whether there are no more; long lists count as many columns."""
        wanted = head_rows(len(self._names))
        records = list(islice(self._records(self.delimiter), 1, wanted + 2))
        rows = [fields for _, fields in records[:wanted] if len(fields) == len(self._names)]
        if records and not rows:
            raise CelossError(self._all_ragged(*records[0]))
        shown = head_rows(sum(max(1, len(list_numbers(cell) or ())) for cell in rows[0])) if rows else 0
        columns: list[tuple[str, ...]] = list(zip(*rows[:shown], strict=True)) if rows else [()] * len(self._names)
        return columns, len(records) <= wanted and len(rows) <= shown

    @cached_property
    def decimal(self) -> str:
        """What separates the decimals of a number, as the head shows it: `.` or `,`."""
        return decimal_mark(self._first[0], self.delimiter)

    @cached_property
    def lists(self) -> Lists:
        """The columns of lists of numbers, as the head shows them."""
        named = zip(self._names, self._first[0], strict=True)
        return Lists({name: width for name, cells in named if name and (width := list_width(cells))})

    def head(self) -> Head:
        """The first records as written, but numbers with a decimal point, and lists as one number column for each place."""
        return self._head

    @cached_property
    def _head(self) -> Head:
        cells, complete = self._first
        columns = [one for name, texts in zip(self._names, cells, strict=True) for one in self._head_columns(name, texts)]
        check_names(self.name, 1, [column.name for column in columns])
        return Head(tuple(columns), len(cells[0]), complete)

    def _head_columns(self, name: str, cells: Sequence[str]) -> list[Column]:
        if name not in self.lists.widths:
            return [Column(name, "text", with_points(cells) if self.decimal == "," else tuple(cells))]
        found, _ = parse_lists(cells, self.lists.widths[name], 0, name, self.role)
        texts = [tuple(found.texts(place).to_pylist()) for place in range(found.width)]
        return [Column(one, "text", texts[place]) for place, one in enumerate(self.lists.names(name))]

    def _all_ragged(self, line: int, fields: Sequence[str]) -> Diagnostic:
        return Diagnostic(
            "E201",
            f"line {line} has {_fields(len(fields))}, the header has {len(self._names)}",
            (Place(self.name, line),),
            help=ragged_hint(fields, len(self._names)),
        )

    @cached_property
    def _block_bytes(self) -> int:
        longest = max((sum(map(len, fields)) for _, fields in islice(self._records(self.delimiter), 3)), default=0)
        return max(BLOCK_BYTES, 16 * longest)

    def batches(self, texts: Sequence[str], numbers: Sequence[str], careful: bool = False) -> Iterator[Chunk]:
        """See Source."""
        return self._careful(texts, numbers) if careful else self._fast(texts, numbers)

    def _fast(self, texts: Sequence[str], numbers: Sequence[str]) -> Iterator[Chunk]:
        strings = [self.lists.stored(name) for name in (*texts, *numbers) if name in texts or name in self.lists.places]
        types = dict.fromkeys(strings, pa.string()) | {name: pa.float64() for name in numbers if name not in self.lists.places}
        if any(types[name] != pa.string() for name in strings):
            raise Suspicious("a column is wanted as text and as numbers, which one reading cannot give")
        try:
            with self._input.open() as stream:
                reader = pacsv.open_csv(
                    stream,
                    pacsv.ReadOptions(block_size=self._block_bytes),
                    pacsv.ParseOptions(
                        delimiter=self.delimiter, newlines_in_values=True, ignore_empty_lines=len(self._names) > 1
                    ),
                    pacsv.ConvertOptions(
                        include_columns=list(types),
                        column_types=types,
                        null_values=[""],
                        strings_can_be_null=False,
                        decimal_point=self.decimal,
                    ),
                )
                start = 0
                for batch in reader:
                    yield self._fast_chunk(dict(zip(types, batch.columns, strict=True)), start, batch.num_rows, texts, numbers)
                    start += batch.num_rows
        except DAMAGED as error:
            raise Suspicious(str(error)) from error

    def _fast_chunk(self, stored: dict[str, Any], start: int, rows: int, texts: Sequence[str], numbers: Sequence[str]) -> Chunk:
        lists = self.lists.columns((*texts, *numbers), lambda name, width: split_lists(stored[name], width))
        values = [lists[name].numbers if name in lists else ndarray_or(stored[name], np.nan) for name in numbers]
        written = tuple(lists[name].texts if name in lists else stored[name] for name in texts)
        return Chunk(start, rows, written, planes(values, rows))

    def _careful(self, texts: Sequence[str], numbers: Sequence[str]) -> Iterator[Chunk]:
        records = islice(self._records(self.delimiter), 1, None)
        start = 0
        while some := list(islice(records, CAREFUL_ROWS)):
            faults: list[Fault] = []
            rows = []
            for row, (_, fields) in enumerate(some, start=start):
                if len(fields) != len(self._names):
                    faults.append(Fault(row, None, _fields(len(fields)), "E201", self.role))
                    rows.append([""] * len(self._names))
                else:
                    rows.append(fields)
            # Of several columns without a name the first counts, as in the fast reading.
            stored = dict(reversed(list(zip(self._names, zip(*rows, strict=True), strict=True))))
            yield self._careful_chunk(stored, start, len(rows), texts, numbers, faults)
            start += len(rows)

    def _careful_chunk(
        self,
        stored: dict[str, tuple[str, ...]],
        start: int,
        rows: int,
        texts: Sequence[str],
        numbers: Sequence[str],
        faults: list[Fault],
    ) -> Chunk:
        def lists_of(name: str, width: int) -> Elements:
            found, wrong = parse_lists(stored[name], width, start, name, self.role)
            faults.extend(wrong)
            return found

        def numbers_of(name: str) -> Floats:
            parsed, wrong = parse_numbers(stored[name], start, name, self.role, self.decimal)
            faults.extend(wrong)
            return parsed

        lists = self.lists.columns((*texts, *numbers), lists_of)
        values = [lists[name].numbers if name in lists else numbers_of(name) for name in numbers]
        written = [
            lists[name].texts if name in lists else self._text_array(stored[name], start, name, faults) for name in texts
        ]
        return Chunk(start, rows, tuple(written), planes(values, rows), tuple(faults))

    def _text_array(self, values: Sequence[str], start: int, name: str, faults: list[Fault]) -> Any:
        try:
            return from_texts(values)
        except UnicodeEncodeError:
            clean = []
            for row, value in enumerate(values, start=start):
                shown = value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                if shown != value:
                    faults.append(Fault(row, name, shown, "E105", self.role))
                clean.append(shown)
            return from_texts(clean)

    def _not_utf8(self, line: Line, value: str) -> Diagnostic:
        shown = value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        return Diagnostic(
            "E105",
            f"'{escape(self.name)}' is not UTF-8",
            (Place(self.name, line.number, value=shown),),
            details=(f'found: "{escape(shown)}"',),
            help=f"if it is Windows-1252 or Latin-1, convert: iconv -f WINDOWS-1252 -t UTF-8 {self.name} > {self.name}.utf8",
        )

    def lines(self, rows: Sequence[int]) -> dict[int, Line]:
        """See Source."""
        wanted = set(rows)
        found = {}
        for row, (number, fields) in enumerate(self._records(self.delimiter), start=-1):
            if row in wanted:
                found[row] = self._line(number, fields)
            if row >= max(wanted):
                break
        return found

    def _line(self, number: int, fields: Sequence[str]) -> Line:
        """The record as text. Quotes are put back where a field needs them; spans point at the fields inside."""
        spans = []
        text = io.StringIO()
        for index, field in enumerate(fields):
            if index:
                text.write(self.delimiter)
            start = text.tell()
            _write_field(text, field, self.delimiter)
            spans.append((start, text.tell() - start))
        shown = text.getvalue().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        return Line(number, shown, tuple(fields), tuple(spans))


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def _write_field(text: TextIO, field: str, delimiter: str) -> None:
    if delimiter in field or '"' in field or "\n" in field or "\r" in field:
        field = '"' + field.replace('"', '""') + '"'
    text.write(field)
