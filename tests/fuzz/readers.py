"""Small good files of every format, made anew, and what is done with the bytes of a file that may be anything."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import celoss
from celoss.errors import CelossError
from celoss.sources import Source, Suspicious, open_source

PREDS = "id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,0.80,0.10\nc,0.20,0.20,0.60\n"
LABELS = "id,label\na,cat\nb,dog\nc,owl\n"
LONG = "id,class,p\na,cat,0.7\na,dog,0.3\nb,cat,0.1\nb,dog,0.9\n"
QUOTED = '\ufeff"id";"p_no";"p_yes";"label"\r\n"a ""b""";"0,25";"0,75";yes\r\n"c;\r\nd";"1,0e-1";",9";no\r\n'
LISTS = 'id,probs,label\na,"[0.7, 0.2, 0.1]",0\nb,"[0.1, 0.8, 0.1]",1\n'
TYPED = {
    "id": pa.array([1, 2, 3]),
    "cat": pa.array([0.7, 0.1, 0.2], pa.float32()),
    "dog": pa.array([0.2, 0.8, 0.2], pa.float64()),
    "owl": pa.array([0.1, 0.1, 0.6], pa.float16()),
    "label": pa.array(["cat", "dog", "owl"]).dictionary_encode(),
    "w": pa.array([Decimal("1.50"), Decimal("2.00"), None], pa.decimal128(9, 2)),
    "when": pa.array([0, 10**6, None], pa.timestamp("us")),
    "good": pa.array([True, False, None]),
}
# What tables are full of, and what readers trip over.
# fmt: off
TOKENS = tuple(
    token.encode() if isinstance(token, str) else token
    for token in (
        "nan", "inf", "-inf", "1e400", "1e-400", "0x1p-2", "50%", "0,25", "1_0", "٣", "９", "-0.2", "1.7", ".5", "5.", "NaN",
        "1e-9999999999", "9" * 400, "NA", "null", "None", "True", "[0.5, 0.5]", "[[0.5]]", "[]", "(1,2)", "array([",
        "dtype=float32", '""', '"', "\\", ",", ";", "\t", "|", "\n", "\r\n", "\r", "\n\n", "\0", "\ufeff", "\u2028", "é",
        "e\u0301", "\u202e", " ", "id", "label", "p_", "prob", "cat", "{", "}", "[", "]", ":", "\\ud800", '{"id": 1, "p": 0.5}',
        "PAR1", "ARROW1", "<html", "version https://git-lfs", "PK\x03\x04", "'descr': ", "'fortran_order': True", "(3,)",
        b"\xff", b"\xff\xfe", b"\xff\xff\xff\xff", b"\x80", b"\xed\xa0\x80", b"\x93NUMPY", b"\x1f\x8b", b"BZh9",
        b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"\x00" * 8, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\x01\x00\x00\x00",
    )
)
# fmt: on
COMPRESSIONS = (None, "gzip", "bz2", "zstd", "xz")
FORMATS = (None, "csv", "tsv", "jsonl")
WAYS = ("read", "predictions", "labels", "alone", "plan")


def seeds() -> dict[str, bytes]:
    """Good files by name."""
    rows = [dict(zip(("id", "cat", "dog", "owl"), (f"r{one}", 0.5, 0.25, 0.25), strict=True)) for one in range(3)]
    texts = {
        "wide.csv": PREDS,
        "labels.csv": LABELS,
        "long.csv": LONG,
        "quoted.csv": QUOTED,
        "lists.csv": LISTS,
        "wide.tsv": PREDS.replace(",", "\t"),
        "wide.jsonl": "".join(f"{json.dumps(row)}\n" for row in rows),
        "lists.jsonl": '{"id": 18446744073709551616, "p": [0.5, 0.5], "label": "1"}\n{"id": 2, "p": [1, 0], "label": null}\n',
    }
    table = pa.table(TYPED)
    lists = pa.table({"id": ["a", "b"], "p": pa.array([[0.7, 0.3], [0.1, 0.9]]), "label": [0, 1]})
    arrays = {
        "matrix.npy": np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]),
        "vector.npy": np.array([0.5, 0.25, 1.0], "<f4"),
        "texts.npy": np.array(["cat", "dog", "owl"]),
        "bytes.npy": np.array([b"cat", b"dog", b"owl"]),
        "fortran.npy": np.asfortranarray(np.array([[1, 0], [0, 1], [1, 0]], ">i2")),
        "records.npy": np.array([(1, 0.5)], [("id", "i4"), ("p", "f8")]),
    }
    return {
        **{name: text.encode() for name, text in texts.items()},
        "typed.parquet": _parquet(table, compression="none", row_group_size=2),
        "snappy.parquet": _parquet(table, compression="snappy", use_dictionary=False, data_page_version="2.0"),
        "lists.parquet": _parquet(lists, compression="zstd"),
        "typed.arrow": _ipc(table, pa.ipc.new_file),
        "lz4.arrow": _ipc(table, pa.ipc.new_file, compression="lz4"),
        "lists.arrow": _ipc(lists, pa.ipc.new_file),
        "typed.stream": _ipc(table, pa.ipc.new_stream),
        "zstd.stream": _ipc(table, pa.ipc.new_stream, compression="zstd"),
        **{name: _npy(values) for name, values in arrays.items()},
        "plan.json": _plan(),
        **{f"wide.csv.{how}": compressed(PREDS.encode() * 20, how) for how in COMPRESSIONS if how},
    }


def _plan() -> bytes:
    with tempfile.TemporaryDirectory(prefix="celoss-fuzz-") as folder:
        attempts = Attempts(Path(folder))
        checked = celoss.check(attempts.predictions, attempts.labels)
        assert checked.plan is not None
        return checked.plan.to_json().encode()


def _parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def _ipc(table: pa.Table, opener: object, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    with opener(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=2)
    return sink.getvalue()


def _npy(values: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, values)
    return sink.getvalue()


def compressed(data: bytes, how: str | None) -> bytes:
    """The bytes as a compressed file."""
    if how is None:
        return data
    if how == "zstd":
        return pa.compress(data, "zstd", asbytes=True)
    return {
        "gzip": lambda: gzip.compress(data, 1, mtime=0),
        "bz2": lambda: bz2.compress(data, 1),
        "xz": lambda: lzma.compress(data, preset=0),
    }[how]()


# --- what is done with a file -----------------------------------------------------------------------------------------------


class Attempts:
    """Reads and scores files in a folder; raises what celoss should not have raised."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "input")
        self.predictions, self.labels = str(folder / "preds.csv"), str(folder / "labels.csv")
        Path(self.predictions).write_text(PREDS)
        Path(self.labels).write_text(LABELS)

    def attempt(self, way: int, data: bytes) -> str | None:
        """What becomes of a file with these bytes: None, or the code of the error. way: how it is stored and used."""
        rest, use = divmod(way, len(WAYS))
        rest, how = divmod(rest, len(COMPRESSIONS))
        kind = FORMATS[rest % len(FORMATS)]
        Path(self._path).write_bytes(compressed(data, COMPRESSIONS[how]))
        try:
            self._use(WAYS[use], kind)
        except CelossError as error:
            assert error.diagnostics, "an error says what is wrong"
            for one in error.diagnostics:
                assert is_harmless(str(one)), "no input steers a terminal"
                json.dumps(one.to_dict())
            return error.code
        return None

    def _use(self, way: str, kind: str | None) -> None:
        if way == "read":
            _read(open_source(self._path, "predictions", kind))
        elif way == "predictions":
            _check(celoss.evaluate(self._path, self.labels))
        elif way == "labels":
            _check(celoss.evaluate(self.predictions, self._path))
        elif way == "plan":
            _check(celoss.evaluate(self.predictions, self.labels, plan=self._path))
        else:
            _check(celoss.evaluate(self._path, input_format=kind))


def _read(source: Source) -> None:
    names = source.head().names
    for texts, numbers in ((names, ()), ((), names)):
        try:
            rows = _rows(source.batches(texts, numbers), texts, numbers)
        except Suspicious:
            rows = _rows(source.batches(texts, numbers, True), texts, numbers)
    lines = source.lines([-1, 0, rows - 1] if rows else [-1])
    assert not lines or source.has_lines


def _rows(chunks: Iterator[celoss.sources.Chunk], texts: Sequence[str], numbers: Sequence[str]) -> int:
    rows = 0
    for chunk in chunks:
        assert chunk.start == rows
        assert chunk.numbers.shape == (len(numbers), chunk.rows)
        assert [len(one) for one in chunk.texts] == [chunk.rows] * len(texts)
        for one in chunk.texts:
            one.validate(full=True)
            assert not one.null_count
        rows += chunk.rows
    return rows


def _check(report: celoss.report.Report) -> None:
    counts = report.row_counts
    assert counts.read == counts.scored + counts.dropped + counts.unmatched
    assert counts.scored > 0
    json.loads(report.to_json())


def is_harmless(text: str) -> bool:
    """Whether a text holds nothing but lines of characters that are shown: no control, format or unknown ones."""
    return all(line.isprintable() or not any(map(_steers, line)) for line in text.split("\n"))


def _steers(character: str) -> bool:
    return not character.isprintable() and unicodedata.category(character) != "Zs"
