"""The per-row output: the same values in every format, in step with the report, whole or absent."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from celoss import CelossError, evaluate
from tests.conftest import LABELS, PREDS, Ran

COLUMNS = ["row", "id", "label", "predicted", "correct", "probability", "loss", "kl_divergence"]
FORMATS = ("rows.csv", "rows.jsonl", "rows.parquet")
LOSSES = ["loss", "kl_divergence", "label_entropy"]
NUMBERS = {"row": int, "correct": float, "probability": float, "weight": float} | dict.fromkeys(LOSSES, float)
PAIRS = {
    "one column": ("sample_data/nba_preds.csv", "sample_data/nba_labels.csv"),
    "three columns": ("sample_data/worldcup_preds.csv", "sample_data/worldcup_labels.csv"),
    "ten columns": ("sample_data/digits_preds.parquet", "sample_data/digits_labels.csv"),
    "one file": ("sample_data/worldcup_matches.csv", None),
}

Rows = list[dict[str, Any]]


def read(path: str) -> Rows:
    """The rows of any of the three formats, numbers as numbers."""
    if path.endswith(".parquet"):
        rows: Rows = pq.read_table(path).to_pylist()
        return rows
    if path.endswith(".jsonl"):
        return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    with open(path, encoding="utf-8", newline="") as file:
        return [{name: NUMBERS.get(name, str)(text) for name, text in row.items()} for row in csv.DictReader(file)]


def written(predictions: Any, labels: Any, path: str = "rows.parquet", **options: Any) -> Rows:
    evaluate(predictions, labels, rows_path=path, **options)
    return read(path)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_three_formats_hold_the_same_values(pair: str, sample: Path) -> None:
    for path in FORMATS:
        evaluate(*PAIRS[pair], rows_path=path)
    texts, lines, table = map(read, FORMATS)
    assert texts == lines == table
    names = [name for name in COLUMNS if pair != "one file" or name != "id"]
    assert list(texts[0]) == list(lines[0]) == list(table[0]) == names


@pytest.mark.parametrize("pair", PAIRS)
def test_the_rows_are_those_of_the_report(pair: str, sample: Path) -> None:
    report = evaluate(*PAIRS[pair], rows_path="rows.parquet")
    rows = read("rows.parquet")
    assert report.log_loss is not None
    assert [row["row"] for row in rows] == list(range(1, report.row_counts.scored + 1))
    mean = math.fsum(row["loss"] for row in rows) / len(rows)
    assert abs(mean - report.log_loss) <= math.ulp(report.log_loss)
    assert math.fsum(row["correct"] for row in rows) / len(rows) == pytest.approx(report.metrics["accuracy"], rel=1e-15)
    for one in report.per_class:
        losses = [row["loss"] for row in rows if row["label"] == one.name]
        assert one.log_loss is not None
        assert len(losses) == one.rows
        assert abs(math.fsum(losses) / one.rows - one.log_loss) <= math.ulp(one.log_loss)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_loss_of_a_row_is_minus_the_logarithm_of_its_probability(pair: str, sample: Path) -> None:
    for row in written(*PAIRS[pair]):
        assert row["loss"] == pytest.approx(-math.log(row["probability"]), rel=4e-16)
        assert row["kl_divergence"] == row["loss"]


# --- other tasks and options ------------------------------------------------------------------------------------------------

P = pa.table(
    {"id": list("abcd"), "cat": [0.5, 0.25, 0.75, 0.25], "dog": [0.25, 0.75, 0.5, 0.5], "owl": [0.25, 0.0, 0.75, 0.25]}
)
ONE_WHOLE = P.set_column(2, "dog", pa.array([0.25, 0.75, 0.125, 0.5])).set_column(3, "owl", pa.array([0.25, 0.0, 0.125, 0.25]))
NAMED = pa.table({"id": list("dcba"), "label": ["dog", "cat", "dog", "owl"], "w": [2.0, 0.0, 1.0, 0.5]})
SHARES = pa.table({"id": list("abcd"), "cat": [0.5, 0.25, 1.0, 0.0], "dog": [0.5, 0.75, 0.0, 0.5], "owl": [0.0, 0.0, 0.0, 0.5]})
FLAGS = pa.table({"id": list("dcba"), "cat": [0, 1, 0, 0], "dog": [1, 0, 1, 0], "owl": [1, 1, 0, 0]})
FORMS = {
    "weights": (ONE_WHOLE, NAMED, {"weights": "w"}, ["weight"]),
    "soft": (ONE_WHOLE, SHARES, {"id": "id"}, ["label_entropy"]),
    "independent labels": (P, FLAGS, {"id": "id", "task": "multilabel"}, ["label_entropy"]),
    "independent labels, summed": (
        P,
        FLAGS,
        {"id": "id", "task": "multilabel", "reduce_labels": "sum", "base": 2},
        ["label_entropy"],
    ),
    "smoothed": (ONE_WHOLE, NAMED, {"smoothing": 0.25, "weights": "w"}, ["label_entropy", "weight"]),
    "bits": (ONE_WHOLE, NAMED.drop_columns("w"), {"base": 2}, []),
    "another tool": (ONE_WHOLE, NAMED.drop_columns("w"), {"convention": "keras"}, []),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batch_rows", [1, 3, 1 << 16])
def test_the_rows_of_every_task_add_up_to_its_report(form: str, batch_rows: int, folder: Path) -> None:
    predictions, labels, options, extra = FORMS[form]
    found = [written(predictions, labels, path, batch_rows=batch_rows, **options) for path in FORMATS]
    assert found[0] == found[1] == found[2]
    rows, report = found[0], evaluate(predictions, labels, **options)
    hard = [] if report.task in ("soft", "multilabel") else ["probability"]
    assert list(rows[0]) == ["row", "id", "label", "predicted", "correct", *hard, "loss", "kl_divergence", *extra]
    weights = [row.get("weight", 1.0) for row in rows]
    for column, metric in (("loss", "log_loss"), ("kl_divergence", "kl_divergence"), ("correct", "accuracy")):
        total = math.fsum(weight * row[column] for weight, row in zip(weights, rows, strict=True))
        assert total / math.fsum(weights) == pytest.approx(report.metrics[metric], rel=1e-14), column
    for row in rows:
        assert row["loss"] == pytest.approx(row["kl_divergence"] + row.get("label_entropy", 0.0), rel=1e-14)


def test_a_soft_label_is_called_after_its_largest_share_and_the_first_of_equal_ones(folder: Path) -> None:
    rows = written(ONE_WHOLE, SHARES, id="id")
    assert [(row["label"], row["predicted"]) for row in rows] == [
        ("cat", "cat"),
        ("dog", "dog"),
        ("cat", "cat"),
        ("dog", "dog"),
    ]
    assert [row["correct"] for row in rows] == [1 / 2, 1.0, 1.0, 1 / 2]
    # −Σ t ln t and −Σ t ln p.
    assert [row["label_entropy"] for row in rows] == pytest.approx(
        [math.log(2), -(0.25 * math.log(0.25) + 0.75 * math.log(0.75)), 0.0, math.log(2)], rel=1e-15
    )
    assert rows[0]["loss"] == pytest.approx(-(math.log(0.5) + math.log(0.25)) / 2, rel=1e-15)


def test_independent_labels_are_named_by_those_that_are_set(folder: Path) -> None:
    rows = written(P, FLAGS, id="id", task="multilabel")
    assert [(row["label"], row["predicted"]) for row in rows] == [
        ("", ""),
        ("dog", "dog"),
        ("cat|owl", "cat|owl"),
        ("dog|owl", ""),
    ]
    # A probability of 0.5 is half right: cat of a, dog of c and of d.
    assert [row["correct"] for row in rows] == pytest.approx([2.5 / 3, 3 / 3, 2.5 / 3, 1.5 / 3])
    assert rows[0]["loss"] == pytest.approx(-(math.log(0.5) + 2 * math.log(0.75)) / 3, rel=1e-15)
    summed = written(P, FLAGS, id="id", task="multilabel", reduce_labels="sum")
    assert [row["loss"] for row in summed] == pytest.approx([3 * row["loss"] for row in rows], rel=1e-15)


def test_an_independent_label_of_one_half_is_not_set(folder: Path) -> None:
    predictions = pa.table({"cat": [0.5, 0.75], "dog": [0.25, 0.5]})
    labels = pa.table({"cat": [0.5, 0.75], "dog": [0.75, 0.5]})
    rows = written(predictions, labels, id="#", task="multilabel")
    assert [(row["label"], row["predicted"]) for row in rows] == [("dog", ""), ("cat", "cat")]


def test_rows_that_are_left_out_keep_their_number(folder: Path) -> None:
    predictions = pa.table({"id": list("abcd"), "cat": [0.5, None, 0.25, 0.75], "dog": [0.5, 0.5, 0.75, 0.25]})
    labels = pa.table({"id": list("dcb"), "label": ["cat", "dog", "cat"]})
    rows = written(predictions, labels, missing="drop", id_match="inner")
    assert [(row["row"], row["id"]) for row in rows] == [(3, "c"), (4, "d")]


# --- what stands in a row ---------------------------------------------------------------------------------------------------


def test_a_row_names_its_id_its_label_what_was_predicted_and_whether_that_is_right(folder: Path) -> None:
    rows = written("preds.csv", "labels.csv")
    assert [[row[name] for name in COLUMNS[:6]] for row in rows] == [
        [1, "a", "cat", "cat", 1.0, 0.5],
        [2, "b", "dog", "dog", 1.0, 0.5],
        [3, "c", "cat", "dog", 0.0, 0.25],
        [4, "d", "owl", "owl", 1.0, 0.5],
    ]


@pytest.mark.parametrize(
    ("cells", "label", "predicted", "correct"),
    [
        ("0.5,0.5,0", "cat", "cat", 1 / 2),
        ("0.5,0.5,0", "dog", "cat", 1 / 2),
        ("0.5,0.5,0", "owl", "cat", 0.0),
        ("0.25,0.375,0.375", "owl", "dog", 1 / 2),
        ("0.25,0.375,0.375", "cat", "dog", 0.0),
        ("0.333,0.333,0.333", "owl", "cat", 1 / 3),
    ],
)
def test_a_tie_of_m_classes_counts_one_mth_for_each_of_them(
    cells: str, label: str, predicted: str, correct: float, folder: Path
) -> None:
    (folder / "preds.csv").write_text(f"id,cat,dog,owl\na,{cells}\nb,0.125,0.75,0.125\n")
    (folder / "labels.csv").write_text(f"id,animal\na,{label}\nb,dog\n")
    first, _ = written("preds.csv", "labels.csv")
    assert (first["predicted"], first["correct"]) == (predicted, correct)


def test_a_single_column_at_one_half_is_a_tie_of_two(folder: Path) -> None:
    rows = written([0.5, 0.5, 0.75, 0.25], [0, 1, 1, 1])
    assert [row["correct"] for row in rows] == [0.5, 0.5, 1.0, 0.0]
    assert [row["probability"] for row in rows] == [0.5, 0.5, 0.75, 0.25]
    assert [row["predicted"] for row in rows[2:]] == ["1", "0"]


def test_several_key_columns_keep_their_names(folder: Path) -> None:
    (folder / "preds.csv").write_text("site,day,cat,dog\nn,1,0.5,0.5\ns,1,0.25,0.75\n")
    (folder / "labels.csv").write_text("site,day,animal\ns,1,dog\nn,1,cat\n")
    rows = written("preds.csv", "labels.csv", id=["site", "day"])
    assert [(row["id.site"], row["id.day"], row["label"]) for row in rows] == [("n", "1", "cat"), ("s", "1", "dog")]


@pytest.mark.parametrize("path", FORMATS)
def test_ids_and_labels_stay_as_they_are_written(path: str, folder: Path) -> None:
    ids = ["007", "NA", "12345678901234567890", 'a "b", c', "ü|", "nan", "1e5"]
    names = ["red, or so", 'the "blue"', "0"]
    with open("preds.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", *names], *([one, 0.5, 0.25, 0.25] for one in ids)])
    labels = [names[index % 3] for index in range(len(ids))]
    with open("labels.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "colour"], *reversed(list(zip(ids, labels, strict=True)))])
    rows = written("preds.csv", "labels.csv", path)
    assert [(row["id"], row["label"]) for row in rows] == list(zip(ids, labels, strict=True))


@pytest.mark.parametrize("path", FORMATS)
def test_an_infinite_loss_is_written_as_the_format_can(path: str, folder: Path) -> None:
    (folder / "preds.csv").write_text(PREDS.replace("a,0.5,0.25", "a,0,0.75"))
    first, *others = written("preds.csv", "labels.csv", path, eps=0.0)
    assert first["probability"] == 0.0
    assert first["loss"] == (None if path.endswith(".jsonl") else math.inf)
    assert [row["loss"] for row in others] == pytest.approx([math.log(2), math.log(4), math.log(2)])


def test_a_floored_row_keeps_its_probability_and_costs_what_the_floor_costs(folder: Path) -> None:
    (folder / "preds.csv").write_text(PREDS.replace("a,0.5,0.25", "a,0,0.75"))
    first, *_ = written("preds.csv", "labels.csv", eps=2.0**-10)
    assert (first["probability"], first["loss"]) == (0.0, pytest.approx(10 * math.log(2), rel=1e-15))


@pytest.mark.parametrize("path", FORMATS)
def test_the_batch_size_changes_no_row(path: str, sample: Path) -> None:
    expected = written(*PAIRS["three columns"], path)
    for batch_rows in (1, 7, 102, 103):
        assert written(*PAIRS["three columns"], path, batch_rows=batch_rows) == expected


def test_rows_are_written_group_by_group_and_not_collected(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("celoss.rows.ROW_GROUP", 20)
    evaluate(*PAIRS["three columns"], rows_path="rows.parquet", batch_rows=10)
    groups = pq.ParquetFile("rows.parquet").metadata
    assert [groups.row_group(index).num_rows for index in range(groups.num_row_groups)] == [20] * 5 + [3]


def test_rows_of_matched_ids_come_in_the_order_of_the_predictions(folder: Path) -> None:
    (folder / "preds.csv").write_text("id,cat,dog\nz,0.5,0.5\na,0.25,0.75\nm,0.75,0.25\n")
    (folder / "labels.csv").write_text("id,animal\na,dog\nm,cat\nz,dog\n")
    assert [row["id"] for row in written("preds.csv", "labels.csv")] == ["z", "a", "m"]


@pytest.mark.parametrize("path", FORMATS)
@pytest.mark.parametrize("labels", [LABELS, "id,animal\na,cat\nb,dog\nc,cat\nd,owl\n"], ids=["shuffled", "in one order"])
@pytest.mark.parametrize("cell", ["x", "1.5", "", "0.9"])
def test_after_an_error_there_are_no_rows_and_an_older_file_is_kept(cell: str, labels: str, path: str, folder: Path) -> None:
    (folder / "preds.csv").write_text(PREDS.replace("d,0.25,0.25,0.5", f"d,0.25,{cell},0.5"))
    (folder / "labels.csv").write_text(labels)
    with pytest.raises(CelossError):
        evaluate("preds.csv", "labels.csv", rows_path=path)
    assert sorted(file.name for file in folder.iterdir()) == ["labels.csv", "preds.csv"]
    (folder / path).write_text("kept")
    with pytest.raises(CelossError):
        evaluate("preds.csv", "labels.csv", rows_path=path)
    assert sorted(file.name for file in folder.iterdir()) == sorted(["labels.csv", "preds.csv", path])
    assert (folder / path).read_text() == "kept"


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("batch_rows", [100, 1 << 16])
def test_the_rows_of_a_report_are_those_of_the_file(pair: str, batch_rows: int, sample: Path) -> None:
    report = evaluate(*PAIRS[pair], rows_path="rows.parquet", batch_rows=batch_rows)
    pd.testing.assert_frame_equal(report.rows, pq.read_table("rows.parquet").to_pandas(), check_exact=True)


def test_the_rows_of_a_report_can_be_asked_for_again_and_without_a_file(folder: Path) -> None:
    report = evaluate("preds.csv", "labels.csv")
    assert list(report.rows.columns) == COLUMNS
    pd.testing.assert_frame_equal(report.rows, report.rows)
    assert sorted(file.name for file in folder.iterdir()) == ["labels.csv", "preds.csv"]


def test_a_report_on_arrays_has_rows_without_an_id() -> None:
    rows = evaluate(np.array([[0.5, 0.5], [0.25, 0.75]]), [0, 1]).rows
    assert list(rows.columns) == [name for name in COLUMNS if name != "id"]
    assert rows["probability"].tolist() == [0.5, 0.75]


def test_the_command_writes_the_rows_of_the_library(folder: Path, celoss: Callable[..., Ran]) -> None:
    ran = celoss("eval", "preds.csv", "labels.csv", "--rows", "a.csv", "--only", "accuracy")
    assert (ran.code, ran.out, ran.err) == (0, "0.75\n", "")
    assert read("a.csv") == written("preds.csv", "labels.csv", "b.csv")


def test_a_name_that_says_no_format_is_refused_before_the_inputs_are_opened(tmp_path: Path) -> None:
    with pytest.raises(CelossError) as raised:
        evaluate("nothing.csv", "nothing.csv", rows_path=str(tmp_path / "rows.txt"))
    assert str(raised.value).startswith("error[E701]: don't know how to write ")
    assert raised.value.help == "use one of .csv .jsonl .parquet"
