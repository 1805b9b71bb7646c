"""Texts of typed columns that are not made for every row: dictionaries of the few different ones, and keys as integers."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import celoss
from celoss.sources import open_source
from celoss.sources.base import as_text

REPEATED = {
    "integers": (pa.array([1, 0, 2]), ["1", "0", "2"]),
    "bytes": (pa.array([-128, 127], pa.int8()), ["-128", "127"]),
    "far apart": (pa.array([-(2**63), 2**63 - 1]), ["-9223372036854775808", "9223372036854775807"]),
    "unsigned": (pa.array([2**64 - 1, 2**64 - 3], pa.uint64()), ["18446744073709551615", "18446744073709551613"]),
    "unsigned, far apart": (pa.array([2**64 - 1, 0], pa.uint64()), ["18446744073709551615", "0"]),
    "integers and none": (pa.array([7, None]), ["7", ""]),
    "floats": (pa.array([1.0, 0.1, 0.0, -0.0, math.nan, None]), ["1", "0.1", "0", "0", "", ""]),
    "booleans": (pa.array([True, False]), ["True", "False"]),
    "booleans and none": (pa.array([True, None, False]), ["True", "", "False"]),
    "decimals": (pa.array([Decimal("3.00"), Decimal("0.10")]), ["3", "0.1"]),
    "dates": (pa.array([datetime.date(2024, 1, 31), None]), ["2024-01-31", ""]),
    "texts": (pa.array(["007", "", None]), ["007", "", ""]),
    "dictionary": (pa.array(["007", "", None]).dictionary_encode(), ["007", "", ""]),
    "dictionary of numbers": (pa.array([3.0, 0.5]).dictionary_encode(), ["3", "0.5"]),
    "dictionary with one text twice": (
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None], pa.int8()), pa.array(["a", "b", "a"])),
        ["a", "b", "a", ""],
    ),
}


def chunks_of(table, tmp_path, form, names, keys=0, **options):
    if form == "memory":
        source = open_source(table, "labels")
    else:
        pq.write_table(table, tmp_path / "t.parquet", **options)
        source = open_source(str(tmp_path / "t.parquet"), "labels")
    source.head()
    return list(source.batches(names, [], keys=keys))


@pytest.mark.parametrize("form", ["memory", "parquet"])
@pytest.mark.parametrize("kind", REPEATED)
def test_values_that_repeat_have_their_texts_each_once(tmp_path, form, kind):
    values, texts = REPEATED[kind]
    table = pa.table({"y": pa.chunked_array([pa.concat_arrays([values] * 1000)])})
    (chunk,) = chunks_of(table, tmp_path, form, ["y"])
    assert chunk.texts[0].to_pylist() == texts * 1000
    if kind == "texts" and form == "memory":
        assert chunk.texts[0].type == pa.string()
    else:
        entries = chunk.texts[0].dictionary.to_pylist()
        assert len(set(entries)) == len(entries) < 300
        assert chunk.texts[0].null_count == 0 == chunk.texts[0].dictionary.null_count


@pytest.mark.parametrize("texts", [["7", "a", "~"], ["", "ab"], ["é", "", "1"], ["0"], ["\x7f", "!"]])
def test_labels_of_one_character_are_told_from_others_that_are_as_long_together(tmp_path, texts):
    column = texts * (140_000 // len(texts) + 1)
    (tmp_path / "t.csv").write_text("\n".join(["y,z", *(f"{text},0" for text in column), ""]))
    for source in (open_source(pa.table({"y": column}), "labels"), open_source(str(tmp_path / "t.csv"), "labels")):
        chunks = list(source.batches(["y"], []))
        assert len(chunks) > 1 or source.format == "csv"
        assert [text for chunk in chunks for text in chunk.texts[0].to_pylist()] == column
        is_short = all(len(text.encode()) == 1 for text in texts)
        assert {pa.types.is_dictionary(chunk.texts[0].type) for chunk in chunks} == {is_short}


def test_values_of_which_hardly_one_repeats_are_read_all_the_same(tmp_path):
    numbers = np.random.default_rng(1).permutation(70_000) * 1000
    table = pa.table({"n": numbers, "t": pa.array(map(str, numbers)).dictionary_encode()})
    for form in ("memory", "parquet"):
        chunks = chunks_of(table, tmp_path, form, ["n", "t"])
        for place in (0, 1):
            found = [text for chunk in chunks for text in chunk.texts[place].to_pylist()]
            assert found == list(map(str, numbers))


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_texts_in_any_encoding_of_parquet_are_read(tmp_path, encoding):
    table = pa.table({"y": ["no", "yes", None] * 1000})
    options = {"use_dictionary": False, "column_encoding": {"y": encoding}}
    (chunk,) = chunks_of(table, tmp_path, "parquet", ["y"], **options)
    assert chunk.texts[0].to_pylist() == ["no", "yes", ""] * 1000


def test_texts_that_are_not_utf8_are_told_row_by_row():
    bad = pa.Array.from_buffers(pa.string(), 2, pa.array([b"a", b"\xff"]).buffers())
    coded = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 100, pa.int32()), bad)
    (chunk,) = open_source(pa.table({"y": coded}), "labels").batches(["y"], [])
    assert [(fault.row, fault.value, fault.code) for fault in chunk.faults[:2]] == [(1, "\\xff", "E105"), (3, "\\xff", "E105")]
    assert len(chunk.faults) == 100


KEYS = {
    "int8": (pa.array([-128, 127], pa.int8()), pa.int64()),
    "uint32": (pa.array([0, 2**32 - 1], pa.uint32()), pa.int64()),
    "int64": (pa.array([-(2**63), 2**63 - 1]), pa.int64()),
    "uint64 that fits": (pa.array([2**63 - 1, 0], pa.uint64()), pa.int64()),
    "uint64": (pa.array([2**63, 0], pa.uint64()), pa.uint64()),
    "dictionary": (pa.array([5, 6]).dictionary_encode(), pa.int64()),
    "with a missing one": (pa.array([1, None]), pa.string()),
    "floats": (pa.array([1.0, 2.0]), pa.string()),
    "booleans": (pa.array([True, False]), pa.string()),
    "texts": (pa.array(["1", "01"]), pa.string()),
}


@pytest.mark.parametrize("form", ["memory", "parquet"])
@pytest.mark.parametrize("kind", KEYS)
def test_keys_that_are_all_integers_come_as_such(tmp_path, form, kind):
    values, expected = KEYS[kind]
    (chunk,) = chunks_of(pa.table({"id": values, "y": values}), tmp_path, form, ["id", "y"], keys=1)
    assert chunk.texts[0].type == expected
    assert as_text(chunk.texts[0]).to_pylist() == as_text(chunk.texts[1]).to_pylist()


def test_columns_of_arrays_are_keys_and_labels_too():
    source = open_source(np.array([[3, 1], [4, 1]]), "labels")
    (chunk,) = source.batches(["0", "1"], [], keys=1)
    assert (chunk.texts[0].type, chunk.texts[0].to_pylist()) == (pa.int64(), [3, 4])
    assert chunk.texts[1].to_pylist() == ["1", "1"]


IDS = [1, 2, 3, 2**63 - 1]


@pytest.mark.parametrize("id_match", ["all", "inner"])
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [2, 0, 3, 1]])
@pytest.mark.parametrize("theirs", [pa.int64(), pa.uint64(), pa.string(), pa.decimal128(19, 0)])
def test_integer_keys_match_the_same_numbers_of_every_type_and_order(tmp_path, theirs, order, id_match):
    p = [0.9, 0.8, 0.3, 0.4]
    labels = pa.table({"id": pa.array(IDS).take(pa.array(order)).cast(theirs), "y": np.array([1, 1, 0, 0])[order]})
    report = celoss.evaluate(pa.table({"id": IDS, "p": p}), labels, id="id", id_match=id_match)
    assert report.log_loss == pytest.approx(
        -(math.log(0.9) + math.log(0.8) + math.log(0.7) + math.log(0.6)) / 4, rel=1e-15, abs=0
    )
    assert report.rows["id"].tolist() == list(map(str, IDS))


@pytest.mark.parametrize("batch_rows", [1, 3, 1000])
@pytest.mark.parametrize("kind", ["text", "category", "integer"])
def test_groups_are_the_values_that_occur(tmp_path, kind, batch_rows):
    groups = [10, 10, 14, 14, 14, 10] * 50
    column = pd.Series(groups)
    if kind == "category":
        column = pd.Categorical(groups, categories=[9, 10, 14, 99])
    elif kind == "text":
        column = column.astype(str)
    labels = pd.DataFrame({"y": [0, 1, 1, 0, 1, 1] * 50, "g": column})
    predictions = pd.DataFrame({"p": [0.1, 0.8, 0.7, 0.4, 0.9, 0.6] * 50})
    labels.to_parquet(tmp_path / "y.parquet")
    for theirs in (labels, str(tmp_path / "y.parquet")):
        report = celoss.evaluate(predictions, theirs, by="g", label="y", batch_rows=batch_rows)
        assert [(one.value, one.rows) for one in report.groups] == [("10", 150), ("14", 150)]
        first = -(math.log(0.9) + math.log(0.8) + math.log(0.6)) / 3
        assert report.groups[0].metrics["log_loss"] == pytest.approx(first, rel=1e-14, abs=0)
