"""Owns JSON Lines: one object per line, read by the standard library so that every digit of an id survives."""

from __future__ import annotations

import codecs
import io
import json
import math
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from celoss.bridge import from_ndarray, from_texts
from celoss.errors import CelossError, Diagnostic, Fault, Place, escape, quoted, shorten
from celoss.kernels import Floats
from celoss.naming import LONGEST_INTEGER
from celoss.sources.base import (
    CHUNK_ROWS,
    HEAD_ROWS,
    LONGEST_LINE,
    Chunk,
    Column,
    Head,
    Line,
    LongLine,
    bounded_lines,
    check_names,
    head_rows,
    parse_numbers,
    planes,
)
from celoss.sources.columnar import SPACING
from celoss.sources.lists import LIST, Elements, Lists, list_numbers, wrong_length
from celoss.sources.streams import DAMAGED, Input

HEADER = -1
# Objects of so many characters are held at once: as Python values they take some ten times as many bytes.
CHUNK_CHARACTERS = 1 << 22
LONGEST_EXCERPT = 100
# A byte that is not UTF-8, as the error handler `surrogateescape` gives it.
RAW_BYTE = re.compile("[\udc80-\udcff]")
BLANKS = re.compile(r"[ \t\r\n]*")
KINDS = {list: "list", str: "string", int: "number", float: "number", bool: "true or false", type(None): "null"}
TWO_KEYS = "an object with two keys"
CUT = "; the file ends inside of the object"
ADVICE = 'JSON Lines has one object per line, such as {"id": "a", "p": 0.5}'


class _Row(NamedTuple):
    """A line that is not blank: its object, empty where the whole line is a fault (code, value as told).

    damaged: the keys of values that are not UTF-8.
    """

    number: int
    values: Mapping[str, Any]
    fault: tuple[str, str] | None = None
    damaged: frozenset[str] = frozenset()


class JsonLinesSource:
    """Objects with the same keys on every line; a column holds texts, numbers, true and false, or lists of numbers.

    The first lines say which columns there are, which of them hold lists, and how long these are. A key that a line lacks
    is a missing value, as null and NaN are. Numbers are read from strings by the rules of text files.
    """

    format = "jsonl"
    has_lines = True

    def __init__(self, source: Input, role: str) -> None:
        self._input = source
        self.role = role
        self.path: str | None = source.path
        self.name = source.name
        if source.start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"{\0", b"\0{")):
            found = "UTF-16, two bytes for each character"
            raise CelossError(self._not_utf8(Place(self.name, 1), found, "convert: iconv -f UTF-16"))
        rows = self._rows()
        # One more than a head holds, so that the head knows whether there are more.
        first = next(_cut(rows, HEAD_ROWS + 1), [])
        self._is_complete = next(rows, None) is None
        if not first:
            message = f"'{escape(source.name)}' holds no objects"
            raise CelossError(Diagnostic("E103", message, (Place(source.name, 1),)))
        self._first = [row for row in first if row.fault is None]
        if first[0].fault is not None and (not self._first or self._advice()):
            raise CelossError(self._no_object(first[0]))
        self._names = tuple(dict.fromkeys(name for row in self._first for name in row.values))
        if not self._names:
            raise CelossError(Diagnostic("E103", f"'{escape(source.name)}' holds only empty objects", (Place(source.name, 1),)))
        if self._is_complete and len(first) == 1 and self._first and _is_table(first[0].values):
            raise CelossError(self._one_table(self._first[0].values))
        self.lists = Lists({name: width for name in self._names if (width := _list_width(self._values(self._first, name)))})

    # --- lines ------------------------------------------------------------------------------------------------------------

    def _lines(self) -> Iterator[tuple[int, str]]:
        """Number and text of each line that is not blank."""
        with io.TextIOWrapper(_readable(self._input), "utf-8-sig", errors="surrogateescape") as text:
            try:
                for number, line in enumerate(bounded_lines(text, LONGEST_LINE), start=1):
                    if line.strip():
                        yield number, line
            except LongLine as error:
                raise CelossError(error.diagnostic(self.name)) from None
            except DAMAGED as error:
                raise CelossError(self._input.broken(error)) from None

    def _rows(self) -> Iterator[tuple[_Row, int]]:
        """Each row with the length of its line."""
        for number, line in self._lines():
            values = _parse(line)
            if isinstance(values, str):
                is_cut = not line.endswith("\n") and line.lstrip().startswith('{"') and not line.rstrip().endswith("}")
                yield _Row(number, {}, ("E206", values + CUT * is_cut)), len(line)
            elif line.isascii() and "\\u" not in line:
                yield _Row(number, values), len(line)
            else:
                yield _cleaned(number, values, has_raw=RAW_BYTE.search(line) is not None), len(line)

    def lines(self, rows: Sequence[int]) -> dict[int, Line]:
        """See Source. The fields of a line are those of the columns, whatever their order in it; row -1 has their names."""
        wanted = set(rows)
        found = {HEADER: Line(1, "", self._names)} if HEADER in wanted else {}
        for row, (number, line) in enumerate(islice(self._lines(), max(wanted) + 1)):
            if row in wanted:
                found[row] = self._line(number, line.strip())
        return found

    def _line(self, number: int, line: str) -> Line:
        shown = _clean(line)
        if isinstance(_parse(line), str):
            return Line(number, shown, ())
        found, absent = _cells(line), _Cell("", len(line) - 1, len(line) - 1)
        cells = [found.get(name, absent) for name in self._names]
        fields = (_clean(one.value if isinstance(one.value, str) else line[one.start : one.end]) for one in cells)
        return Line(number, shown, tuple(fields), tuple((one.start, one.end - one.start) for one in cells if shown == line))

    # --- values -----------------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        """The first objects; texts of numbers are canonical."""
        return self._head

    @cached_property
    def _head(self) -> Head:
        shown = self._first[: head_rows(sum(self.lists.widths.get(name, 1) for name in self._names))]
        columns = [one for name in self._names for one in self._head_columns(name, self._values(shown, name))]
        check_names(self.name, None, [column.name for column in columns])
        return Head(tuple(columns), len(shown), self._is_complete and len(shown) == len(self._first))

    def _head_columns(self, name: str, values: Sequence[Any]) -> list[Column]:
        width = self.lists.widths.get(name)
        spacing = SPACING["double"]
        if width is None:
            texts = tuple(map(_text, values))
            return [Column(name, "number", texts, spacing) if _are_fractions(values) else Column(name, "text", texts)]
        found, _ = _elements(values, width, 0, name, self.role)
        written = [tuple(found.texts(place).to_pylist()) for place in range(width)]
        typed = any(isinstance(value, list) for value in values)
        return [
            Column(one, "number", written[place], spacing) if typed else Column(one, "text", written[place])
            for place, one in enumerate(self.lists.names(name))
        ]

    @property
    def share_read(self) -> float | None:
        """See Source."""
        return self._input.share_read

    def batches(self, texts: Sequence[str], numbers: Sequence[str], careful: bool = False, keys: int = 0) -> Iterator[Chunk]:
        """See Source. Every reading is careful."""
        start = 0
        for rows in _cut(self._rows(), CHUNK_ROWS):
            yield self._chunk(rows, start, texts, numbers)
            start += len(rows)

    def _chunk(self, rows: Sequence[_Row], start: int, texts: Sequence[str], numbers: Sequence[str]) -> Chunk:
        faults: list[Fault] = []
        for number, row in enumerate(rows, start=start):
            if row.fault is not None:
                code, value = row.fault
                faults.append(Fault(number, None, value, code, self.role))
        if self.role == "predictions" and any(name not in self.lists.places for name in numbers):
            faults.extend(self._late(rows, start))

        def lists_of(name: str, width: int) -> Elements:
            found, wrong = _elements(self._values(rows, name), width, start, name, self.role)
            faults.extend(wrong)
            return found

        def numbers_of(name: str) -> Floats:
            values = self._values(rows, name)
            if set(map(type, values)) <= {float, type(None)}:
                return np.array(values, dtype=np.float64)
            parsed, wrong = parse_numbers(list(map(_text, values)), start, name, self.role)
            faults.extend(wrong)
            return parsed

        lists = self.lists.columns((*texts, *numbers), lists_of)
        columns = [lists[name].numbers if name in lists else numbers_of(name) for name in numbers]
        written = [lists[name].texts if name in lists else self._texts(rows, start, name, faults) for name in texts]
        return Chunk(start, len(rows), tuple(written), planes(columns, len(rows)), tuple(faults))

    def _texts(self, rows: Sequence[_Row], start: int, name: str, faults: list[Fault]) -> Any:
        written = [_text(value) for value in self._values(rows, name)]
        faults.extend(
            Fault(start + index, name, written[index], "E105", self.role)
            for index, row in enumerate(rows)
            if name in row.damaged
        )
        return from_texts(written)

    def _late(self, rows: Sequence[_Row], start: int) -> Iterator[Fault]:
        """A number under a key that the first lines do not have may be that of a class, which nobody looked for."""
        known = set(self._names)
        for number, row in enumerate(rows, start=start):
            if not row.values.keys() <= known:
                for name, value in row.values.items():
                    if name not in known and type(value) in (int, float):
                        yield Fault(number, name, _text(value), "E212", self.role)

    @staticmethod
    def _values(rows: Sequence[_Row], name: str) -> list[Any]:
        return [row.values.get(name) for row in rows]

    # --- what is no JSON Lines ------------------------------------------------------------------------------------------------

    @property
    def _file(self) -> str:
        """The file as a shell takes it, where the bytes in it are those that are read."""
        return "FILE" if self.path == "-" or self._input.compression else shlex.quote(self.name)

    def _not_utf8(self, place: Place, found: str, convert: str) -> Diagnostic:
        return Diagnostic(
            "E105",
            f"'{escape(self.name)}' is not UTF-8",
            (place,),
            details=(f"found: {found}",),
            help=f"{convert} -t UTF-8 {self._file} > utf8.jsonl",
        )

    def _no_object(self, row: _Row) -> Diagnostic:
        """The first line where no line of the head is an object, or where a value goes on after it."""
        code, found = row.fault or ("", "")
        place = Place(self.name, row.number, value=None if code == "E206" else found)
        if code == "E206":
            line = _clean(next(self._lines())[1].rstrip("\r\n"))
            return no_object((replace(place, excerpt=((row.number, shorten(line, LONGEST_EXCERPT)),)),), found, self._advice())
        return self._not_utf8(place, f'"{shorten(found)}"', "if it is Windows-1252 or Latin-1, convert: iconv -f WINDOWS-1252")

    def _advice(self) -> str:
        """What makes JSON Lines of the file, where it is one JSON array or its objects are spread over lines."""
        try:
            with io.TextIOWrapper(_readable(self._input), "utf-8-sig", errors="surrogateescape") as file:
                text = file.read(LONGEST_LINE).lstrip()
        except DAMAGED as error:
            raise CelossError(self._input.broken(error)) from None
        try:
            value, end = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            return ""
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            return f"this is one JSON array; write one object per line: jq -c '.[]' {self._file} > rows.jsonl"
        if isinstance(value, dict) and "\n" in text[:end]:
            return f"the objects are spread over several lines; write one per line: jq -c . {self._file} > rows.jsonl"
        return ""

    def _one_table(self, values: Mapping[str, Any]) -> Diagnostic:
        rows = [name for name, value in values.items() if _holds_objects(value)]
        advice = ""
        if len(rows) == 1 and rows[0].isidentifier() and rows[0].isascii():
            advice = f"write one object per line: jq -c '.{rows[0]}[]' {self._file} > rows.jsonl"
        found = (
            f"found: one object, with a {'list of objects' if rows else 'list or an object'} under {quoted(rows or [*values])}"
        )
        return Diagnostic(
            "E206",
            f"'{escape(self.name)}' is one JSON object, not one per row",
            (Place(self.name, 1),),
            details=(found,),
            help=advice or ADVICE,
        )


def no_object(places: tuple[Place, ...], found: str, advice: str = "", count: int = 1) -> Diagnostic:
    """Lines that are no JSON objects, the first of which is found to be something else."""
    message = f"line {places[0].line} is not a JSON object"
    usual = "give every value its own key" if found.startswith(TWO_KEYS) else ADVICE
    if found.endswith(CUT):
        usual = "the program that wrote the file, or its transfer, has stopped early; do that again"
    return Diagnostic("E206", message, places, count, (f"found: {found}",), advice or usual)


# --- lines ----------------------------------------------------------------------------------------------------------------


def _readable(source: Input) -> Any:
    stream = source.open()
    return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)


def _cut(rows: Iterator[tuple[_Row, int]], count: int) -> Iterator[list[_Row]]:
    """Up to `count` rows at a time, fewer of long lines."""
    some: list[_Row] = []
    characters = 0
    for row, length in rows:
        some.append(row)
        characters += length
        if len(some) == count or characters > CHUNK_CHARACTERS:
            yield some
            some, characters = [], 0
    if some:
        yield some


def _parse(line: str) -> dict[str, Any] | str:
    """The object of a line; what it is instead, if it is none."""
    try:
        value = json.loads(line, object_pairs_hook=_unique, parse_int=_integer)
    except json.JSONDecodeError as error:
        if line.lstrip().startswith("{'"):
            return "single quotes, as Python prints a dictionary; JSON has double ones"
        what = "more text after the value" if error.msg == "Extra data" else error.msg[:1].lower() + error.msg[1:]
        what = what.removesuffix(" at")
        return f"{what} at character {error.pos + 1}"
    except ValueError as error:
        return str(error)
    except RecursionError:
        return "more brackets in each other than can be read"
    return value if isinstance(value, dict) else f"a JSON {KINDS[type(value)]}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        again = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'{TWO_KEYS} "{shorten(_clean(again))}"')
    return row


def _integer(digits: str) -> int | str:
    """An integer; beyond any id's length the digits themselves, which Python refuses to convert."""
    return int(digits) if len(digits) <= LONGEST_INTEGER else digits


def _clean(text: str) -> str:
    """Text in which bytes that are not UTF-8, and halves of surrogate pairs, are backslash escapes."""
    if text.isascii():
        return text
    with_bytes = RAW_BYTE.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", text)
    return with_bytes.encode("utf-8", "backslashreplace").decode()


def _cleaned(number: int, values: Mapping[str, Any], *, has_raw: bool) -> _Row:
    """A row whose texts are Unicode. has_raw: whether the line has bytes that are not UTF-8."""
    if has_raw and (name := next(filter(RAW_BYTE.search, values), None)) is not None:
        return _Row(number, {}, ("E105", _clean(name)))
    damaged = frozenset(name for name, value in values.items() if has_raw and RAW_BYTE.search(_text(value)))
    clean = {_clean(name): _clean(value) if isinstance(value, str) else value for name, value in values.items()}
    return _Row(number, clean, None, damaged)


class _Cell(NamedTuple):
    """The value of a key, and where it stands in its line."""

    value: Any
    start: int
    end: int


def _cells(line: str) -> dict[str, _Cell]:
    """Where the value of each key stands in a line that is an object."""
    decoder = json.JSONDecoder(parse_int=str)
    cells = {}

    def after(at: int) -> int:
        """The next place that is not blank, where the text from `at` on is blank or begins with what is left out."""
        found = BLANKS.match(line, at)
        return found.end() if found else at

    at = after(1)
    while line[at] != "}":
        name, end = decoder.raw_decode(line, at)
        start = after(after(end) + 1)
        value, end = decoder.raw_decode(line, start)
        cells[_clean(name)] = _Cell(value, start, end)
        at = after(end)
        if line[at] == ",":
            at = after(at + 1)
    return cells


# --- values ---------------------------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    """Canonical text by the rule of `as_text`; lists and objects as JSON."""
    if isinstance(value, str):
        return value
    if _is_missing(value):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, bool | int | float):
        return str(value)
    return _clean(json.dumps(value, ensure_ascii=False))


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _are_fractions(values: Sequence[Any]) -> bool:
    """Whether all values that are there are numbers which float64 holds exactly, and some are not integers."""
    kinds = set(map(type, values)) - {type(None)}
    return kinds in ({float}, {float, int}) and all(abs(value) <= 2**53 for value in values if type(value) is int)


def _list(value: Any) -> list[float] | None:
    """The numbers of a list, of a text that is one, or a number alone; None for anything else."""
    if isinstance(value, list):
        if set(map(type, value)) <= {float, int, type(None)}:
            return [math.nan if one is None else float(one) for one in value]
        return None
    if isinstance(value, str):
        return list_numbers(value)
    return [float(value)] if type(value) in (float, int) else None


def _list_width(values: Sequence[Any]) -> int:
    """The length of the first list where most values that are there are lists of numbers, else 0."""
    present = [value for value in values if not _is_missing(value)]
    lists = [found for one in present if _may_be_list(one) and (found := _list(one)) is not None]
    return len(lists[0]) if len(lists) * 2 > len(present) else 0


def _may_be_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, str) and LIST.fullmatch(value.strip()) is not None)


def _elements(values: Sequence[Any], width: int, start: int, column: str, role: str) -> tuple[Elements, list[Fault]]:
    """The elements of lists, none for a missing one, and faults for another length (E507) and for no numbers (E501)."""
    numbers = np.full((len(values), width), np.nan)
    faults = []
    for row, value in enumerate(values):
        if _is_missing(value):
            continue
        found = _list(value)
        if found is None:
            faults.append(Fault(start + row, column, _text(value), "E501", role))
        elif len(found) != width:
            faults.append(wrong_length(start + row, column, len(found), role))
        else:
            numbers[row] = found
    return Elements(from_ndarray(numbers.ravel()), width), faults


def _holds_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _is_table(values: Mapping[str, Any]) -> bool:
    """Whether one object holds many rows: a list of objects, or columns."""
    columns = len(values) > 1 and all(isinstance(value, list | dict) and len(value) > 1 for value in values.values())
    return columns or any(map(_holds_objects, values.values()))
