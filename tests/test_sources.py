"""Every input format: what `open_source` gives, and that `evaluate` scores it alike."""

from __future__ import annotations

import bz2
import datetime
import errno
import gzip
import io
import lzma
import math
import os
import pty
import resource
import subprocess
import sys
import tempfile
import threading
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import celoss
from celoss import CelossError
from celoss.sources import Suspicious, open_source, read_all
from tests.conftest import environment, process

PREDICTIONS = "id,cat,dog\na,0.9,0.1\nb,0.2,0.8\n"
LABELS = "id,label\na,cat\nb,dog\n"
JSON = '{"id":"a","cat":0.9,"dog":0.1}\n{"id":"b","cat":0.2,"dog":0.8}\n'
TABLE = pa.table({"id": ["a", "b"], "cat": [0.9, 0.2], "dog": [0.1, 0.8]})
LOSS = -(math.log(0.9) + math.log(0.8)) / 2
HALVES = np.array([[0.75, 0.25], [0.25, 0.75]])  # exact in every type of number


@pytest.fixture
def write(tmp_path):
    """Writes a file and gives its path."""

    def _write(name, content):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(tmp_path / name)

    return _write


@pytest.fixture
def labels(write):
    return write("labels.csv", LABELS)


def written(table, form):
    """The bytes of a file of typed columns."""
    if form == "npy":
        buffer = io.BytesIO()
        np.save(buffer, table)
        return buffer.getvalue()
    sink = pa.BufferOutputStream()
    if form == "parquet":
        pq.write_table(table, sink)
    else:
        with getattr(pa.ipc, f"new_{form}")(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue().to_pybytes()


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


COMPRESSIONS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd}


def read(source, texts, numbers, careful=False):
    """Text columns as lists and number columns as one (k, n) array, over all chunks."""
    chunks = list(source.batches(texts, numbers, careful))
    assert [chunk.start for chunk in chunks] == [sum(one.rows for one in chunks[:at]) for at in range(len(chunks))]
    assert not any(chunk.faults for chunk in chunks)
    columns = [[value for chunk in chunks for value in chunk.texts[index].to_pylist()] for index in range(len(texts))]
    return columns, np.concatenate([chunk.numbers for chunk in chunks], axis=1)


def scores(predictions, truth, **options):
    return celoss.evaluate(predictions, truth, **options).log_loss


def code_of(*inputs, **options):
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(*inputs, **options)
    return caught.value.code


# --- one table in every form --------------------------------------------------------------------------------------------

HALF = PREDICTIONS.index("b,")
FILES = {
    "comma": ("preds.csv", PREDICTIONS),
    "semicolon": ("preds.csv", PREDICTIONS.replace(",", ";")),
    "tab": ("preds.tsv", PREDICTIONS.replace(",", "\t")),
    "bar": ("preds.csv", PREDICTIONS.replace(",", "|")),
    "crlf": ("preds.csv", PREDICTIONS.replace("\n", "\r\n")),
    "cr": ("preds.csv", PREDICTIONS.replace("\n", "\r")),
    "byte_order_mark": ("preds.csv", "\ufeff" + PREDICTIONS.replace("id", '"id"')),
    "no_final_newline": ("preds.csv", PREDICTIONS.rstrip("\n")),
    "blank_lines": ("preds.csv", "\nid,cat,dog\n\na,0.9,0.1\n\n\nb,0.2,0.8\n\n"),
    "everything_quoted": ("preds.csv", '"id","cat","dog"\n"a","0.9","0.1"\n"b","0.2","0.8"\n'),
    "other_column_order": ("preds.csv", "dog,id,cat\n0.1,a,0.9\n0.8,b,0.2\n"),
    "other_ways_to_write_numbers": ("preds.csv", "id,cat,dog\na, .9 ,+0.1\nb,2e-1,8.0E-01\n"),
    "unused_columns": ("preds.csv", "id,text,cat,dog,\na,x y,0.9,0.1,\nb,,0.2,0.8,\n"),
    "unused_bytes_that_are_not_utf8": ("preds.csv", b"id,text,cat,dog\na,caf\xe9,0.9,0.1\nb,,0.2,0.8\n"),
    "json_lines": ("preds.jsonl", JSON),
    "json_lines_under_another_name": ("preds.txt", JSON),
    "json_lines_with_blank_lines": ("preds.jsonl", "\ufeff\r\n" + JSON.replace("\n", "\r\n\r\n")),
    "json_lines_with_numbers_as_text": ("preds.jsonl", JSON.replace("0.9", '"0.9"').replace("0.2", '"0.2"')),
    "json_lines_with_other_values": ("preds.jsonl", JSON.replace("}", ',"x":{"y":[1]},"z":null}')),
    "parquet": ("preds.parquet", written(TABLE, "parquet")),
    "arrow_file": ("preds.arrow", written(TABLE, "file")),
    "arrow_stream_under_another_name": ("preds.csv", written(TABLE, "stream")),
    **{kind: (f"preds.csv.{kind}", compress(PREDICTIONS.encode())) for kind, compress in COMPRESSIONS.items()},
    **{f"{kind}_under_another_name": ("preds.csv", compress(JSON.encode())) for kind, compress in COMPRESSIONS.items()},
    **{
        f"{kind}_of_two_members": ("preds", compress(PREDICTIONS[:HALF].encode()) + compress(PREDICTIONS[HALF:].encode()))
        for kind, compress in COMPRESSIONS.items()
    },
}


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(("name", "content"), FILES.values(), ids=FILES)
def test_a_file_gives_the_same_columns_and_score_however_it_is_written(write, labels, name, content, careful):
    path = write(name, content)
    (ids,), numbers = read(open_source(path, "predictions"), ["id"], ["cat", "dog"], careful)
    assert (ids, numbers.tolist()) == (["a", "b"], [[0.9, 0.2], [0.1, 0.8]])
    assert numbers.flags["C_CONTIGUOUS"]
    assert scores(path, labels) == pytest.approx(LOSS, rel=1e-15)


class Capsule:
    """An object that only has the Arrow PyCapsule interface."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


FRAMES = {
    "pandas": lambda: TABLE.to_pandas(),
    "pandas_with_ids_as_index": lambda: TABLE.to_pandas().set_index("id"),
    "pandas_with_object_ids": lambda: TABLE.to_pandas().astype({"id": object}),
    "pandas_with_categorical_ids": lambda: TABLE.to_pandas().astype({"id": "category"}),
    "pandas_with_nullable_floats": lambda: TABLE.to_pandas().astype({"id": "string", "cat": "Float64"}),
    "table": lambda: TABLE,
    "batch": lambda: TABLE.to_batches()[0],
    "reader": lambda: TABLE.to_reader(),
    "capsule": lambda: Capsule(TABLE),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_are_matched_by_their_id_column(kind):
    report = celoss.evaluate(FRAMES[kind](), pa.table({"id": ["b", "a"], "label": ["dog", "cat"]}))
    assert (report.plan.match(), report.log_loss) == ("id", pytest.approx(LOSS, rel=1e-15))


@pytest.mark.parametrize("values", [TABLE.to_pandas(), np.array([[0.9, 0.1], [0.2, 0.8]])])
def test_a_frame_or_array_goes_with_a_file_of_labels(write, values):
    truth = write("labels.csv", LABELS if hasattr(values, "columns") else "label\n0\n1\n")
    assert scores(values, truth) == pytest.approx(LOSS, rel=1e-15)


@pytest.mark.parametrize("content", [PREDICTIONS.encode(), gzip.compress(PREDICTIONS.encode()), written(TABLE, "parquet")])
def test_standard_input_is_read_as_a_file_is(monkeypatch, labels, content):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert scores("-", labels) == pytest.approx(LOSS, rel=1e-15)


def test_the_copy_of_standard_input_goes_away_with_the_source(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(PREDICTIONS.encode())))
    source = open_source("-", "predictions")
    assert len(os.listdir(tmp_path)) == 1
    del source
    assert os.listdir(tmp_path) == []


def test_a_named_pipe_is_read_as_a_file_is(tmp_path, labels):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(PREDICTIONS,), daemon=True)
    writer.start()
    assert scores(str(tmp_path / "pipe"), labels) == pytest.approx(LOSS, rel=1e-15)
    writer.join()


# --- values in text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("careful", [False, True])
def test_quoted_delimiters_quotes_and_line_breaks_are_part_of_the_value(write, careful):
    rows = '"a,b",0.1\n"say ""hi""",0.2\n"two\nlines",0.3\n,0.4\n c ,0.5\n'
    source = open_source(write("preds.csv", "id,p\n" + rows), "predictions")
    (found,), numbers = read(source, ["id"], ["p"], careful)
    assert found == ["a,b", 'say "hi"', "two\nlines", "", " c "]
    assert numbers.tolist() == [[0.1, 0.2, 0.3, 0.4, 0.5]]
    assert {row: line.number for row, line in source.lines([-1, 2, 3, 4]).items()} == {-1: 1, 2: 4, 3: 6, 4: 7}


@pytest.mark.parametrize("careful", [False, True])
def test_an_empty_line_is_an_empty_value_in_a_file_of_one_column(write, careful):
    _, numbers = read(open_source(write("preds.csv", "p\n0.5\n\n0.25\n"), "predictions"), [], ["p"], careful)
    np.testing.assert_array_equal(numbers, [[0.5, math.nan, 0.25]])


TEXTS = ["007", "NA", "True", "12345678901234567890", "2024-01-01", "1e5", "nan", "null", "0x1F", "1_000", "３", " 7"]


@pytest.mark.parametrize("careful", [False, True])
def test_ids_and_labels_stay_the_text_they_are(write, careful):
    source = open_source(write("labels.csv", "id,label\n" + "".join(f"{text},{text}\n" for text in TEXTS)), "labels")
    assert read(source, ["id", "label"], [], careful)[0] == [TEXTS, TEXTS]
    assert list(source.head().column("id").texts) == TEXTS


def test_an_id_with_leading_zeros_is_not_the_id_without(write):
    assert code_of(write("preds.csv", "id,p\n007,0.9\n"), write("labels.csv", "id,label\n7,1\n")) == "E305"


@pytest.mark.parametrize("careful", [False, True])
def test_a_missing_value_is_nan_or_the_empty_text(write, careful):
    path = write("preds.csv", 'id,p,q\n,,0.5\n"","",nan\na,0.25,NaN\n')
    (ids,), numbers = read(open_source(path, "predictions"), ["id"], ["p", "q"], careful)
    assert ids == ["", "", "a"]
    np.testing.assert_array_equal(numbers, [[math.nan, math.nan, 0.25], [0.5, math.nan, math.nan]])


def test_fast_and_careful_reading_of_a_long_clean_file_agree_to_the_bit(write):
    values = np.random.default_rng(1).random(9000)
    lines = [f"{index},{p!r},{'x' * (index % 7)}" for index, p in enumerate(values.tolist())]
    source = open_source(write("preds.csv", "id,p,label\n" + "\n".join(lines)), "predictions")
    fast, slow = (read(source, ["id", "label"], ["p"], careful) for careful in (False, True))
    assert fast[0] == slow[0]
    assert fast[1].tobytes() == slow[1].tobytes() == values.tobytes()


def test_the_fast_reader_is_suspicious_of_a_bad_cell_and_the_careful_one_names_it(write):
    source = open_source(write("preds.csv", "id,p\na,0.5\nb,half\nc\n"), "predictions")
    with pytest.raises(Suspicious):
        list(source.batches(["id"], ["p"]))
    (chunk,) = source.batches(["id"], ["p"], careful=True)
    found = [(fault.code, fault.row, fault.column, fault.value) for fault in chunk.faults]
    assert found == [("E201", 2, None, "1 field"), ("E501", 1, "p", "half")]


def test_a_fold_that_becomes_suspicious_begins_again_so_that_no_row_comes_twice(write):
    source = open_source(write("preds.csv", "id,p\n" + "a,0.5\n" * 300_000 + "b,half\n"), "predictions")

    def rows(careful):
        readings.append(careful)
        return sum(chunk.rows for chunk in source.batches(["id"], ["p"], careful))

    readings = []
    assert (read_all(rows), readings) == (300_001, [False, True])
    assert read_all(lambda careful: careful) is False


@pytest.mark.parametrize("text", ["0,5", "50%", "0x1p-1", "1_0", "٠.٥", "half", "-", "1e", "."])
def test_what_only_looks_like_a_number_is_none(write, text):
    predictions = write("preds.csv", f'id,p\na,0.5\nb,0.5\nc,"{text}"\n')
    assert code_of(predictions, pa.table({"id": ["a", "b", "c"], "label": [1, 0, 1]})) == "E501"


@pytest.mark.parametrize("options", [{"id": "p", "pred": "p"}, {"label": "p", "pred": "p", "positive": "0.9"}])
def test_one_column_may_be_read_as_text_and_as_numbers(write, options):
    path = write("preds.csv", "p,label\n0.9,1\n0.2,0\n")
    assert celoss.evaluate(path, **options).row_counts.scored == 2


JSON_IDS = [
    (["7", "8"], ["7", "8"]),
    (['"007"', '"NA"'], ["007", "NA"]),
    (["12345678901234567890", "123456789012345678901234567890"], ["12345678901234567890", "123456789012345678901234567890"]),
    (["3.0", "0.5"], ["3", "0.5"]),
    (["true", "null"], ["True", ""]),
    (["1", '"b"'], ["1", "b"]),
]


@pytest.mark.parametrize(("values", "texts"), JSON_IDS)
def test_ids_of_json_lines_keep_every_digit(write, values, texts):
    path = write("labels.jsonl", "".join(f'{{"id":{value}}}\n' for value in values))
    assert read(open_source(path, "labels"), ["id"], [])[0] == [texts]


def test_a_key_that_is_missing_is_a_missing_value(write):
    source = open_source(write("preds.jsonl", '{"id":1,"p":0.5}\n{"p":null}\n{"id":3}\n'), "predictions")
    (ids,), numbers = read(source, ["id"], ["p"])
    assert ids == ["1", "", "3"]
    np.testing.assert_array_equal(numbers, [[0.5, math.nan, math.nan]])


JSON_LINES = [
    (b'{"id":"b",', "E206"),
    (b"[1, 2]", "E206"),
    (b"b,0.2,0.8", "E206"),
    (b'{"id":"b","cat":true,"dog":0.8}', "E501"),
    (b'{"id":"b","cat":"half","dog":0.8}', "E501"),
    (b'{"id":"b","cat":[0.2],"dog":0.8}', "E501"),
    (b'{"id":"b","c\xe9t":0.2,"dog":0.8}', "E105"),
]


@pytest.mark.parametrize(("line", "code"), JSON_LINES)
def test_a_wrong_line_among_json_lines_is_an_error(write, line, code):
    labels = write("labels.csv", LABELS + LABELS.partition("\n")[2] * 500)
    assert code_of(write("preds.jsonl", JSON.encode() * 500 + JSON.encode().splitlines(True)[0] + line), labels, id="#") == code


@pytest.mark.parametrize("value", ['["x","y"]', "[[1,2],[3]]", "[true]", "9007199254740993", "1" * 5000, '"\\ud800"'])
def test_unused_values_in_json_lines_are_left_alone(write, labels, value):
    content = JSON.replace("}", ',"x":0.5}', 1) if value[0] == "9" else JSON
    assert scores(write("preds.jsonl", content.replace("8}", f'8,"x":{value}}}')), labels) == pytest.approx(LOSS, rel=1e-15)


# --- typed columns ------------------------------------------------------------------------------------------------------

NUMBERS = {
    "float16": lambda values: pa.array(values.astype(np.float16)),
    "float32": lambda values: pa.array(values, pa.float32()),
    "decimal128": lambda values: pa.array([Decimal(str(value)) for value in values], pa.decimal128(10, 4)),
    "decimal256": lambda values: pa.array([Decimal(str(value)) for value in values], pa.decimal256(50, 20)),
    "dictionary": lambda values: pa.array(values).dictionary_encode(),
    "large_text": lambda values: pa.array(list(map(str, values)), pa.large_string()),
}


@pytest.mark.parametrize("form", ["parquet", "file", "memory"])
@pytest.mark.parametrize("kind", NUMBERS)
def test_probabilities_of_every_type_of_number_are_read(write, labels, form, kind):
    table = pa.table({"id": ["a", "b"], "cat": NUMBERS[kind](HALVES[0]), "dog": NUMBERS[kind](HALVES[1])})
    assert scores(table if form == "memory" else write("preds", written(table, form)), labels) == -math.log(0.75)


@pytest.mark.parametrize("form", ["parquet", "stream", "memory"])
@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float64()), pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float64(), 3)]
)
def test_a_column_of_lists_holds_one_probability_per_class(write, form, kind):
    table = pa.table({"id": [1, 2], "probs": pa.array([[0.5, 0.25, 0.25], [0.125, 0.25, 0.625]], kind)})
    predictions = table if form == "memory" else write("preds", written(table, form))
    expected = -(math.log(0.5) + math.log(0.625)) / 2
    assert scores(predictions, pa.table({"id": [2, 1], "label": [2, 0]})) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("wrong", [[0.5], [0.5, 0.5, 0.0], [], None])
def test_a_list_of_another_length_is_an_error(wrong):
    table = pa.table({"id": [1, 2, 3], "probs": [[0.5, 0.5], wrong, [0.5, 0.5]]})
    expected = "E502" if wrong is None else "E507"
    assert code_of(table, pa.table({"id": [1, 2, 3], "label": [0, 1, 0]})) == expected


LIST = {"id": [1, 2], "p": [[0.1, 0.9], [0.8, 0.2]], "q": [0.3, 0.2]}
LISTS = [
    pytest.param({"id": [1, 2], "p": [[0.9], [0.2]]}, [1, 0], {}, LOSS),
    pytest.param(LIST, [1, 0], {"pred": "p[1]"}, LOSS),
    pytest.param(LIST, ["q", "p[0]"], {"pred": ["p[0]", "q"]}, None),
    pytest.param({"id": [1, 2], "p": [0.9, 0.2]}, [[1], [0]], {}, LOSS),
]


@pytest.mark.parametrize(("predictions", "truth", "options", "expected"), LISTS)
def test_a_place_of_a_list_is_a_column(predictions, truth, options, expected):
    inputs = pa.table(predictions), pa.table({"id": [1, 2], "label": truth})
    if expected is None:
        assert code_of(*inputs, **options) == "E504"
    else:
        assert scores(*inputs, **options) == pytest.approx(expected, rel=1e-15)


CANONICAL = [
    (pa.array([7, -7, 2**63 - 1]), ["7", "-7", "9223372036854775807"]),
    (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
    (pa.array([3.0, 0.1, -0.0, 1e22, math.nan]), ["3", "0.1", "0", "1e+22", ""]),
    (pa.array([3.0, 0.1], pa.float32()), ["3", "0.1"]),
    (pa.array(np.array([3, 0.5], np.float16)), ["3", "0.5"]),
    (pa.array([True, False, None]), ["True", "False", ""]),
    (pa.array([Decimal("3.00"), Decimal("0.10"), Decimal("100.00")]), ["3", "0.1", "100"]),
    (pa.array([datetime.date(2024, 1, 31), None]), ["2024-01-31", ""]),
    (pa.array(["007", "NA", None]).dictionary_encode(), ["007", "NA", ""]),
    (pa.array(["007", None], pa.large_string()), ["007", ""]),
    (pa.array(["007", None], pa.string_view()), ["007", ""]),
    (pa.array([b"007"], pa.binary()), ["007"]),
    (pa.nulls(2), ["", ""]),
]


@pytest.mark.parametrize(("values", "texts"), CANONICAL)
def test_a_typed_value_has_the_text_that_a_csv_file_would_hold(values, texts):
    source = open_source(pa.table({"id": values}), "labels")
    assert read(source, ["id"], [])[0] == [texts]
    assert list(source.head().column("id").texts) == texts


@pytest.mark.parametrize("ids", [[7, 8], [7.0, 8.0], [True, False], [Decimal("7.0"), Decimal("8.0")]])
def test_the_same_id_matches_whatever_its_type(write, ids):
    yes, no = ("True", "False") if ids[0] is True else ("7", "8")
    table = pa.table({"id": ids, "p": [0.9, 0.2]})
    for predictions in (table, write("preds.parquet", written(table, "parquet"))):
        assert scores(predictions, write("labels.csv", f"id,label\n{no},0\n{yes},1\n")) == pytest.approx(LOSS, rel=1e-15)


def test_dictionaries_that_differ_between_batches_are_read(write):
    parts = [pa.table({"id": pa.array(part).dictionary_encode()}) for part in (["x", "y"], ["z"])]
    path = write("labels.arrow", written(pa.concat_tables(parts), "stream"))
    assert read(open_source(path, "labels"), ["id"], [])[0] == [["x", "y", "z"]]
    assert open_source(path, "labels").head().column("id").texts == ("x", "y", "z")


NOT_UTF8 = pa.Array.from_buffers(pa.string(), 2, pa.array([b"a", b"\xff"]).buffers())
UNUSED = {
    "struct": pa.array([{"a": 1}] * 2),
    "map": pa.array([[("a", 1)]] * 2, pa.map_(pa.string(), pa.int64())),
    "list_of_text": pa.array([["x"], []]),
    "bytes": pa.array([b"\xff", b"\xfe"]),
    "duration": pa.array([1, 2], pa.duration("s")),
    "timestamp": pa.array([1, 2], pa.timestamp("ns")),
    "null": pa.nulls(2),
    "interval": pa.array([pa.MonthDayNano((1, 2, 3))] * 2),
    "not_utf8": NOT_UTF8,
}


@pytest.mark.parametrize("kind", UNUSED)
def test_an_unused_column_of_any_other_type_is_left_alone(labels, kind):
    assert scores(TABLE.append_column("extra", UNUSED[kind]), labels) == pytest.approx(LOSS, rel=1e-15)


@pytest.mark.parametrize("ids", [NOT_UTF8, pa.array([b"a", b"\xff"])])
def test_ids_that_are_not_utf8_are_an_error(labels, ids):
    assert code_of(TABLE.set_column(0, "id", ids), labels) in ("E105", "E208")


# --- arrays and frames --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("kind", ["<f8", "<f4", ">f8", "g"])
def test_arrays_are_predictions_by_position(write, saved, kind):
    for values in (
        HALVES.astype(kind),
        np.asfortranarray(HALVES.astype(kind)),
        HALVES[1].astype(kind),
        HALVES[:, 1:].astype(kind),
    ):
        predictions = write("preds.npy", written(values, "npy")) if saved else values
        assert scores(predictions, [0, 1]) == -math.log(0.75)


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("kind", ["U", "S"])
def test_arrays_of_text_are_labels(write, saved, kind):
    values = np.array(["cat", "dog"], kind)
    assert scores(TABLE, write("labels.npy", written(values, "npy")) if saved else values) == pytest.approx(LOSS, rel=1e-15)


SERIES = [pd.Series([1, 0], dtype=kind) for kind in ("bool", "boolean", "Int64", "UInt8", "float32", "category")]
SERIES += [pd.Series(["1", "0"], dtype=kind) for kind in ("string", object)]


@pytest.mark.parametrize(
    "values", [[True, False], (1, 0), ["yes", "no"], np.array([1.0, 0.0]), np.array(["y", "n"], object), *SERIES]
)
def test_lists_arrays_and_series_are_labels_by_position(values):
    for predictions in ([0.9, 0.2], (0.9, 0.2), pd.Series([0.9, 0.2]), pa.array([0.9, 0.2])):
        assert scores(predictions, values) == pytest.approx(LOSS, rel=1e-15)


MASKED = pytest.param(np.ma.array([1, 0], mask=[False, True]))


@pytest.mark.parametrize(
    "values", [[1, None], np.array([1, None], object), np.array([1, math.nan]), pd.Series([1, None], dtype="Int64"), MASKED]
)
def test_none_nan_na_and_masked_labels_are_missing(values):
    assert code_of([0.9, 0.2], values) == "E403"


@pytest.mark.parametrize("values", [5, {"p": [0.5]}, np.zeros((2, 2, 2)), np.array([1j, 2j]), [[0.5, 0.5], [1.0]], {0.5}])
def test_what_is_no_table_is_refused(values):
    assert code_of(values, [0, 1]) == "E209"


def test_a_named_range_index_is_an_id_column():
    predictions = pd.DataFrame({"p": [0.9, 0.2]}, index=pd.RangeIndex(2, name="id"))
    truth = pd.DataFrame({"label": [0, 1]}, index=pd.Index([1, 0], name="id"))
    assert scores(predictions, truth) == pytest.approx(LOSS, rel=1e-15)


def test_an_unnamed_index_counts_only_when_both_frames_have_one():
    predictions = pd.DataFrame({"cat": [0.9, 0.2], "dog": [0.1, 0.8]}, index=[5, 7])
    shuffled, same = (pd.Series(["cat", "dog"], index=index, name="label") for index in ([5, 7], [7, 5]))
    assert scores(predictions, shuffled[::-1]) == scores(predictions, ["cat", "dog"]) == pytest.approx(LOSS, rel=1e-15)
    assert scores(predictions.reset_index(drop=True), same) == pytest.approx(LOSS, rel=1e-15)


@pytest.mark.parametrize("kind", ["frame", "index", "csv"])
def test_a_column_number_made_up_by_pandas_is_no_class(write, kind):
    values = {"frame": pd.DataFrame([0.9, 0.2]), "index": pd.Index([0.9, 0.2]), "csv": pd.Series([0.9, 0.2])}[kind]
    predictions = write("preds.csv", values.to_csv()) if kind == "csv" else values
    try:
        assert scores(predictions, [1, 0]) == pytest.approx(LOSS, rel=1e-15)
    except CelossError as error:
        assert error.code == "E404"


# --- what is no table ---------------------------------------------------------------------------------------------------

NPY = written(np.zeros((4, 2)), "npy")
WRONG = {
    "blank_lines": ("preds.csv", b"\n\r\n\n", "E103"),
    "byte_order_mark_only": ("preds.csv", b"\xef\xbb\xbf", "E103"),
    "json_without_objects": ("preds.jsonl", b"\n\n", "E103"),
    "empty_gzip": ("preds.csv.gz", gzip.compress(b""), "E103"),
    "git_lfs_pointer": ("preds.parquet", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "E104"),
    "html": ("preds.csv", b"\n<!DOCTYPE html><html></html>", "E104"),
    "xlsx": ("preds.csv", b"PK\x03\x04\x14\x00", "E104"),
    "xls": ("preds.csv", b"\xd0\xcf\x11\xe0\xa1\xb1", "E104"),
    "json_array": ("preds.json", b'[{"id": 1}]', "E104"),
    "text_called_parquet": ("preds.parquet", PREDICTIONS.encode(), "E104"),
    "compressed_parquet": ("preds.parquet.gz", gzip.compress(written(TABLE, "parquet")), "E104"),
    "utf_16": ("preds.csv", PREDICTIONS.encode("utf-16"), "E105"),
    "latin_1_header": ("preds.csv", PREDICTIONS.replace("dog", "d\xf6g").encode("latin-1"), "E105"),
    "truncated_parquet": ("preds.parquet", written(TABLE, "parquet")[:-20], "E108"),
    "parquet_magic_only": ("preds.parquet", b"PAR1", "E108"),
    "truncated_arrow_file": ("preds.arrow", written(TABLE, "file")[:-20], "E108"),
    "truncated_arrow_stream": ("preds.arrow", written(TABLE, "stream")[:-60], "E108"),
    "truncated_npy": ("preds.npy", NPY[:-8], "E108"),
    "truncated_npy_header": ("preds.npy", NPY[:20], "E108"),
    "damaged_npy_header": ("preds.npy", NPY.replace(b"}", b" "), "E108"),
    "every_line_longer_than_the_header": ("preds.csv", b"id,cat,dog\na,0.9,0.1,\nb,0.2,0.8,\n", "E201"),
    **{f"damaged_{kind}": ("preds", COMPRESSIONS[kind](PREDICTIONS.encode() * 9), "E108") for kind in ("gz", "bz2", "xz")},
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_table_is_one_clear_error(write, labels, kind):
    name, content, code = WRONG[kind]
    if name == "preds":
        at = len(content) // 2
        content = content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
    assert code_of(write(name, content), labels) == code


@pytest.mark.parametrize("part", [0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_a_truncated_compressed_file_is_an_error_however_late(write, kind, part):
    values = np.random.default_rng(2).random(3000).tolist()
    data = COMPRESSIONS[kind](("p\n" + "".join(f"{p!r}\n" for p in values)).encode())
    assert code_of(write("preds.csv", data[: int(len(data) * part)]), [0, 1] * 1500) == "E108"


# --- what has no bound -----------------------------------------------------------------------------------------------------


def endless(first, part, times=256):
    """A gzip file that holds `first` and then `part` 2^20 / len(part) · `times` times: a thousandth of what it unpacks to."""
    packer = gzip.GzipFile(fileobj=(buffer := io.BytesIO()), mode="wb", compresslevel=1)
    packer.write(first)
    for _ in range(times):
        packer.write(part * ((1 << 20) // len(part)))
    packer.close()
    return buffer.getvalue()


HEADER = b"id,cat,dog\na,0.9,0.1\n"
ENDLESS = {
    "zeros": (b"", b"\0", "E207"),
    "one_line": (b"", b"0.5,", "E111"),
    "one_line_below_others": (HEADER, b"0.5,", "E111"),
    "blank_lines": (b"", b"\n", "E207"),
    "blank_lines_below_others": (HEADER, b"\n", "E207"),
    "a_quote_that_is_not_closed": (HEADER + b'b,"0.2,0.8\n', b"b,0.2,0.8\n", "E207"),
    "quotes_that_never_end_a_row": (HEADER + b"b,0.2,", b'"b\n",', "E207"),
}
# Python with NumPy and Arrow takes 80 MB; one line of 2^24 characters is read at a time, in a few copies.
MOST_MEGABYTES = 500


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as Linux gives it")


@ON_LINUX
@pytest.mark.parametrize("kind", ENDLESS)
def test_a_small_file_that_unpacks_to_a_huge_one_takes_neither_memory_nor_time(write, labels, kind):
    first, part, code = ENDLESS[kind]
    path = write("preds.csv.gz", endless(first, part))
    ran = subprocess.run(
        [sys.executable, "-c", CODE_AND_MEMORY, path, labels], capture_output=True, timeout=60, check=True, env=environment()
    )
    found, megabytes = ran.stdout.decode().split()
    assert found == code
    assert float(megabytes) < MOST_MEGABYTES


# Not getrusage: what it says of a process begins with what its parent has.
PEAK = """
import sys, celoss
def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
"""
CODE_AND_MEMORY = f"""{PEAK}
try:
    celoss.evaluate(*sys.argv[1:])
except celoss.CelossError as error:
    print(error.code, peak())
"""
LOSS_AND_MEMORY = f"""{PEAK}
print(celoss.evaluate(*sys.argv[1:]).log_loss, peak())
"""


@ON_LINUX
def test_a_huge_file_of_short_rows_is_read_in_little_memory(write):
    path = write("preds.csv.gz", endless(b"label,p\n", b"1,0.75\n0,0.25\n", 64))
    ran = subprocess.run([sys.executable, "-c", LOSS_AND_MEMORY, path], capture_output=True, timeout=120, env=environment())
    loss, megabytes = map(float, ran.stdout.split())
    assert loss == pytest.approx(-math.log(0.75), rel=1e-12)
    assert megabytes < MOST_MEGABYTES


def test_a_line_of_a_few_hundred_thousand_numbers_is_a_row(write):
    values = ", ".join(["1.0", *["0.0"] * 199_999])
    path = write("preds.csv", f'p,label\n"[{values}]",0\n')
    source = open_source(path, "predictions")
    assert len(source.head().columns) == 200_001
    assert read(source, ["label"], ["p[0]", "p[199999]"])[1].tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize("classes", [1000, 21_841])
def test_as_many_classes_as_there_are_in_practice_take_seconds(write, classes):
    names = [f"n{index}" for index in range(classes)]
    rows = [["0.0"] * classes for _ in range(4)]
    for index, row in enumerate(rows):
        row[index], row[-1] = "0.75", "0.25"
    predictions = write("preds.csv", "\n".join([",".join(names), *map(",".join, rows), ""]))
    truth = write("labels.csv", "label\n" + "".join(f"n{index}\n" for index in range(4)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    assert scores(predictions, truth) == pytest.approx(-math.log(0.75), rel=1e-12)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 30


@pytest.mark.parametrize("error", [MemoryError(), pa.ArrowMemoryError("malloc of size 1 failed")])
@pytest.mark.parametrize("reader", ["_Lines.__next__", "pacsv.read_csv"])
def test_a_lack_of_memory_is_said_as_such(write, labels, monkeypatch, error, reader):
    def fail(*arguments, **options):
        raise error

    predictions = write("preds.csv", PREDICTIONS)
    monkeypatch.setattr(f"celoss.sources.text.{reader}", fail)
    assert code_of(predictions, labels) == "E112"


@pytest.mark.parametrize("arguments", [["-", "labels"], ["labels", "-"], ["/dev/stdin", "labels"]])
def test_standard_input_that_is_a_terminal_is_not_waited_for(labels, arguments):
    ours, theirs = pty.openpty()
    try:
        ran = process("eval", *(labels if one == "labels" else one for one in arguments), stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(
        f"error[E110]: '{arguments[0 if arguments[1] == 'labels' else 1]}' is standard input, and that is"
    )


def test_a_copy_of_standard_input_that_finds_no_room_says_so(monkeypatch, labels):
    class Full(io.BytesIO):
        name = "/tmp/celoss-x"

        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", lambda **options: Full())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(PREDICTIONS.encode())))
    with pytest.raises(CelossError) as caught:
        celoss.evaluate("-", labels)
    assert str(caught.value) == (
        "error[E101]: cannot read standard input: a copy of it cannot be written to '/tmp': No space left on device\n"
        "  --> argument PREDS\n"
        "  = help: set TMPDIR to a folder with more room, or give a file"
    )


QUOTES = {
    "a_mark_of_inches": ('label,p,note\n1,0.75,5" pipe\n0,0.25,\n', 2),
    "an_empty_value": ('label,p,note\n1,0.75,""\n0,0.25,""\n', 2),
    "a_quote_in_quotes": ('label,p,note\n1,0.75,""""\n0,0.25,\n', 2),
    "line_breaks_in_quotes": ('label,p,note\n1,0.75,"x\n\ny"\n0,0.25,"\n"\n', 2),
    "a_quote_before_the_end": ('label,p,note\n1,0.75,x\n0,0.25,"y"', 2),
}


@pytest.mark.parametrize("kind", QUOTES)
def test_quotes_that_are_closed_or_none_are_no_error(write, kind):
    content, rows = QUOTES[kind]
    report = celoss.evaluate(write("preds.csv", content))
    assert (report.row_counts.scored, report.log_loss) == (rows, pytest.approx(-math.log(0.75), rel=1e-12))


def test_a_pickled_array_is_refused(tmp_path):
    np.save(tmp_path / "preds.npy", np.array([{"a": 1}], object), allow_pickle=True)
    assert code_of(str(tmp_path / "preds.npy"), [0]) in ("E104", "E108", "E209")


@pytest.mark.parametrize("form", ["xls", "csv:ab", "tsv:,", 'csv:"', "csv:\n", "csv:§"])
def test_an_input_format_that_does_not_exist_is_an_error(write, form):
    predictions, truth = (write(name, text.replace(",", "§")) for name, text in (("p", PREDICTIONS), ("l", LABELS)))
    assert code_of(predictions, truth, input_format=form) == "E603"


# --- row groups of many columns of numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1000, 50_000])
@pytest.mark.parametrize("groups", [700, 20_000, 1 << 20])
def test_many_columns_of_numbers_are_read_alike_whatever_the_row_groups(write, rows, groups):
    names = [f"c{index}" for index in range(40)]
    values = np.random.default_rng(7).random((40, rows))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(zip(names, values, strict=True))), sink, row_group_size=groups)
    source = open_source(write("preds.parquet", sink.getvalue().to_pybytes()), "predictions")
    head = source.head()
    assert head.rows == 1000
    assert [column.numbers[:3] for column in head.columns] == [tuple(one[:3]) for one in values]
    wanted = [*names[::-1], "c3"]
    _, numbers = read(source, [], wanted)
    assert np.array_equal(numbers, np.concatenate([values[::-1], values[3:4]]))
