"""Owns delimited text (CSV, TSV): a fast reading by Arrow, and a careful one, line by line, that finds the exact cell."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from itertools import accumulate, islice
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from celoss import compute as pc
from celoss.bridge import from_texts, ndarray_or
from celoss.errors import LONGEST_EXCERPT, CelossError, Diagnostic, Fault, Place, escape
from celoss.kernels import Floats
from celoss.naming import LABEL_NAMES
from celoss.sources.base import (
    LONGEST_LINE,
    Chunk,
    Column,
    Head,
    Line,
    LongLine,
    Suspicious,
    as_text,
    check_names,
    head_rows,
    is_number,
    parse_numbers,
    planes,
    ragged_hint,
)
from celoss.sources.coded import coded
from celoss.sources.commas import decimal_mark, with_points
from celoss.sources.lists import Elements, Lists, list_numbers, list_width, parse_lists, split_lists
from celoss.sources.ranges import record_batches
from celoss.sources.streams import DAMAGED, Input

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
# Less usual ones, which are found but not taken unasked.
RARE = ("^", "~", ":", "\x1f", "\x01", " ")
BLOCK_BYTES = 1 << 20
CAREFUL_ROWS = 4096
SNIFFED_RECORDS = 50
WIDE = (
    (codecs.BOM_UTF32_LE, "UTF-32", 4),
    (codecs.BOM_UTF32_BE, "UTF-32", 4),
    (codecs.BOM_UTF16_LE, "UTF-16", 2),
    (codecs.BOM_UTF16_BE, "UTF-16", 2),
)
# Which bytes of four are zero where letters are ASCII.
ZEROS: dict[tuple[bool, ...], tuple[str, int]] = {
    (False, True, False, True): ("UTF-16LE", 2),
    (True, False, True, False): ("UTF-16BE", 2),
    (False, True, True, True): ("UTF-32LE", 4),
    (True, True, True, False): ("UTF-32BE", 4),
}
# How a line begins that stands before a header: comments, and what tells Excel the delimiter.
COMMENTS = ("#", "//", "%", "sep=")
# Bytes of a block of the fast reading, which holds whole records.
LARGEST_BLOCK = 1 << 26
# A compressed file of line breaks is a thousand times smaller than what it holds.
MOST_BLANK_LINES = 1_000_000

Record = tuple[int, list[str]]


class _Lines:
    """The lines of a text with their line breaks, as the csv module asks for them.

    size: characters since the last record. first: the line with which the present record began. ended: whether a line was
    asked for after the last one. Raises LongLine, csv.Error for a record that is longer than a line may be, and CelossError
    (E207) for NUL bytes.
    """

    def __init__(self, text: TextIO, name: str) -> None:
        self._text = text
        self._name = name
        self._number = 0
        self.size = 0
        self.first = ""
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_LINE + 1)
        if not line:
            self.ended = True
            raise StopIteration
        self._number += 1
        if "\0" in line:
            raise CelossError(
                Diagnostic(
                    "E207",
                    f"line {self._number} of '{escape(self._name)}' holds NUL bytes",
                    (
                        Place(
                            self._name,
                            self._number,
                            excerpt=((self._number, _printable(line[:LONGEST_EXCERPT].rstrip("\r\n"))),),
                        ),
                    ),
                    help="the file is damaged, or no text",
                )
            )
        if len(line) > LONGEST_LINE:
            raise LongLine(self._number, LONGEST_LINE)
        if not self.size:
            self.first = line
        self.size += len(line)
        if self.size > LONGEST_LINE:
            raise csv.Error
        return line


class TextSource:
    """A delimited text file with a header line.

    Ids and labels are read as text. A blank line is skipped, except in a file of one column, where it is an empty value. A
    column of lists of numbers counts as columns called `name[0]`, `name[1]`, ….
    """

    format = "csv"
    has_lines = True

    def __init__(self, source: Input, role: str, delimiter: str | None) -> None:
        # The csv module's own limit of 128 KiB a field is less than a list of many numbers takes.
        csv.field_size_limit(LONGEST_LINE)
        self._input = source
        self.role = role
        self.path: str | None = source.path
        self.name = source.name
        self._check_encoding()
        self._is_asked = delimiter is not None
        self.delimiter = delimiter or self._sniff_delimiter()
        self._names = self._header()

    def _check_encoding(self) -> None:
        found = _wide_encoding(self._input.start)
        if found is not None:
            encoding, size = found
            raise CelossError(
                Diagnostic(
                    "E105",
                    f"'{escape(self.name)}' is not UTF-8",
                    (Place(self.name, 1),),
                    details=(f"found: {encoding}, {size} bytes for each character",),
                    help=self._input.piped(f"iconv -f {encoding} -t UTF-8"),
                )
            )

    def _records(self, delimiter: str, *, whole: bool = True) -> Iterator[Record]:
        """Line number (of the record's first line) and fields; blank lines are left out where Arrow leaves them out.

        whole: whether a quote that is not closed is an error (E207); with a delimiter that is only tried it may not be one.
        """
        with io.TextIOWrapper(self._buffered(), "utf-8-sig", errors="surrogateescape", newline="") as text:
            lines = _Lines(text, self.name)
            reader = csv.reader(lines, delimiter=delimiter)
            single = False
            line = 1
            blank = 0
            try:
                for index, fields in enumerate(reader):
                    if index == 0:
                        single = len(fields) == 1
                    if whole and lines.ended and fields:
                        raise CelossError(self._not_closed(line, reader.line_num, lines))
                    lines.size = 0
                    blank = 0 if fields or single else blank + 1
                    if blank > MOST_BLANK_LINES:
                        raise CelossError(self._blank(line))
                    if fields or single:
                        yield line, fields or [""]
                    line = reader.line_num + 1
            except LongLine as error:
                raise CelossError(error.diagnostic(self.name)) from None
            except csv.Error:
                if whole:
                    raise CelossError(self._not_closed(line, reader.line_num, lines)) from None
            except DAMAGED as error:
                raise CelossError(self._input.broken(error)) from None

    def _not_closed(self, line: int, last: int, lines: _Lines) -> Diagnostic:
        shown = _printable(lines.first[:LONGEST_EXCERPT].rstrip("\r\n"))
        end = "the end of the file" if lines.ended else f"line {last:,} and beyond"
        return Diagnostic(
            "E207",
            'a quote " is opened and not closed',
            (Place(self.name, line, excerpt=((line, shown),)),),
            details=(f"found: a value that goes on to {end}",),
            help='close it; a quote that belongs to a value is written "" inside quotes',
        )

    def _blank(self, line: int) -> Diagnostic:
        message = f"more than {MOST_BLANK_LINES:,} blank lines follow each other in '{escape(self.name)}'"
        return Diagnostic("E207", message, (Place(self.name, line),), help="the program that wrote it may have gone wrong")

    def _buffered(self) -> io.BufferedReader:
        try:
            stream = self._input.open()
        except DAMAGED as error:
            raise CelossError(self._input.broken(error)) from None
        return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream, BLOCK_BYTES)

    def _sniff_delimiter(self) -> str:
        """The delimiter that cuts the first records into equally many fields, at least two; the one with most fields."""
        best, most = ",", 1
        for delimiter in DELIMITERS:
            counts = [len(fields) for _, fields in islice(self._records(delimiter, whole=False), SNIFFED_RECORDS)]
            header = counts[0] if counts else 1
            usual = sum(count == header for count in counts) * 2 > len(counts)
            if header > most and (usual or (best == "," and most == 1)):
                best, most = delimiter, header
        return best

    def _header(self) -> tuple[str, ...]:
        records = self._records(self.delimiter)
        first = next(records, None)
        if first is None or (not "".join(first[1]).strip() and not any("".join(one).strip() for _, one in records)):
            raise CelossError(Diagnostic("E103", f"'{escape(self.name)}' holds only blank lines", (Place(self.name, 1),)))
        line, names = first
        if names[0].startswith(COMMENTS):
            self._check_comment(line, names, records)
        self._check_title(line, names)
        try:
            check_names(self.name, 1, names)
        except CelossError as error:
            raise CelossError(self._two_headers(names, error.diagnostics[0])) from None
        self._check_encoded(names)
        if len(names) == 1:
            other = next((mark for mark in DELIMITERS if mark != self.delimiter and mark in names[0]), None)
            if other := other or self._rare_delimiter():
                raise CelossError(self._one_column(names[0], other))
        return tuple(names)

    def _check_comment(self, line: int, fields: list[str], records: Iterator[Record]) -> None:
        """Raises CelossError (E201) when the first line is a comment, and not a header such as `#id,cat,dog`."""
        number, after = next(((at, one) for at, one in records if not one[0].startswith(COMMENTS)), (line, []))
        even = len(after) == len(fields)
        if not after or (even and (any(map(is_number, after)) or _names_labels(fields) > _names_labels(after))):
            return
        advice = self._without_first(number)
        message = f"line {line} is no header: it has {_fields(len(fields))}, line {number} has {len(after)}"
        if fields[0].startswith("sep="):
            message = f"line {line} is no header: it tells Excel the separator"
        elif even:
            mark = next(mark for mark in COMMENTS if fields[0].startswith(mark))
            message = f"line {line} may be a comment or the header"
            advice = f"if it is the header, take away its {mark}; if it is a comment, {advice}"
        shown = _written(fields, self.delimiter)
        raise CelossError(
            Diagnostic(
                "E201",
                message,
                (Place(self.name, line, excerpt=((line, shown), (number, _written(after, self.delimiter)))),),
                help=advice,
            )
        )

    def _next_header(self, names: Sequence[str]) -> tuple[int, list[str], list[str]] | None:
        """What follows the first line where that is another header: its line number, its fields, those of the line after it."""
        filled = (one for one in islice(self._records(self.delimiter), 1, None) if _is_filled(one[1]))
        below = list(islice(filled, 2))
        if len(below) < 2 or len(below[0][1]) != len(names):
            return None
        (number, second), (_, third) = below
        is_text = all(second[1:]) and len(set(second)) == len(second) and not any(map(is_number, second))
        if (is_text and (any(map(is_number, third)) or _names_labels(second))) or (all(names[1:]) and _names_index(third)):
            return number, second, third
        return None

    def _check_title(self, line: int, names: Sequence[str]) -> None:
        """Raises CelossError (E201) when the first line holds a title, or names of groups of columns, and the next a header."""
        if all(names[1:]) or 2 * sum(map(bool, names)) > len(names) or (found := self._next_header(names)) is None:
            return
        number, second, _ = found
        shown = ((line, _written(names, self.delimiter)), (number, _written(second, self.delimiter)))
        message = f"line {line} is no header, line {number} is"
        raise CelossError(
            Diagnostic("E201", message, (Place(self.name, line, excerpt=shown),), help=self._without_first(number))
        )

    def _two_headers(self, names: Sequence[str], error: Diagnostic) -> Diagnostic:
        """The diagnostic for a header that cannot be, with the reason and the remedy where another header follows it."""
        if error.code != "E203" or (found := self._next_header(names)) is None:
            return error
        number, _, third = found
        advice = self._without_first(number)
        if _names_index(third):
            advice = "write one header; in pandas: df.droplevel(0, axis=1).to_csv(…)"
        return replace(error, details=(*error.details, f"line {number} is a second header"), help=advice)

    def _check_encoded(self, names: Sequence[str]) -> None:
        for name in names:
            if any("\udc80" <= ch <= "\udcff" for ch in name):
                raise CelossError(self._not_utf8(Line(1, "", tuple(names)), name))

    def _rare_delimiter(self) -> str | None:
        """What else cuts the header of predictions and their first row into as many fields, which hold numbers but for one.

        The header may lack the first name, as R leaves it out.
        """
        for mark in RARE if self.role == "predictions" else ():
            names, cells = ([*(fields for _, fields in islice(self._records(mark, whole=False), 2)), [], []])[:2]
            if len(cells) - len(names) in (0, 1) and len(names) > 1 and sum(map(is_number, cells)) >= max(1, len(cells) - 1):
                return mark
        return None

    def _one_column(self, header: str, other: str) -> Diagnostic:
        advice = "Add --input-format " + ("tsv" if other == "\t" else f"'csv:{other}'")
        if self._is_asked and self.role == "labels" and self.delimiter in (*DELIMITERS, *RARE):
            command = self._input.unpacked(_sed(f"y/{other}/{self.delimiter}/"))
            kept = f"if no value holds {_mark(self.delimiter)}, convert this one: {command} > table.csv"
            advice = f"--input-format is for both files; {kept}"
        return Diagnostic(
            "E202",
            f"'{escape(self.name)}' has one column, '{escape(header)}'",
            (Place(self.name, 1),),
            help=f"the fields are separated by {_mark(other)}. {advice}",
        )

    @cached_property
    def _first(self) -> tuple[list[tuple[str, ...]], bool]:
        """The cells of the first rows, column by column, and whether there are no more; long lists count as many columns."""
        wanted = head_rows(len(self._names))
        records = list(islice(self._records(self.delimiter), 1, wanted + 2))
        rows = [fields for _, fields in records[:wanted] if len(fields) == len(self._names) and not self._is_header(fields)]
        ragged = next((one for one in records[:wanted] if len(one[1]) != len(self._names)), None)
        if ragged is not None and not any(map(_is_filled, rows)):
            raise CelossError(self._all_ragged(*ragged))
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
        texts = as_text(found.values).to_pylist()
        return [Column(one, "text", tuple(texts[place :: found.width])) for place, one in enumerate(self.lists.names(name))]

    def _is_header(self, fields: Sequence[str]) -> bool:
        """Whether a record after the header is the header again, which numbers or the name of a single class are not."""
        return self._is_distinct and tuple(fields) == self._names

    @cached_property
    def _is_distinct(self) -> bool:
        several = len(self._names) > 1 or self.role == "predictions" or _names_labels(self._names)
        return several and any(name and not is_number(name) for name in self._names)

    def _may_hold_header(self, texts: dict[str, Any]) -> bool:
        """Whether some row has in these columns what the header has."""
        same = None
        if any(
            name not in values.dictionary.to_pylist() for name, values in texts.items() if pa.types.is_dictionary(values.type)
        ):
            return False
        for name, values in texts.items() if self._is_distinct else ():
            equal = pc.equal(as_text(values), from_texts([name])[0])
            same = equal if same is None else pc.and_(same, equal)
            if not pc.any(same).as_py():
                return False
        return same is not None

    def _all_ragged(self, line: int, fields: Sequence[str]) -> Diagnostic:
        header = next(self._records(self.delimiter))
        shown = tuple((number, _written(one, self.delimiter)) for number, one in (header, (line, fields)))
        return Diagnostic(
            "E201",
            f"line {line} has {_fields(len(fields))}, the header has {len(self._names)}",
            (Place(self.name, line, excerpt=() if any("\n" in text for _, text in shown) else shown),),
            help=self._ragged_help(line, fields),
        )

    def _ragged_help(self, line: int, fields: Sequence[str]) -> str:
        """What to do where no row has as many fields as the header."""
        if self._lacks_first_name(fields):
            name = next(name for name in ("id", "row", "case") if name not in self._names)
            command = self._input.unpacked(_sed(f"1s/^/{name}{self.delimiter}/"))
            return f"if the first column lacks a name, as R writes it, add one: {command} > named.csv"
        if len(self._names) == 1:
            return self._without_first(line)
        return ragged_hint(fields, len(self._names))

    def _lacks_first_name(self, fields: Sequence[str]) -> bool:
        """Whether a row has one field more than the header, which seems to name all but the first."""
        first = self._names[0].casefold()
        if len(fields) != len(self._names) + 1 or not fields[-1].strip() or self.delimiter in "/&":
            return False
        return first in LABEL_NAMES or (not first.endswith("id") and sum(map(is_number, fields)) >= len(self._names) > 1)

    def _without_first(self, line: int) -> str:
        """What leaves out the lines before the header."""
        return f"leave out what stands before the header: {self._input.unpacked(f'tail -n +{line}')} > table.csv"

    @cached_property
    def _block_bytes(self) -> int:
        longest = max((sum(map(len, fields)) for _, fields in islice(self._records(self.delimiter), 3)), default=0)
        return min(max(BLOCK_BYTES, 16 * longest), LARGEST_BLOCK)

    @property
    def share_read(self) -> float | None:
        """See Source."""
        return self._input.share_read

    def batches(self, texts: Sequence[str], numbers: Sequence[str], careful: bool = False, keys: int = 0) -> Iterator[Chunk]:
        """See Source."""
        return self._careful(texts, numbers) if careful else self._fast(texts, numbers, keys)

    def _fast(self, texts: Sequence[str], numbers: Sequence[str], keys: int) -> Iterator[Chunk]:
        strings = [self.lists.stored(name) for name in (*texts, *numbers) if name in texts or name in self.lists.places]
        types = dict.fromkeys(strings, pa.string()) | {name: pa.float64() for name in numbers if name not in self.lists.places}
        if any(types[name] != pa.string() for name in strings):
            raise Suspicious("a column is wanted as text and as numbers, which one reading cannot give")
        few = [name for name in texts[keys:] if name not in self.lists.places and name not in texts[:keys]]
        convert = pacsv.ConvertOptions(
            include_columns=list(types),
            column_types=types,
            null_values=[""],
            strings_can_be_null=False,
            decimal_point=self.decimal,
        )
        start = 0
        try:
            for batch in self._record_batches(convert):
                stored = dict(zip(types, batch.columns, strict=True))
                short = {name: coded(stored[name]) for name in few}
                stored |= {name: values for name, values in short.items() if values is not None}
                if self._may_hold_header({name: stored[name] for name in strings}):
                    raise Suspicious("a line may repeat the header")
                yield self._fast_chunk(stored, start, batch.num_rows, texts, numbers)
                start += batch.num_rows
        except MemoryError as error:
            raise CelossError(self._input.broken(error)) from None
        except DAMAGED as error:
            raise Suspicious(str(error)) from error

    def _record_batches(self, convert: Any) -> Iterator[Any]:
        with closing(self._input.open()) as stream:
            yield from record_batches(stream, self._names, self.delimiter, self._block_bytes, convert)

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
                if len(fields) != len(self._names) or self._is_header(fields):
                    code = "E215" if self._is_header(fields) else "E201"
                    faults.append(Fault(row, None, _fields(len(fields)), code, self.role))
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
            help=f"if it is Windows-1252 or Latin-1, {self._input.piped('iconv -f WINDOWS-1252 -t UTF-8')}",
        )

    def lines(self, rows: Sequence[int]) -> dict[int, Line]:
        """See Source."""
        wanted, last = set(rows), max(rows)
        found = {}
        records = self._records(self.delimiter)
        for row, (number, fields) in enumerate(records, start=-1):
            if row in wanted:
                found[row] = self._line(number, fields)
            if row >= last:
                if self._input.ends_open and next(records, None) is None:
                    found[row] = replace(found[row], is_open=True)
                break
        return found

    def _line(self, number: int, fields: Sequence[str]) -> Line:
        """The record as text. Quotes are put back where a field needs them; spans point at the fields inside."""
        written = [_quoted(field, self.delimiter) for field in fields]
        starts = accumulate((len(field) + len(self.delimiter) for field in written), initial=0)
        spans = tuple((start, len(field)) for start, field in zip(starts, written, strict=False))
        return Line(number, _written(fields, self.delimiter), tuple(fields), spans)


def _wide_encoding(start: bytes) -> tuple[str, int] | None:
    """UTF-16 or UTF-32, with the bytes of a character, as a byte-order mark or the zeros around ASCII letters show it."""
    for mark, encoding, size in WIDE:
        if start.startswith(mark):
            return encoding, size
    places = [start[at:64:4] for at in range(4)]
    mostly_zero = tuple(2 * place.count(0) > len(place) for place in places)
    pure = all(zero or 0 not in place for zero, place in zip(mostly_zero, places, strict=True))
    return ZEROS.get(mostly_zero) if pure else None


def _names_labels(fields: Sequence[str]) -> bool:
    """Whether a field is called what label columns are called."""
    return any(field.casefold() in LABEL_NAMES for field in fields)


def _names_index(fields: Sequence[str]) -> bool:
    """Whether a line is that which pandas writes below several headers: the name of the index alone."""
    return len(fields) > 2 and bool(fields[0]) and not any(fields[1:])


def _mark(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else f"'{delimiter}'"


def _sed(script: str) -> str:
    """A command of a shell; a tab is one that every sed understands."""
    return "sed $'" + script.replace("\t", "\\t") + "'" if "\t" in script else f"sed '{script}'"


def _is_filled(fields: Sequence[str]) -> bool:
    return any(field.strip() for field in fields)


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def _quoted(field: str, delimiter: str) -> str:
    if delimiter in field or '"' in field or "\n" in field or "\r" in field:
        return '"' + field.replace('"', '""') + '"'
    return field


def _written(fields: Sequence[str], delimiter: str) -> str:
    """A record as text, with quotes where a field needs them; bytes that are no UTF-8 as escapes."""
    return _printable(delimiter.join(_quoted(field, delimiter) for field in fields))


def _printable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
