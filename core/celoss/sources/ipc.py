"""Owns Arrow IPC: files (Feather version 2) and streams."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from celoss.errors import CelossError, Diagnostic, Place, escape
from celoss.sources.columnar import ColumnarSource
from celoss.sources.streams import DAMAGED, Input

# A record batch is held in memory whole. Compressed, a file of a megabyte can hold one of terabytes.
MOST_BATCH_BYTES = 1 << 32
FILE_MAGIC = b"ARROW1"
# A file is a stream after its magic bytes, padded to eight.
STREAM_START = 8
DICTIONARY_BATCH, RECORD_BATCH = 2, 3


def arrow(source: Input, role: str) -> ColumnarSource:
    """An Arrow IPC file or stream. Raises CelossError where it is damaged (E108) or its batches are too large (E214)."""
    opener = pa.ipc.open_file if source.start.startswith(FILE_MAGIC) else pa.ipc.open_stream

    def read(columns: list[str], rows: int | None, coded: Sequence[str]) -> Iterator[Any]:
        chosen = pa.ipc.IpcReadOptions(included_fields=sorted(schema.get_field_index(name) for name in columns))
        with _readable(source), pa.OSFile(source.file) as file:
            reader = opener(file, options=chosen)
            batches = (
                (reader.get_batch(index) for index in range(reader.num_record_batches))
                if hasattr(reader, "num_record_batches")
                else iter(reader)
            )
            for batch in batches:
                yield _validated(batch).select(columns)

    with _readable(source):
        with pa.OSFile(source.file) as file:
            schema = opener(file).schema
        _check_sizes(source)
        of_pandas = b"pandas" in (schema.metadata or {})
        count = sum(batch.num_rows for batch in read(schema.names[:1], None, ())) if of_pandas else -1
        return ColumnarSource(role, source.path, source.name, "arrow", schema, read, count)


@contextmanager
def _readable(source: Input) -> Iterator[None]:
    try:
        yield
    except (*DAMAGED, struct.error, UnicodeDecodeError) as error:
        raise CelossError(source.broken(error)) from None


def _validated(batch: Any) -> Any:
    """The batch, in which texts need not be UTF-8.

    A damaged file can hold offsets that point anywhere: following them would end the process.
    """
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
        columns = [_as_bytes(column) for column in batch.columns]
        pa.RecordBatch.from_arrays(columns, batch.schema.names).validate(full=True)
    return batch


def _as_bytes(values: Any) -> Any:
    kinds = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary()}
    if values.type not in kinds:
        return values
    return pa.Array.from_buffers(kinds[values.type], len(values), values.buffers(), offset=values.offset)


def _check_sizes(source: Input) -> None:
    """Raises CelossError (E214) for a batch that says it is larger than MOST_BATCH_BYTES when it is no longer compressed."""
    with pa.memory_map(source.file) as file:
        file.seek(STREAM_START if source.start.startswith(FILE_MAGIC) else 0)
        for message in pa.ipc.MessageReader.open_stream(file):
            size = _size(message)
            if size > MOST_BATCH_BYTES:
                raise CelossError(
                    Diagnostic(
                        "E214",
                        f"a record batch of '{escape(source.name)}' takes {size / 1e9:,.1f} GB",
                        (Place(source.name),),
                        details=(f"at most {MOST_BATCH_BYTES / 1e9:.1f} GB are read at once",),
                        help="write the table in smaller batches, or as Parquet",
                    )
                )


def _size(message: Any) -> int:
    """The bytes of a message's buffers when they are no longer compressed, as they say themselves."""
    metadata, body = memoryview(message.metadata), memoryview(message.body or b"")
    root = _Table(metadata, struct.unpack_from("<I", metadata)[0])
    kind = root.byte(1)
    if kind not in (DICTIONARY_BATCH, RECORD_BATCH):
        return 0
    batch = root.table(2) if kind == RECORD_BATCH else root.table(2).table(1)
    total = 0
    for offset, length in batch.pairs(2):
        if length >= 8 and batch.has(3):
            (stated,) = struct.unpack_from("<q", body, offset)
            # Such a buffer is not compressed, although the others are.
            length = length if stated == -1 else stated
        total += max(0, length)
    return total


class _Table:
    """A table of a flatbuffer, as Arrow's metadata is: fields are found by number in the table before it."""

    def __init__(self, buffer: memoryview, start: int) -> None:
        self._buffer = buffer
        self._start = start
        self._fields = start - struct.unpack_from("<i", buffer, start)[0]
        self._size = struct.unpack_from("<H", buffer, self._fields)[0]

    def _at(self, field: int) -> int:
        """Where a field is, 0 where it has its default value."""
        entry = 4 + 2 * field
        offset: int = struct.unpack_from("<H", self._buffer, self._fields + entry)[0] if entry < self._size else 0
        return self._start + offset if offset else 0

    def _behind(self, field: int) -> int:
        """Where the table or vector is that a field points to."""
        at = self._at(field)
        return at + int(struct.unpack_from("<I", self._buffer, at)[0])

    def has(self, field: int) -> bool:
        return self._at(field) > 0

    def byte(self, field: int) -> int:
        return int(self._buffer[self._at(field)]) if self.has(field) else 0

    def table(self, field: int) -> _Table:
        return _Table(self._buffer, self._behind(field))

    def pairs(self, field: int) -> Iterator[tuple[int, int]]:
        """The pairs of 64-bit integers in a vector."""
        if self.has(field):
            at = self._behind(field)
            count = struct.unpack_from("<I", self._buffer, at)[0]
            for index in range(count):
                yield struct.unpack_from("<qq", self._buffer, at + 4 + 16 * index)
