"""Owns typed tables: Parquet, Arrow and Feather files, and frames in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from celoss.bridge import from_ndarray, ndarray_or
from celoss.errors import CelossError, Diagnostic, Fault, Place, escape, quoted, shorten
from celoss.sources.base import CHUNK_ROWS, Chunk, Column, Head, Line, as_numbers, as_text, head_rows, planes
from celoss.sources.streams import DAMAGED, Input

SPACING = {"halffloat": 2.0**-10, "float": 2.0**-23, "double": 2.0**-52}

Batches = Callable[[list[str] | None], Iterator[Any]]


class ColumnarSource:
    """A table of typed columns; a column of lists of numbers counts as columns called `name[0]`, `name[1]`, ….

    `read(columns)` gives a new iterator over record batches each time.
    """

    has_lines = False

    def __init__(self, role: str, path: str | None, name: str, kind: str, schema: Any, read: Batches) -> None:
        self.role = role
        self.path = path
        self.name = name
        self.format = kind
        self._schema = schema
        self._read = read
        names = list(schema.names)
        twice = [one for one in dict.fromkeys(names) if names.count(one) > 1]
        if twice:
            message = f"two columns are called {quoted(twice[:1])}"
            raise CelossError(Diagnostic("E203", message, (Place(name),), help="give every column its own name"))

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
        columns = [column for field in self._schema for column in _head_columns(field, _one(table.column(field.name)))]
        return Head(tuple(columns), table.num_rows, rows <= wanted)

    def batches(self, texts: Sequence[str], numbers: Sequence[str], careful: bool = False) -> Iterator[Chunk]:
        """See Source. Typed values need no careful reading."""
        lists = {name: name.rpartition("[")[0] for name in numbers if name not in self._schema.names}
        wanted = list(dict.fromkeys([*texts, *(lists.get(name, name) for name in numbers)]))
        start = 0
        for whole in self._read(wanted):
            for offset in range(0, whole.num_rows, CHUNK_ROWS):
                batch = whole.slice(offset, CHUNK_ROWS)
                yield self._chunk(batch, start, texts, numbers, lists)
                start += batch.num_rows

    def _chunk(self, batch: Any, start: int, texts: Sequence[str], numbers: Sequence[str], lists: dict[str, str]) -> Chunk:
        rows = batch.num_rows
        faults: list[Fault] = []
        if lists:
            name = next(iter(lists.values()))
            values, faults = _list_planes(batch.column(name), len(numbers), start, name, self.role)
        else:
            columns = []
            for name in numbers:
                column, wrong = as_numbers(batch.column(name), start, name, self.role)
                columns.append(column)
                faults.extend(wrong)
            values = planes(columns, rows) if columns else np.empty((0, rows))
        return Chunk(start, rows, tuple(self._text(batch, name) for name in texts), values, tuple(faults))

    def _text(self, batch: Any, name: str) -> Any:
        try:
            return as_text(batch.column(name))
        except pa.ArrowException:
            kind = self._schema.field(name).type
            message = f'column "{shorten(name)}" of {escape(self.name)} is no text'
            raise CelossError(Diagnostic("E208", message, details=(f"found: values of type {kind}",))) from None

    def lines(self, rows: Sequence[int]) -> dict[int, Line]:
        """Typed tables have no lines."""
        return {}


def parquet(source: Input, role: str) -> ColumnarSource:
    """A Parquet file, read by row group in bounded memory.

    `pre_buffer=False`: with it, `iter_batches` keeps the whole file in memory (996 against 199 MB for a file of 841 MB).
    """
    import pyarrow.parquet as pq

    def read(columns: list[str] | None) -> Iterator[Any]:
        with _readable(source), pq.ParquetFile(source.file, pre_buffer=False, memory_map=True) as file:
            yield from file.iter_batches(CHUNK_ROWS, columns=columns)

    with _readable(source), pq.ParquetFile(source.file, pre_buffer=False) as file:
        schema = file.schema_arrow
    return ColumnarSource(role, source.path, source.name, "parquet", schema.remove_metadata(), read)


def arrow(source: Input, role: str) -> ColumnarSource:
    """An Arrow IPC file (Feather version 2) or stream."""
    opener = pa.ipc.open_file if source.start.startswith(b"ARROW1") else pa.ipc.open_stream

    def read(columns: list[str] | None) -> Iterator[Any]:
        with _readable(source), pa.memory_map(source.file) as mapped:
            reader = opener(mapped)
            batches = (
                (reader.get_batch(index) for index in range(reader.num_record_batches))
                if hasattr(reader, "num_record_batches")
                else iter(reader)
            )
            for batch in batches:
                yield batch if columns is None else batch.select(columns)

    with _readable(source), pa.memory_map(source.file) as mapped:
        schema = opener(mapped).schema
    return ColumnarSource(role, source.path, source.name, "arrow", schema.remove_metadata(), read)


def frame(table: Any, role: str) -> ColumnarSource:
    """A table in memory: pandas, or anything with the Arrow PyCapsule interface."""
    schema = table.schema.remove_metadata()

    def read(columns: list[str] | None) -> Iterator[Any]:
        chosen = table if columns is None else table.select(columns)
        yield from chosen.replace_schema_metadata(None).to_batches(CHUNK_ROWS)

    return ColumnarSource(role, None, f"the {role}", "frame", schema, read)


@contextmanager
def _readable(source: Input) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise CelossError(source.broken(error)) from None


def _one(column: Any) -> Any:
    """A chunked array of one chunk as an array."""
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _head_columns(field: Any, values: Any) -> list[Column]:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if _is_list(kind) and len(values):
        return _list_columns(field.name, values)
    stored = "other"
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        stored = "number"
    elif pa.types.is_boolean(kind):
        stored = "bool"
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) == "string_view":
        stored = "text"
    if pa.types.is_nested(kind):
        return [Column(field.name, "other", ("",) * len(values))]
    try:
        texts = tuple(as_text(values).to_pylist())
    except pa.ArrowException:
        return [Column(field.name, "other", ("",) * len(values))]
    return [Column(field.name, stored, texts, SPACING.get(str(kind), 0.0))]


def _list_columns(name: str, values: Any) -> list[Column]:
    """A virtual column for each place of the lists, as many as the first list has."""
    inner = values.type.value_type
    if not (pa.types.is_floating(inner) or pa.types.is_integer(inner) or pa.types.is_decimal(inner)):
        return [Column(name, "other", ("",) * len(values))]
    lengths = pc.list_value_length(values).drop_null()
    width = lengths[0].as_py() if len(lengths) else 0
    texts = [["" if one is None or place >= len(one) else one[place] for one in values.to_pylist()] for place in range(width)]
    spacing = SPACING.get(str(inner), 0.0)
    return [
        Column(
            f"{name}[{place}]",
            "number",
            tuple("" if v is None or v == "" else _number_text(v, inner) for v in column),
            spacing,
        )
        for place, column in enumerate(texts)
    ]


def _number_text(value: Any, kind: Any) -> str:
    return str(as_text(pa.array([value], kind))[0].as_py())


def _list_planes(
    values: Any, width: int, start: int, column: str, role: str
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], list[Fault]]:
    """(k, n) planes of a list column, and a fault (E507) for each row whose list has another length."""
    lengths = ndarray_or(pc.list_value_length(values), 0)
    fits = lengths == width
    faults = [Fault(start + int(row), column, f"{lengths[row]} numbers", "E507", role) for row in np.flatnonzero(~fits)]
    result = np.full((width, len(values)), np.nan)
    kept = values if not faults else values.take(from_ndarray(np.flatnonzero(fits)))
    numbers, _ = as_numbers(pc.list_flatten(kept), start, column, role)
    result[:, fits] = numbers.reshape(-1, width).T
    return result, faults
