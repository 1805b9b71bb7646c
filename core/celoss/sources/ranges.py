"""Owns Arrow's reading of delimited text: ranges of whole lines, of which several threads read the blocks."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from celoss.sources.base import Suspicious

RANGE_BYTES = 1 << 22
NEWLINE, RETURN, QUOTE = b"\n", b"\r", b'"'


def record_batches(stream: Any, names: Sequence[str], delimiter: str, block_bytes: int, convert: Any) -> Iterator[Any]:
    """The records after the header of a stream of bytes, in batches of about `block_bytes`.

    A range is read in several blocks at once, where no line break stands in a value. From the first range on of which that
    is not known the stream is read block by block. Raises Suspicious for a quote that is not closed, and ArrowInvalid.
    """
    yield from _Ranges(stream, names, delimiter, block_bytes, convert).batches()


class _Ranges:
    """A stream that is read range by range, into one buffer."""

    def __init__(self, stream: Any, names: Sequence[str], delimiter: str, block_bytes: int, convert: Any) -> None:
        self._stream = stream
        self._names = list(names)
        self._delimiter = delimiter
        self._block_bytes = block_bytes
        self._convert = convert
        self._buffer = bytearray(max(RANGE_BYTES, block_bytes))
        self._view = memoryview(self._buffer)

    def batches(self) -> Iterator[Any]:
        kept = 0
        is_first = True
        while True:
            size = self._fill(kept)
            is_last = size < len(self._buffer)
            end = size if is_last else self._buffer.rfind(NEWLINE, 0, size) + 1
            if is_last and not end and not is_first:
                return
            if not is_first and self._buffer.startswith(codecs.BOM_UTF8):
                raise Suspicious("a byte-order mark, which Arrow leaves out, at the beginning of a line")
            table = self._read(end, is_first) if end else None
            if table is None:
                yield from self._streamed(bytes(self._view[:size]), is_first)
                return
            yield from table.to_batches()
            if is_last:
                return
            is_first = False
            kept = size - end
            self._view[:kept] = bytes(self._view[end:size])

    def _fill(self, kept: int) -> int:
        """Reads until the buffer is full or the stream ends; how many bytes there are."""
        while kept < len(self._buffer) and (count := self._stream.readinto(self._view[kept:])):
            kept += count
        return kept

    def _read(self, end: int, is_first: bool) -> Any:
        """The table of the first `end` bytes; None where a line break may stand in a value, or Arrow stumbles."""
        has_quotes = self._buffer.find(QUOTE, 0, end) >= 0
        if has_quotes and not self._are_lines_records(end):
            return None
        if self._buffer.find(RETURN, 0, end) >= 0 and (has_quotes or len(self._names) == 1):
            # Arrow ends a line between the bytes of \r\n where a block ends there, which makes one more line of one column.
            return None
        try:
            return pacsv.read_csv(
                pa.BufferReader(pa.py_buffer(self._view[:end])),
                self._read_options(is_first),
                self._parse_options(newlines_in_values=False),
                self._convert,
            )
        except pa.ArrowInvalid:
            return None

    def _are_lines_records(self, end: int) -> bool:
        """Whether no line break of the first `end` bytes stands inside of quotes, nor a quote where none can open or close.

        Each second quote closes, also the first one of two that stand for one. (As many records as lines prove nothing: a
        value that is cut can look like two whole records.)
        """
        values = np.frombuffer(self._buffer, dtype=np.uint8, count=end)
        quotes = np.flatnonzero(values == ord(QUOTE))
        opening = quotes[::2]
        before = values[opening[opening > 0] - 1]
        can_open = (before == ord(self._delimiter)) | (before == ord(NEWLINE)) | (before == ord(QUOTE))
        breaks = np.flatnonzero(values == ord(NEWLINE))
        return len(quotes) % 2 == 0 and bool(can_open.all()) and not (np.searchsorted(quotes, breaks) % 2).any()

    def _streamed(self, start: bytes, is_first: bool) -> Iterator[Any]:
        """The rest of the stream, which begins with the bytes `start`."""
        with _Rest(start, self._stream) as rest:
            options = self._parse_options(newlines_in_values=True)
            yield from pacsv.open_csv(rest, self._read_options(is_first), options, self._convert)
            if rest.quotes % 2:
                raise Suspicious("a quote may be opened and not closed")

    def _read_options(self, is_first: bool) -> Any:
        return pacsv.ReadOptions(block_size=self._block_bytes, column_names=None if is_first else self._names)

    def _parse_options(self, *, newlines_in_values: bool) -> Any:
        return pacsv.ParseOptions(
            delimiter=self._delimiter, newlines_in_values=newlines_in_values, ignore_empty_lines=len(self._names) > 1
        )


class _Rest(io.RawIOBase):
    """Some bytes and then a stream; counts the quotes in what is read: an odd number means that one is not closed."""

    def __init__(self, start: bytes, stream: Any) -> None:
        super().__init__()
        self._start = memoryview(start)
        self._stream = stream
        self.quotes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """As many bytes as asked for, or all. A short block can cost Arrow a row, where `\\r\\n` is cut at its end."""
        parts = [bytes(self._start if size < 0 else self._start[:size])]
        self._start = self._start[len(parts[0]) :]
        missing = size - len(parts[0])
        while missing and (data := self._stream.read(missing)):
            parts.append(data)
            missing = -1 if size < 0 else missing - len(data)
        whole = b"".join(parts)
        self.quotes += whole.count(QUOTE)
        return whole
