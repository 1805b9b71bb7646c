"""The library: what `celoss.evaluate` and `celoss.log_loss` take, give and refuse."""

import dataclasses
import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import celoss

IDS = ["a", "b", "c", "d"]
CATS = [0.9, 0.2, 0.4, 0.5]
LABELS = ["cat", "dog", "cat", "cat"]
LOSS = -(math.log(0.9) + math.log(1 - 0.2) + math.log(0.4) + math.log(0.5)) / 4
PREDICTIONS = pd.DataFrame({"id": IDS, "dog": [1 - p for p in CATS], "cat": CATS})
TRUTH = pd.DataFrame({"id": IDS, "label": LABELS}).iloc[[2, 0, 3, 1]].reset_index(drop=True)


class Capsule:
    """Anything with the Arrow PyCapsule interface and nothing else."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


KINDS = {
    "pandas": lambda frame: frame,
    "arrow table": pa.Table.from_pandas,
    "arrow reader": lambda frame: pa.Table.from_pandas(frame).to_reader(),
    "capsule": lambda frame: Capsule(pa.Table.from_pandas(frame)),
}


@pytest.mark.parametrize("left", KINDS)
@pytest.mark.parametrize("right", KINDS)
def test_every_kind_of_frame_is_taken(left, right):
    report = celoss.evaluate(KINDS[left](PREDICTIONS), KINDS[right](TRUTH))
    assert report.log_loss == pytest.approx(LOSS, rel=1e-15)
    assert report.plan.keys == (("id", "id"),)


def test_a_pandas_index_that_both_have_matches_the_rows():
    predictions = PREDICTIONS.set_index("id")
    labels = TRUTH.set_index("id")["label"]
    assert celoss.evaluate(predictions, labels).log_loss == pytest.approx(LOSS, rel=1e-15)


def test_an_unnamed_pandas_index_that_both_have_matches_the_rows():
    predictions = pd.DataFrame({"p": [0.1, 0.8]}, index=[17, 4])
    labels = pd.Series([1, 0], index=[4, 17])
    assert celoss.evaluate(predictions, labels).log_loss == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2)


def test_arrays_are_taken_by_position_and_number():
    p = np.array([CATS, [1 - p for p in CATS]]).T
    assert celoss.evaluate(p, [0, 1, 0, 0]).log_loss == pytest.approx(LOSS, rel=1e-15)
    assert celoss.evaluate(p[:, 0], [1, 0, 1, 1]).log_loss == pytest.approx(LOSS, rel=1e-15)
    assert celoss.evaluate(p.astype(np.float32), [0, 1, 0, 0]).log_loss == pytest.approx(LOSS, rel=1e-6)


def test_the_json_of_the_library_is_that_of_the_command(tmp_path):
    PREDICTIONS.to_csv(tmp_path / "preds.csv", index=False)
    TRUTH.to_parquet(tmp_path / "labels.parquet")
    command = [sys.executable, "-m", "celoss_cli", "eval", "preds.csv", "labels.parquet", "-f", "json"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        report = celoss.evaluate("preds.csv", "labels.parquet")
    assert (report.to_json() + "\n").encode() == printed
    assert json.loads(report.to_json(indent=None)) == report.to_dict()


def test_a_report_is_frozen_and_prints_as_one_line():
    report = celoss.evaluate(PREDICTIONS, TRUTH)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.metrics = {}
    assert "\n" not in str(report)
    assert report.signature in str(report)


def test_rows_are_a_frame_with_one_line_per_row():
    rows = celoss.evaluate(PREDICTIONS, TRUTH).rows
    assert rows["row"].tolist() == [1, 2, 3, 4]
    assert rows["id"].tolist() == IDS
    assert rows["label"].tolist() == LABELS
    assert rows["predicted"].tolist() == ["cat", "dog", "dog", "cat"]
    assert rows["correct"].tolist() == [1, 1, 0, 0.5]
    assert rows["loss"].tolist() == pytest.approx([-math.log(p) for p in (0.9, 0.8, 0.4, 0.5)], rel=1e-15)


def test_inputs_are_left_as_they_are():
    before = PREDICTIONS.copy(), TRUTH.copy()
    celoss.evaluate(PREDICTIONS, TRUTH)
    pd.testing.assert_frame_equal(PREDICTIONS, before[0])
    pd.testing.assert_frame_equal(TRUTH, before[1])


def test_the_accuracy_of_a_tie_is_shared():
    """Rows: right, right, wrong, and a tie of two whose share is 1/2."""
    report = celoss.evaluate(PREDICTIONS, TRUTH)
    assert report.metrics["accuracy"] == (1 + 1 + 0 + 0.5) / 4
    assert report.row_counts.ties == 1
    shares = np.array([1, 1, 0, 0.5])
    assert report.standard_errors["accuracy"] == pytest.approx(shares.std(ddof=1) / 2)


def test_skill_compares_with_the_label_frequencies():
    report = celoss.evaluate(PREDICTIONS, TRUTH)
    reference = -(3 / 4 * math.log(3 / 4) + 1 / 4 * math.log(1 / 4))
    assert report.metrics["reference_log_loss"] == pytest.approx(reference, rel=1e-15)
    assert report.metrics["skill"] == pytest.approx(1 - LOSS / reference, rel=1e-14)


def test_one_class_only_has_no_skill():
    report = celoss.evaluate([0.9, 0.2], [1, 1])
    assert report.metrics["skill"] is None
    assert report.metrics["reference_log_loss"] == 0.0
    assert [note.code for note in report.notes] == ["N4"]


def test_the_standard_error_is_s_over_root_n():
    losses = -np.log([0.9, 0.8, 0.4, 0.5])
    report = celoss.evaluate(PREDICTIONS, TRUTH)
    assert report.standard_errors["log_loss"] == pytest.approx(losses.std(ddof=1) / 2, rel=1e-13)


def test_floored_rows_are_counted_with_their_share():
    report = celoss.evaluate([0.0, 0.5], [1, 1])
    floor = 52 * math.log(2)
    assert report.log_loss == pytest.approx((floor + math.log(2)) / 2, rel=1e-15)
    assert (report.row_counts.clipped, report.clipped_loss_share) == (1, pytest.approx(52 / 53, rel=1e-15))
    assert report.notes[0].code == "N1"


def test_eps_zero_gives_an_infinite_loss_as_null():
    report = celoss.evaluate([0.0, 0.5], [1, 1], eps=0)
    document = report.to_dict()
    assert report.log_loss == math.inf
    assert document["metrics"]["log_loss"] is None
    assert document["non_finite"]["/metrics/log_loss"] == "Infinity"
    assert document["zero_probability"] == {
        "rows": 1,
        "finite_mean": pytest.approx(math.log(2)),
        "intercept": pytest.approx(math.log(2) / 2),
        "slope": 0.5,
    }


# --- log_loss -------------------------------------------------------------------------------------------------------------


def test_log_loss_takes_the_order_of_arguments_of_scikit_learn():
    assert celoss.log_loss([1, 0, 1, 1], CATS) == pytest.approx(LOSS, rel=1e-15)


def test_columns_are_never_taken_in_sorted_order():
    """A perfect forecast with its columns in order of appearance: taken as sorted it would cost 36.04."""
    perfect = [[1.0, 0.0], [0.0, 1.0]]
    assert celoss.log_loss(["dog", "cat"], perfect, classes=["dog", "cat"]) == 0.0
    assert celoss.log_loss(["dog", "cat"], pd.DataFrame(perfect, columns=["dog", "cat"])) == 0.0
    with pytest.raises(celoss.CelossError) as caught:
        celoss.log_loss(["dog", "cat"], perfect)
    assert caught.value.code == "E402"


def test_float32_is_floored_as_float64_is():
    wrong = np.array([[1.0, 0.0]], dtype=np.float32)
    assert celoss.log_loss([1], wrong) == pytest.approx(52 * math.log(2), rel=1e-15)


def test_labels_that_miss_a_class_are_no_trouble():
    assert celoss.log_loss([2], [[0.2, 0.3, 0.5]]) == pytest.approx(math.log(2), rel=1e-15)


def test_one_column_means_the_second_of_two_classes():
    assert celoss.log_loss(["won", "lost"], [0.9, 0.2], classes=["lost", "won"]) == pytest.approx(
        -(math.log(0.9) + math.log(0.8)) / 2, rel=1e-15
    )


@pytest.mark.parametrize(
    ("y_true", "y_pred", "options", "code"),
    [
        ([0, 1, 1], [0.5, 0.5], {}, "E301"),
        ([0, 1], [0.5, 1.5], {}, "E503"),
        ([0, 1], [0.5, math.nan], {}, "E502"),
        ([0, 1], [[0.515, 0.4], [0.5, 0.5]], {}, "E504"),
        (["a", "b"], [[0.5, 0.5], [0.5, 0.5]], {"classes": ["a"]}, "E209"),
        (["a", "b"], [0.5, 0.5], {}, "E404"),
        ([0, 1], [[[0.5]]], {}, "E209"),
        ([0, 1], [[0.5, 0.5], [1.0]], {}, "E209"),
    ],
)
def test_what_cannot_be_scored_is_an_error_with_a_code(y_true, y_pred, options, code):
    with pytest.raises(celoss.CelossError) as caught:
        celoss.log_loss(y_true, y_pred, **options)
    assert caught.value.code == code
    assert isinstance(caught.value, ValueError)


def test_the_examples_in_the_docstrings_run():
    import doctest

    import celoss.pipeline

    assert doctest.testmod(celoss.pipeline).failed == 0
    assert doctest.testmod(celoss.pipeline).attempted > 0
