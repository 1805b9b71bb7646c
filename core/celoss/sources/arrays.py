"""Owns arrays without column names: NPY files and NumPy arrays or lists in memory."""

from __future__ import annotations

import os
import sys
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from celoss.bridge import from_ndarray, from_texts
from celoss.errors import CelossError, Diagnostic, Fault, Place, escape, plural
from celoss.sources.base import CHUNK_ROWS, Chunk, Column, Head, Line, as_numbers, as_text, check_width, head_rows
from celoss.sources.coded import coded, key_integers
from celoss.sources.columnar import SPACING
from celoss.sources.streams import Input

# The column that weights become which are given as an array.
WEIGHT = "weight"


class ArraySource:
    """(n,) or (n, k). Without `names` the columns of a matrix are called 0 … k-1, the one of a vector after its role."""

    has_lines = False

    def __init__(
        self,
        values: np.ndarray[Any, Any],
        role: str,
        path: str | None,
        name: str,
        kind: str,
        names: Sequence[str] | None = None,
    ) -> None:
        if values.ndim not in (1, 2) or values.dtype.kind not in "biufUOS":
            raise CelossError(
                Diagnostic(
                    "E209",
                    f"{escape(name)} is an array of shape {values.shape} and type {values.dtype}",
                    help="give one row per case: shape (rows,) or (rows, classes) of numbers or texts",
                )
            )
        check_width(name, None, values.shape[1] if values.ndim == 2 else 1)
        if not all(values.shape[1:]):
            raise CelossError(Diagnostic("E103", f"{escape(name)} has no columns"))
        self._values = values
        self.role = role
        self.path = path
        self.name = name
        self.format = kind
        self._named = names is not None
        self._weights: np.ndarray[Any, Any] | None = None
        made_up = (role,) if values.ndim == 1 else tuple(str(index) for index in range(values.shape[1]))
        self._names = made_up if names is None else tuple(names)
        if len(self._names) != len(made_up):
            found = f"{escape(name)} has {plural(len(made_up), 'column')} and {plural(len(self._names), 'name')}"
            raise CelossError(Diagnostic("E209", found, help="give one name per column, in their order"))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in reversed(list(enumerate(self._names)))}

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._values)

    @property
    def is_vector(self) -> bool:
        """Whether the array has one dimension: one number for each row."""
        return self._values.ndim == 1

    def with_weights(self, weights: np.ndarray[Any, Any]) -> ArraySource:
        """The same rows with one more column, called `WEIGHT`."""
        weighted = copy(self)
        weighted._weights = weights
        weighted._names = (*self._names, WEIGHT)
        return weighted

    def _column(self, name: str, start: int, stop: int) -> Any:
        if self._weights is not None and name == WEIGHT:
            return _arrow(self._weights[start:stop], self.name)
        part = self._values[start:stop]
        column = part if part.ndim == 1 else part[:, self._places[name]]
        return _arrow(column, self.name)

    def head(self) -> Head:
        """The first rows as canonical text."""
        rows = min(len(self._values), head_rows(len(self._names)))
        columns = []
        for name in self._names:
            values = self._column(name, 0, rows)
            kind = "bool" if pa.types.is_boolean(values.type) else "text" if pa.types.is_string(values.type) else "number"
            columns.append(Column(name, kind, tuple(as_text(values).to_pylist()), SPACING.get(str(values.type), 0.0)))
        return Head(tuple(columns), rows, rows == len(self._values), named=self._named)

    @property
    def share_read(self) -> float | None:
        """Arrays are in memory."""
        return None

    def batches(self, texts: Sequence[str], numbers: Sequence[str], careful: bool = False, keys: int = 0) -> Iterator[Chunk]:
        """See Source."""
        for start in range(0, len(self._values), CHUNK_ROWS):
            stop = min(start + CHUNK_ROWS, len(self._values))
            faults: list[Fault] = []
            values = np.empty((len(numbers), stop - start))
            for plane, name in zip(values, numbers, strict=True):
                plane[:], wrong = as_numbers(self._column(name, start, stop), start, name, self.role)
                faults.extend(wrong)
            columns = [self._column(name, start, stop) for name in texts]
            short = [*map(key_integers, columns[:keys]), *map(coded, columns[keys:])]
            written = tuple(as_text(one) if other is None else other for one, other in zip(columns, short, strict=True))
            yield Chunk(start, stop - start, written, values, tuple(faults))

    def lines(self, rows: Sequence[int]) -> dict[int, Line]:
        """Arrays have no lines."""
        return {}


def npy(source: Input, role: str) -> ArraySource:
    """An NPY file, mapped into memory; pickled objects are refused."""
    try:
        with np.errstate(all="raise"), warnings.catch_warnings():
            # NumPy says that a file of Python 2 takes longer to read.
            warnings.simplefilter("ignore")
            values = np.load(source.file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, tokenize.TokenError, ArithmeticError) as error:
        if "Python objects" in str(error):
            message = f"'{escape(source.name)}' holds Python objects, which can run code when they are read"
            raise CelossError(
                Diagnostic("E209", message, (Place(source.name),), help="save numbers or texts: array.astype(float)")
            ) from None
        # What Python says of a header that is other code has an address in it.
        reason = ValueError("a header that describes no array") if " object at 0x" in str(error) else error
        raise CelossError(source.broken(reason)) from None
    after = os.path.getsize(source.file) - values.offset - values.nbytes
    if values.size and after:
        raise CelossError(source.broken(ValueError(f"{plural(after, 'byte')} after the array of shape {values.shape}")))
    return ArraySource(values, role, source.path, source.name, "npy")


def array(values: Any, role: str, names: Sequence[str] | None = None) -> ArraySource:
    """A NumPy array, list or tuple, with the names of its columns if they have any."""
    try:
        if isinstance(values, np.ma.MaskedArray):
            masked = np.ma.getmaskarray(values)
            values = np.ma.getdata(values).astype(object)
            values[masked] = None
        converted = np.asarray(values)
    except ValueError as error:
        raise CelossError(Diagnostic("E209", f"the {role} are not a table of equal rows: {escape(str(error))}")) from None
    return ArraySource(converted, role, None, f"the {role} array", "array", names)


def with_weights(labels: Any, weights: Any) -> Any:
    """Labels in memory with their weights as a column called `WEIGHT`.

    A pandas frame or series keeps its index; weights with an index of their own are brought to it. Raises CelossError
    (E209) when there is not one number for each row.
    """
    if isinstance(labels, str) or labels is None:
        what = "none" if labels is None else "a file"
        message = f"the weights are an array, the labels are {what}"
        raise CelossError(Diagnostic("E209", message, help="name the column that holds the weights: weights='NAME'"))
    # What `.values` of a pandas series of texts gives is an array, though pandas has made it.
    if type(labels).__module__.split(".")[0] == "pandas" and (hasattr(labels, "columns") or hasattr(labels, "to_frame")):
        frame = labels if hasattr(labels, "columns") else labels.to_frame("label" if labels.name is None else labels.name)
        return frame.assign(**{WEIGHT: _numbers(getattr(weights, "reindex", lambda _: weights)(frame.index), len(frame))})
    if hasattr(labels, "columns"):
        message = "the weights are an array, the labels are a table"
        raise CelossError(Diagnostic("E209", message, help="add the weights to it and name the column: weights='NAME'"))
    source = labels if isinstance(labels, ArraySource) else array(labels, "labels")
    return source.with_weights(_numbers(weights, source.rows))


def _numbers(weights: Any, rows: int) -> np.ndarray[Any, Any]:
    try:
        given = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise CelossError(Diagnostic("E209", "the weights are not numbers", help="give one number per row")) from None
    if given.shape != (rows,):
        message = f"the weights have the shape {given.shape}, the labels {plural(rows, 'row')}"
        raise CelossError(Diagnostic("E209", message, help="give one weight per row"))
    return given


def _arrow(column: np.ndarray[Any, Any], name: str) -> Any:
    kind = column.dtype.kind
    if kind == "b":
        return pa.array(np.ascontiguousarray(column))
    if kind in "iuf":
        # Arrow knows no other byte order, and nothing wider than 64 bits.
        native = column.astype(column.dtype.newbyteorder("="))
        return from_ndarray(native if native.dtype.itemsize <= 8 else native.astype(np.float64))
    try:
        if kind == "U":
            _check_characters(column)
        return from_texts([_text(value) for value in column.tolist()])
    except UnicodeError:
        raise CelossError(Diagnostic("E105", f"{escape(name)} is not UTF-8", (Place(name),))) from None


def _check_characters(column: np.ndarray[Any, Any]) -> None:
    """Raises UnicodeError for code points that there are not: a file can hold any four bytes, of which Python makes a text."""
    if column.dtype.itemsize:
        points = np.ascontiguousarray(column).view(np.dtype(np.uint32).newbyteorder(column.dtype.byteorder))
        if points.max(initial=0) > sys.maxunicode:
            raise UnicodeError


def _text(value: Any) -> str:
    """A value of an object array as text: missing ones empty, whole floats as integers, bytes as UTF-8."""
    if value is None or value != value:
        return ""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)
