"""Owns typed tables: Parquet, Arrow and Feather files, and frames in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from celoss.bridge import from_ndarray
from celoss.errors import CelossError, Diagnostic, Fault, Place, escape, shorten
from celoss.kernels import Floats
from celoss.sources.base import CHUNK_ROWS, Chunk, Column, Head, Line, as_numbers, as_text, check_names, head_rows, planes
from celoss.sources.lists import Elements, Lists, elements
from celoss.sources.streams import DAMAGED, Input

# Rows of many columns come in fewer at a time: 1000 classes would take gigabytes in chunks of 65,536 rows.
CHUNK_CELLS = 1 << 21
# For each column that is read: 1 MiB would be a gigabyte for a thousand classes.
BUFFER_BYTES = 1 << 18
SPACING = {"halffloat": 2.0**-10, "float": 2.0**-23, "double": 2.0**-52}

Batches = Callable[[list[str] | None], Iterator[Any]]


class ColumnarSource:
    """A table of typed columns; a column of lists of numbers counts as columns called `name[0]`, `name[1]`, ….

    `read(columns)` gives a new iterator over record batches each time. rows: how many there are, -1 where unknown. lists:
    the columns of lists; the head shows which they are.
    """

    has_lines = False

    def __init__(self, role: str, path: str | None, name: str, kind: str, schema: Any, read: Batches, rows: int = -1) -> None:
        self.role = role
        self.path = path
        self.name = name
        self.format = kind
        index = _range_index(schema, rows)
        if index is not None and index.name not in schema.names:
            schema, read = schema.append(pa.field(index.name, pa.int64())), _with_range(read, index)
        self._schema = schema.remove_metadata()
        self._read = read
        check_names(name, None, schema.names)
        self.lists = Lists({})

    def head(self) -> Head:
        """The first rows as canonical text."""
        return self._head

    @cached_property
    def _head(self) -> Head:
        wanted = head_rows(len(self._schema.names))
        batches = []
        rows = 0
        for batch in self._read(None):
            batches.append(batch.slice(0, wanted - rows))
            rows += batch.num_rows
            if rows > wanted:
                break
        table = pa.Table.from_batches(batches, self._schema).combine_chunks()
        stored = {field.name: _one(table.column(field.name)) for field in self._schema}
        self.lists = Lists({name: width for name, values in stored.items() if (width := _list_width(values))})
        shown = head_rows(sum(self.lists.widths.get(name, 1) for name in self._schema.names))
        columns = [one for field in self._schema for one in self._head_columns(field, stored[field.name].slice(0, shown))]
        check_names(self.name, None, [column.name for column in columns])
        return Head(tuple(columns), min(shown, table.num_rows), rows <= min(shown, wanted))

    def _head_columns(self, field: Any, values: Any) -> list[Column]:
        width = self.lists.widths.get(field.name)
        if width is None:
            return [_head_column(field, values)]
        found, _ = elements(values, width, 0, field.name, self.role)
        spacing = SPACING.get(str(field.type.value_type), 0.0)
        texts = [tuple(found.texts(place).to_pylist()) for place in range(width)]
        return [Column(name, "number", texts[place], spacing) for place, name in enumerate(self.lists.names(field.name))]

    def batches(self, texts: Sequence[str], numbers: Sequence[str], careful: bool = False) -> Iterator[Chunk]:
        """See Source. Typed values need no careful reading."""
        wanted = list(dict.fromkeys(map(self.lists.stored, (*texts, *numbers))))
        start = 0
        for whole in self._read(wanted):
            for offset in range(0, whole.num_rows, CHUNK_ROWS):
                batch = whole.slice(offset, CHUNK_ROWS)
                yield self._chunk(batch, start, texts, numbers)
                start += batch.num_rows

    def _chunk(self, batch: Any, start: int, texts: Sequence[str], numbers: Sequence[str]) -> Chunk:
        rows = batch.num_rows
        faults: list[Fault] = []

        def read_list(stored: str, width: int) -> Elements:
            found, wrong = elements(batch.column(stored), width, start, stored, self.role)
            faults.extend(wrong)
            return found

        def read_numbers(name: str) -> Floats:
            column, wrong = as_numbers(batch.column(name), start, name, self.role)
            faults.extend(wrong)
            return column

        lists = self.lists.columns((*texts, *numbers), read_list)
        columns = [lists[name].numbers if name in lists else read_numbers(name) for name in numbers]
        written = tuple(lists[name].texts if name in lists else self._text(batch, name) for name in texts)
        return Chunk(start, rows, written, planes(columns, rows), tuple(faults))

    def _text(self, batch: Any, name: str) -> Any:
        try:
            text = as_text(batch.column(name))
            text.validate(full=True)
            return text
        except pa.ArrowException as error:
            if "UTF8" in str(error) or "UTF-8" in str(error):
                message = f'column "{shorten(name)}" of {escape(self.name)} is not UTF-8'
                raise CelossError(Diagnostic("E105", message, (Place(self.name, column=name),))) from None
            message = f'column "{shorten(name)}" of {escape(self.name)} is no text'
            details = (f"found: values of type {self._schema.field(name).type}",)
            raise CelossError(Diagnostic("E208", message, (Place(self.name, column=name),), details=details)) from None

    def lines(self, rows: Sequence[int]) -> dict[int, Line]:
        """Typed tables have no lines."""
        return {}


def parquet(source: Input, role: str) -> ColumnarSource:
    """A Parquet file, read in bounded memory.

    `pre_buffer=False`: with it, `iter_batches` keeps the whole file in memory (996 against 199 MB for a file of 841 MB).
    A buffer: without it a row group's columns are read whole. No memory map: its pages count as memory of the process
    (340 against 167 MB for a file of 200 MB, in the same time).
    """
    import pyarrow.parquet as pq

    def read(columns: list[str] | None) -> Iterator[Any]:
        with _readable(source), pq.ParquetFile(source.file, pre_buffer=False, buffer_size=BUFFER_BYTES) as file:
            width = max(1, len(schema.names if columns is None else columns))
            yield from file.iter_batches(max(1, min(CHUNK_ROWS, CHUNK_CELLS // width)), columns=columns)

    with _readable(source), pq.ParquetFile(source.file) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    return ColumnarSource(role, source.path, source.name, "parquet", schema, read, rows)


def arrow(source: Input, role: str) -> ColumnarSource:
    """An Arrow IPC file (Feather version 2) or stream."""
    opener = pa.ipc.open_file if source.start.startswith(b"ARROW1") else pa.ipc.open_stream

    def read(columns: list[str] | None) -> Iterator[Any]:
        with _readable(source), pa.OSFile(source.file) as file:
            reader = opener(file)
            batches = (
                (reader.get_batch(index) for index in range(reader.num_record_batches))
                if hasattr(reader, "num_record_batches")
                else iter(reader)
            )
            for batch in batches:
                # A damaged file can hold offsets that point anywhere: following them would end the process.
                batch.validate(full=True)
                yield batch if columns is None else batch.select(columns)

    with _readable(source), pa.OSFile(source.file) as file:
        schema = opener(file).schema
    rows = sum(batch.num_rows for batch in read([])) if b"pandas" in (schema.metadata or {}) else -1
    return ColumnarSource(role, source.path, source.name, "arrow", schema, read, rows)


def frame(table: Any, role: str) -> ColumnarSource:
    """A table in memory: pandas, or anything with the Arrow PyCapsule interface."""

    def read(columns: list[str] | None) -> Iterator[Any]:
        chosen = table if columns is None else table.select(columns)
        yield from chosen.replace_schema_metadata(None).to_batches(CHUNK_ROWS)

    return ColumnarSource(role, None, f"the {role} table", "frame", table.schema, read, table.num_rows)


@contextmanager
def _readable(source: Input) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise CelossError(source.broken(error)) from None


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

    def numbered(columns: list[str] | None) -> Iterator[Any]:
        stored = None if columns is None else [name for name in columns if name != index.name]
        if stored == []:
            stored = None
        row = 0
        for batch in read(stored):
            rows = np.arange(row, row + batch.num_rows, dtype=np.int64)
            arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
            arrays[index.name] = from_ndarray(index.values.start + index.values.step * rows)
            chosen = list(arrays) if columns is None else columns
            yield pa.RecordBatch.from_arrays([arrays[name] for name in chosen], chosen)
            row += batch.num_rows

    return numbered


def _one(column: Any) -> Any:
    """A chunked array of one chunk as an array."""
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _list_width(values: Any) -> int:
    """How many numbers the first list of an Arrow array has; 0 where it holds no lists of numbers."""
    kind = values.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return 0
    inner = kind.value_type
    if not (pa.types.is_floating(inner) or pa.types.is_integer(inner) or pa.types.is_decimal(inner)):
        return 0
    lengths = pc.list_value_length(values).drop_null()
    return int(lengths[0].as_py()) if len(lengths) else 0


def _head_column(field: Any, values: Any) -> Column:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    stored = "other"
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        stored = "number"
    elif pa.types.is_boolean(kind):
        stored = "bool"
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) == "string_view":
        stored = "text"
    try:
        texts = tuple(as_text(values).to_pylist())
    except (pa.ArrowException, UnicodeDecodeError):
        return Column(field.name, "other", ("",) * len(values))
    return Column(field.name, stored, texts, SPACING.get(str(kind), 0.0))
