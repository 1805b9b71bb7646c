"""Several predictions of one set of labels: of each the report, or the faults, that it has by itself."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

import celoss
from celoss import CelossError, align, comparing, pipeline
from celoss.comparing import evaluate_each
from celoss.errors import UsageError

ROWS = 60
IDS = {
    "sorted": lambda rows: rows,
    "unsorted": lambda rows: (rows * 7) % 61 - 30,
    "texts": lambda rows: pa.array([f"{row:x}-{row % 7}" for row in rows.tolist()]),
}


def predictions(seed, ids=None, order=None, chunk=7, noise=0):
    """A table of P(1) for the rows in an order."""
    rows = np.arange(ROWS) if order is None else order
    p = np.random.default_rng(seed).random(ROWS).round(3)
    columns = {"p": p[rows]} if ids is None else {"id": ids(rows), "p": p[rows]}
    return cut(pa.table(columns | {"side": (rows % 2) + noise}), chunk)


def labels(ids=None, order=None, chunk=11):
    rows = np.arange(ROWS) if order is None else order
    columns = {"label": rows % 3 % 2, "weight": 1.0 + rows % 4, "group": rows % 5}
    return cut(pa.table(columns if ids is None else {"id": ids(rows), **columns}), chunk)


def cut(table, size):
    return pa.Table.from_batches(table.to_batches(size))


def told(outcome):
    """All of a report, or of an error, that a user sees."""
    if isinstance(outcome, CelossError):
        return [repr(one) for one in outcome.diagnostics]
    report = json.loads(outcome.to_json())
    return report, outcome.rows.to_csv()


def one_by_one(inputs, truth, **options):
    found = []
    for one in inputs:
        try:
            found.append(celoss.evaluate(one, truth, **options))
        except CelossError as error:
            found.append(error)
    return found


def check(inputs, truth, **options):
    """Whether all are scored together as they are one by one; the reports."""
    expected = one_by_one(inputs, truth, **options)
    errors = [one for one in expected if isinstance(one, CelossError)]
    if errors:
        with pytest.raises(CelossError) as caught:
            evaluate_each(inputs, truth, **options)
        assert told(caught.value) == list(dict.fromkeys(line for error in errors for line in told(error)))
        return errors
    found = evaluate_each(inputs, truth, **options)
    assert [told(one) for one in found] == [told(one) for one in expected]
    assert len({one.log_loss for one in found}) == len(inputs)
    return found


@pytest.fixture
def readings(monkeypatch):
    """How often the labels were read: (with keys, into a table)."""
    counted = {"read": 0, "tables": 0}
    read, table = align._labels, align.label_table

    def counting_read(*arguments, **options):
        counted["read"] += 1
        return read(*arguments, **options)

    def counting_table(*arguments, **options):
        counted["tables"] += 1
        return table(*arguments, **options)

    # These forecasts are worse than guessing: an audit would read the rows again.
    monkeypatch.setattr(pipeline, "suspicion", lambda *_: None)
    # These predictions are so bad that the audit would read them again to see whether rows are swapped.
    monkeypatch.setattr(pipeline, "audited", lambda evaluation, state, batch_rows: ())
    monkeypatch.setattr(align, "_labels", counting_read)
    monkeypatch.setattr(align, "label_table", counting_table)
    return counted


OPTIONS = {
    "plain": {},
    "weights and groups": {"weights": "weight", "by": ["group", "side"]},
    "options": {"smoothing": 0.1, "eps": 1e-3, "base": 2, "class_weights": {0: 1.0, 1: 2.0}},
}


@pytest.mark.parametrize(
    ("kind", "batch_rows"), [("plain", 1), ("plain", 65536), ("weights and groups", 5), ("options", 65536)]
)
@pytest.mark.parametrize("ids", [None, *IDS.values()], ids=["position", *IDS])
def test_predictions_in_the_order_of_the_labels_are_scored_as_alone(ids, kind, batch_rows):
    inputs = [predictions(seed, ids, chunk=chunk) for seed, chunk in enumerate((7, 60, 1))]
    matching = {"id": "#"} if ids is None else {"id": "id"}
    check(inputs, labels(ids), **matching, **OPTIONS[kind], pred="p", label="label", batch_rows=batch_rows)


@pytest.mark.parametrize("ids", IDS.values(), ids=IDS)
def test_predictions_in_any_order_are_scored_as_alone(ids):
    rng = np.random.default_rng(1)
    orders = [np.arange(ROWS), rng.permutation(ROWS), rng.permutation(ROWS), np.r_[np.arange(ROWS - 2), ROWS - 1, ROWS - 2]]
    inputs = [predictions(seed, ids, order) for seed, order in enumerate(orders)]
    check(inputs, labels(ids), id="id", pred="p", label="label", weights="weight", by="group")
    check(inputs, labels(ids, rng.permutation(ROWS)), id="id", pred="p", label="label", weights="weight", by="group")


def test_labels_are_read_once_beside_predictions_in_their_order(readings):
    evaluate_each([predictions(seed, IDS["sorted"]) for seed in range(5)], labels(IDS["sorted"]), pred="p", label="label")
    assert readings == {"read": 1, "tables": 0}


def test_labels_are_read_into_one_table_for_all_predictions_in_another_order(readings):
    rng = np.random.default_rng(2)
    inputs = [predictions(seed, IDS["sorted"], rng.permutation(ROWS)) for seed in range(5)]
    evaluate_each(inputs, labels(IDS["sorted"]), pred="p", label="label")
    assert readings == {"read": 2, "tables": 1}


def test_more_predictions_than_are_read_at_once_are_read_in_turn(readings, monkeypatch):
    monkeypatch.setattr(comparing, "IN_STEP", 2)
    inputs = [predictions(seed, IDS["sorted"]) for seed in range(5)]
    found = evaluate_each(inputs, labels(IDS["sorted"]), pred="p", label="label")
    assert readings["read"] == 3
    assert [one.log_loss for one in found] == [
        celoss.evaluate(one, labels(IDS["sorted"]), pred="p", label="label").log_loss for one in inputs
    ]


def test_predictions_whose_plans_read_the_labels_otherwise_are_scored_as_alone():
    binary = pa.table({"id": [1, 2, 3], "p": [0.9, 0.2, 0.7]})
    classes = pa.table({"id": [3, 2, 1], "0": [0.25, 0.5, 0.1], "1": [0.5, 0.25, 0.2], "2": [0.25, 0.25, 0.7]})
    truth = pa.table({"id": [1, 2, 3], "label": [1, 0, 1]})
    found = check([binary, classes, pa.table({"id": [1, 2, 3], "p": [0.8, 0.3, 0.6]})], truth)
    assert [len(report.classes) for report in found] == [2, 3, 2]


def changed(table, column, row, value):
    values = table[column].to_pylist()
    values[row] = value
    return table.set_column(table.column_names.index(column), column, pa.array(values))


FAULTS = {
    "a bad probability": lambda table: changed(table, "p", 50, 1.5),
    "a missing probability": lambda table: changed(table, "p", 50, None),
    "another id": lambda table: changed(table, "id", 50, 1000),
    "an id twice": lambda table: changed(table, "id", 50, 3),
    "a missing id": lambda table: changed(table, "id", 50, None),
    "a row less": lambda table: table.slice(0, ROWS - 1),
    "many rows less": lambda table: table.slice(0, 3),
    "no first row": lambda table: table.slice(1),
    "a row more": lambda table: pa.concat_tables([table, changed(table.slice(0, 1), "id", 0, 1000)]),
}


@pytest.mark.parametrize("order", ["same", "shuffled"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_with_one_of_the_predictions_is_told_as_alone(fault, order):
    ids = IDS["sorted"]
    rows = np.arange(ROWS) if order == "same" else np.random.default_rng(3).permutation(ROWS)
    inputs = [predictions(0, ids), fault(predictions(1, ids, rows)), predictions(2, ids, rows)]
    assert len(check(inputs, labels(ids), id="id", pred="p", label="label", batch_rows=9)) == 1


@pytest.mark.parametrize("more", [-1, 1])
def test_another_number_of_rows_without_ids_is_told_as_alone(more):
    longer = pa.concat_tables([predictions(1), predictions(2).slice(0, 1)]) if more > 0 else predictions(1).slice(0, ROWS - 1)
    assert len(check([predictions(0), longer, predictions(2)], labels(), id="#", pred="p", label="label")) == 1


WRONG_LABELS = {
    "an unknown label": lambda table: changed(table, "label", 50, 7),
    "a missing label": lambda table: changed(table, "label", 50, None),
    "an id twice": lambda table: changed(table, "id", 50, 3),
    "a missing id": lambda table: changed(table, "id", 50, None),
    "a bad weight": lambda table: changed(table, "weight", 50, -1.0),
}


@pytest.mark.parametrize("fault", WRONG_LABELS.values(), ids=WRONG_LABELS)
def test_what_is_wrong_with_the_labels_is_told_once(fault):
    ids = IDS["sorted"]
    inputs = [predictions(0, ids), predictions(1, ids, np.arange(ROWS)[::-1]), predictions(2, ids)]
    errors = check(inputs, fault(labels(ids)), id="id", pred="p", label="label", weights="weight")
    assert len(errors) == 3


def test_of_the_common_rows_each_of_the_predictions_has_its_own():
    ids = IDS["sorted"]
    inputs = [predictions(seed, ids).slice(seed, 40) for seed in range(3)]
    check(inputs, changed(labels(ids), "label", 59, None), id="id", pred="p", label="label", id_match="inner")


@pytest.fixture
def paths(tmp_path):
    """The paths of CSV files with these contents."""

    def _paths(*contents):
        found = [tmp_path / f"{number}.csv" for number in range(len(contents))]
        for path, content in zip(found, contents, strict=True):
            path.write_text(content)
        return [str(path) for path in found]

    return _paths


@pytest.mark.parametrize("odd_labels", [False, True])
@pytest.mark.parametrize("order", ["abc", "cab"])
def test_files_that_have_to_be_read_with_care_are_scored_as_alone(paths, odd_labels, order):
    others = {"a": "1", "b": '""', "c": "'\""}
    truth = "id,label\n" + "".join(f"{one},{int(one > 'a')}\n" for one in "abc")
    truth = "id,x,label\n" + "".join(f"{one},{others[one]},{int(one > 'a')}\n" for one in "abc") if odd_labels else truth
    first = "id,p\n" + "".join(f"{one},0.{ord(one) % 10}\n" for one in order)
    second = "id,x,p\n" + "".join(f"{one},{others[one]},0.{ord(one) % 9}\n" for one in order)
    *inputs, third = paths(first, second, truth)
    check(inputs, third, id="id", pred="p", label="label")


def test_a_row_that_is_cut_wrongly_is_told_as_alone(paths):
    first, second, truth = "id,p\na,0.9\nb,0.8\n", "id,p\na,0.7\nb\n", "id,label\na,1\nb,0\n"
    *inputs, third = paths(first, second, truth)
    (error,) = check(inputs, third)
    assert error.code == "E201"


def test_what_cannot_be_opened_is_told_of_all(paths):
    first, truth = paths("id,p\na,0.9\nb,0.8\n", "id,label\na,1\nb,0\n")
    errors = check(["nothing.csv", first, "none.csv"], truth)
    assert [error.code for error in errors] == ["E101", "E101"]


def test_labels_among_the_predictions_are_found_there():
    both = [pa.table({"p": [0.9, 0.2, 0.6], "label": [1, 0, one]}) for one in (0, 1)]
    assert [one.log_loss for one in evaluate_each(both, None)] == [celoss.evaluate(one).log_loss for one in both]


def test_arrays_with_an_array_of_weights_are_scored_as_alone():
    inputs = [np.array([0.9, 0.2, 0.6]), np.array([0.8, 0.3, 0.7])]
    check(inputs, np.array([1, 0, 1]), weights=np.array([1.0, 2.0, 3.0]))


def test_no_predictions_have_no_reports():
    assert evaluate_each([], np.array([1, 0])) == []


def test_no_rows_or_threads_at_a_time_are_refused_as_evaluate_refuses_them():
    with pytest.raises(ValueError, match="batch_rows is at least 1"):
        evaluate_each([], np.array([1, 0]), batch_rows=0)
    with pytest.raises(UsageError, match="--threads cannot be 0"):
        evaluate_each([], np.array([1, 0]), threads=0)
