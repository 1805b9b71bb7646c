"""Decimal commas: which files have them, and that no other comma or point is taken for one."""

from __future__ import annotations

import gzip
import math

import numpy as np
import pytest

import celoss
from celoss.sources import Suspicious, open_source
from celoss.sources.base import number_hint
from celoss.sources.commas import decimal_mark, with_points


@pytest.fixture
def write(tmp_path):
    """Writes a file and gives its path."""

    def _write(name, content):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(tmp_path / name)

    return _write


def read(source, texts, numbers, careful=False):
    """Text columns as lists and number columns as one (k, n) array, over all chunks, and the faults."""
    chunks = list(source.batches(texts, numbers, careful))
    columns = [[value for chunk in chunks for value in chunk.texts[index].to_pylist()] for index in range(len(texts))]
    found = [(fault.code, fault.row, fault.column, fault.value) for chunk in chunks for fault in chunk.faults]
    return columns, np.concatenate([chunk.numbers for chunk in chunks], axis=1), found


R = '"";"cat";"dog";"label"\n"1";0,31;0,69;"cat"\n"2";1;0;"dog"\n"3";1,5e-05;0,999985;"dog"\n'


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("content", [R, R.replace(";", "\t"), R.replace("\n", "\r\n"), R.replace("e-05", "E-5")])
def test_a_file_of_r_with_decimal_commas_is_read_as_one_with_points(write, content, careful):
    source = open_source(write("preds.csv", content), "predictions")
    assert source.decimal == ","
    head = source.head()
    assert head.column("cat").texts[:2] == ("0.31", "1")
    assert float(head.column("cat").texts[2]) == 1.5e-05
    assert (head.column("dog").kind, head.column("label").texts) == ("text", ("cat", "dog", "dog"))
    texts, numbers, faults = read(source, ["", "label"], ["dog", "cat"], careful)
    assert (texts, faults) == ([["1", "2", "3"], ["cat", "dog", "dog"]], [])
    assert numbers.tolist() == [[0.69, 0.0, 0.999985], [0.31, 1.0, 1.5e-05]]


@pytest.mark.parametrize("careful", [False, True])
def test_every_way_to_write_a_number_with_a_comma_is_read(write, careful):
    cells = ["0,5", ",25", "1,", "+0,5", "-0,5", " 0,5 ", "5", "1e-3", "2,5E+1", "", "nan", "inf"]
    source = open_source(write("preds.csv", "id;p\n" + "".join(f"a;{cell}\n" for cell in cells)), "predictions")
    _, numbers, faults = read(source, [], ["p"], careful)
    expected = [0.5, 0.25, 1.0, 0.5, -0.5, 0.5, 5.0, 1e-3, 25.0, math.nan, math.nan, math.inf]
    np.testing.assert_array_equal(numbers, [expected])
    assert faults == []


WRONG = ["0.5", "1.234,5", "1,234.5", "1.234", "0,5,3", "1 234,5", "1'234,5", "0,5%", ".", "0.", "half", "1.e5", "0x1,8p1"]


@pytest.mark.parametrize("cell", WRONG)
def test_a_cell_with_a_point_or_thousands_is_a_fault_and_never_another_number(write, cell):
    rows = ["a;0,5\n"] * 1500
    source = open_source(write("preds.csv", "id;p\n" + "".join([*rows, f"b;{cell}\n", "c;0,25\n"])), "predictions")
    assert source.decimal == ","
    with pytest.raises(Suspicious):
        list(source.batches([], ["p"]))
    _, numbers, faults = read(source, [], ["p"], careful=True)
    assert faults == [("E501", 1500, "p", cell)]
    np.testing.assert_array_equal(numbers[:, 1499:], [[0.5, math.nan, 0.25]])


def test_a_point_among_commas_has_its_hint():
    assert number_hint("0.5", ",") == "numbers of this file have decimal commas; write 0,5"
    assert number_hint("0,5") == "write a decimal point, not a comma: 0.5"


@pytest.mark.parametrize("careful", [False, True])
def test_ids_with_commas_stay_as_written_when_asked_for_as_text(write, careful):
    source = open_source(write("preds.csv", "id;p\n1,5;0,31\n1,50;0,69\n"), "predictions")
    assert source.decimal == ","
    assert read(source, ["id"], ["p"], careful)[0] == [["1,5", "1,50"]]
    assert read(source, ["p"], ["id"], careful)[0] == [["0,31", "0,69"]]


FILES = {
    "points": ("id;p\na;0.5\n", "."),
    "integers": ("id;p\na;1\nb;0\n", "."),
    "points_in_another_column": ("id;p;q\na;0,5;0.5\n", "."),
    "points_in_another_column_with_bad_cells": ("id;p;q\na;0,5;0.5\nb;0,5;half\n", "."),
    "points_and_commas_in_one_column": ("id;p\na;0,5\nb;0.5\n", "."),
    "no_number_in_the_column": ("id;p\na;0,5\nb;x,y\n", "."),
    "text_with_commas": ("id;text\na;yes, it is\n", "."),
    "thousands": ("id;p;n\na;0;1,234\nb;1;12,345\n", "."),
    "points_and_thousands": ("id;p;n\na;0.5;1,234\n", "."),
    "lists_with_commas": ('id;p\na;[0.5, 0.5]\nb;"[0.1,0.9]"\n', "."),
    "empty": ("id;p\n", "."),
    "commas_between_fields": ('id,p\na,"0,5"\nb,"0,5"\n', "."),
    "bars_between_fields": ("id|p\na|0,5\nb|0,5\n", "."),
    "one_column_with_commas": ("id;p;n\na;0,5;7\nb;0,25;8\n", ","),
    "missing_values": ("id;p\na;0,5\nb;NA\nc;\nd;NaN\ne; \n", ","),
    "beside_dates_and_versions": ("id;p;date;v\na;0,5;31.12.2024;1.2.3\n", ","),
    "beside_text_that_is_rarely_a_number": ("id;p;t\na;0,5;yes\nb;0,5;no\nc;0,5;3.5\n", ","),
    "thousands_beside_fractions": ("id;p;n\na;0,5;1,234\n", ","),
}


@pytest.mark.parametrize(("content", "mark"), FILES.values(), ids=FILES)
def test_the_head_decides_once_for_the_whole_file(write, content, mark):
    for data in (content.encode(), gzip.compress(content.encode())):
        source = open_source(write("preds.csv", data), "predictions")
        assert source.decimal == mark


def test_tabs_may_be_beside_decimal_commas_and_commas_may_not():
    columns = [["0,5", "0,25"]]
    assert [decimal_mark(columns, delimiter) for delimiter in ";\t,|"] == [",", ",", ".", "."]


def test_without_decimal_commas_a_comma_is_no_number_as_before(write):
    source = open_source(write("preds.csv", "id;p\na;0.5\nb;0,5\n"), "predictions")
    assert source.head().column("p").texts == ("0.5", "0,5")
    with pytest.raises(Suspicious):
        list(source.batches([], ["p"]))
    assert read(source, [], ["p"], careful=True)[2] == [("E501", 1, "p", "0,5")]


def test_the_head_has_points_only_where_most_cells_are_numbers():
    assert with_points(["0,5", "half", "1"]) == ("0.5", "half", "1")
    assert with_points(["0,5", "NA", "", "0.5"]) == ("0.5", "NA", "", "0.5")
    assert with_points(["a,b", "1,5", "c"]) == ("a,b", "1,5", "c")
    assert with_points(["1.234,5", "0,5"]) == ("1.234,5", "0.5")


@pytest.mark.parametrize("careful", [False, True])
def test_commas_in_lists_separate_and_points_in_them_are_points(write, careful):
    content = 'id;w;p;q\na;0,5;[0.25, 0.75];"[0.5 0.5]"\nb;2;[1, 0];[1. 0.]\n'
    source = open_source(write("preds.csv", content), "predictions")
    assert source.decimal == ","
    assert source.head().column("p[0]").texts == ("0.25", "1")
    texts, numbers, faults = read(source, ["id"], ["w", "p[0]", "p[1]", "q[1]"], careful)
    assert (texts, faults) == ([["a", "b"]], [])
    assert numbers.tolist() == [[0.5, 2.0], [0.25, 1.0], [0.75, 0.0], [0.5, 0.0]]


def test_fast_and_careful_reading_agree_to_the_bit(write):
    values = np.random.default_rng(3).random(9000) * 10.0 ** -np.arange(9000).astype(float).clip(0, 12)
    rows = "".join(f"{row};{value!r}\n".replace(".", ",") for row, value in enumerate(values.tolist()))
    source = open_source(write("preds.csv", "id;p\n" + rows), "predictions")
    fast, slow = (read(source, ["id"], ["p"], careful) for careful in (False, True))
    assert fast[0] == slow[0]
    assert fast[1].tobytes() == slow[1].tobytes() == values.tobytes()


@pytest.mark.parametrize("labels", ["id;cat;dog\na;1,0;0,0\nb;0,0;1,0\n", "id;label\na;0,0\nb;1,0\n"])
def test_labels_that_pandas_wrote_as_floats_with_commas_are_the_integers_that_they_were(tmp_path, labels):
    (tmp_path / "preds.csv").write_text("id;cat;dog\na;0,5;0,5\nb;0,25;0,75\n" if "cat" in labels else "id;p\na;0,5\nb;0,75\n")
    (tmp_path / "labels.csv").write_text(labels)
    report = celoss.evaluate(str(tmp_path / "preds.csv"), str(tmp_path / "labels.csv"))
    assert report.log_loss == pytest.approx(-math.log(0.5 * 0.75) / 2, rel=1e-15)
