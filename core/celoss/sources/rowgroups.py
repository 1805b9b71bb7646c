"""Owns Parquet files: their columns in batches of a size that the file's own description allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

from celoss import compute as pc
from celoss.bridge import from_ndarray
from celoss.errors import CelossError, Diagnostic, Place, escape
from celoss.sources.base import CHUNK_ROWS
from celoss.sources.columnar import CHUNK_BYTES, CHUNK_CELLS, ColumnarSource
from celoss.sources.streams import DAMAGED, Input

# Of all columns together, and of one: 1 MiB each would be a gigabyte for a thousand classes.
BUFFERS_BYTES = 1 << 28
BUFFER_BYTES = 1 << 18
LEAST_BUFFER_BYTES = 1 << 12
# Of columns with one page for each row group, read row by row, all are in memory, stored and decoded: for 1000 of 100,000
# rows 2.3 GB. Whole, but so many at a time, they take 1.3 GB and less time.
COLUMNS = 32
# A page has a megabyte of numbers, as most programs write it.
PAGE_CELLS = 1 << 17
GROUP_CELLS = 1 << 27


def parquet(source: Input, role: str) -> ColumnarSource:
    """A Parquet file, read in bounded memory.

    `pre_buffer=False`: with it, `iter_batches` keeps the whole file in memory (996 against 199 MB for a file of 841 MB).
    A buffer: without it a row group's columns are read whole. No memory map: its pages count as memory of the process
    (340 against 167 MB for a file of 200 MB, in the same time). What the format allows remains: a page of 2 GB.
    """
    import pyarrow.parquet as pq

    def read(columns: list[str], rows: int | None, coded: Sequence[str]) -> Iterator[Any]:
        buffer = max(LEAST_BUFFER_BYTES, min(BUFFER_BYTES, BUFFERS_BYTES // max(1, len(columns))))
        opened = partial(pq.ParquetFile, source.file, pre_buffer=False, buffer_size=buffer)
        with _readable(source), opened(read_dictionary=_can_be_coded(source.file, coded)) as file:
            yield from map(_validated, _Batches(source.file, file, columns).read(rows))

    with _readable(source), pq.ParquetFile(source.file) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
        return ColumnarSource(role, source.path, source.name, "parquet", schema, read, rows)


def _validated(batch: Any) -> Any:
    """The batch. In a damaged file a value can be an entry that the dictionary does not have: raises ArrowInvalid."""
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):
            column.validate(full=True)
    return batch


@contextmanager
def _readable(source: Input) -> Iterator[None]:
    try:
        yield
    except (*DAMAGED, UnicodeDecodeError) as error:
        if "crypt" in str(error):
            message = f"'{escape(source.name)}' is an encrypted Parquet file"
            raise CelossError(Diagnostic("E104", message, (Place(source.name),))) from None
        raise CelossError(source.broken(error)) from None


class _Batches:
    """Some columns of an open file in batches.

    A batch is as many rows as fit in memory: by the number of columns, by the numbers in lists, by the bytes of texts. What
    the file says of a row group is an average; one row of it can take all of that.
    """

    def __init__(self, path: str, file: Any, columns: Sequence[str]) -> None:
        self._path = path
        self._file = file
        self._columns = list(columns)
        leaves = _leaves(file.metadata.schema)
        self._wanted = sorted({index for name in columns for index in leaves.get(name, ())})
        # Columns of which a row can take any number of bytes or cells.
        self._varying = [
            name for name in columns if any(_varies(file.metadata.schema.column(at)) for at in leaves.get(name, ()))
        ]

    def read(self, rows: int | None) -> Iterator[Any]:
        """Batches of the row groups; with `rows` only of the first ones, which have as many."""
        groups = range(self._file.num_row_groups)
        if rows is not None:
            groups = range(self._groups_of(rows))
        for size, some in groupby(groups, lambda group: self._rows(group, rows or CHUNK_ROWS)):
            found = list(some)
            if all(self._is_one_page(group, size) for group in found):
                for group in found:
                    yield from self._whole(group, rows).to_batches(size)
            else:
                yield from self._file.iter_batches(size, row_groups=found, columns=self._columns)

    def _is_one_page(self, group: int, size: int) -> bool:
        """Whether the columns of a row group are numbers, many, and each hardly more than the page that is read at once."""
        count = self._file.metadata.row_group(group).num_rows
        cells = count * len(self._wanted)
        return not self._varying and len(self._wanted) > COLUMNS and size <= count <= PAGE_CELLS and cells <= GROUP_CELLS

    def _whole(self, group: int, rows: int | None) -> Any:
        """A row group, or its first `rows` rows, read some columns at a time: only the pages of these are in memory."""
        read: dict[str, Any] = {}
        for at in range(0, len(self._columns), COLUMNS):
            table = self._file.read_row_group(group, self._columns[at : at + COLUMNS])
            first = None if rows is None else from_ndarray(np.arange(min(rows, table.num_rows)))
            read |= {
                name: column if first is None else pc.take(column, first)
                for name, column in zip(table.column_names, table.columns, strict=True)
            }
        return pa.table({name: read[name] for name in self._columns})

    def _groups_of(self, rows: int) -> int:
        """How many row groups have the first `rows` rows."""
        groups = found = 0
        while groups < self._file.num_row_groups and found < rows:
            found += self._file.metadata.row_group(groups).num_rows
            groups += 1
        return groups

    def _rows(self, group: int, most: int) -> int:
        """How many rows of a row group are read at once: `most`, or a power of two.

        Groups for which it is the same are read together: a batch can have rows of several of them.
        """
        description = self._file.metadata.row_group(group)
        if not description.num_rows:
            return most
        self._check_descriptions(group)
        cells = size = 0.0
        for index in self._wanted:
            schema = self._file.metadata.schema.column(index)
            if not _varies(schema):
                cells += 1
                continue
            column = description.column(index)
            cells += max(1.0, column.num_values / description.num_rows)
            if schema.physical_type in _BYTES:
                size += self._row_bytes(group, column, schema, most)
        rows = int(min(CHUNK_CELLS / max(cells, 1.0), CHUNK_BYTES / max(size, 1.0)))
        return most if rows >= most else 1 << max(0, rows.bit_length() - 1)

    def _check_descriptions(self, group: int) -> None:
        """Raises what reading raises where the description of a column is damaged: to ask for it would end the process."""
        if self._varying:
            next(self._file.iter_batches(1, row_groups=[group], columns=self._varying), None)

    def _row_bytes(self, group: int, column: Any, schema: Any, rows: int) -> float:
        """The bytes that a row of a column of texts takes, as far as is known."""
        whole = float(column.total_uncompressed_size)
        average: float = whole / max(1, column.num_values)
        # What is stored once can stand in every row: a prefix of the last text, an entry of the dictionary.
        if "DELTA_BYTE_ARRAY" in column.encodings:
            return whole
        if column.has_dictionary_page and rows * whole > CHUNK_BYTES and schema.path in self._columns:
            return max(average, self._longest(group, schema.path))
        return average

    def _longest(self, group: int, name: str) -> float:
        """The longest text in the dictionary of a column."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(self._path, pre_buffer=False, buffer_size=BUFFER_BYTES, read_dictionary=[name]) as file:
            for batch in file.iter_batches(1, row_groups=[group], columns=[name]):
                values = batch.column(name)
                if pa.types.is_dictionary(values.type):
                    return float(pc.max(pc.binary_length(values.dictionary)).as_py() or 0)
        return 0.0


def _can_be_coded(path: str, names: Sequence[str]) -> list[str]:
    """Those columns that can be read as dictionaries: of texts, each stored whole or in a dictionary."""
    import pyarrow.parquet as pq

    if not names:
        return []
    with pq.ParquetFile(path) as file:
        texts = [name for name in names if file.schema_arrow.field(name).type in (pa.string(), pa.large_string())]
        leaves = _leaves(file.metadata.schema) if texts else {}
        groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
        return [
            name
            for name in texts
            if all(set(group.column(index).encodings) <= _PLAIN for group in groups for index in leaves[name])
        ]


_PLAIN = {"PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE", "BIT_PACKED"}
_BYTES = ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")


def _varies(schema: Any) -> bool:
    """Whether a value of a stored column can take any number of cells or bytes."""
    return schema.max_repetition_level > 0 or schema.physical_type in _BYTES


def _leaves(schema: Any) -> dict[str, list[int]]:
    """The stored columns that a column is made of, by its name, which may have dots itself."""
    leaves: dict[str, list[int]] = {}
    for index in range(len(schema)):
        parts = schema.column(index).path.split(".")
        for end in range(1, len(parts) + 1):
            leaves.setdefault(".".join(parts[:end]), []).append(index)
    return leaves
