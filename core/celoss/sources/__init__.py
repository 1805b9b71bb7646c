"""Owns `open_source`: from an argument (path, frame or array) to a Source."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from celoss.errors import CelossError, Diagnostic, Place, UsageError, escape
from celoss.sources.arrays import ArraySource, array, npy
from celoss.sources.base import Chunk, Column, Head, Line, Source, Suspicious, read_all
from celoss.sources.columnar import frame
from celoss.sources.ipc import arrow
from celoss.sources.rowgroups import parquet
from celoss.sources.streams import Input, kind_of
from celoss.sources.text import TextSource

__all__ = ["Chunk", "Column", "Head", "Line", "Source", "Suspicious", "open_source", "read_all"]

FORMATS = ("csv", "tsv", "jsonl", "parquet", "arrow", "npy")
ARGUMENTS = {"predictions": "PREDS", "labels": "LABELS"}


def open_source(what: Any, role: str, input_format: str | None = None) -> Source:
    """Opens an input for the role `predictions` or `labels`.

    what: a path (`-` is standard input), a pandas frame or series, anything with `__arrow_c_stream__`, or an array.
    Raises CelossError (E101 … E107, E2xx) when there is no table to read.
    """
    if isinstance(what, ArraySource):
        return what
    if isinstance(what, str) or hasattr(what, "__fspath__"):
        return _open_path(str(what), role, input_format)
    if hasattr(what, "__arrow_c_stream__") or hasattr(what, "to_frame") or hasattr(what, "columns"):
        return frame(_table(what, role), role)
    return array(what, role)


def _open_path(path: str, role: str, input_format: str | None) -> Source:
    delimiter = _delimiter(input_format)
    source = Input(path, ARGUMENTS[role])
    kind = kind_of(source, input_format)
    if kind in ("parquet", "arrow", "npy") and source.compression:
        help_text = f"decompress it first; {kind} has its own compression"
        raise CelossError(
            Diagnostic("E104", f"'{escape(path)}' is a compressed {kind} file", (Place(source.name),), help=help_text)
        )
    if kind == "parquet":
        return parquet(source, role)
    if kind == "arrow":
        return arrow(source, role)
    if kind == "npy":
        return npy(source, role)
    if kind == "jsonl":
        # The other formats do without its many patterns.
        from celoss.sources.jsonl import JsonLinesSource

        return JsonLinesSource(source, role)
    return TextSource(source, role, delimiter)


def _delimiter(input_format: str | None) -> str | None:
    if input_format is None:
        return None
    kind, _, delimiter = input_format.partition(":")
    if kind not in FORMATS or (
        delimiter and (kind != "csv" or len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n')
    ):
        raise UsageError(
            Diagnostic(
                "E603",
                f"no input format '{escape(input_format)}'",
                (Place(f"option --input-format {input_format}"),),
                details=(f"formats: {', '.join(FORMATS)}; csv:X for fields separated by X",),
            )
        )
    return "\t" if kind == "tsv" else delimiter or ("," if kind == "csv" else None)


def _table(what: Any, role: str) -> Any:
    """An Arrow table of a frame or series. What can be streamed only once is kept in memory."""
    try:
        if type(what).__module__.split(".")[0] == "pandas":
            named = what if hasattr(what, "columns") else what.to_frame(role if what.name is None else what.name)
            return pa.Table.from_pandas(named.rename(columns=str))
        if isinstance(what, pa.ChunkedArray | pa.Array) or (hasattr(what, "to_frame") and not hasattr(what, "columns")):
            return pa.table({getattr(what, "name", None) or role: pa.chunked_array(what)})
        if isinstance(what, pa.Table):
            return what
        return pa.RecordBatchReader.from_stream(what).read_all()
    except (pa.ArrowException, TypeError, ValueError) as error:
        # pyarrow says in a second argument which column it is.
        reason = "; ".join(map(str, error.args)).split("\n", 1)[0]
        raise CelossError(Diagnostic("E209", f"the {role} cannot be read as a table: {escape(reason)}")) from None
