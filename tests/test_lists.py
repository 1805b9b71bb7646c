"""Columns of lists of numbers, in text and typed: each place of the lists is a column."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import celoss
from celoss import CelossError
from celoss.sources import Suspicious, open_source
from celoss.sources.columnar import CHUNK_BYTES, CHUNK_CELLS
from celoss.sources.lists import list_numbers

VALUES = [[0.125, 0.25, 0.625], [1e-05, 0.5, 0.49999], [1.0, 0.0, 0.0]]


@pytest.fixture
def write(tmp_path):
    """Writes a file and gives its path."""

    def _write(name, content):
        (tmp_path / name).write_text(content, newline="")
        return str(tmp_path / name)

    return _write


def read(source, texts, numbers, careful=False):
    """Text columns as lists and number columns as one (k, n) array, over all chunks, and the faults."""
    chunks = list(source.batches(texts, numbers, careful))
    columns = [[value for chunk in chunks for value in chunk.texts[index].to_pylist()] for index in range(len(texts))]
    found = [(fault.code, fault.row, fault.column, fault.value) for chunk in chunks for fault in chunk.faults]
    return columns, np.concatenate([chunk.numbers for chunk in chunks], axis=1), found


def csv_of(cells, delimiter=","):
    """A file with an id and a column `p` of these cells, quoted."""
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    return f"id{delimiter}p\n" + "".join(f"{row}{delimiter}{cell}\n" for row, cell in enumerate(quoted))


FORMS = {
    "json": [json.dumps(row) for row in VALUES],
    "json_without_spaces": [json.dumps(row, separators=(",", ":")) for row in VALUES],
    "numpy": [str(np.array(row)) for row in VALUES],
    "numpy_on_several_lines": [np.array2string(np.array(row), max_line_width=12) for row in VALUES],
    "numpy_with_windows_line_breaks": [str(np.array(row)).replace(" ", "\r\n ") for row in VALUES],
    "tuples": [str(tuple(row)) for row in VALUES],
    "blanks_around": [f"  [ {', '.join(map(str, row))} ] " for row in VALUES],
    "written_in_two_ways": [json.dumps(VALUES[0]), str(np.array(VALUES[1])), str(tuple(VALUES[2]))],
}


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("form", FORMS)
def test_a_list_in_a_cell_is_a_column_for_each_place(write, form, delimiter, careful):
    source = open_source(write("preds.csv", csv_of(FORMS[form], delimiter)), "predictions")
    head = source.head()
    assert head.names == ("id", "p[0]", "p[1]", "p[2]")
    assert {head.column(name).kind for name in head.names[1:]} == {"text"}
    slow = careful or form in ("tuples", "written_in_two_ways")
    (ids, ones), numbers, faults = read(source, ["id", "p[1]"], ["p[2]", "p[0]", "p[1]"], slow)
    assert (ids, faults) == (["0", "1", "2"], [])
    assert ones == ["0.25", "0.5", "0"] == list(head.column("p[1]").texts)
    np.testing.assert_array_equal(numbers, np.array(VALUES).T[[2, 0, 1]])
    assert numbers.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("form", ["tuples", "written_in_two_ways"])
def test_the_fast_reader_leaves_lists_in_other_brackets_to_the_careful_one(write, form):
    source = open_source(write("preds.csv", csv_of(FORMS[form])), "predictions")
    with pytest.raises(Suspicious):
        list(source.batches([], ["p[0]"]))


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("cells", [["[0.5]", "[0.25]"], ["[0.5 ]", "[0.25]"]])
def test_lists_of_one_number_keep_the_name_of_their_column(write, cells, careful):
    source = open_source(write("preds.csv", csv_of(cells)), "predictions")
    assert source.head().names == ("id", "p")
    texts, numbers, _ = read(source, ["p"], ["p"], careful)
    assert (texts, numbers.tolist()) == ([["0.5", "0.25"]], [[0.5, 0.25]])


@pytest.mark.parametrize("careful", [False, True])
def test_an_empty_cell_among_lists_is_missing(write, careful):
    source = open_source(write("preds.csv", csv_of(["", "[0.5, 0.5]", "", "[1, nan]", ""])), "predictions")
    assert source.head().column("p[0]").texts == ("", "0.5", "", "1", "")
    texts, numbers, faults = read(source, ["p[0]", "p[1]"], ["p[0]", "p[1]"], careful)
    assert texts == [["", "0.5", "", "1", ""], ["", "0.5", "", "", ""]]
    nan = math.nan
    np.testing.assert_array_equal(numbers, [[nan, 0.5, nan, 1, nan], [nan, 0.5, nan, nan, nan]])
    assert faults == []


WRONG = [
    ("[0.5]", "E507", "1 number"),
    ("[0.5, 0.25, 0.25]", "E507", "3 numbers"),
    ("[]", "E507", "0 numbers"),
    ("0.5", "E507", "1 number"),
    ("[0.5, half]", "E501", "[0.5, half]"),
    ("[0.5, ]", "E501", "[0.5, ]"),
    ("[0.5, 0.5", "E501", "[0.5, 0.5"),
    ("[0.5 0.25, 0.25]", "E501", "[0.5 0.25, 0.25]"),
    ("[0.5, null]", "E501", "[0.5, null]"),
    ("[0.5, 1_0]", "E501", "[0.5, 1_0]"),
    ("[0,5 0,5]", "E501", "[0,5 0,5]"),
    ("[[0.5, 0.5]]", "E501", "[[0.5, 0.5]]"),
    ("0.5, 0.5", "E501", "0.5, 0.5"),
    ("[0.1 ... 0.9]", "E501", "[0.1 ... 0.9]"),
    (" ", "E501", " "),
    ("half", "E501", "half"),
]


@pytest.mark.parametrize(("cell", "code", "value"), WRONG)
@pytest.mark.parametrize("role", ["predictions", "labels"])
def test_a_cell_that_is_no_list_as_the_others_is_a_fault_with_its_place(write, cell, code, value, role):
    good = "[0.5, 0.5]"
    source = open_source(write("preds.csv", csv_of([good] * 1500 + [cell] + [good])), role)
    assert source.head().names == ("id", "p[0]", "p[1]")
    with pytest.raises(Suspicious):
        list(source.batches([], ["p[0]", "p[1]"]))
    texts, numbers, faults = read(source, ["p[1]"], ["p[0]", "p[1]"], careful=True)
    assert faults == [(code, 1500, "p", value)]
    assert (texts[0][1499:], np.isnan(numbers[:, 1500]).all()) == (["0.5", "", "0.5"], True)
    lines = source.lines([-1, 1500])
    at = lines[-1].fields.index("p")
    start, length = lines[1500].spans[at]
    assert lines[1500].fields[at] == cell
    assert cell in lines[1500].text[start : start + length]


def test_a_damaged_list_is_never_read_as_another_one_by_the_fast_reader(write):
    random = np.random.default_rng(7)
    for _ in range(300):
        good = random.choice(["[0.5, 0.25]", "[0.5 0.25]", "[1, 0]"])
        cell = list(good)
        cell[random.integers(len(cell))] = random.choice(list("[]()., e-+x015\n\t\v\f\xa0"))
        source = open_source(write("preds.csv", csv_of([good, good, "".join(cell)])), "predictions")
        if "p[1]" not in source.head().names:
            continue
        texts, numbers, faults = read(source, ["p[0]"], ["p[0]", "p[1]"], careful=True)
        try:
            fast = read(source, ["p[0]"], ["p[0]", "p[1]"])
        except Suspicious:
            continue
        assert (fast[0], fast[2]) == (texts, faults), cell
        np.testing.assert_array_equal(fast[1], numbers)


NO_LISTS = [
    ["[0.5, 0.5]", "none"],
    ['["a", "b"]', '["c", "d"]'],
    ["(5)", "(6)"],
    ["[]", "[]"],
    ["[[0.5, 0.5]]", "[[0.5, 0.5]]"],
    ["[0.1 ... 0.9]", "[0.2 ... 0.8]"],
    ["0.5 0.5", "0.5 0.5"],
    ["", ""],
]


@pytest.mark.parametrize("cells", NO_LISTS)
def test_a_column_that_holds_anything_else_stays_the_text_it_is(write, cells):
    source = open_source(write("preds.csv", csv_of(cells)), "predictions")
    assert source.head().column("p").texts == tuple(cells)
    assert read(source, ["p"], [])[0] == [cells]


@pytest.mark.parametrize("bad", ["half", "[0.5, half]", "NA"])
def test_a_few_bad_cells_do_not_hide_a_column_of_lists(write, bad):
    source = open_source(write("preds.csv", csv_of([bad, "[0.5, 0.5]", "[1, 0]"])), "predictions")
    assert source.head().column("p[0]").texts == ("", "0.5", "1")
    assert read(source, [], ["p[0]"], careful=True)[2] == [("E501", 0, "p", bad)]


def test_the_first_list_says_how_long_lists_are(write):
    source = open_source(write("preds.csv", csv_of(["", "[1]", "[0.5, 0.5]", "[1, 0]"])), "predictions")
    assert source.head().names == ("id", "p")
    assert [fault[:2] for fault in read(source, [], ["p"], careful=True)[2]] == [("E507", 2), ("E507", 3)]


def test_a_column_called_as_a_place_of_a_list_is_an_error(write):
    with pytest.raises(CelossError) as caught:
        open_source(write("preds.csv", 'p,p[1]\n"[0.5, 0.5]",1\n'), "predictions").head()
    assert caught.value.code == "E203"


def test_long_lists_make_a_short_head(write):
    cells = [json.dumps([0.001] * 1000)] * 300
    table = pa.table({"id": list(range(300)), "p": [json.loads(cell) for cell in cells]})
    for what in (write("preds.csv", csv_of(cells)), table):
        head = open_source(what, "predictions").head()
        assert (head.rows, head.complete, len(head.column("p[999]").texts)) == (99, False, 99)


@pytest.mark.parametrize("rule", ["sklearn", "sklearn-1.2"])
def test_a_rule_that_heeds_the_float_width_treats_lists_in_text_as_text(write, rule):
    wide = write("wide.csv", "id,0,1\na,0,1\nb,.9,.1\nc,.2,.8\n")
    lists = write("lists.csv", 'id,p\na,"[0, 1]"\nb,"[.9, .1]"\nc,"[.2, .8]"\n')
    labels = write("labels.csv", "id,label\na,0\nb,0\nc,1\n")
    scores = [celoss.evaluate(path, labels, convention=rule).log_loss for path in (wide, lists)]
    assert scores[0] == scores[1] == pytest.approx((52 * math.log(2) - math.log(0.9) - math.log(0.8)) / 3, rel=1e-12)


def test_several_columns_of_lists_are_read_beside_plain_ones(write):
    text = 'id,p,w,label\na,"[0.5, 0.5]",2.5,"[1. 0.]"\nb,"[0.25, 0.75]",1,"[0. 1.]"\n'
    source = open_source(write("preds.csv", text), "predictions")
    assert source.head().names == ("id", "p[0]", "p[1]", "w", "label[0]", "label[1]")
    for careful in (False, True):
        texts, numbers, _ = read(source, ["id", "label[0]", "label[1]"], ["p[1]", "w"], careful)
        assert texts == [["a", "b"], ["1", "0"], ["0", "1"]]
        assert numbers.tolist() == [[0.5, 0.75], [2.5, 1.0]]


def test_fast_and_careful_reading_of_lists_agree_to_the_bit_across_chunks(write):
    values = np.random.default_rng(1).dirichlet(np.ones(4), 20_000)
    cells = ["" if row % 97 == 0 else json.dumps(one) for row, one in enumerate(values.tolist())]
    source = open_source(write("preds.csv", csv_of(cells)), "predictions")
    source.head()
    names = [f"p[{place}]" for place in range(4)]
    fast, slow = (read(source, ["p[3]"], names, careful) for careful in (False, True))
    assert fast[0] == slow[0]
    assert fast[1].tobytes() == slow[1].tobytes()
    values[::97] = math.nan
    np.testing.assert_array_equal(fast[1], values.T)
    assert len(list(source.batches([], names))) > 1


# --- typed lists ----------------------------------------------------------------------------------------------------------

ONE_HOT = {
    "csv": 'id,y\na,"[1, 0]"\nb,"[0, 1]"\n',
    "jsonl": '{"id":"a","y":[1,0]}\n{"id":"b","y":[0,1]}\n',
    "jsonl_of_floats": '{"id":"a","y":[1.0,0.0]}\n{"id":"b","y":[0,1]}\n',
}


@pytest.mark.parametrize("role", ["predictions", "labels"])
@pytest.mark.parametrize("form", [*ONE_HOT, "integers", "float32", "fixed"])
def test_lists_of_zeros_and_ones_are_read_as_text_in_both_roles(write, form, role):
    kinds = {"integers": pa.list_(pa.int8()), "float32": pa.list_(pa.float32()), "fixed": pa.list_(pa.float64(), 2)}
    if form in kinds:
        source = open_source(pa.table({"id": ["a", "b"], "y": pa.array([[1, 0], [0, 1]], kinds[form])}), role)
    else:
        source = open_source(write(f"labels.{form[:5]}", ONE_HOT[form]), role)
    assert source.head().names == ("id", "y[0]", "y[1]")
    texts, numbers, faults = read(source, ["y[0]", "id", "y[1]"], ["y[0]"])
    assert (texts, faults) == ([["1", "0"], ["a", "b"], ["0", "1"]], [])
    assert numbers.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("texts", [[], ["p[0]"], ["p[1]"]])
@pytest.mark.parametrize("numbers", [[], ["p[0]"], ["p[0]", "p[1]"]])
@pytest.mark.parametrize("form", ["jsonl", "table"])
def test_a_typed_list_of_another_length_is_one_fault_however_it_is_asked_for(write, form, texts, numbers):
    if not texts and not numbers:
        return
    lists = [[0.5, 0.25], [0.5], [0.125, 0.0, 0.5], [], [1.0, 0.0]]
    if form == "jsonl":
        source = open_source(write("p.jsonl", "".join(json.dumps({"p": one}) + "\n" for one in lists)), "labels")
    else:
        source = open_source(pa.table({"p": lists}), "labels")
    assert source.head().names == ("p[0]", "p[1]")
    columns, planes, faults = read(source, texts, numbers)
    assert faults == [("E507", 1, "p", "1 number"), ("E507", 2, "p", "3 numbers"), ("E507", 3, "p", "0 numbers")]
    expected = {"p[0]": ["0.5", "", "", "", "1"], "p[1]": ["0.25", "", "", "", "0"]}
    assert columns == [expected[name] for name in texts]
    nan = math.nan
    values = {"p[0]": [0.5, nan, nan, nan, 1.0], "p[1]": [0.25, nan, nan, nan, 0.0]}
    np.testing.assert_array_equal(planes, np.array([values[name] for name in numbers]).reshape(-1, 5))


def test_the_text_of_a_32_bit_number_in_a_list_is_its_shortest(write):
    source = open_source(pa.table({"p": pa.array([[0.1, 0.9]], pa.list_(pa.float32()))}), "predictions")
    assert source.head().column("p[0]").texts == ("0.1",)
    assert read(source, ["p[0]"], [])[0] == [["0.1"]]


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("[1, 2]", [1.0, 2.0]),
        ("[1 2]", [1.0, 2.0]),
        ("(1, 2)", [1.0, 2.0]),
        ("[ 1.  .5\n 2e-3 ]", [1.0, 0.5, 0.002]),
        ("[]", []),
        ("0.5", [0.5]),
        ("(1 2)", None),
        ("[1, 2)", None),
        ("", None),
        ("[a]", None),
    ],
)
def test_the_numbers_of_a_cell(cell, numbers):
    assert list_numbers(cell) == numbers


# --- how lists and texts are kept -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pa.ListViewArray, pa.LargeListViewArray])
@pytest.mark.parametrize("part", [slice(0, 4), slice(1, 4), slice(2, 3)])
def test_views_of_lists_are_read_in_their_order(kind, part):
    index = pa.int32() if kind is pa.ListViewArray else pa.int64()
    values = pa.array([0.25, 0.75, 0.5, 0.5, 1.0, 0.0])
    views = kind.from_arrays(pa.array([4, 1, 0, 2], index), pa.array([2, 2, 2, 2], index), values)
    source = open_source(pa.table({"p": views[part]}), "predictions")
    assert source.head().names == ("p[0]", "p[1]")
    expected = np.array([[1.0, 0.0], [0.75, 0.5], [0.25, 0.75], [0.5, 0.5]])[part]
    np.testing.assert_array_equal(read(source, [], ["p[0]", "p[1]"])[1], expected.T)


def test_views_of_lists_may_be_missing():
    lists = pa.array([[0.5, 0.5], None, [1.0, 0.0]], pa.list_view(pa.float64()))
    source = open_source(pa.table({"p": lists}), "predictions")
    assert source.head().column("p[1]").texts == ("0.5", "", "0")
    np.testing.assert_array_equal(read(source, [], ["p[0]"])[1], [[0.5, math.nan, 1.0]])


@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_lists_in_the_texts_of_a_typed_table_are_those_of_a_text_file(write, form):
    cells = ["[0.5, 0.5]", None, "[0.25 0.75]", "[1]", "(1, 0)", "half"]
    if form == "jsonl":
        source = open_source(write("p.jsonl", "".join(json.dumps({"p": cell}) + "\n" for cell in cells)), "predictions")
    else:
        source = open_source(pa.table({"p": cells}), "predictions")
    assert [(column.name, column.kind) for column in source.head().columns] == [("p[0]", "text"), ("p[1]", "text")]
    texts, numbers, faults = read(source, ["p[1]"], ["p[0]"])
    nan = math.nan
    np.testing.assert_array_equal(numbers, [[0.5, nan, 0.25, nan, 1.0, nan]])
    assert texts == [["0.5", "", "0.75", "", "0", ""]]
    assert faults == [("E507", 3, "p", "1 number"), ("E501", 5, "p", "half")]


def test_a_list_in_json_lines_may_hold_nulls(write):
    source = open_source(write("p.jsonl", '{"p":[0.5,0.5]}\n{"p":[null,1]}\n{"p":NaN}\n'), "predictions")
    np.testing.assert_array_equal(read(source, [], ["p[0]", "p[1]"])[1], [[0.5, math.nan, math.nan], [0.5, 1.0, math.nan]])


# --- what is held at once -------------------------------------------------------------------------------------------------


def most(source, texts, numbers):
    """The most rows of a chunk, and the most bytes of its texts and numbers."""
    chunks = list(source.batches(texts, numbers))
    return max(one.rows for one in chunks), max(one.numbers.nbytes + sum(text.nbytes for text in one.texts) for one in chunks)


@pytest.fixture
def little_memory(monkeypatch):
    """A hundredth of what is usually held at once."""
    for module in ("celoss.sources.columnar", "celoss.sources.rowgroups"):
        monkeypatch.setattr(f"{module}.CHUNK_CELLS", CHUNK_CELLS // 100)
        monkeypatch.setattr(f"{module}.CHUNK_BYTES", CHUNK_BYTES // 100)


@pytest.mark.parametrize("group_rows", [500, 1, 70])
def test_lists_of_many_numbers_come_in_few_rows_at_a_time(tmp_path, little_memory, group_rows):
    lists = pa.FixedSizeListArray.from_arrays(pa.array(np.full(500_000, 0.001)), 1000).cast(pa.list_(pa.float64()))
    pq.write_table(pa.table({"p": lists}), tmp_path / "p.parquet", row_group_size=group_rows)
    source = open_source(str(tmp_path / "p.parquet"), "predictions")
    rows, size = most(source, [], source.head().names)
    assert rows <= CHUNK_CELLS / 100 / 1000
    assert size <= CHUNK_CELLS / 100 * 8


@pytest.mark.parametrize("form", ["parquet", "prefixes", "arrow", "views"])
def test_a_long_text_that_is_kept_once_does_not_fill_the_memory(tmp_path, little_memory, form):
    text = "x" * 10_000
    codes = pa.DictionaryArray.from_arrays(pa.array(np.zeros(300, np.int32)), pa.array([text]))
    path = tmp_path / "p"
    if form == "parquet":
        pq.write_table(pa.table({"id": codes}), path, store_schema=False)
    elif form == "prefixes":
        pq.write_table(pa.table({"id": [text] * 300}), path, use_dictionary=False, column_encoding={"id": "DELTA_BYTE_ARRAY"})
    else:
        values = codes if form == "arrow" else codes.dictionary_decode().cast(pa.string_view())
        with pa.ipc.new_file(path, pa.schema({"id": values.type})) as writer:
            writer.write_table(pa.table({"id": values}))
    source = open_source(str(path), "predictions")
    assert source.head().rows <= 2 * CHUNK_BYTES / 100 / 10_000 + 1
    assert most(source, ["id"], [])[1] <= 1.01 * CHUNK_BYTES / 100


def test_a_long_line_of_json_lines_comes_with_few_others(write, monkeypatch):
    monkeypatch.setattr("celoss.sources.jsonl.CHUNK_CHARACTERS", 1000)
    source = open_source(write("p.jsonl", "".join(json.dumps({"id": "x" * 300, "p": 0.5}) + "\n" for _ in range(50))), "labels")
    assert source.head().rows == 4
    assert not source.head().complete
    assert [chunk.rows for chunk in source.batches(["id"], ["p"])] == [4] * 12 + [2]
