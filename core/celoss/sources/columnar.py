"""Owns typed tables: Parquet, Arrow and Feather files, and frames in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from celoss.bridge import from_ndarray, ndarray_or
from celoss.errors import CelossError, Diagnostic, Fault, Place, escape, shorten
from celoss.sources.base import CHUNK_ROWS, Chunk, Column, Head, Line, as_numbers, as_text, check_names, head_rows, planes
from celoss.sources.streams import DAMAGED, Input

# Rows of many columns come in fewer at a time: 1000 classes would take gigabytes in chunks of 65,536 rows.
CHUNK_CELLS = 1 << 21
# For each column that is read: 1 MiB would be a gigabyte for a thousand classes.
BUFFER_BYTES = 1 << 18
SPACING = {"halffloat": 2.0**-10, "float": 2.0**-23, "double": 2.0**-52}

Floats = np.ndarray[Any, np.dtype[np.float64]]
Batches = Callable[[list[str] | None], Iterator[Any]]


class ColumnarSource:
    """A table of typed columns; a column of lists of numbers counts as columns called `name[0]`, `name[1]`, ….

    `read(columns)` gives a new iterator over record batches each time. rows: how many there are, -1 where unknown.
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
        # Column of numbers `p[2]` → the list column `p` and the place 2 in it.
        self._places: dict[str, tuple[str, int]] = {}
        self._widths: dict[str, int] = {}

    def head(self) -> Head:
        """The first rows as canonical text."""
        wanted = head_rows(len(self._schema.names))
        batches = []
        rows = 0
        for batch in self._read(None):
            batches.append(batch.slice(0, wanted - rows))
            rows += batch.num_rows
            if rows > wanted:
                break
        table = pa.Table.from_batches(batches, self._schema).combine_chunks()
        columns = [column for field in self._schema for column in self._head_columns(field, _one(table.column(field.name)))]
        check_names(self.name, None, [column.name for column in columns])
        return Head(tuple(columns), table.num_rows, rows <= wanted)

    def _head_columns(self, field: Any, values: Any) -> list[Column]:
        if not (_is_list(field.type) and len(values)):
            return [_head_column(field, values)]
        columns = _list_columns(field.name, values)
        self._widths[field.name] = len(columns)
        self._places |= {column.name: (field.name, place) for place, column in enumerate(columns)}
        return columns or [Column(field.name, "other", ("",) * len(values))]

    def batches(self, texts: Sequence[str], numbers: Sequence[str], careful: bool = False) -> Iterator[Chunk]:
        """See Source. Typed values need no careful reading."""
        wanted = list(dict.fromkeys(self._places.get(name, (name, 0))[0] for name in (*texts, *numbers)))
        start = 0
        for whole in self._read(wanted):
            for offset in range(0, whole.num_rows, CHUNK_ROWS):
                batch = whole.slice(offset, CHUNK_ROWS)
                yield self._chunk(batch, start, texts, numbers)
                start += batch.num_rows

    def _chunk(self, batch: Any, start: int, texts: Sequence[str], numbers: Sequence[str]) -> Chunk:
        rows = batch.num_rows
        faults: list[Fault] = []
        lists: dict[str, Floats] = {}
        columns = []
        for name in numbers:
            stored, place = self._places.get(name, (name, 0))
            if name not in self._places:
                column, wrong = as_numbers(batch.column(name), start, name, self.role)
            else:
                wrong = []
                if stored not in lists:
                    width = self._widths[stored]
                    lists[stored], wrong = _list_planes(batch.column(stored), width, start, stored, self.role)
                column = lists[stored][place]
            columns.append(column)
            faults.extend(wrong)
        values = planes(columns, rows) if columns else np.empty((0, rows))
        return Chunk(start, rows, tuple(self._text(batch, name) for name in texts), values, tuple(faults))

    def _text(self, batch: Any, name: str) -> Any:
        stored, place = self._places.get(name, (name, 0))
        values = batch.column(stored)
        try:
            if name in self._places:
                values = pc.list_element(values, place)
            text = as_text(values)
            text.validate(full=True)
            return text
        except pa.ArrowException as error:
            kind = self._schema.field(stored).type
            if "UTF8" in str(error) or "UTF-8" in str(error):
                message = f'column "{shorten(name)}" of {escape(self.name)} is not UTF-8'
                raise CelossError(Diagnostic("E105", message, (Place(self.name, column=name),))) from None
            message = f'column "{shorten(name)}" of {escape(self.name)} is no text'
            place_of = (Place(self.name, column=name),)
            raise CelossError(Diagnostic("E208", message, place_of, details=(f"found: values of type {kind}",))) from None

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


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


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


def _list_columns(name: str, values: Any) -> list[Column]:
    """A column for each place of the lists, as many as the first list has; one alone keeps the name of the list."""
    inner = values.type.value_type
    if not (pa.types.is_floating(inner) or pa.types.is_integer(inner) or pa.types.is_decimal(inner)):
        return []
    lengths = pc.list_value_length(values).drop_null()
    width = lengths[0].as_py() if len(lengths) else 0
    lists = [one or [] for one in values.to_pylist()]
    columns = []
    for place in range(width):
        numbers = pa.array([one[place] if place < len(one) else None for one in lists], inner)
        texts = tuple(as_text(numbers).to_pylist())
        columns.append(Column(f"{name}[{place}]" if width > 1 else name, "number", texts, SPACING.get(str(inner), 0.0)))
    return columns


def _list_planes(values: Any, width: int, start: int, column: str, role: str) -> tuple[Floats, list[Fault]]:
    """(k, n) planes of a list column, and a fault (E507) for each row whose list has another length."""
    lengths = ndarray_or(pc.list_value_length(values), 0)
    fits = lengths == width
    counts = {int(row): int(lengths[row]) for row in np.flatnonzero(~fits)}
    faults = [
        Fault(start + row, column, "1 number" if count == 1 else f"{count} numbers", "E507", role)
        for row, count in counts.items()
    ]
    result = np.full((width, len(values)), np.nan)
    kept = values if not faults else values.take(from_ndarray(np.flatnonzero(fits)))
    numbers, _ = as_numbers(pc.list_flatten(kept), start, column, role)
    result[:, fits] = numbers.reshape(-1, width).T
    return result, faults
