"""Rows of two files brought together by id or position, and every row checked, with faults as data."""

from __future__ import annotations

import math
import re

import numpy as np
import pyarrow as pa
import pytest

import celoss
from celoss import CelossError, align
from celoss.pipeline import prepare, score

LOSS = -(math.log(0.9) + math.log(0.8) + math.log(0.7)) / 3


@pytest.fixture
def files(tmp_path):
    """The paths of two CSV files."""

    def _files(predictions, labels):
        (tmp_path / "preds.csv").write_text(predictions)
        (tmp_path / "labels.csv").write_text(labels)
        return str(tmp_path / "preds.csv"), str(tmp_path / "labels.csv")

    return _files


def binary(ids, p=(0.9, 0.8, 0.7)):
    """Predictions of P(1) as text; every label below is 1."""
    return "id,p\n" + "".join(f"{one},{value}\n" for one, value in zip(ids, p, strict=True))


def truth(ids):
    return "id,label\n" + "".join(f"{one},1\n" for one in ids)


def faults(*inputs, **options):
    """(code, count, [(line, column, value), …]) of each diagnostic."""
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(*inputs, **options)
    return [
        (one.code, one.count, [(at.line if at.line is not None else at.row, at.column, at.value) for at in one.places])
        for one in caught.value.diagnostics
    ]


def named(*inputs, **options):
    """(code, count, [(line, id), …]) of each diagnostic."""
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(*inputs, **options)
    return [(one.code, one.count, [(at.line, at.id) for at in one.places]) for one in caught.value.diagnostics]


# --- matching -----------------------------------------------------------------------------------------------------------

ORDERS = {
    "integers_9_10_11": ["9", "10", "11"],
    "integers_falling": ["11", "10", "9"],
    "texts_rising": ["a", "b", "ba"],
    "texts_falling": ["c", "bb", "b"],
    "zeros_and_lengths": ["08", "9", "10"],
    "no_order": ["b", "c", "a"],
    "unicode": ["ä", "z", "\U0001f600"],
}


@pytest.mark.parametrize("truth_order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
@pytest.mark.parametrize("ids", ORDERS.values(), ids=ORDERS)
def test_rows_are_matched_by_id_in_any_order(files, ids, truth_order):
    rows = [f"{ids[index]},{['yes', 'no', 'yes'][index]}\n" for index in truth_order]
    inputs = files(binary(ids), "id,label\n" + "".join(rows))
    report = celoss.evaluate(*inputs)
    assert report.log_loss == pytest.approx(-(math.log(0.9) + math.log1p(-0.8) + math.log(0.7)) / 3, rel=1e-14, abs=0)
    assert report.rows["id"].tolist() == ids
    assert report.rows["label"].tolist() == ["yes", "no", "yes"]


def test_ids_match_as_text_with_nothing_trimmed_or_folded(files):
    ids = ["a", "A", " a", "a ", '"a"', "á", "a\u0301", "01", "1", "1.0"]
    quoted = ['"' + one.replace('"', '""') + '"' for one in ids]
    rows = [f"{one},{'yes' if index % 2 else 'no'}\n" for index, one in enumerate(quoted)]
    inputs = files(binary(quoted, [0.25] * len(ids)), "id,label\n" + "".join(reversed(rows)))
    report = celoss.evaluate(*inputs)
    assert dict(zip(report.rows["id"], report.rows["label"], strict=True)) == {
        one: ["no", "yes"][index % 2] for index, one in enumerate(ids)
    }


def test_composite_keys_do_not_collide_where_their_joined_texts_would():
    left = [("a\x1f", "b"), ("a", "\x1fb"), ("1", "11"), ("11", "1")]
    x, y = zip(*left, strict=True)
    predictions = pa.table({"x": x, "y": y, "p": [0.9, 0.8, 0.7, 0.6]})
    order = [3, 0, 2, 1]
    labels = pa.table({"x": [x[i] for i in order], "y": [y[i] for i in order], "label": [i % 2 for i in order]})
    report = celoss.evaluate(predictions, labels, id=["x", "y"])
    assert report.log_loss == pytest.approx(-(math.log(1 - 0.9) + math.log(0.8) + math.log(1 - 0.7) + math.log(0.6)) / 4)
    assert report.rows["id.x"].tolist() == list(x)


def test_a_composite_key_may_repeat_in_each_of_its_parts(files):
    inputs = files("id,fold,p\na,1,0.9\na,2,0.8\nb,1,0.7\n", "id,fold,label\nb,1,1\na,2,1\na,1,1\n")
    assert celoss.evaluate(*inputs, id=["id", "fold"]).log_loss == pytest.approx(LOSS, rel=1e-15, abs=0)


def test_the_two_files_may_name_the_key_differently(files):
    inputs = files(binary("abc").replace("id", "name"), truth("cab"))
    assert celoss.evaluate(*inputs, id="name=id").log_loss == pytest.approx(LOSS, rel=1e-15, abs=0)


@pytest.mark.parametrize("order", ["cab", "abc"])
def test_of_the_rows_in_both_files_the_ids_may_be_named_differently(files, order):
    labels = "id,name,label\n" + "".join(f"{one},x,1\n" for one in order + "d")
    inputs = files(binary("abc").replace("id", "name"), labels)
    assert celoss.evaluate(*inputs, id="name=id", id_match="inner").log_loss == pytest.approx(LOSS, rel=1e-15, abs=0)


@pytest.mark.parametrize("ids", ["abc", "cba", "bca", ["9", "10", "7"]])
def test_files_in_one_order_need_no_table_of_labels(files, monkeypatch, ids):
    monkeypatch.setattr(align, "by_key", None)
    assert celoss.evaluate(*files(binary(ids), truth(ids)), batch_rows=2).log_loss == pytest.approx(LOSS, rel=1e-15, abs=0)


MANY = {
    "row numbers": lambda rows: rows,
    "integers far apart": lambda rows: (rows - 65_000) * 10**13,
    "large integers": lambda rows: rows.astype(np.uint64) * np.uint64(10**14),
    "numbered texts": lambda rows: pa.array([f"case-{row:08}.png" for row in rows.tolist()]),
    "texts": lambda rows: pa.array([f"{row:x}-{row % 7:x}" for row in rows.tolist()]),
}


@pytest.mark.parametrize("order", ["same", "shuffled"])
@pytest.mark.parametrize("ids", MANY.values(), ids=MANY)
def test_many_labels_are_matched_whatever_the_ids(ids, order):
    n = 131_000
    rng = np.random.default_rng(3)
    rows = rng.permutation(n)
    others = rows if order == "same" else rng.permutation(n)
    predictions = pa.table({"id": ids(rows), "p": np.where(rows % 2 == 1, 0.75, 0.5)})
    report = celoss.evaluate(predictions, pa.table({"id": ids(others), "label": others % 2}), id="id")
    ones = n // 2
    assert report.log_loss == pytest.approx(-(ones * math.log(0.75) + (n - ones) * math.log(0.5)) / n, rel=1e-12, abs=0)


@pytest.mark.parametrize("ids", MANY.values(), ids=MANY)
def test_of_many_labels_those_that_do_not_match_are_found_whatever_the_ids(ids):
    n = 70_000
    left, right = np.arange(n)[::-1].copy(), np.arange(n)
    left[66_005], right[7] = left[4], n + 1
    predictions, labels = pa.table({"id": ids(left), "p": np.full(n, 0.5)}), pa.table({"id": ids(right), "label": right % 2})
    assert faults(predictions, labels, id="id") == [
        ("E302", 2, [(8, None, None), (n - 66_005, None, None)]),
        ("E303", 1, [(n - 7, None, None)]),
        ("E304", 1, [(66_006, None, None)]),
    ]


TYPES = {"int64": pa.int64(), "int8": pa.int8(), "uint64": pa.uint64(), "text": pa.string()}


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]], ids=["same", "shuffled"])
@pytest.mark.parametrize("right", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("left", TYPES.values(), ids=TYPES)
def test_ids_match_by_their_digits_whatever_their_types(left, right, order):
    ids = [5, 70, 1]
    predictions = pa.table({"id": pa.array(ids).cast(left), "p": [0.9, 0.8, 0.7]})
    labels = pa.table(
        {"id": pa.array([ids[index] for index in order]).cast(right), "label": [[1, 0, 1][index] for index in order]}
    )
    losses = [math.log(0.9), math.log1p(-0.8), math.log(0.7)]
    assert celoss.evaluate(predictions, labels, id="id").log_loss == pytest.approx(-sum(losses) / 3, rel=1e-14, abs=0)


def test_a_missing_integer_id_is_an_empty_one():
    predictions = pa.table({"id": [3, None, 1], "p": [0.5] * 3})
    found = faults(predictions, pa.table({"id": [1, 2, 3], "label": [1, 0, 1]}), id="id")
    assert [(code, count) for code, count, _ in found] == [("E302", 1), ("E307", 1)]


@pytest.mark.parametrize("ids", [[1, 2, 3], [10**15, 5, 70], ["a", "c", "b"], ["n1", "n3", "n2"]], ids=str)
def test_of_the_rows_in_both_files_faults_of_others_are_told_to_nobody(ids):
    predictions = pa.table({"id": [ids[2], ids[0]], "p": [0.9, 0.8]})
    labels = pa.table({"id": [*ids, ids[1]], "label": ["1", "", "0", ""]})
    report = celoss.evaluate(predictions, labels, id="id", id_match="inner")
    assert report.log_loss == pytest.approx(-(math.log1p(-0.9) + math.log(0.8)) / 2, rel=1e-14, abs=0)
    assert report.row_counts.unmatched_labels == 2


# --- what does not match ------------------------------------------------------------------------------------------------

MATCHING = {
    "a prediction is missing": ("ab", "abc", [("E302", 1, [(4, "c")])]),
    "a label is missing": ("abc", "ab", [("E303", 1, [(4, "c")])]),
    "one of each": ("abd", "cba", [("E302", 1, [(2, "c")]), ("E303", 1, [(4, "d")])]),
    "missing in the middle": ("ac", "abc", [("E302", 1, [(3, "b")])]),
    "many missing": ("a", "abcdef", [("E302", 5, [(3, "b"), (4, "c"), (5, "d")])]),
    "a prediction twice, in order": ("aabc", "abc", [("E304", 1, [(3, "a")])]),
    "a prediction twice, shuffled": ("abca", "cba", [("E304", 1, [(5, "a")])]),
    "a prediction three times": ("aaab", "ab", [("E304", 2, [(3, "a"), (4, "a")])]),
    "a label twice, in order": ("abc", "abbc", [("E304", 1, [(4, "b")])]),
    "a label twice, shuffled": ("abc", "cabc", [("E304", 1, [(5, "c")])]),
    "an id twice on both sides": ("aab", "aab", [("E304", 1, [(3, "a")]), ("E304", 1, [(3, "a")])]),
    "an id twice, far apart on both sides": ("abca", "abca", [("E304", 1, [(5, "a")]), ("E304", 1, [(5, "a")])]),
    "an id twice, in no order, on both sides": ("cabdc", "cabdc", [("E304", 1, [(6, "c")]), ("E304", 1, [(6, "c")])]),
    "a prediction three times, far apart": ("cacbc", "abc", [("E304", 2, [(4, "c"), (6, "c")])]),
    "twice and missing": ("aab", "abc", [("E302", 1, [(4, "c")]), ("E304", 1, [(3, "a")])]),
}


@pytest.mark.parametrize("rows", [1, 2, 3, 65536])
@pytest.mark.parametrize(("left", "right", "expected"), MATCHING.values(), ids=MATCHING)
def test_ids_that_do_not_match_one_to_one_are_an_error(files, left, right, expected, rows):
    inputs = files(binary(left, [0.5] * len(left)), truth(right))
    assert named(*inputs, batch_rows=rows) == expected


@pytest.mark.parametrize("rows", [1, 2, 5, 65536])
def test_of_ids_that_repeat_the_first_places_are_told_with_where_each_stood_first(files, rows):
    ids = [*"xcbacxbaabcy"]
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(*files(binary(ids, [0.5] * len(ids)), truth("abc")), batch_rows=rows)
    repeated = next(one for one in caught.value.diagnostics if one.code == "E304")
    assert (repeated.count, [(at.line, at.id) for at in repeated.places]) == (6, [(6, "c"), (8, "b"), (9, "a")])
    assert repeated.details[0].endswith("preds.csv:3")


@pytest.mark.parametrize(
    ("left", "right", "hint"),
    [
        (["1", "2"], ["0001", "0002"], "leading zeros"),
        (["1.0", "2.0"], ["2", "1"], "a trailing .0"),
        (["a ", "b "], ["a", "b"], "spaces"),
        (["A", "B"], ["b", "a"], "upper and lower case"),
        (["x", "y"], ["a", "b"], "--id NAME"),
    ],
)
def test_no_id_in_common_is_an_error_that_says_how_they_differ(files, left, right, hint):
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(*files(binary(left, [0.5, 0.5]), truth(right)))
    assert (caught.value.code, len(caught.value.diagnostics)) == ("E305", 1)
    assert hint in caught.value.help


def test_an_empty_id_is_an_error_on_either_side(files):
    inputs = files("id,p\na,0.5\n,0.5\n", "id,label\n,1\na,1\n")
    assert faults(*inputs) == [("E307", 1, [(2, "id", "")]), ("E307", 1, [(3, "id", "")])]


def test_an_empty_id_of_a_file_with_predictions_and_labels_is_told_once(files):
    both, _ = files("id,p,label\na,0.9,1\n,0.8,1\nc,0.7,1\n", "")
    assert faults(both, id="id", pred="p", label="label") == [("E307", 1, [(3, "id", "")])]


def test_an_empty_part_of_a_composite_key_is_an_error(files):
    inputs = files("id,fold,p\na,1,0.5\nb,,0.5\n", "id,fold,label\na,1,1\nb,,1\n")
    found = faults(*inputs, id=["id", "fold"])
    assert found[0] == ("E307", 1, [(3, "fold", "")])


def test_files_of_different_length_without_ids_are_an_error(files):
    for left, right in (("p\n0.5\n0.5\n", "label\n1\n"), ("p\n0.5\n", "label\n1\n0\n")):
        with pytest.raises(CelossError) as caught:
            celoss.evaluate(*files(left, right), positive="1", batch_rows=1)
        assert caught.value.code == "E301"


@pytest.mark.parametrize(
    ("options", "because"),
    [({"id": "#"}, "rows are matched by position (--id '#')"), ({}, "no column in common, so rows are matched by position")],
    ids=["asked", "found"],
)
def test_files_of_different_length_are_named_with_their_rows_and_why_these_are_matched_by_position(files, options, because):
    inputs = files("p\n" + "0.5\n" * 1500, "label\n1\n0\n")
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(*inputs, positive="1", **options)
    (one,) = caught.value.diagnostics
    assert (one.code, one.message) == ("E301", f"{inputs[0]} has 1,500 rows, {inputs[1]} has 2")
    assert [at.where for at in one.places] == list(inputs)
    assert one.details == (f"found: {because}",)
    assert one.help == "put the same id column in both files, or name it: --id NAME (--id A=B where the names differ)"


@pytest.mark.parametrize("cell", ["n/a", "1.5", "", "nan"])
@pytest.mark.parametrize("order", ["abc", "cba"])
def test_a_row_that_cannot_be_scored_still_counts_as_matched(files, order, cell):
    (only,) = faults(*files(f"id,p\na,0.9\nb,{cell}\nc,0.7\n", truth(order)))
    assert only[0] in ("E501", "E502", "E503")


# --- faults of rows -----------------------------------------------------------------------------------------------------

GOOD = "id,cat,dog\na,0.9,0.1\nb,0.2,0.8\nc,0.5,0.5\n"
LABELS = "id,label\na,cat\nb,dog\nc,cat\n"


def with_row(text, old, new):
    assert old in text
    return text.replace(old, new)


ROWS = {
    "not a number": ("b,0.2,0.8", "b,n/a,0.8", [("E501", 1, [(3, "cat", "n/a")])]),
    "a decimal comma": ("b,0.2,0.8", 'b,"0,2",0.8', [("E501", 1, [(3, "cat", "0,2")])]),
    "missing": ("b,0.2,0.8", "b,,0.8", [("E502", 1, [(3, "cat", "")])]),
    "nan": ("b,0.2,0.8", "b,NaN,0.8", [("E502", 1, [(3, "cat", "NaN")])]),
    "both missing": ("b,0.2,0.8", "b,,", [("E502", 2, [(3, "cat", ""), (3, "dog", "")])]),
    "above 1": ("b,0.2,0.8", "b,0.2,1.80", [("E503", 1, [(3, "dog", "1.80")])]),
    "below 0": ("b,0.2,0.8", "b,-0.0001,1", [("E503", 1, [(3, "cat", "-0.0001")])]),
    "infinite": ("b,0.2,0.8", "b,inf,0", [("E503", 1, [(3, "cat", "inf")])]),
    "a sum that is off": ("b,0.2,0.8", "b,0.2,0.2", [("E504", 1, [(3, None, None)])]),
    "too few fields": ("b,0.2,0.8", "b,0.2", [("E201", 1, [(3, None, None)])]),
    "too many fields": ("b,0.2,0.8", "b,0.2,0.8,0", [("E201", 1, [(3, None, None)])]),
    "after blank lines": ("b,0.2,0.8", "\n\nb,,0.8", [("E502", 1, [(5, "cat", "")])]),
    "of several kinds": (
        "b,0.2,0.8\nc,0.5,0.5",
        "b,x,0.8\nc,-1,2",
        [("E501", 1, [(3, "cat", "x")]), ("E503", 2, [(4, "cat", "-1"), (4, "dog", "2")])],
    ),
}


@pytest.mark.parametrize("rows", [1, 2, 65536])
@pytest.mark.parametrize("order", ["same", "shuffled"])
@pytest.mark.parametrize(("old", "new", "expected"), ROWS.values(), ids=ROWS)
def test_a_bad_row_is_found_with_its_line_column_and_value(files, old, new, expected, order, rows):
    labels = LABELS if order == "same" else "id,label\nc,cat\nb,dog\na,cat\n"
    assert faults(*files(with_row(GOOD, old, new), labels), batch_rows=rows) == expected


LABEL_ROWS = {
    "unknown": ("b,dog", "b,cow", [("E402", 1, [(3, "label", "cow")])]),
    "of another case": ("b,dog", "b,Dog", [("E402", 1, [(3, "label", "Dog")])]),
    "with a space": ("b,dog", "b,dog ", [("E402", 1, [(3, "label", "dog ")])]),
    "empty": ("b,dog", "b,", [("E403", 1, [(3, "label", "")])]),
    "blank": ("b,dog", "b,  ", [("E403", 1, [(3, "label", "  ")])]),
    "of both kinds": ("b,dog\nc,cat", "b,\nc,cow", [("E402", 1, [(4, "label", "cow")]), ("E403", 1, [(3, "label", "")])]),
    "after blank lines": ("b,dog", "\n\nb,cow", [("E402", 1, [(5, "label", "cow")])]),
}


@pytest.mark.parametrize("rows", [1, 2, 65536])
@pytest.mark.parametrize("order", ["same", "shuffled"])
@pytest.mark.parametrize(("old", "new", "expected"), LABEL_ROWS.values(), ids=LABEL_ROWS)
def test_a_bad_label_is_found_with_its_line_and_value(files, old, new, expected, order, rows):
    predictions = GOOD if order == "same" else "id,cat,dog\nc,0.5,0.5\na,0.9,0.1\nb,0.2,0.8\n"
    assert faults(*files(predictions, with_row(LABELS, old, new)), batch_rows=rows) == expected


@pytest.mark.parametrize(
    ("flags", "value"),
    [("1,1", "1 1"), ("0,0.0", "0 0.0"), ("2,-1", "2 -1"), ("TRUE,1.0", "TRUE 1.0"), (",1", '"" 1'), ("yes,0", "yes 0")],
)
def test_a_row_without_exactly_one_true_class_is_found(files, flags, value):
    inputs = files(GOOD, f"id,cat,dog\na,1,0\nb,0,1\nc,{flags}\n")
    assert faults(*inputs, label=["cat", "dog"]) == [("E411", 1, [(4, None, value)])]


def test_shares_among_flags_make_all_labels_soft(files):
    """−Σ t ln p: rows of one class, and one of two halves."""
    report = celoss.evaluate(*files(GOOD, "id,cat,dog\na,1,0\nb,0,1\nc,0.5,0.5\n"), label=["cat", "dog"])
    assert report.task == "soft"
    assert report.log_loss == pytest.approx(-(math.log(0.9) + math.log(0.8) + math.log(0.5)) / 3, rel=1e-15, abs=0)
    assert report.metrics["label_entropy"] == pytest.approx(math.log(2) / 3, rel=1e-15, abs=0)


@pytest.mark.parametrize("order", ["same", "shuffled"])
def test_shares_that_the_head_does_not_show_are_found(files, order):
    ids = range(1001)
    predictions = "id,cat,dog\n" + "".join(f"{one},0.75,0.25\n" for one in ids)
    rows = [f"{one},1,0\n" for one in ids[:-1]] + ["1000,0.5,0.5\n"]
    inputs = files(predictions, "id,cat,dog\n" + "".join(rows if order == "same" else [*rows[1:-1], rows[0], rows[-1]]))
    assert faults(*inputs, label=["cat", "dog"]) == [("E411", 1, [(1002, None, "0.5 0.5")])]


@pytest.mark.parametrize("flags", ["1,0", "1.0,0.0", "True,False", "true,FALSE", "TRUE,0"])
def test_a_true_class_may_be_written_in_several_ways(files, flags):
    swapped = ",".join(flags.split(",")[::-1])
    inputs = files(GOOD, f"id,cat,dog\nc,{flags}\nb,{swapped}\na,{flags}\n")
    expected = -(math.log(0.9) + math.log(0.8) + math.log(0.5)) / 3
    assert celoss.evaluate(*inputs, label=["cat", "dog"]).log_loss == pytest.approx(expected, rel=1e-15, abs=0)


def test_a_cell_that_says_neither_yes_nor_no_among_label_columns_is_told_once(files):
    text = "cat,dog,cat_true,dog_true\n0.9,0.1,1,0\n0.2,0.8,0,1\n0.5,0.5,x,1\n"
    path, _ = files(text, "")
    (only,) = faults(path, label=["cat_true", "dog_true"])
    assert only == ("E411", 1, [(4, None, "x 1")])


def test_a_list_of_another_length_is_found_with_its_row():
    predictions = pa.table({"id": [1, 2, 3], "p": [[0.5, 0.5], [1.0], None]})
    found = faults(predictions, pa.table({"id": [3, 2, 1], "label": [0, 1, 0]}))
    assert found == [("E502", 2, [(3, "p[0]", ""), (3, "p[1]", "")]), ("E507", 1, [(2, "p", "1 number")])]


def test_lines_are_counted_through_quoted_line_breaks(files):
    predictions = 'id,cat,dog\n"a\nb\nc",0.9,0.1\nd,0.2,x\n'
    assert faults(*files(predictions, 'id,label\n"a\nb\nc",cat\nd,dog\n')) == [("E501", 1, [(5, "dog", "x")])]


def test_a_typed_table_has_rows_and_no_lines():
    table = pa.table({"id": ["a", "b"], "cat": [0.9, None], "dog": [0.1, 1.5]})
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(table, pa.table({"id": ["a", "b"], "label": ["cat", "dog"]}))
    places = [(one.code, at.line, at.row, at.column) for one in caught.value.diagnostics for at in one.places]
    assert places == [("E502", None, 2, "cat"), ("E503", None, 2, "dog")]


@pytest.mark.parametrize("batch_rows", [1, 7, 65536])
def test_of_many_faults_all_are_counted_and_the_first_three_shown(files, batch_rows):
    rows = "".join(f"{index},{'x' if index % 2 else '0.5'}\n" for index in range(401))
    (only,) = faults(*files(f"p,q\n{rows}", "label\n" + "1\n0\n" * 200 + "1\n"), pred="q", batch_rows=batch_rows)
    assert only == ("E501", 200, [(3, "q", "x"), (5, "q", "x"), (7, "q", "x")])


# --- one result, however it is read -------------------------------------------------------------------------------------


def states(inputs, flags=None):
    return [score(prepare(*inputs, **(flags or {})), batch_rows=rows) for rows in (1, 2, 3, 7, 65536)]


@pytest.mark.parametrize("match", ["position", "in order", "by key", "same file"])
def test_the_batch_size_changes_no_bit(files, match):
    rng = np.random.default_rng(4)
    p = rng.random(50)
    order = rng.permutation(50) if match == "by key" else np.arange(50)
    both = match == "same file"
    left = [f"{100 + index},{value!r},{1 - value!r}" + f",{index % 2}" * both for index, value in enumerate(p.tolist())]
    right = [f"{100 + index},{index % 2}" for index in order]
    paths = files("\n".join(["id,0,1" + ",label" * both, *left]), "\n".join(["id,label", *right]))
    inputs = (paths[0], None) if both else paths
    first, *others = states(inputs, {"id": "#"} if match == "position" else {})
    assert first.count == 50
    assert all(other == first for other in others)


@pytest.mark.parametrize("match", [align.by_position, align.in_order, align.by_key])
def test_a_batch_has_no_more_rows_than_asked_for(files, match):
    ids = "abcde"
    inputs = prepare(*files(binary(ids, [0.5] * 5), truth(ids)), id="#" if match is align.by_position else "id")
    batches = [one.make() for one in match(inputs.plan, inputs.predictions, inputs.labels, False, 2)]
    assert [batch.rows.tolist() for batch in batches if len(batch.rows)] == [[0, 1], [2, 3], [4]]


def cut(table, sizes):
    """The same table in chunks of these sizes."""
    starts = np.cumsum([0, *sizes])
    return pa.concat_tables([table.slice(start, size) for start, size in zip(starts.tolist(), sizes, strict=False)])


@pytest.mark.parametrize("id", ["#", "id"])
@pytest.mark.parametrize("batch_rows", [1, 2, 65536])
@pytest.mark.parametrize(("left", "right"), [([6], [1, 2, 3]), ([3, 1, 2], [2, 4]), ([1] * 6, [5, 1]), ([4, 2], [4, 2])])
def test_rows_are_paired_however_the_two_tables_are_cut(left, right, batch_rows, id):
    p, labels = [0.9, 0.2, 0.8, 0.7, 0.4, 0.6], [1, 0, 1, 1, 0, 1]
    predictions = cut(pa.table({"id": list(range(6)), "p": p}), left)
    truths = cut(pa.table({"id": list(range(6)), "label": labels}), right)
    report = celoss.evaluate(predictions, truths, id=id, pred="p", label="label", batch_rows=batch_rows)
    losses = [-math.log(one if label else 1 - one) for one, label in zip(p, labels, strict=True)]
    assert report.rows["loss"].tolist() == pytest.approx(losses, rel=1e-14, abs=0)


@pytest.mark.parametrize(("left", "right"), [([2], [2, 2, 1]), ([2, 2, 1], [2])], ids=["labels", "predictions"])
def test_all_rows_of_the_longer_table_are_counted_however_it_is_cut(left, right):
    predictions = cut(pa.table({"p": [0.5] * sum(left)}), left)
    truths = cut(pa.table({"label": [0, 1, 0, 1, 0][: sum(right)]}), right)
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(predictions, truths, id="#", positive="1")
    assert caught.value.code == "E301"
    counts = [int(one) for one in re.findall(r"has (\d+)", caught.value.diagnostics[0].message)]
    assert counts == [sum(left), sum(right)]


def test_the_order_of_the_rows_changes_no_bit(files):
    rng = np.random.default_rng(5)
    p = rng.random(200).tolist()
    labels = truth(range(200))
    found = set()
    for order in (range(200), rng.permutation(200), rng.permutation(200)):
        inputs = files("id,p\n" + "".join(f"{index},{p[index]!r}\n" for index in order), labels)
        found.add(celoss.evaluate(*inputs).log_loss)
    assert len(found) == 1


@pytest.mark.parametrize(
    "content",
    [
        "id,p\na, .9\nb,+0.8\nc,\t0.7\n",
        "id,p\na,0.9\nb,8e-1\nc,0.7\n",
        'id,x,p\na,1,0.9\nb,"",0.8\nc,\'",0.7\n',
    ],
)
def test_what_arrow_refuses_but_is_good_is_read_carefully(files, content):
    assert celoss.evaluate(*files(content, truth("abc")), pred="p").log_loss == pytest.approx(LOSS, rel=1e-15, abs=0)


def odd(order, column, values):
    """A file that Arrow refuses but is good: a quote in the middle of a cell."""
    others = {"a": "1", "b": '""', "c": "'\""}
    return f"id,x,{column}\n" + "".join(f"{one},{others[one]},{values[one]}\n" for one in order)


@pytest.mark.parametrize("options", [{}, {"id_match": "inner"}], ids=["all", "inner"])
@pytest.mark.parametrize("order", ["abc", "cab"])
@pytest.mark.parametrize("which", ["predictions", "labels", "both"])
def test_whichever_file_arrow_refuses_is_read_carefully(files, which, order, options):
    p = {"a": 0.9, "b": 0.8, "c": 0.7}
    predictions = binary("abc") if which == "labels" else odd("abc", "p", p)
    labels = truth(order) if which == "predictions" else odd(order, "label", dict.fromkeys("abc", 1))
    report = celoss.evaluate(*files(predictions, labels), id="id", pred="p", label="label", **options)
    assert report.log_loss == pytest.approx(LOSS, rel=1e-15, abs=0)


def test_labels_without_ids_are_read_carefully_too(files):
    inputs = files("p\n0.9\n0.8\n0.7\n", odd("abc", "label", dict.fromkeys("abc", 1)))
    assert celoss.evaluate(*inputs, label="label", id="#").log_loss == pytest.approx(LOSS, rel=1e-15, abs=0)
