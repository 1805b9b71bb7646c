"""The long form: one row for each case and class, in any order, read as one row for each case."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from celoss import CelossError
from celoss.detect.layout import long_columns
from celoss.sources import Chunk, Column, Head, Suspicious, base, long, open_source, text
from celoss.sources.cases import are_together, concatenated, keyed, whole_cases
from celoss.sources.long import LongSource

LONG = """\
id,class,p,label,weight
a,cat,0.9,cat,2
a,dog,0.1,cat,2
b,dog,0.8,dog,0.5
b,cat,0.2,dog,0.5
c,cat,0.5,dog,1
c,dog,0.5,dog,1
"""
WIDE = (["a", "b", "c"], [[0.9, 0.2, 0.5], [0.1, 0.8, 0.5]])
CLASSES = ("cat", "dog")


@pytest.fixture
def write(tmp_path):
    """Writes a file and gives its path."""

    def _write(name, content):
        (tmp_path / name).write_text(content)
        return str(tmp_path / name)

    return _write


@pytest.fixture
def long_source(write):
    """A LongSource of the content of a CSV file."""

    numbers = itertools.count()

    def _open(content, classes=CLASSES, ids=("id",), value="p", role="predictions"):
        wrapped = open_source(write(f"long{next(numbers)}.csv", content), role)
        return LongSource(wrapped, ids, "class", value, classes)

    return _open


def read(source, texts, numbers, careful=False):
    """Text columns as lists, number columns as one (k, m) array, and the faults, over all chunks."""
    chunks = list(source.batches(texts, numbers, careful))
    assert [chunk.start for chunk in chunks] == [sum(one.rows for one in chunks[:at]) for at in range(len(chunks))]
    columns = [[value for chunk in chunks for value in chunk.texts[index].to_pylist()] for index in range(len(texts))]
    found = [one for chunk in chunks for one in chunk.faults]
    return columns, np.concatenate([chunk.numbers for chunk in chunks], axis=1), found


def told(faults):
    return sorted((one.code, one.row, one.case, one.column, one.value) for one in faults)


def reordered(content, order):
    """The content with its rows in another order."""
    header, *rows = content.splitlines(keepends=True)
    return header + "".join(rows[row] for row in order)


# --- one row for each case ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("order", list(itertools.permutations(range(6)))[::31])
def test_rows_in_any_order_are_the_same_cases_in_the_order_of_their_first_rows(long_source, order, careful):
    source = long_source(reordered(LONG, order))
    (ids, labels), numbers, faults = read(source, ["id", "label"], ["cat", "dog", "weight"], careful)
    assert ids == list(dict.fromkeys("aabbcc"[row] for row in order))
    places = ["abc".index(one) for one in ids]
    assert labels == [["cat", "dog", "dog"][place] for place in places]
    np.testing.assert_array_equal(numbers, np.array([*WIDE[1], [2, 0.5, 1]])[:, places])
    assert faults == []
    assert source.is_contiguous() == (len([key for key, _ in itertools.groupby("aabbcc"[row] for row in order)]) == 3)


def test_it_stands_for_the_file_it_wraps(write):
    path = write("long.csv", LONG)
    source = LongSource(open_source(path, "labels"), ("id",), "class", "p", CLASSES)
    assert (source.role, source.path, source.name, source.format, source.has_lines) == ("labels", path, path, "csv", True)
    lines = source.lines([-1, 4])
    assert (lines[-1].number, lines[4].number, lines[4].text) == (1, 6, "c,cat,0.5,dog,1")


@pytest.mark.parametrize("careful", [False, True])
def test_columns_come_as_asked_for(long_source, careful):
    source = long_source(LONG)
    texts, numbers, _ = read(source, ["label", "weight", "id"], ["dog"], careful)
    assert texts == [["cat", "dog", "dog"], ["2", "0.5", "1"], ["a", "b", "c"]]
    assert numbers.tolist() == [WIDE[1][1]]
    assert numbers.flags["C_CONTIGUOUS"]
    texts, numbers, _ = read(source, [], ["weight", "cat"], careful)
    assert (texts, numbers.tolist()) == ([], [[2, 0.5, 1], WIDE[1][0]])
    texts, numbers, _ = read(source, ["id"], [], careful)
    assert (texts, numbers.shape) == ([["a", "b", "c"]], (0, 3))


@pytest.mark.parametrize("careful", [False, True])
def test_the_text_of_a_class_is_its_value_as_written(long_source, careful):
    content = "id,class,y\na,cat,1\na,dog,0\nb,dog,True\nb,cat,0.0\n"
    source = long_source(content, value="y", role="labels")
    assert read(source, ["cat", "id", "dog"], [], careful)[0] == [["1", "0.0"], ["a", "b"], ["0", "True"]]
    by_class = long_source(reordered(content, [0, 3, 1, 2]), value="y", role="labels")
    assert read(by_class, ["cat", "id", "dog"], [], careful)[0] == [["1", "0.0"], ["a", "b"], ["0", "True"]]


def test_a_class_is_the_cell_by_the_rule_for_numbers_as_class_names(write):
    table = pa.table({"id": [1, 1, 2, 2], "class": [0.0, 1.0, 1.0, 0.0], "p": [0.25, 0.75, 0.5, 0.5]})
    source = LongSource(open_source(table, "predictions"), ("id",), "class", "p", ("0", "1"))
    (ids,), numbers, faults = read(source, ["id"], ["1", "0"])
    assert (ids, numbers.tolist(), faults) == (["1", "2"], [[0.75, 0.5], [0.25, 0.5]], [])
    content = "id,class,p\na,1.0,0.5\na,0.0,0.5\nb,1,0.25\nb,0,0.75\n"
    source = LongSource(open_source(write("l.csv", content), "predictions"), ("id",), "class", "p", ("0", "1"))
    assert read(source, [], ["0", "1"])[1].tolist() == [[0.5, 0.75], [0.5, 0.25]]


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("order", [range(8), [0, 4, 1, 5, 2, 6, 3, 7], [7, 3, 0, 5, 1, 4, 2, 6]])
def test_a_case_may_be_several_id_columns(long_source, order, careful):
    rows = [
        f"{day},{place},{name},{index / 8}"
        for index, (day, place, name) in enumerate(itertools.product(["1", "11"], ["1", "11"], CLASSES))
    ]
    content = reordered("day,place,class,p\n" + "\n".join(rows) + "\n", order)
    source = long_source(content, ids=("day", "place"))
    (days, places), numbers, faults = read(source, ["day", "place"], list(CLASSES), careful)
    cases_in_order = list(dict.fromkeys(row // 2 for row in order))
    assert list(zip(days, places, strict=True)) == [(["1", "11"][one // 2], ["1", "11"][one % 2]) for one in cases_in_order]
    assert numbers.tolist() == [[2 * one / 8 for one in cases_in_order], [(2 * one + 1) / 8 for one in cases_in_order]]
    assert faults == []


def test_a_file_without_rows_has_no_cases(long_source):
    source = long_source("id,class,p\n")
    assert list(source.batches(["id"], ["cat"])) == []
    assert list(source.batches(["id"], ["cat"], careful=True)) == []
    head = source.head()
    assert (head.names, head.rows, head.complete) == (("id", "cat", "dog"), 0, True)


@pytest.mark.parametrize("form", ["parquet", "jsonl", "frame", "array_of_lists"])
def test_any_source_may_be_in_long_form(tmp_path, form):
    columns = {"id": [7, 7, 8, 8], "class": ["cat", "dog", "dog", "cat"], "p": [0.75, 0.25, 0.5, 0.5]}
    path = str(tmp_path / f"long.{form}")
    value = "p"
    if form == "parquet":
        pq.write_table(pa.table(columns), path)
    elif form == "jsonl":
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        (tmp_path / "long.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path = pa.table(columns | {"q": [[0.0, one] for one in columns["p"]]})
        value = "q[1]" if form == "array_of_lists" else "p"
    wrapped = open_source(path, "predictions")
    wrapped.head()
    source = LongSource(wrapped, ("id",), "class", value, CLASSES)
    (ids,), numbers, faults = read(source, ["id"], list(CLASSES))
    assert (ids, numbers.tolist(), faults) == (["7", "8"], [[0.75, 0.5], [0.25, 0.5]], [])
    head = source.head()
    assert (head.rows, head.complete) == (2, True)
    assert head.column("cat") == Column(
        "cat", head.column("cat").kind, ("0.75", "0.5"), 0.0 if head.column("cat").kind == "text" else 2.0**-52
    )


# --- streaming and turning in memory --------------------------------------------------------------------------------------


def random_long(seed, missing=0.0):
    """A long file with cases of rows together, its wide numbers by class (NaN where missing), and the file's row order."""
    random = np.random.default_rng(seed)
    k, m = int(random.integers(2, 6)), int(random.integers(1, 40))
    values = random.random((k, m)).round(3)
    values[random.random((k, m)) < missing] = math.nan
    ids = random.permutation(m)
    rows = [(case, code) for case in range(m) for code in random.permutation(k) if not math.isnan(values[code, case])]
    text = "id,class,p,label\n" + "".join(
        f"i{ids[case]},c{code},{float(values[code, case])!r},L{ids[case] % 3}\n" for case, code in rows
    )
    return text, values, [f"i{one}" for one in ids], tuple(f"c{code}" for code in range(k))


@pytest.mark.parametrize("seed", range(40))
def test_streaming_turning_in_memory_fast_and_careful_reading_give_the_same_cases(long_source, monkeypatch, seed):
    content, values, ids, classes = random_long(seed)
    random = np.random.default_rng(seed)
    monkeypatch.setattr(text, "CAREFUL_ROWS", int(random.integers(1, 30)))
    monkeypatch.setattr(long, "CHUNK_ROWS", int(random.integers(1, 30)))
    streamed = long_source(content, classes)
    assert streamed.is_contiguous()
    turned = long_source(content, classes)
    turned._together = False
    shuffled = long_source(reordered(content, random.permutation(len(ids) * len(classes))), classes)
    for source, careful in itertools.product([streamed, turned, shuffled], [False, True]):
        (found, labels), numbers, faults = read(source, ["id", "label"], classes, careful)
        places = [ids.index(one) for one in found] if source is shuffled else range(len(ids))
        assert (found, faults) == ([ids[place] for place in places], [])
        assert labels == [f"L{int(one[1:]) % 3}" for one in found]
        np.testing.assert_array_equal(numbers, values[:, places])


@pytest.mark.parametrize("rows", range(1, 9))
def test_a_case_that_a_chunk_border_cuts_is_one_case(long_source, monkeypatch, rows):
    monkeypatch.setattr(text, "CAREFUL_ROWS", rows)
    (ids,), numbers, faults = read(long_source(LONG), ["id"], list(CLASSES), careful=True)
    assert (ids, numbers.tolist(), faults) == (*WIDE, [])


def test_a_long_file_in_order_is_streamed_in_many_chunks_and_one_out_of_order_is_not(long_source):
    rows = [f"case{row // 2:06d},{CLASSES[row % 2]},0.5\n" for row in range(120_000)]
    together, apart = (long_source("id,class,p\n" + "".join(one)) for one in (rows, [*rows[::2], *rows[1::2]]))
    assert len(list(together.batches(["id"], ["cat"]))) > 1
    assert [chunk.rows for chunk in apart.batches(["id"], ["cat"])] == [60_000]
    assert (together.is_contiguous(), apart.is_contiguous()) == (True, False)


def test_the_ids_are_read_once_to_find_out_whether_cases_are_together(long_source, monkeypatch):
    source = long_source(LONG)
    asked = []
    wrapped = source._source.batches
    monkeypatch.setattr(source._source, "batches", lambda *names: asked.append(names[0]) or wrapped(*names))
    read(source, ["label"], ["cat"])
    read(source, ["label"], ["cat"])
    assert asked == [("id",), ["id", "class", "label"], ["id", "class", "label"]]


def chunks_of(keys, sizes):
    """Keys as chunks of a long file."""
    starts = [0, *itertools.accumulate(sizes)]
    parts = [keys[start : start + size] for start, size in zip(starts, sizes, strict=False)]
    return [
        keyed(Chunk(start, len(part), (pa.array(part, pa.string()),), np.empty((0, len(part)))), 1)
        for start, part in zip(starts, parts, strict=False)
    ]


@pytest.mark.parametrize("seed", range(30))
def test_cases_are_together_when_no_key_comes_back(seed):
    random = np.random.default_rng(seed)
    keys = np.repeat([str(one) for one in random.permutation(20)], random.integers(1, 5, 20)).tolist()
    sizes = random.multinomial(len(keys), np.ones(7) / 7).tolist()
    assert are_together(chunks_of(keys, sizes))
    pieces = list(whole_cases(chunks_of(keys, sizes)))
    assert concatenated(pieces).texts[0].to_pylist() == keys
    firsts = [piece.texts[0][0].as_py() for piece in pieces]
    assert len(set(firsts)) == len(firsts)
    assert [piece.start for piece in pieces] == [keys.index(first) for first in firsts]
    back = [*keys, keys[0]]
    assert not are_together(chunks_of(back, [*sizes, 1]))


def test_no_rows_at_all_are_together():
    assert are_together([]) and are_together(chunks_of([], [0, 0]))


def test_a_chunk_that_the_fast_reader_stumbles_over_is_for_the_careful_one(long_source):
    source = long_source(LONG + "d,cat,half,cat,1\nd,dog,0.5,cat,1\n")
    with pytest.raises(Suspicious):
        read(source, ["id"], list(CLASSES))
    faults = read(source, ["id"], list(CLASSES), careful=True)[2]
    assert told(faults) == [("E501", 6, 3, "p", "half")]


# --- faults ---------------------------------------------------------------------------------------------------------------

GOOD = "a,cat,0.9,cat,2\na,dog,0.1,cat,2\n"
FAULTS = {
    "a class without a row": ("b,dog,1.0,dog,1\n", [("E509", 2, 1, "cat", "b")]),
    "an unknown class in place of one and no row for another": ("b,emu,1.0,dog,1\n", [("E511", 2, 1, "class", "emu")]),
    "a class twice": ("b,cat,0.5,dog,1\nb,dog,0.5,dog,1\nb,cat,0.5,dog,1\n", [("E510", 4, 1, "class", "cat")]),
    "a class three times": (
        "b,cat,0.5,dog,1\nb,cat,0.5,dog,1\nb,dog,0.5,dog,1\nb,cat,0.5,dog,1\n",
        [("E510", 3, 1, "class", "cat"), ("E510", 5, 1, "class", "cat")],
    ),
    "a class twice and none of another": (
        "b,cat,0.5,dog,1\nb,cat,0.5,dog,1\n",
        [("E509", 2, 1, "dog", "b"), ("E510", 3, 1, "class", "cat")],
    ),
    "an unknown class": ("b,cat,0.5,dog,1\nb,Dog,0.5,dog,1\n", [("E511", 3, 1, "class", "Dog")]),
    "no class": ("b,cat,0.5,dog,1\nb,,0.5,dog,1\n", [("E511", 3, 1, "class", "")]),
    "labels that differ": ("b,cat,0.5,dog,1\nb,dog,0.5,cat,1\n", [("E512", 3, 1, "label", "cat")]),
    "a label that is missing": ("b,cat,0.5,dog,1\nb,dog,0.5,,1\n", [("E512", 3, 1, "label", "")]),
    "weights that differ": ("b,cat,0.5,dog,1\nb,dog,0.5,dog,1.5\n", [("E512", 3, 1, "weight", "1.5")]),
    "a weight that is missing": ("b,cat,0.5,dog,1\nb,dog,0.5,dog,\n", [("E512", 3, 1, "weight", "")]),
    "no weights": ("b,cat,0.5,dog,\nb,dog,0.5,dog,\n", []),
    "weights written in two ways": ("b,cat,0.5,dog,1\nb,dog,0.5,dog,1.0\n", []),
    "a value that is missing": ("b,cat,,dog,1\nb,dog,0.5,dog,1\n", []),
    "several cases": (
        "b,cat,1.0,dog,1\nc,dog,0.5,dog,1\nc,cat,0.5,cat,1\n",
        [("E509", 2, 1, "dog", "b"), ("E512", 4, 2, "label", "cat")],
    ),
}


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("rows", "expected"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_with_a_case_is_told_with_the_row_of_the_file(long_source, rows, expected, together, careful):
    source = long_source("id,class,p,label,weight\n" + GOOD + rows)
    source._together = together
    (ids, _), numbers, faults = read(source, ["id", "label"], ["cat", "dog", "weight"], careful)
    assert told(faults) == expected
    assert {fault.file for fault in faults} <= {"predictions"}
    assert ids[0] == "a" and numbers[:2, 0].tolist() == [0.9, 0.1]


def test_a_missing_class_is_nan_and_the_first_of_two_rows_counts(long_source):
    source = long_source("id,class,p\na,dog,0.25\na,dog,0.5\n")
    (cats, dogs), numbers, _ = read(source, ["cat", "dog"], ["cat", "dog"], careful=True)
    np.testing.assert_array_equal(numbers, [[math.nan], [0.25]])
    assert (cats, dogs) == ([""], ["0.25"])


def test_a_case_without_several_classes_is_one_fault(long_source):
    faults = read(long_source("id,class,p\na,owl,1\n", ("cat", "dog", "owl")), [], ["cat", "dog", "owl"])[2]
    assert told(faults) == [("E509", 0, 0, "cat", "a")]


def test_the_fault_of_a_case_of_several_id_columns_names_them_all(long_source):
    faults = read(long_source("day,place,class,p\n1,home,cat,1\n", ids=("day", "place")), [], ["cat"])[2]
    assert told(faults) == [("E509", 0, 0, "dog", "1, home")]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("rows", [1, 2, 3, 4096])
def test_unreadable_rows_keep_their_faults_and_get_a_case(long_source, monkeypatch, rows, together):
    monkeypatch.setattr(text, "CAREFUL_ROWS", rows)
    source = long_source("id,class,p,label\na,cat,0.5,x\na,dog,half,y\nb,cat\nc,cat,0.5,x\nc,emu,0.5,z\n")
    source._together = together
    (ids,), numbers, faults = read(source, ["id"], list(CLASSES), careful=True)
    assert ids == ["a", "", "c"]
    assert told(faults) == [("E201", 2, 1, None, "2 fields"), ("E501", 1, 0, "p", "half"), ("E511", 4, 2, "class", "emu")]
    assert np.isnan(numbers[1, 0])


def test_a_part_of_a_chunk_of_cases_has_the_faults_of_its_cases(long_source):
    rows = "".join(f"{case},cat,0.5\n" + (f"{case},dog,0.5\n" if case != 7 else "") for case in range(20))
    chunk, last = long_source("id,class,p\n" + rows).batches(["id"], list(CLASSES))
    assert (last.start, last.rows, last.faults) == (19, 1, ())
    (fault,) = chunk.faults
    assert (fault.code, fault.row, fault.case, fault.table_row) == ("E509", 14, 7, 7)
    assert [len(chunk.part(start, 5).faults) for start in (0, 5, 10, 14)] == [0, 1, 0, 0]
    assert chunk.part(5, 5).start == 5


def test_a_fault_points_at_the_line_of_the_long_file(long_source):
    source = long_source(LONG + "d,cat,1,cat,1\n")
    (fault,) = read(source, ["id"], list(CLASSES))[2]
    assert source.lines([fault.row])[fault.row].text == "d,cat,1,cat,1"


# --- the head -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [range(6), [0, 3, 4, 1, 2, 5], [5, 0, 3, 1, 4, 2]])
def test_the_head_has_one_row_for_each_case(long_source, order):
    head = long_source(reordered(LONG, order)).head()
    assert (head.names, head.rows, head.complete, head.named) == (("id", "label", "weight", *CLASSES), 3, True, True)
    assert [column.kind for column in head.columns] == ["text", "text", "text", "text", "text"]
    rows = sorted(zip(*(column.texts for column in head.columns), strict=True))
    assert rows == [("a", "cat", "2", "0.9", "0.1"), ("b", "dog", "0.5", "0.2", "0.8"), ("c", "dog", "1", "0.5", "0.5")]


def many(cases_count, classes, order=None):
    """A long file of so many cases, with a row number that differs on every row."""
    names = tuple(f"c{code}" for code in range(classes))
    rows = [
        f"{{}},i{case:05d},{name},{(case + code) % 7 / 7!r},L{case % 3}\n"
        for case in range(cases_count)
        for code, name in enumerate(names)
    ]
    rows = [rows[row] for row in order] if order is not None else rows
    return "row,id,class,p,label\n" + "".join(row.format(at) for at, row in enumerate(rows)), names


ORDERS = {
    "case by case": lambda m, k: range(m * k),
    "class by class": lambda m, k: [case * k + code for code in range(k) for case in range(m)],
    "shuffled": lambda m, k: np.random.default_rng(5).permutation(m * k).tolist(),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("count", "classes"), [(3000, 2), (2000, 3), (700, 3), (600, 2), (300, 4), (5, 700), (4, 1500)])
def test_the_head_of_a_file_in_any_order_has_whole_cases_and_their_texts(long_source, count, classes, order):
    content, names = many(count, classes, ORDERS[order](count, classes))
    source = long_source(content, names)
    head = source.head()
    assert head.names == ("id", "label", *names)
    assert not head.complete
    assert 0 < head.rows <= base.HEAD_ROWS
    (ids, labels), numbers, faults = read(source, ["id", "label"], names)
    assert faults == []
    assert list(head.column("id").texts) == ids[: head.rows]
    assert list(head.column("label").texts) == labels[: head.rows]
    found = np.array([[float(one) for one in head.column(name).texts] for name in names])
    np.testing.assert_array_equal(found, numbers[:, : head.rows])
    assert "" not in head.column(names[-1]).texts


def test_the_last_case_of_a_head_may_go_on_and_is_left_out(long_source):
    content, names = many(500, 3)
    assert long_source(content, names).head().rows == 333
    assert long_source(content.replace("i00333,c0", "i00333,x"), names).head().rows == 333
    content, names = many(333, 3)
    head = long_source(content, names).head()
    assert (head.rows, head.complete) == (333, True)


def test_a_head_with_bad_cells_and_decimal_commas_is_made_all_the_same(long_source):
    rows = [f"{case};{name};0,{case % 9}5;\n" for name in CLASSES for case in range(1200)]
    rows[1000] = "1000;cat;half;\n"
    head = long_source("id;class;p;note\n" + "".join(rows)).head()
    assert (head.rows, head.complete) == (1000, False)
    assert head.column("cat").texts[:3] == ("0.05", "0.15", "0.25")
    ordered = long_source("id;class;p\n" + "".join(f"{row // 2};{CLASSES[row % 2]};0,5\n" for row in range(2000))).head()
    assert (ordered.rows, ordered.column("dog").texts[0]) == (499, "0.5")


def test_a_typed_file_out_of_order_has_a_head_of_all_its_columns_that_are_texts():
    case = np.tile(np.arange(1200), 2)
    table = pa.table(
        {
            "day": pa.array(case.tolist(), pa.date32()),
            "class": np.repeat(CLASSES, 1200),
            "p": case / 2400,
            "box": [{"a": 1}] * 2400,
            "late": pa.array((case % 2 == 0).tolist()),
        }
    )
    source = LongSource(open_source(table, "predictions"), ("day",), "class", "p", CLASSES)
    head = source.head()
    assert (head.names, head.rows) == (("day", "late", "cat", "dog"), 1000)
    assert [column.texts[1] for column in head.columns] == ["1970-01-02", "False", repr(1 / 2400), repr(1 / 2400)]
    assert head.column("late").kind == "bool"


def test_the_spacing_of_the_classes_is_that_of_the_values(long_source, write):
    narrow = pa.table({"id": [1, 1], "class": list(CLASSES), "p": pa.array([0.5, 0.5], pa.float32())})
    head = LongSource(open_source(narrow, "predictions"), ("id",), "class", "p", CLASSES).head()
    assert head.column("cat").spacing == 2.0**-23
    text = long_source("id,class,p\na,cat,0.5\na,dog,0.5\n").head()
    assert (text.column("dog").kind, text.column("dog").spacing) == ("text", 0.0)


def test_a_column_that_differs_in_one_case_stays_and_one_that_differs_in_most_goes(long_source):
    content = LONG.replace("b,cat,0.2,dog", "b,cat,0.2,cat")
    source = long_source(content)
    assert "label" in source.head().names
    assert told(read(source, ["label"], ["cat"])[2]) == [("E512", 3, 1, "label", "cat")]
    assert "row" not in long_source(*many(3, 2)).head().names


def test_a_class_called_as_another_column_is_an_error(long_source):
    with pytest.raises(CelossError) as caught:
        long_source(LONG, ("cat", "label")).head()
    assert caught.value.code == "E203"


@pytest.mark.parametrize("name", ["p", "class"])
def test_a_class_may_be_called_as_the_columns_it_is_made_of(long_source, name):
    source = long_source(LONG.replace(",cat,0", f",{name},0"), (name, "dog"))
    assert source.head().names == ("id", "label", "weight", name, "dog")
    (ids,), numbers, faults = read(source, ["id"], [name, "dog"])
    assert (ids, numbers.tolist(), faults) == (*WIDE, [])


# --- which columns --------------------------------------------------------------------------------------------------------


def head_of(columns, complete=True):
    return Head(
        tuple(Column(name, "text", tuple(map(str, texts))) for name, texts in columns.items()),
        len(next(iter(columns.values()))),
        complete,
    )


THREE = {"id": list("aaabbbccc"), "class": ["x", "y", "z", "y", "x", "z", "z", "y", "x"]}
PROBABILITY = [0.5, 0.25, 0.25, 0.1, 0.2, 0.7, 0.3, 0.3, 0.4]
LABEL = list("xxxyyyzzz")
PLAIN = {
    "the least": THREE | {"p": PROBABILITY},
    "other names": {"id": THREE["id"], "animal": THREE["class"], "how": PROBABILITY},
    "a label": THREE | {"label": LABEL, "p": PROBABILITY},
    "classes that are numbers": {"id": THREE["id"], "class": [0, 1, 2, 1, 0, 2, 2, 1, 0], "p": PROBABILITY},
    "no probabilities": THREE | {"logit": [one * 9 - 3 for one in PROBABILITY]},
    "logits as well": THREE | {"logit": [one * 9 - 3 for one in PROBABILITY], "p": PROBABILITY},
    "a flag of the true class": THREE | {"is_true": [1, 0, 0, 1, 0, 0, 0, 0, 1], "p": PROBABILITY},
    "a flag in words": THREE | {"is_true": [one == 0 for one in range(9)], "p": PROBABILITY},
    "row numbers": {"": list(range(9))} | THREE | {"row": list(range(9)), "p": PROBABILITY},
    "ranks": THREE | {"rank": [1, 2, 3] * 3, "p": PROBABILITY},
    "two numbers of which one says what it is": THREE | {"share": PROBABILITY[::-1], "prob": PROBABILITY},
    "two texts of which one says what it is": THREE | {"short": [one.upper() for one in THREE["class"]], "p": PROBABILITY},
    "labels for each class": THREE | {"y": [1, 0, 0, 1, 0, 0, 0, 0, 1]},
    "class by class": {"id": list("abcabcabc"), "class": list("xxxyyyzzz"), "p": PROBABILITY, "label": list("xyzxyzxyz")},
    "free text for each case": THREE | {"text": list("uuuvvvwww"), "p": PROBABILITY},
    "a class twice in one case": {"id": [*"aaabbbccc"], "class": [*"xyzyxzzzx"], "p": PROBABILITY},
    "a class that one case lacks": {"id": [*"aaabbbcc"], "class": [*"xyzyxzzx"], "p": PROBABILITY[:8]},
    "probabilities that are missing": THREE | {"p": ["", *PROBABILITY[1:]]},
}


@pytest.mark.parametrize("columns", PLAIN.values(), ids=PLAIN)
def test_a_long_form_is_recognised_by_its_head(columns):
    names = [name for name in columns if name not in ("", "id", "label", "is_true", "rank", "row", "short", "share", "text")]
    expected = (names[0], names[-1])
    assert long_columns(head_of(columns), ["id"]) == expected


PAIRS = {"id": list("aabb"), "class": [0, 1, 1, 0]}
UNCLEAR = {
    "one row for each case": {"id": list("abc"), "class": list("xyz"), "p": [0.1, 0.2, 0.3]},
    "no class": {"id": THREE["id"], "p": PROBABILITY},
    "no value": THREE,
    "the same value everywhere": THREE | {"p": [0.5] * 9},
    "only the label": {"id": THREE["id"], "class": LABEL, "p": PROBABILITY},
    "classes that repeat": {"id": list("aabb"), "class": list("xxyy"), "p": PROBABILITY[:4]},
    "the best classes of each case, with their ranks": {
        "id": list("aabbcc"),
        "class": list("uvwxyz"),
        "rank": [1, 2] * 3,
        "p": PROBABILITY[:6],
    },
    "two texts": {
        "id": THREE["id"],
        "left": THREE["class"],
        "right": [one.upper() for one in THREE["class"]],
        "p": PROBABILITY,
    },
    "two numbers": THREE | {"one": PROBABILITY, "two": PROBABILITY[::-1]},
    "ranks and classes that are numbers": {"id": THREE["id"], "one": [1, 2, 3] * 3, "two": [3, 2, 1] * 3, "p": PROBABILITY},
    "a flag of the true class and logits": THREE
    | {"is_true": [1, 0, 0, 1, 0, 0, 0, 0, 1], "logit": [one * 9 - 3 for one in PROBABILITY]},
    "one case": {"id": list("aaa"), "class": list("xyz"), "p": [0.1, 0.2, 0.7]},
    "no rows": {"id": [], "class": [], "p": []},
    "an empty class": {"id": list("aabb"), "class": ["x", "", "x", ""], "p": PROBABILITY[:4]},
}


@pytest.mark.parametrize("columns", UNCLEAR.values(), ids=UNCLEAR)
def test_what_is_not_plainly_a_long_form_is_none(columns):
    assert long_columns(head_of(columns), ["id"]) is None


def test_without_id_columns_nothing_is_a_long_form():
    assert long_columns(head_of(THREE | {"p": PROBABILITY}), []) is None


def test_flags_beside_numeric_classes_are_not_taken_for_them():
    columns = PAIRS | {"correct": ["True", "False"] * 2, "p": [0.25, 0.75, 0.5, 0.4]}
    assert long_columns(head_of(columns), ["id"]) == ("class", "p")


def test_labels_of_each_class_are_not_taken_for_probabilities_that_are_all_the_same():
    flags = {"y": [1, 0, 0, 1, 0, 0, 0, 0, 1]}
    assert long_columns(head_of(THREE | flags | {"p": [0.5] * 9}), ["id"]) is None
    assert long_columns(head_of(THREE | flags | {"p": [0.5] * 6 + [0.2, 0.2, 0.6]}), ["id"]) == ("class", "p")


def test_several_id_columns_make_a_case():
    columns = {"day": [1, 1, 1, 1, 2, 2], "place": list("aabbaa"), "class": list("xyxyyx"), "p": PROBABILITY[:6]}
    assert long_columns(head_of(columns), ["day", "place"]) == ("class", "p")
    assert long_columns(head_of(columns), ["day"]) is None


@pytest.mark.parametrize("rows", [5, 6, 7])
def test_the_last_case_of_an_incomplete_head_may_lack_classes(rows):
    columns = {name: texts[:rows] for name, texts in (THREE | {"p": PROBABILITY}).items()}
    assert long_columns(head_of(columns, complete=False), ["id"]) == ("class", "p")
    assert (long_columns(head_of(columns), ["id"]) is None) == (rows == 5)


def test_the_columns_of_typed_heads_are_recognised_too():
    table = pa.table({"id": [1, 1, 2, 2], "class": [0, 1, 0, 1], "p": [0.5, 0.5, 0.25, 0.75], "y": [True, False] * 2})
    assert long_columns(open_source(table, "predictions").head(), ["id"]) == ("class", "p")
