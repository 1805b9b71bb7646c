"""The zoo: Parquet, Arrow, NPY and JSON Lines."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather as feather
import pyarrow.parquet as pq

from tests.zoo.case import Case

IDS = ["a", "b", "c"]
COLUMNS = {"cat": [0.7, 0.1, 0.2], "dog": [0.2, 0.8, 0.2], "owl": [0.1, 0.1, 0.6]}
LISTS = [list(row) for row in zip(*COLUMNS.values(), strict=True)]
OBJECTS = [{"id": name, **dict(zip(COLUMNS, row, strict=True))} for name, row in zip(IDS, LISTS, strict=True)]
NUMBERED = {"labels.csv": "id,label\na,0\nb,1\nc,2\n"}
LOSS = {"log_loss": -(math.log(0.7) + math.log(0.8) + math.log(0.6)) / 3}
# Numbers that float32 and float16 hold exactly.
EXACT = {"cat": [0.5, 0.25, 0.25], "dog": [0.25, 0.5, 0.25], "owl": [0.25, 0.25, 0.5]}
HALF = {"log_loss": math.log(2)}

Make = Callable[[Path], object]


def table(columns: Mapping[str, Any] = COLUMNS, ids: Any = IDS, **more: Any) -> pa.Table:
    return pa.table({"id": ids, **columns, **more})


def parquet(stored: pa.Table, cut: slice = slice(None), **options: Any) -> Make:
    """A Parquet file, or a part of its bytes."""

    def make(path: Path) -> None:
        pq.write_table(stored, path, **options)
        path.write_bytes(path.read_bytes()[cut])

    return make


def patched(make: Make, at: Callable[[bytes], int], new: bytes) -> Make:
    """A file of which some bytes are written over."""

    def change(path: Path) -> None:
        make(path)
        content = bytearray(path.read_bytes())
        start = at(bytes(content))
        content[start : start + len(new)] = new
        path.write_bytes(content)

    return change


def replaced(make: Make, old: bytes, new: bytes) -> Make:
    """A file with other bytes of the same number, everywhere."""

    def change(path: Path) -> None:
        make(path)
        path.write_bytes(path.read_bytes().replace(old, new))

    return change


def ipc(stored: pa.Table, cut: slice = slice(None), *, stream: bool = False, compression: str | None = None) -> Make:
    """An Arrow file or stream, or a part of its bytes."""

    def make(path: Path) -> None:
        opener = pa.ipc.new_stream if stream else pa.ipc.new_file
        sink = io.BytesIO()
        with opener(sink, stored.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
            writer.write_table(stored)
        path.write_bytes(sink.getvalue()[cut])

    return make


def npy(values: Any, **options: Any) -> bytes:
    sink = io.BytesIO()
    np.lib.format.write_array(sink, np.asarray(values), **options)
    return sink.getvalue()


def header(text: str, data: bytes = bytes(72)) -> bytes:
    """An NPY file with any header."""
    padded = text.encode() + b" " * (117 - len(text)) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + data


def encrypted(path: Path) -> None:
    """A Parquet file as one without a key sees it: other magic bytes."""
    pq.write_table(table(), path)
    path.write_bytes(b"PARE" + path.read_bytes()[4:-4] + b"PARE")


def lines(*objects: Any, end: str = "\n") -> str:
    return "".join((one if isinstance(one, str) else json.dumps(one)) + end for one in objects)


def second(**changed: Any) -> str:
    """The good objects, with other values in the second."""
    return lines(OBJECTS[0], OBJECTS[1] | changed, OBJECTS[2])


def good(name: str, file: str, content: Any, metrics: Mapping[str, float] = LOSS, **more: Any) -> Case:
    return _case(name, file, content, metrics=metrics, rows=3, **more)


def bad(name: str, file: str, content: Any, error: str, *says: str, **more: Any) -> Case:
    return _case(name, file, content, error=error, says=says, **more)


def _case(name: str, file: str, content: Any, files: Mapping[str, Any] = {}, options: str = "", **more: Any) -> Case:
    return Case(name, {file: content, **files}, f"{file} labels.csv {options}", **more)


JSON_LINES: Sequence[Case] = (
    good("JSON Lines", "p.jsonl", lines(*OBJECTS)),
    good(
        "JSON Lines, its keys in another order on each line",
        "p.jsonl",
        lines(
            *(
                {key: one[key] for key in order}
                for one, order in zip(
                    OBJECTS,
                    (["owl", "id", "cat", "dog"], ["id", "dog", "owl", "cat"], ["cat", "owl", "dog", "id"]),
                    strict=True,
                )
            )
        ),
    ),
    good("JSON Lines with a byte-order mark, CRLF and blank lines", "p.jsonl", "\ufeff\r\n" + lines(*OBJECTS, end="\r\n \r\n")),
    good("JSON Lines that end in CR alone", "p.jsonl", lines(*OBJECTS, end="\r")),
    good("JSON Lines without a last line break", "p.jsonl", lines(*OBJECTS).rstrip()),
    good("JSON Lines that are called .csv", "p.csv", lines(*OBJECTS)),
    good("JSON Lines, gzipped", "p.jsonl.gz", gzip.compress(lines(*OBJECTS).encode())),
    good("JSON Lines of numbers in strings", "p.jsonl", lines(*({**one, "cat": str(one["cat"])} for one in OBJECTS))),
    good("JSON Lines with one number in a string", "p.jsonl", second(cat="0.1")),
    good(
        "JSON Lines of lists",
        "p.jsonl",
        lines(*({"id": name, "p": row} for name, row in zip(IDS, LISTS, strict=True))),
        files=NUMBERED,
    ),
    good(
        "JSON Lines of lists in strings",
        "p.jsonl",
        lines(*({"id": name, "p": str(row)} for name, row in zip(IDS, LISTS, strict=True))),
        files=NUMBERED,
    ),
    good(
        "JSON Lines with a 40-digit id",
        "p.jsonl",
        second(id=10**39 + 7),
        files={"labels.csv": f"id,label\na,cat\n{10**39 + 7},dog\nc,owl\n"},
    ),
    good(
        "JSON Lines with ids that are numbers and texts",
        "p.jsonl",
        lines(OBJECTS[0] | {"id": 1}, OBJECTS[1] | {"id": "2"}, OBJECTS[2] | {"id": 3.0}),
        files={"labels.csv": "id,label\n1,cat\n2,dog\n3,owl\n"},
    ),
    good("JSON Lines with nested objects that nobody wants", "p.jsonl", second(meta={"a": [1, {"b": None}]})),
    good("JSON Lines with bad bytes that nobody wants", "p.jsonl", second(note="caf~").encode().replace(b"~", b"\xe9")),
    good("JSON Lines, a text under a key that comes late", "p.jsonl", second(note="late")),
    Case(
        "JSON Lines of labels that are numbers and texts",
        {
            "p.jsonl": lines(*({"id": name, "p": row} for name, row in zip(IDS, LISTS, strict=True))),
            "labels.jsonl": lines({"id": "a", "label": 0}, {"id": "b", "label": "1"}, {"id": "c", "label": 2.0}),
        },
        "p.jsonl labels.jsonl",
        metrics=LOSS,
        rows=3,
    ),
    bad(
        "a JSON list among objects",
        "p.jsonl",
        lines(OBJECTS[0], [0.1, 0.8, 0.1], OBJECTS[2]),
        "E206",
        "p.jsonl:2",
        "2 | [0.1, 0.8, 0.1]",
        "a JSON list",
    ),
    bad(
        "several lines that are no objects",
        "p.jsonl",
        lines(OBJECTS[0], 1, "x", OBJECTS[2], "null"),
        "E206",
        "line 2 is",
        "a JSON number",
        "2 more: line 3 (expecting value at character 1); line 5 (a JSON null)",
    ),
    bad("JSON Lines cut in the last line", "p.jsonl", lines(*OBJECTS)[:-12], "E206", "p.jsonl:3", "character"),
    bad(
        "two keys of one name",
        "p.jsonl",
        lines(OBJECTS[0], '{"id": "b", "cat": 0.1, "cat": 0.1, "dog": 0.8, "owl": 0.1}', OBJECTS[2]),
        "E206",
        "p.jsonl:2",
        'an object with two keys "cat"',
        "give every value its own key",
    ),
    bad(
        "two objects on a line",
        "p.jsonl",
        lines(OBJECTS[0], json.dumps(OBJECTS[1]) + json.dumps(OBJECTS[2])),
        "E206",
        "p.jsonl:2",
        "more text after the value at character 48",
    ),
    bad("a comma after each object", "p.jsonl", lines(*OBJECTS, end=",\n"), "E206", "p.jsonl:1", "more text after the value"),
    bad(
        "single quotes",
        "p.jsonl",
        lines(*OBJECTS).replace('"', "'"),
        "E206",
        "p.jsonl:1",
        "single quotes, as Python prints a dictionary",
    ),
    bad(
        "one JSON array called .jsonl", "p.jsonl", json.dumps(OBJECTS), "E206", "p.jsonl:1", "jq -c '.[]' p.jsonl > rows.jsonl"
    ),
    bad(
        "one JSON array over lines called .jsonl",
        "p.jsonl",
        json.dumps(OBJECTS, indent=1),
        "E206",
        "p.jsonl:1",
        "jq -c '.[]' p.jsonl > rows.jsonl",
    ),
    bad(
        "one JSON array with an object on each line",
        "p.jsonl",
        "[" + ",\n".join(map(json.dumps, OBJECTS)) + "]",
        "E206",
        "p.jsonl:1",
        "jq -c '.[]' p.jsonl > rows.jsonl",
    ),
    bad("a JSON array called .json", "p.json", json.dumps(OBJECTS), "E104", "jq -c '.[]'"),
    bad(
        "objects that are spread over lines",
        "p.jsonl",
        "\n".join(json.dumps(one, indent=1) for one in OBJECTS),
        "E206",
        "p.jsonl:1",
        "jq -c . p.jsonl > rows.jsonl",
    ),
    bad(
        "one object of columns",
        "p.jsonl",
        json.dumps({"id": IDS, **COLUMNS}),
        "E206",
        "'p.jsonl' is one JSON object, not one per row",
        '"id", "cat", "dog", "owl"',
    ),
    bad(
        "one object of columns by row number, as pandas writes it",
        "p.json",
        json.dumps({"cat": {"0": 0.5, "1": 0.5}, "dog": {"0": 0.5, "1": 0.5}}),
        "E206",
        "one JSON object, not one per row",
    ),
    bad("objects wrapped in an object", "p.json", json.dumps({"rows": OBJECTS}), "E206", "jq -c '.rows[]' p.json > rows.jsonl"),
    bad("JSON Lines without any object", "p.jsonl", "\n \n", "E103", "holds no objects"),
    bad("JSON Lines of empty objects", "p.jsonl", "{}\n{}\n", "E103", "holds only empty objects"),
    bad(
        "brackets in each other without end",
        "p.jsonl",
        lines(OBJECTS[0], '{"id": "b", "cat": ' + "[" * 200_000),
        "E206",
        "p.jsonl:2",
        "more brackets in each other than can be read",
    ),
    bad(
        "a line without end",
        "p.jsonl",
        lines(OBJECTS[0], '{"id": "' + "b" * (1 << 24)),
        "E111",
        "line 2 is longer than 16,777,216 characters",
        "p.jsonl:2",
    ),
    bad("NUL bytes for a line", "p.jsonl", lines(OBJECTS[0], "\0" * 9, OBJECTS[2]), "E206", "p.jsonl:2", r"\x00"),
    bad(
        "an id that is not UTF-8",
        "p.jsonl",
        second(id="caf~").encode().replace(b"~", b"\xe9"),
        "E105",
        "p.jsonl:2",
        'column "id"',
        r"caf\xe9",
        "iconv",
    ),
    bad("a key that is not UTF-8", "p.jsonl", lines(*OBJECTS).encode().replace(b"cat", b"c\xe4t"), "E105", r"c\xe4t", "iconv"),
    bad("JSON Lines in UTF-16", "p.jsonl", lines(*OBJECTS).encode("utf-16"), "E105", "UTF-16", "iconv -f UTF-16"),
    bad("JSON Lines in UTF-16 without a mark", "p.jsonl", lines(*OBJECTS).encode("utf-16-le"), "E105", "UTF-16"),
    bad("half of a surrogate pair for an id", "p.jsonl", second(id="\ud800"), "E302", 'id "b"'),
    bad("half of a surrogate pair in a key", "p.jsonl", lines(*OBJECTS).replace("dog", "\\ud800"), "E402", r"\ud800"),
    bad(
        "true for a probability",
        "p.jsonl",
        second(cat=True),
        "E501",
        '"true" is not a number',
        "p.jsonl:2",
        'column "cat"',
        '"cat": true',
    ),
    bad("an object for a probability", "p.jsonl", second(cat={"v": 0.1}), "E501", "p.jsonl:2", '{"v": 0.1}'),
    bad("a list for a probability", "p.jsonl", second(cat=[0.1]), "E501", "p.jsonl:2", '"[0.1]" is not a number'),
    bad(
        "words for probabilities",
        "p.jsonl",
        second(cat="n/a", dog="high"),
        "E501",
        "p.jsonl:2",
        '"n/a" is not a number',
        'line 2, column "dog" (high)',
    ),
    bad("null for a probability", "p.jsonl", second(cat=None), "E502", "p.jsonl:2", 'column "cat"'),
    bad("NaN for a probability", "p.jsonl", second(cat=math.nan), "E502", "p.jsonl:2", 'column "cat"'),
    bad(
        "a key that a line lacks",
        "p.jsonl",
        lines(OBJECTS[0], {"id": "b", "dog": 0.9, "owl": 0.1}, OBJECTS[2]),
        "E502",
        "p.jsonl:2",
        'column "cat"',
    ),
    bad("Infinity for a probability", "p.jsonl", second(cat=math.inf), "E503", "p.jsonl:2", "Infinity"),
    bad("1e400 for a probability", "p.jsonl", second(cat="~").replace('"~"', "1e400"), "E503", "p.jsonl:2", "1e400"),
    bad(
        "a number of 5000 digits for a probability", "p.jsonl", second(cat="~").replace('"~"', "1" * 5000), "E503", "p.jsonl:2"
    ),
    bad(
        "percentages in JSON Lines",
        "p.jsonl",
        lines(*({key: value * 100 if isinstance(value, float) else value for key, value in one.items()} for one in OBJECTS)),
        "E503",
        "these are percentages",
    ),
    bad(
        "a list of another length in JSON Lines",
        "p.jsonl",
        lines({"id": "a", "p": [0.5, 0.5]}, {"id": "b", "p": [1]}, {"id": "c", "p": [1, 0]}),
        "E507",
        "p.jsonl:2",
        "found 1 number",
        files={"labels.csv": "id,label\na,0\nb,1\nc,1\n"},
    ),
    bad(
        "a list with a word in JSON Lines",
        "p.jsonl",
        lines({"id": "a", "p": [0.5, 0.5]}, {"id": "b", "p": [1, "x"]}, {"id": "c", "p": [1, 0]}),
        "E501",
        "p.jsonl:2",
        '[1, "x"]',
        files={"labels.csv": "id,label\na,0\nb,1\nc,1\n"},
    ),
    bad(
        "a number under a key that comes late",
        "p.jsonl",
        lines(
            *({"id": row, "cat": 0.75, "dog": 0.25} for row in range(1500)), {"id": 1500, "cat": 0.5, "dog": 0.25, "owl": 0.25}
        ),
        "E212",
        '"owl" is not among the keys of the first lines',
        "p.jsonl:1501",
        'column "owl"',
        files={
            "labels.csv": "id,label\n"
            + "".join(f"{row},cat\n" for row in range(1400))
            + "".join(f"{row},dog\n" for row in range(1400, 1501))
        },
        options="--renormalize",
    ),
    bad("gzipped JSON Lines cut off", "p.jsonl.gz", gzip.compress(lines(*OBJECTS).encode())[:-12], "E108", "gzip-compressed"),
)

TIMES = [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 12, 30), dt.datetime(2024, 1, 2)]
BIG = [2**53 + 1, 2**63 + 3, 2**64 - 1]


def labels_of(*ids: object) -> dict[str, str]:
    """A file of labels with these ids."""
    return {"labels.csv": "id,label\n" + "".join(f"{one},{label}\n" for one, label in zip(ids, COLUMNS, strict=True))}


def as_type(kind: Any, columns: Mapping[str, Any] = EXACT) -> pa.Table:
    half = kind == pa.float16()
    # Older pyarrow takes float16 from NumPy alone.
    return table({name: pa.array(np.float16(values) if half else values, kind) for name, values in columns.items()})


def lists_as(kind: Any, values: Sequence[Any] = LISTS) -> pa.Table:
    return pa.table({"id": IDS, "p": pa.array(values, kind)})


def ids_as(values: Any) -> pa.Table:
    return table(ids=values)


def nested(value: Any) -> pa.Table:
    return table(meta=pa.array([value] * 3))


def many_columns(path: Path) -> None:
    """2,000 classes, each row 1/2000 everywhere."""
    count = 2_000
    names = [f"c{index}" for index in range(count)]
    pq.write_table(pa.table([pa.array(IDS), *[pa.array([1.0 / count] * 3)] * count], names=["id", *names]), path)


def row_groups(path: Path) -> None:
    """The three rows ten thousand times, each in a row group of its own."""
    with pq.ParquetWriter(path, table().schema) as writer:
        for _ in range(3_000):
            writer.write_table(table())


def uneven(path: Path) -> None:
    """Row groups of one, no and two rows."""
    with pq.ParquetWriter(path, table().schema) as writer:
        for start, rows in ((0, 1), (1, 0), (1, 2)):
            writer.write_table(table().slice(start, rows))


def no_row_groups(path: Path) -> None:
    pq.ParquetWriter(path, table().schema).close()


def lying(make: Make) -> Make:
    """The uncompressed length of a compressed buffer, written over: 2^62 bytes."""
    # Behind the flatbuffer of the batch; zstd frames begin with these four bytes, the length stands before.
    return patched(make, lambda content: content.index(b"\x28\xb5\x2f\xfd") - 8, struct.pack("<q", 1 << 62))


TYPED: Sequence[Case] = (
    good("Parquet", "p.parquet", parquet(table())),
    good("Parquet called .csv", "p.csv", parquet(table())),
    good("Parquet, zstd, with dictionaries", "p.parquet", parquet(table(), compression="zstd", use_dictionary=True)),
    good(
        "Parquet, version 1, no statistics",
        "p.parquet",
        parquet(table(), version="1.0", write_statistics=False, data_page_version="1.0"),
    ),
    good(
        "Parquet with prefixes", "p.parquet", parquet(table(), use_dictionary=False, column_encoding={"id": "DELTA_BYTE_ARRAY"})
    ),
    good("Parquet, rows in row groups of one", "p.parquet", parquet(table(), row_group_size=1)),
    good("Parquet with row groups of one, no and two rows", "p.parquet", uneven),
    good("Feather", "p.feather", lambda path: feather.write_feather(table(), path, compression="zstd")),
    good("an Arrow file", "p.arrow", ipc(table())),
    good("an Arrow stream", "p.arrows", ipc(table(), stream=True)),
    good("an Arrow file, lz4", "p.arrow", ipc(table(), compression="lz4")),
    good("float32", "p.parquet", parquet(as_type(pa.float32())), HALF),
    good("float16", "p.parquet", parquet(as_type(pa.float16())), HALF),
    good(
        "decimals",
        "p.parquet",
        parquet(
            table(
                {name: pa.array([Decimal(str(one)) for one in values], pa.decimal128(9, 5)) for name, values in COLUMNS.items()}
            )
        ),
    ),
    good("numbers in strings", "p.parquet", parquet(table({name: list(map(str, values)) for name, values in COLUMNS.items()}))),
    good(
        "numbers in a dictionary",
        "p.arrow",
        ipc(table({name: pa.array(values).dictionary_encode() for name, values in COLUMNS.items()})),
    ),
    good(
        "numbers by runs",
        "p.arrow",
        ipc(table({name: pc.run_end_encode(pa.array(values)) for name, values in COLUMNS.items()})),
    ),
    good("ids by runs", "p.arrow", ipc(ids_as(pc.run_end_encode(pa.array(IDS))))),
    good("ids in a dictionary", "p.parquet", parquet(ids_as(pa.array(IDS).dictionary_encode()))),
    good("large strings", "p.parquet", parquet(ids_as(pa.array(IDS, pa.large_string())))),
    good("string views", "p.arrow", ipc(ids_as(pa.array(IDS, pa.string_view())))),
    good("ids of bytes that are text", "p.parquet", parquet(ids_as(pa.array([b"a", b"b", b"c"])))),
    good("ids beyond 2^53 and 2^63", "p.parquet", parquet(ids_as(pa.array(BIG, pa.uint64()))), files=labels_of(*BIG)),
    good(
        "ids that are times",
        "p.parquet",
        parquet(ids_as(pa.array(TIMES, pa.timestamp("us")))),
        files=labels_of("2024-01-01", "2024-01-01 12:30:00", "2024-01-02"),
    ),
    good(
        "ids that are dates",
        "p.parquet",
        parquet(ids_as(pa.array([one.date() for one in (dt.datetime(2024, 1, day) for day in (1, 2, 3))]))),
        files=labels_of("2024-01-01", "2024-01-02", "2024-01-03"),
    ),
    good(
        "an extension type for the ids",
        "p.arrow",
        ipc(ids_as(pa.ExtensionArray.from_storage(pa.opaque(pa.string(), "x", "y"), pa.array(IDS)))),
    ),
    good("lists", "p.parquet", parquet(lists_as(pa.list_(pa.float64()))), files=NUMBERED),
    good("large lists", "p.parquet", parquet(lists_as(pa.large_list(pa.float64()))), files=NUMBERED),
    good("lists of a fixed length", "p.parquet", parquet(lists_as(pa.list_(pa.float64(), 3))), files=NUMBERED),
    good("list views", "p.arrow", ipc(lists_as(pa.list_view(pa.float64()))), files=NUMBERED),
    good(
        "lists of decimals",
        "p.parquet",
        parquet(lists_as(pa.list_(pa.decimal128(5, 2)), [[Decimal(str(one)) for one in row] for row in LISTS])),
        files=NUMBERED,
    ),
    good("lists in strings", "p.parquet", parquet(lists_as(pa.string(), list(map(str, LISTS)))), files=NUMBERED),
    good(
        "tensors",
        "p.arrow",
        ipc(pa.table({"id": IDS, "p": pa.FixedShapeTensorArray.from_numpy_ndarray(np.array(LISTS))})),
        files=NUMBERED,
    ),
    good("a structure that nobody wants", "p.parquet", parquet(nested({"a": 1, "b": [None]}))),
    good("a list of structures that nobody wants", "p.parquet", parquet(nested([{"a": 1}]))),
    good(
        "a map that nobody wants",
        "p.parquet",
        parquet(table(meta=pa.array([[("a", 1.0)]] * 3, pa.map_(pa.string(), pa.float64())))),
    ),
    good("bytes that nobody wants", "p.parquet", parquet(nested(b"\xff\xfe"))),
    good("a column of nulls that nobody wants", "p.parquet", parquet(table(meta=pa.nulls(3)))),
    good(
        "a union that nobody wants",
        "p.arrow",
        ipc(table(meta=pa.UnionArray.from_sparse(pa.array([0, 0, 0], pa.int8()), [pa.array([1, 2, 3])]))),
    ),
    good("columns with dots in their names", "p.parquet", parquet(table(**{"cat.1": [1, 2, 3], "cat.dog": ["x", "y", "z"]}))),
    Case(
        "bool labels",
        {
            "p.csv": "id,p\na,0.5\nb,0.5\nc,0.5\n",
            "labels.parquet": parquet(pa.table({"id": IDS, "label": [True, False, True]})),
        },
        "p.csv labels.parquet",
        metrics=HALF,
        rows=3,
    ),
    Case(
        "3,000 row groups of three rows",
        {"p.parquet": row_groups, "labels.csv": "label\n" + "cat\ndog\nowl\n" * 3_000},
        "p.parquet labels.csv",
        metrics=LOSS,
        rows=9_000,
    ),
    bad("Parquet cut in half", "p.parquet", parquet(table(), slice(0, 700)), "E108", "p.parquet"),
    bad("Parquet with its beginning cut off", "p.parquet", parquet(table(), slice(500, None)), "E104", "not a Parquet file"),
    bad(
        "Parquet with other bytes at its end",
        "p.parquet",
        patched(parquet(table()), lambda content: len(content) - 4, b"XXXX"),
        "E108",
    ),
    bad(
        "Parquet with a footer that is too long",
        "p.parquet",
        patched(parquet(table()), lambda content: len(content) - 8, b"\xff\xff\xff\x7f"),
        "E108",
    ),
    bad(
        "Parquet whose footer is encrypted",
        "p.parquet",
        encrypted,
        "E104",
        "'p.parquet' is an encrypted Parquet file",
    ),
    bad(
        "Parquet whose names are not UTF-8",
        "p.parquet",
        replaced(parquet(table(), store_schema=False), b"cat", b"c\xe4t"),
        "E108",
    ),
    bad(
        "Parquet whose dictionary has a broken header",
        "p.parquet",
        replaced(parquet(ids_as(pa.array(IDS).dictionary_encode()), compression="none"), b"\x4c\x15", b"\xcc\x15"),
        "E108",
    ),
    bad("four bytes of Parquet", "p.parquet", b"PAR1", "E108"),
    bad("CSV called .parquet", "p.parquet", "id,cat\na,0.5\n", "E104", 'bytes starting "id,cat"'),
    bad(
        "gzipped Parquet",
        "p.parquet.gz",
        lambda path: (parquet(table())(path), path.write_bytes(gzip.compress(path.read_bytes()))),
        "E104",
        "decompress it first",
    ),
    bad("Parquet without rows", "p.parquet", parquet(table().slice(0, 0)), "E103", "p.parquet has no rows"),
    bad("Parquet without row groups", "p.parquet", no_row_groups, "E103", "p.parquet has no rows"),
    bad("Parquet without columns", "p.parquet", parquet(pa.table({})), "E103", "p.parquet has no columns"),
    bad(
        "Parquet of structures alone",
        "p.parquet",
        parquet(pa.table({"row": [{"cat": 0.5}] * 3})),
        "E208",
        'column "row"',
        "struct<cat: double>",
    ),
    bad(
        "a map for a probability",
        "p.parquet",
        parquet(table(COLUMNS | {"owl": pa.array([[("a", 1.0)]] * 3, pa.map_(pa.string(), pa.float64()))})),
        "E208",
        'column "owl"',
        "map<string, double",
        options="--pred cat,dog,owl",
    ),
    bad(
        "two columns of one name",
        "p.parquet",
        parquet(pa.table([IDS, *COLUMNS.values(), [0.1] * 3], names=["id", *COLUMNS, "cat"])),
        "E203",
        '"cat"',
        "columns 2 and 5",
    ),
    bad(
        "two columns without a name",
        "p.parquet",
        parquet(pa.table([IDS, *COLUMNS.values(), [1] * 3, [2] * 3], names=["id", *COLUMNS, "", ""])),
        "E203",
        "2 columns of p.parquet have no name",
    ),
    bad(
        "ids of bytes that are not UTF-8",
        "p.parquet",
        parquet(ids_as(pa.array([b"a", b"b\xff", b"c"]))),
        "E105",
        "p.parquet, row 2",
        'column "id"',
        r"b\xff",
    ),
    bad(
        "strings that are not UTF-8",
        "p.arrow",
        patched(ipc(ids_as(["a", "#", "c"])), lambda content: content.index(b"a#c") + 1, b"\xff"),
        "E105",
        "p.arrow, row 2",
        r"\xff",
    ),
    bad(
        "bools for probabilities",
        "p.parquet",
        parquet(as_type(pa.bool_(), {name: [True, False, False] for name in COLUMNS})),
        "E501",
        "p.parquet, row 1",
        '"True" is not a number',
        options="--pred cat,dog,owl",
    ),
    bad(
        "times for probabilities",
        "p.parquet",
        parquet(table(COLUMNS | {"cat": TIMES})),
        "E501",
        '"2024-01-01" is not a number',
        options="--pred cat,dog,owl",
    ),
    bad(
        "a null for a probability",
        "p.parquet",
        parquet(table(COLUMNS | {"cat": [0.7, None, 0.2]})),
        "E502",
        "p.parquet, row 2",
        'column "cat"',
    ),
    bad(
        "NaN and null for probabilities",
        "p.parquet",
        parquet(table(COLUMNS | {"cat": [math.nan, None, 0.2]})),
        "E502",
        "2 probabilities are missing",
        "p.parquet, row 1",
    ),
    bad(
        "a column of nulls for probabilities",
        "p.parquet",
        parquet(table(COLUMNS | {"cat": pa.nulls(3)})),
        "E502",
        "3 probabilities are missing",
        options="--pred cat,dog,owl",
    ),
    bad(
        "inf for a probability",
        "p.parquet",
        parquet(table(COLUMNS | {"cat": [0.7, math.inf, 0.2]})),
        "E503",
        "p.parquet, row 2",
        'column "cat"',
    ),
    bad(
        "integers in percent",
        "p.parquet",
        parquet(as_type(pa.int8(), {name: [round(100 * one) for one in values] for name, values in COLUMNS.items()})),
        "E503",
        "p.parquet, row 1",
        "--renormalize",
    ),
    bad(
        "a null for an id",
        "p.parquet",
        parquet(ids_as(["a", None, "c"])),
        "E302",
        'id "b"',
        "error[E307]: 1 id is empty",
        'p.parquet, row 2, column "id"',
    ),
    bad(
        "an id that is NaN",
        "p.parquet",
        parquet(ids_as([1.0, math.nan, 3.0])),
        "E302",
        'id "2"',
        "error[E307]: 1 id is empty",
        'p.parquet, row 2, column "id"',
        files=labels_of(1, 2, 3),
    ),
    Case(
        "a null for a label",
        {"labels.parquet": parquet(pa.table({"id": IDS, "label": ["cat", None, "owl"]}))},
        "preds.csv labels.parquet",
        "E403",
        ["labels.parquet, row 2", 'column "label"'],
    ),
    bad(
        "lists of unequal lengths",
        "p.parquet",
        parquet(lists_as(pa.list_(pa.float64()), [LISTS[0], [1.0], [0.5, 0.5, 0.0, 0.0]])),
        "E507",
        "2 rows do not have",
        "p.parquet, row 2",
        "found 1 number",
        files=NUMBERED,
    ),
    bad(
        "a list that is null",
        "p.parquet",
        parquet(lists_as(pa.list_(pa.float64()), [LISTS[0], None, LISTS[2]])),
        "E502",
        "3 probabilities are missing",
        "p.parquet, row 2",
        files=NUMBERED,
    ),
    bad(
        "a null in a list",
        "p.parquet",
        parquet(lists_as(pa.list_(pa.float64()), [LISTS[0], [0.1, None, 0.1], LISTS[2]])),
        "E502",
        "1 probability is missing",
        'p.parquet, row 2, column "p[1]"',
        files=NUMBERED,
    ),
    bad(
        "a list of half a million numbers",
        "p.parquet",
        parquet(pa.table({"id": IDS, "p": pa.array([np.zeros(500_000)] * 3)})),
        "E213",
        "p.parquet has 500,001 columns",
        "at most 262,144 columns",
    ),
    good(
        "2,000 columns",
        "p.parquet",
        many_columns,
        {"log_loss": math.log(2_000)},
        files={"labels.csv": "id,label\na,c0\nb,c1\nc,c1999\n"},
    ),
    bad("an Arrow stream cut in its middle", "p.arrows", ipc(table(), slice(0, -150), stream=True), "E108", "p.arrows"),
    bad("an Arrow file cut in its middle", "p.arrow", ipc(table(), slice(0, 600)), "E108"),
    bad("an Arrow file whose names are not UTF-8", "p.arrow", replaced(ipc(table()), b"cat", b"c\xe4t"), "E108"),
    bad("an Arrow stream of a schema alone", "p.arrows", ipc(table().slice(0, 0), stream=True), "E103", "p.arrows has no rows"),
    bad(
        "an Arrow buffer that lies about its length",
        "p.arrow",
        lying(ipc(table(), compression="zstd")),
        "E214",
        "a record batch of 'p.arrow' takes 4,611,686,018.4 GB",
        "at most 4.3 GB",
    ),
    bad(
        "an offset that points anywhere",
        "p.arrow",
        patched(ipc(table()), lambda content: content.index(struct.pack("<4i", 0, 1, 2, 3)) + 4, struct.pack("<i", 1 << 30)),
        "E108",
        "p.arrow",
    ),
)

ARRAY = np.array(LISTS)
BY_POSITION = {"labels.csv": "label\n0\n1\n2\n"}

ARRAYS: Sequence[Case] = (
    good("NPY", "p.npy", npy(ARRAY), files=BY_POSITION),
    good("NPY in Fortran order", "p.npy", npy(np.asfortranarray(ARRAY)), files=BY_POSITION),
    good("NPY, big-endian", "p.npy", npy(ARRAY.astype(">f8")), files=BY_POSITION),
    good("NPY, version 2", "p.npy", npy(ARRAY, version=(2, 0)), files=BY_POSITION),
    good("NPY, version 3", "p.npy", npy(ARRAY, version=(3, 0)), files=BY_POSITION),
    good("NPY of float16", "p.npy", npy(np.array(list(EXACT.values())).T.astype(np.float16)), HALF, files=BY_POSITION),
    good("NPY of numbers in texts", "p.npy", npy(ARRAY.astype(str)), files=BY_POSITION),
    Case("labels in NPY", {"p.npy": npy(ARRAY), "y.npy": npy(np.arange(3))}, "p.npy y.npy", metrics=LOSS, rows=3),
    bad("NPY that is shorter than it says", "p.npy", npy(ARRAY)[:-8], "E108", "p.npy", files=BY_POSITION),
    bad(
        "NPY that is longer than it says",
        "p.npy",
        npy(ARRAY) + bytes(24),
        "E108",
        "24 bytes after the array",
        files=BY_POSITION,
    ),
    bad(
        "NPY with a shape beyond all memory",
        "p.npy",
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 3)}"),
        "E108",
        files=BY_POSITION,
    ),
    bad(
        "NPY with a negative shape",
        "p.npy",
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (-3, -3)}"),
        "E108",
        files=BY_POSITION,
    ),
    bad("NPY with a header that is code", "p.npy", header("__import__('os').system('true')"), "E108", files=BY_POSITION),
    bad("NPY cut in its header", "p.npy", npy(ARRAY)[:40], "E108", files=BY_POSITION),
    bad("six bytes of NPY", "p.npy", b"\x93NUMPY", "E108", files=BY_POSITION),
    bad("NPY of Python objects", "p.npy", npy(np.array([{"a": 1}], dtype=object)), "E209", "Python objects", files=BY_POSITION),
    bad(
        "NPY of records",
        "p.npy",
        npy(np.zeros(3, dtype=[("cat", "<f8"), ("dog", "<f8")])),
        "E209",
        "shape (3,)",
        files=BY_POSITION,
    ),
    bad("NPY of complex numbers", "p.npy", npy(ARRAY.astype(complex)), "E209", "complex128", files=BY_POSITION),
    bad("NPY of three dimensions", "p.npy", npy(np.zeros((3, 1, 3))), "E209", "(3, 1, 3)", files=BY_POSITION),
    bad("NPY of no dimension", "p.npy", npy(np.float64(0.5)), "E209", "shape ()", files=BY_POSITION),
    bad("NPY without rows", "p.npy", npy(np.zeros((0, 3))), "E103", "p.npy has no rows", files=BY_POSITION),
    bad("NPY without columns", "p.npy", npy(np.zeros((3, 0))), "E103", "p.npy has no columns", files=BY_POSITION),
    bad(
        "NPY with NaN",
        "p.npy",
        npy(np.where(ARRAY == 0.8, math.nan, ARRAY)),
        "E502",
        "p.npy, row 2",
        'column "1"',
        files=BY_POSITION,
    ),
    good(
        "NPY of logits",
        "p.npy",
        npy(np.log(ARRAY) * 5),
        {"log_loss": -float(np.mean(np.log(np.diag(ARRAY**5 / (ARRAY**5).sum(axis=1, keepdims=True)))))},
        says=["from logits"],
        files=BY_POSITION,
    ),
    bad("NPZ", "p.npz", lambda path: np.savez(path, ARRAY), "E104", "NPZ", files=BY_POSITION),
    bad("NPY of bytes that are not UTF-8", "p.npy", npy(np.array([b"a", b"\xff", b"c"])), "E105", "p.npy", files=BY_POSITION),
)

CASES: tuple[Case, ...] = (*JSON_LINES, *TYPED, *ARRAYS)
