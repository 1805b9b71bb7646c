"""Owns JSON Lines: one object per line, read by the standard library so that every digit of an id survives."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa

from celoss.errors import CelossError, Diagnostic, Place, escape, shorten
from celoss.sources.base import CHUNK_ROWS, Line
from celoss.sources.columnar import ColumnarSource
from celoss.sources.streams import DAMAGED, Input

TYPED_ROWS = 1000


class JsonLinesSource(ColumnarSource):
    """Objects with the same keys on every line; a column holds texts, numbers, booleans or lists of numbers.

    Integers beyond 64 bits stay exact as text. What the first rows leave open (a column that is always null, or holds
    integers and then fractions) is settled by reading numbers as float64 and everything mixed as text.
    """

    has_lines = True

    def __init__(self, source: Input, role: str) -> None:
        self._input = source
        self.role = role
        self.name = source.name
        first = [row for _, row in islice(self._objects(), TYPED_ROWS)]
        if not first:
            message = f"'{escape(source.name)}' holds no objects"
            raise CelossError(Diagnostic("E103", message, (Place(source.name, 1),)))
        names = list(dict.fromkeys(name for row in first for name in row))
        schema = pa.schema([(name, _type([row.get(name) for row in first])) for name in names])
        super().__init__(role, source.path, source.name, "jsonl", schema, self._record_batches)

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        with io.TextIOWrapper(_readable(self._input), "utf-8-sig") as text:
            try:
                for number, line in enumerate(text, start=1):
                    if line.strip():
                        yield number, self._parse(number, line)
            except UnicodeDecodeError as error:
                raise CelossError(
                    Diagnostic("E105", f"'{escape(self.name)}' is not UTF-8", details=(f"found: {error.reason}",))
                ) from None
            except DAMAGED as error:
                raise CelossError(self._input.broken(error)) from None

    def _parse(self, number: int, line: str) -> dict[str, Any]:
        try:
            row = json.loads(line)
            found = f"a JSON {type(row).__name__}"
        except (json.JSONDecodeError, RecursionError) as error:
            row, found = None, str(error)
        if isinstance(row, dict):
            return row
        raise CelossError(
            Diagnostic(
                "E206",
                f"line {number} is not a JSON object",
                (Place(self.name, number, excerpt=((number, shorten(line.rstrip("\r\n"), 100)),)),),
                details=(f"found: {found}",),
                help='JSON Lines has one object per line, such as {"id": "a", "p": 0.5}',
            )
        )

    def _record_batches(self, columns: list[str] | None) -> Iterator[Any]:
        chosen = self._schema if columns is None else pa.schema([self._schema.field(name) for name in columns])
        objects = self._objects()
        while rows := list(islice(objects, CHUNK_ROWS)):
            yield pa.RecordBatch.from_arrays(
                [self._array(field, [row.get(field.name) for _, row in rows], rows) for field in chosen], schema=chosen
            )

    def _array(self, field: Any, values: list[Any], rows: list[tuple[int, dict[str, Any]]]) -> Any:
        if pa.types.is_string(field.type):
            return pa.array([_text(value) for value in values], pa.string())
        for (number, _), value in zip(rows, values, strict=True):
            if not _fits(value, field.type):
                raise CelossError(
                    Diagnostic(
                        "E208",
                        f"{_shown(value)} is not a {'list of numbers' if pa.types.is_list(field.type) else 'number'}",
                        (Place(self.name, number, column=field.name),),
                        help="a column holds one kind of value on all lines",
                    )
                )
        return pa.array(values, field.type)

    def lines(self, rows: Sequence[int]) -> dict[int, Line]:
        """See Source."""
        wanted = set(rows)
        return {
            row: Line(number, json.dumps(values, ensure_ascii=False), ())
            for row, (number, values) in enumerate(self._objects())
            if row in wanted
        }


def _readable(source: Input) -> Any:
    stream = source.open()
    return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)


def _type(values: list[Any]) -> Any:
    """float64 when all are numbers of which some are fractions, list of float64, else text."""
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, float) or type(value) is int for value in present):
        return pa.float64() if any(isinstance(value, float) for value in present) else pa.string()
    if present and all(isinstance(value, list) for value in present):
        return pa.list_(pa.float64())
    return pa.string()


def _fits(value: Any, kind: Any) -> bool:
    if pa.types.is_list(kind):
        return value is None or (isinstance(value, list) and all(one is None or type(one) in (int, float) for one in value))
    return value is None or type(value) in (int, float)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, bool | int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _shown(value: Any) -> str:
    return f'"{shorten(_text(value) or "")}"'
