"""Owns typed tables, whatever gives their batches, and frames in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from celoss import compute as pc
from celoss.bridge import from_ndarray, from_texts, ndarray_or
from celoss.errors import CelossError, Diagnostic, Fault, Place, escape, shorten
from celoss.kernels import Floats
from celoss.sources.base import (
    CHUNK_ROWS,
    Chunk,
    Column,
    Head,
    Line,
    as_numbers,
    as_text,
    check_names,
    check_width,
    head_rows,
    parse_numbers,
    planes,
)
from celoss.sources.coded import coded, key_integers
from celoss.sources.lists import Elements, Lists, elements, list_width, parse_lists

# Rows of many columns come in fewer at a time: 1000 classes would take gigabytes in chunks of 131,072 rows.
CHUNK_CELLS = 1 << 20
# Texts of a chunk, where one text of a table of different texts can stand in many rows.
CHUNK_BYTES = 1 << 26
SPACING = {"halffloat": 2.0**-10, "float": 2.0**-23, "double": 2.0**-52}

Batches = Callable[[list[str], int | None, Sequence[str]], Iterator[Any]]


class ColumnarSource:
    """A table of typed columns; a column of lists of numbers counts as columns called `name[0]`, `name[1]`, ….

    `read(columns, rows, coded)` gives a new iterator over record batches each time; with `rows` only the first batches are
    wanted, until they have as many; columns that are in `coded` may come as dictionaries. rows: how many there are, -1 where
    unknown. lists: the columns of lists, typed or in text; the head shows which they are.
    """

    has_lines = False

    def __init__(self, role: str, path: str | None, name: str, kind: str, schema: Any, read: Batches, rows: int = -1) -> None:
        self.role = role
        self.path = path
        self.name = name
        self.format = kind
        self._rows = rows
        self._seen = 0
        index = _range_index(schema, rows)
        if index is not None and index.name not in schema.names:
            schema, read = schema.append(pa.field(index.name, pa.int64())), _with_range(read, index)
        self._schema = schema.remove_metadata()
        self._read = read
        self._check_columns()
        self.lists = Lists({})

    def _check_columns(self) -> None:
        names = self._schema.names
        check_names(self.name, None, names)
        if names.count("") > 1:
            raise CelossError(
                Diagnostic("E203", f"{names.count('')} columns of {escape(self.name)} have no name", (Place(self.name),))
            )
        if not names:
            raise CelossError(Diagnostic("E103", f"{escape(self.name)} has no columns", (Place(self.name),)))
        if not any(_is_readable(field.type) for field in self._schema):
            raise CelossError(self._no_values(names[0]))

    def head(self) -> Head:
        """The first rows as canonical text."""
        return self._head

    @cached_property
    def _head(self) -> Head:
        names = self._schema.names
        wanted = head_rows(len(names))
        readable = [field.name for field in self._schema if _is_readable(field.type)]
        stored, rows, complete = self._first(readable, wanted + 1)
        # Columns that hold neither texts nor numbers nor lists of these are there, and hold nothing.
        stored |= {name: pa.nulls(rows) for name in names if name not in stored}
        texts = {name: text_of(values)[0].to_pylist() for name, values in stored.items() if _is_text(values.type)}
        widths = {name: list_width(texts[name]) if name in texts else _list_width(stored[name]) for name in names}
        self.lists = Lists({name: width for name, width in widths.items() if width})
        columns = sum(max(1, width) for width in widths.values())
        check_width(self.name, None, columns)
        shown = min(head_rows(columns), wanted, rows)
        found = [one for field in self._schema for one in self._head_columns(field, stored[field.name].slice(0, shown))]
        check_names(self.name, None, [column.name for column in found])
        return Head(tuple(found), shown, complete and rows == shown)

    def _first(self, names: list[str], wanted: int) -> tuple[dict[str, Any], int, bool]:
        """Up to `wanted` first rows of some columns as arrays of plain types, how many they are, and whether they are all."""
        batches: list[Any] = []
        rows = size = 0
        complete = True
        for batch in self._read(names, wanted, ()):
            part = batch.slice(0, min(wanted - rows, _most_rows(batch)))
            complete = len(part) == len(batch)
            batches.append(part)
            rows += len(part)
            size += _bytes(part)
            if rows == wanted or size > CHUNK_BYTES or not complete:
                complete = False
                break
        schema = pa.schema([self._schema.field(name) for name in names])
        table = pa.Table.from_batches(batches, schema).combine_chunks()
        return {name: plain(_one(table.column(name))) for name in names}, rows, complete

    def _head_columns(self, field: Any, values: Any) -> list[Column]:
        width = self.lists.widths.get(field.name)
        if width is None:
            return [_head_column(field, values)]
        found, _ = self._elements(values, width, 0, field.name)
        typed = not _is_text(values.type)
        spacing = SPACING.get(str(values.type.value_type), 0.0) if typed else 0.0
        texts = [tuple(found.texts(place).to_pylist()) for place in range(width)]
        names = self.lists.names(field.name)
        return [Column(name, "number" if typed else "text", texts[place], spacing) for place, name in enumerate(names)]

    @property
    def share_read(self) -> float | None:
        """See Source."""
        return self._seen / self._rows if self._rows > 0 else None

    def batches(self, texts: Sequence[str], numbers: Sequence[str], careful: bool = False, keys: int = 0) -> Iterator[Chunk]:
        """See Source. Typed values need no careful reading."""
        wanted = list(dict.fromkeys(map(self.lists.stored, (*texts, *numbers))))
        cells = max(1, min(CHUNK_ROWS, CHUNK_CELLS // max(1, len(texts) + len(numbers))))
        unreadable = next((name for name in wanted if not _is_readable(self._schema.field(name).type)), None)
        start = 0
        for whole in self._read(wanted, None, [name for name in texts[keys:] if name not in self.lists.places]):
            rows = min(cells, _most_rows(whole))
            for offset in range(0, whole.num_rows, rows):
                batch = whole.slice(offset, rows)
                if unreadable is not None:
                    raise CelossError(self._no_values(unreadable))
                stored = {name: batch.column(name) for name in wanted}
                self._seen = start + batch.num_rows
                yield self._chunk(stored, batch.num_rows, start, texts, numbers, keys)
                start += batch.num_rows

    def _chunk(
        self, stored: dict[str, Any], rows: int, start: int, texts: Sequence[str], numbers: Sequence[str], keys: int
    ) -> Chunk:
        faults: list[Fault] = []

        def read_list(name: str, width: int) -> Elements:
            found, wrong = self._elements(plain(stored[name]), width, start, name)
            faults.extend(wrong)
            return found

        def read_numbers(name: str) -> Floats:
            column, wrong = self._numbers(plain(stored[name]), start, name)
            faults.extend(wrong)
            return column

        def read_text(name: str, is_key: bool) -> Any:
            short = key_integers(plain(stored[name])) if is_key else coded(stored[name])
            if short is not None:
                return short
            text, wrong = self._text(plain(stored[name]), name)
            faults.extend(Fault(start + row, name, value, "E105", self.role) for row, value in wrong)
            return text

        lists = self.lists.columns((*texts, *numbers), read_list)
        columns = [lists[name].numbers if name in lists else read_numbers(name) for name in numbers]
        written = tuple(
            lists[name].texts if name in lists else read_text(name, place < keys) for place, name in enumerate(texts)
        )
        return Chunk(start, rows, written, planes(columns, rows), tuple(faults))

    def _elements(self, values: Any, width: int, start: int, name: str) -> tuple[Elements, list[Fault]]:
        if _is_text(values.type):
            return parse_lists(text_of(values)[0].to_pylist(), width, start, name, self.role)
        return elements(values, width, start, name, self.role)

    def _numbers(self, values: Any, start: int, name: str) -> tuple[Floats, list[Fault]]:
        if _is_number(values.type):
            return as_numbers(values, start, name, self.role)
        return parse_numbers(self._text(values, name)[0].to_pylist(), start, name, self.role)

    def _text(self, values: Any, name: str) -> tuple[Any, list[tuple[int, str]]]:
        try:
            return text_of(values)
        except pa.ArrowException:
            raise CelossError(self._no_values(name)) from None

    def _no_values(self, name: str) -> Diagnostic:
        """The diagnostic for a column of values that are neither texts nor numbers."""
        return Diagnostic(
            "E208",
            f'column "{shorten(name)}" of {escape(self.name)} holds neither texts nor numbers',
            (Place(self.name, column=name),),
            details=(f"found: values of type {shorten(str(self._schema.field(name).type), 80)}",),
        )

    def lines(self, rows: Sequence[int]) -> dict[int, Line]:
        """Typed tables have no lines."""
        return {}


def frame(table: Any, role: str) -> ColumnarSource:
    """A table in memory: pandas, or anything with the Arrow PyCapsule interface."""

    def read(columns: list[str], rows: int | None, coded: Sequence[str]) -> Iterator[Any]:
        yield from table.select(columns).replace_schema_metadata(None).to_batches(rows or CHUNK_ROWS)

    return ColumnarSource(role, None, f"the {role} table", "frame", table.schema, read, table.num_rows)


class _Range(NamedTuple):
    """A range that pandas kept as metadata in place of a column."""

    name: str
    values: range


def _range_index(schema: Any, rows: int) -> _Range | None:
    """The index of the frame that was written, where it tells rows apart: named, or not just 0, 1, 2, …."""
    try:
        (index,) = json.loads(schema.metadata[b"pandas"])["index_columns"]
        values = range(int(index["start"]), int(index["stop"]), int(index["step"]))
    except (TypeError, KeyError, ValueError):
        return None
    # A table that was filtered or cut after pandas wrote its index no longer has as many rows: then it tells nothing.
    if len(values) != rows or (index["name"] is None and values == range(rows)):
        return None
    return _Range(index["name"] or "__index_level_0__", values)


def _with_range(read: Batches, index: _Range) -> Batches:
    """The same batches with the range as a last column."""

    def numbered(columns: list[str], rows: int | None, coded: Sequence[str]) -> Iterator[Any]:
        stored = [name for name in columns if name != index.name]
        row = 0
        for batch in read(stored, rows, coded):
            numbers = np.arange(row, row + batch.num_rows, dtype=np.int64)
            arrays = {name: batch.column(name) for name in stored}
            arrays[index.name] = from_ndarray(index.values.start + index.values.step * numbers)
            yield pa.RecordBatch.from_arrays([arrays[name] for name in columns], columns)
            row += batch.num_rows

    return numbered


def _one(column: Any) -> Any:
    """A chunked array of one chunk as an array."""
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def plain(values: Any) -> Any:
    """The same values without what only tells how they are kept: extension types, dictionaries, run ends, views."""
    kind = values.type
    if pa.types.is_primitive(kind):
        return values
    if isinstance(kind, pa.BaseExtensionType):
        return plain(values.storage)
    if pa.types.is_dictionary(kind):
        return plain(pc.dictionary_decode(values))
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(values))
    if _is_view(kind):
        return plain(_in_order(values))
    if _is_list(kind) and plain_type(kind.value_type) != kind.value_type:
        return pc.cast(values, pa.large_list(plain_type(kind.value_type)))
    return values


def _bytes(batch: Any) -> int:
    """The bytes of a batch; of all its buffers where an older pyarrow cannot tell which parts of them are its own."""
    try:
        return int(batch.nbytes)
    except pa.ArrowTypeError:
        return int(batch.get_total_buffer_size())


def _in_order(views: Any) -> Any:
    """Views of lists as lists. (The cast of pyarrow 26 gives the last list no elements.)"""
    lengths = ndarray_or(pc.cast(pc.list_value_length(views), pa.int64()), 0)
    offsets = from_ndarray(np.concatenate([[0], np.cumsum(lengths)]))
    return pa.LargeListArray.from_arrays(offsets, pc.list_flatten(views), mask=pc.is_null(views))


def plain_type(kind: Any) -> Any:
    """The type of `plain` values."""
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    if _is_list(kind):
        return pa.large_list(plain_type(kind.value_type))
    return kind


def text_of(values: Any) -> tuple[Any, list[tuple[int, str]]]:
    """Canonical text of an Arrow array of a plain type, and the rows that are not UTF-8 with what stands there instead."""
    try:
        text = as_text(values)
        text.validate(full=True)
        return text, []
    except (pa.ArrowException, UnicodeDecodeError):
        if not _is_bytes(values.type):
            raise
    written = []
    wrong = []
    for row, value in enumerate(pc.cast(values, pa.large_binary()).to_pylist()):
        shown = (value or b"").decode("utf-8", "backslashreplace")
        if shown.encode() != (value or b""):
            wrong.append((row, shown))
        written.append(shown)
    return from_texts(written), wrong


def _most_rows(batch: Any) -> int:
    """How many rows of a batch are at most CHUNK_BYTES, when texts and lists that stand in many rows are kept once."""
    return max(1, CHUNK_BYTES // max(1, *map(_longest, batch.columns)))


def _longest(values: Any) -> int:
    """The bytes of the longest text or list of an array that keeps it once for many rows; 0 for other arrays."""
    kind = values.type
    if pa.types.is_primitive(kind):
        return 0
    if isinstance(kind, pa.BaseExtensionType):
        return _longest(values.storage)
    if pa.types.is_dictionary(kind):
        return _longest_of(values.dictionary)
    if pa.types.is_run_end_encoded(kind):
        return _longest_of(values.values)
    is_view = _is_view(kind) or pa.types.is_string_view(kind) or pa.types.is_binary_view(kind)
    return _longest_of(values) if is_view else 0


def _longest_of(values: Any) -> int:
    kind = values.type
    if pa.types.is_nested(kind):
        return 8 * (pc.max(pc.list_value_length(values)).as_py() or 0)
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        # A view is 16 bytes, of which the first four are the length.
        views = np.frombuffer(values.buffers()[1], dtype=np.int32).reshape(-1, 4)
        return int(views[values.offset : values.offset + len(values), 0].max(initial=0))
    return (pc.max(pc.binary_length(values)).as_py() or 0) if _is_bytes(kind) else 0


def _is_text(kind: Any) -> bool:
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def _is_bytes(kind: Any) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
    return _is_text(kind) or any(test(kind) for test in tests)


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _is_list(kind: Any) -> bool:
    return any(test(kind) for test in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list))


def _is_view(kind: Any) -> bool:
    return any(test(kind) for test in (pa.types.is_list_view, pa.types.is_large_list_view))


def _is_readable(kind: Any) -> bool:
    """Whether values of a type are texts, numbers, times, or lists of numbers, however they are kept."""
    kind = plain_type(kind)
    if _is_view(kind) or _is_list(kind):
        inner = plain_type(kind.value_type)
        return _is_number(inner) or pa.types.is_decimal(inner)
    return not pa.types.is_nested(kind) and not pa.types.is_interval(kind)


def _list_width(values: Any) -> int:
    """How many numbers the first list of an Arrow array has; 0 where it holds no lists."""
    if not _is_list(values.type):
        return 0
    lengths = pc.drop_null(pc.list_value_length(values))
    return int(lengths[0].as_py()) if len(lengths) else 0


def _head_column(field: Any, values: Any) -> Column:
    kind = values.type
    try:
        texts = tuple(text_of(values)[0].to_pylist())
    except pa.ArrowException:
        return Column(field.name, "other", ("",) * len(values))
    stored = "other"
    if _is_number(kind) or pa.types.is_decimal(kind):
        stored = "number"
    elif pa.types.is_boolean(kind):
        stored = "bool"
    elif _is_text(kind):
        stored = "text"
    return Column(field.name, stored, texts, SPACING.get(str(kind), 0.0))
