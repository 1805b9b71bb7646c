"""Owns JSON Lines: one object per line, read by the standard library so that every digit of an id survives."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa

from celoss.bridge import from_texts
from celoss.errors import CelossError, Diagnostic, Place, escape, shorten
from celoss.naming import LONGEST_INTEGER
from celoss.sources.base import CHUNK_ROWS, HEAD_ROWS, Line
from celoss.sources.columnar import ColumnarSource
from celoss.sources.streams import DAMAGED, Input

# One more than a head holds, so that the head knows whether there are more.
TYPED_ROWS = HEAD_ROWS + 1


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
                    Diagnostic(
                        "E105",
                        f"'{escape(self.name)}' is not UTF-8",
                        (Place(self.name),),
                        details=(f"found: {error.reason}",),
                    )
                ) from None
            except DAMAGED as error:
                raise CelossError(self._input.broken(error)) from None

    def _parse(self, number: int, line: str) -> dict[str, Any]:
        try:
            row = json.loads(line, object_pairs_hook=_unique, parse_int=_integer)
            found = f"a JSON {type(row).__name__}"
        except json.JSONDecodeError as error:
            row, found = None, f"{error.msg} at character {error.pos + 1}"
        except (ValueError, RecursionError) as error:
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
        """Batches of some columns; of all columns only the first rows, whose types are known to fit."""
        chosen = self._schema if columns is None else pa.schema([self._schema.field(name) for name in columns])
        objects = self._objects()
        size = TYPED_ROWS if columns is None else CHUNK_ROWS
        while rows := list(islice(objects, size)):
            yield pa.RecordBatch.from_arrays(
                [self._array(field, [row.get(field.name) for _, row in rows], rows) for field in chosen], schema=chosen
            )
            if columns is None:
                return

    def _array(self, field: Any, values: list[Any], rows: list[tuple[int, dict[str, Any]]]) -> Any:
        if pa.types.is_string(field.type):
            return from_texts([(_text(value) or "").encode("utf-8", "backslashreplace").decode() for value in values])
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
        if pa.types.is_list(field.type):
            return pa.array([None if value is None else list(map(_float, value)) for value in values], field.type)
        return pa.array(list(map(_float, values)), field.type)

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


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f'an object with two keys "{next(name for name in names if names.count(name) > 1)}"')
    return row


def _integer(digits: str) -> int | str:
    """An integer; beyond any id's length the digits themselves, which Python refuses to convert."""
    return int(digits) if len(digits) <= LONGEST_INTEGER else digits


def _type(values: list[Any]) -> Any:
    """float64 when all are numbers of which some are fractions, list of float64, else text (integers stay exact so)."""
    present = [value for value in values if value is not None]
    if present and all(_fits(value, pa.float64()) for value in present) and any(type(one) is float for one in present):
        return pa.float64()
    if present and all(_fits(value, pa.list_(pa.float64())) for value in present):
        return pa.list_(pa.float64())
    return pa.string()


def _fits(value: Any, kind: Any) -> bool:
    if value is None:
        return True
    if pa.types.is_list(kind):
        return isinstance(value, list) and all(_fits(one, pa.float64()) for one in value)
    return type(value) is float or (type(value) is int and abs(value) <= 2**53)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


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
