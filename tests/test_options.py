"""What every option does to the numbers: each expected value is written as its formula, from the rows that are given."""

import itertools
import json
import math
import random
import time
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import celoss
from celoss import CelossError
from celoss.pipeline import prepare

NAMES = ("cat", "dog", "owl")
# A tie of two at the top in the fourth row, of three in the sixth.
P = [
    (0.75, 0.125, 0.125),
    (0.25, 0.5, 0.25),
    (0.1, 0.2, 0.7),
    (0.4, 0.4, 0.2),
    (0.6, 0.3, 0.1),
    (1 / 3, 1 / 3, 1 / 3),
    (0.05, 0.9, 0.05),
    (0.2, 0.1, 0.7),
]
Y = ["cat", "dog", "owl", "cat", "dog", "owl", "dog", "cat"]
W = [1.0, 2.0, 0.5, 3.0, 1.5, 0.25, 4.0, 0.75]
# Shares of cat, dog and owl in each label.
T = [
    (0.5, 0.5, 0.0),
    (0.0, 1.0, 0.0),
    (0.25, 0.25, 0.5),
    (0.4, 0.4, 0.2),
    (0.75, 0.0, 0.25),
    (1 / 3, 1 / 3, 1 / 3),
    (0.1, 0.8, 0.1),
    (0.0, 0.0, 1.0),
]
# Independent labels.
Q = [(0.9, 0.2, 0.5), (0.4, 0.7, 0.1), (0.5, 0.05, 0.95), (0.8, 0.6, 0.3)]
B = [(1, 0, 1), (1, 1, 0), (0, 0, 1), (0, 1, 0)]
RANGE = range(len(P))


def table(rows, names=NAMES, **more):
    """A table with one column for each name, and more columns before them."""
    return pa.table({**more, **{name: [row[index] for row in rows] for index, name in enumerate(names)}})


PREDS, LABELS = table(P), pa.table({"label": Y})


def evaluated(rows=RANGE, **options):
    """The report of some of the rows."""
    return celoss.evaluate(table([P[row] for row in rows]), pa.table({"label": [Y[row] for row in rows]}), **options)


def true(row):
    return P[row][NAMES.index(Y[row])]


def losses(rows=RANGE):
    return [-math.log(true(row)) for row in rows]


def correct(rows=RANGE):
    """1/m for the label among the m classes at the top."""
    return [(true(row) == max(P[row])) / P[row].count(max(P[row])) for row in rows]


def briers(rows=RANGE):
    return [math.fsum((p - (name == Y[row])) ** 2 for p, name in zip(P[row], NAMES, strict=True)) for row in rows]


def mean(values, weights=None):
    weights = [1.0] * len(values) if weights is None else weights
    return math.fsum(w * x for w, x in zip(weights, values, strict=True)) / math.fsum(weights)


def entropy(shares):
    return -math.fsum(share * math.log(share) for share in shares if share)


def error(values, weights):
    """The linearised standard error of Σ w x / Σ w."""
    n = sum(weight > 0 for weight in weights)
    center = mean(values, weights)
    spread = math.fsum(w * w * (x - center) ** 2 for w, x in zip(weights, values, strict=True))
    return math.sqrt(spread * n / (n - 1)) / math.fsum(weights)


def ratio_error(values, others, weights):
    """The linearised standard error of Σ w x / Σ w y."""
    n = sum(weight > 0 for weight in weights)
    ratio = mean(values, weights) / mean(others, weights)
    spread = math.fsum(w * w * (x - ratio * y) ** 2 for w, x, y in zip(weights, values, others, strict=True))
    return math.sqrt(spread * n / (n - 1)) / math.fsum(w * y for w, y in zip(weights, others, strict=True))


def calibration_error(weights, bins=15):
    """Σ over bins |Σ w (right − largest probability)| / Σ w: the bin of a probability has the middle of its rows."""
    tops, whole, before = [max(row) for row in P], math.fsum(weights), 0.0
    off = [0.0] * bins
    for top in sorted(set(tops)):
        rows = [row for row in RANGE if tops[row] == top]
        weight = math.fsum(weights[row] for row in rows)
        off[int((before + weight / 2) * bins / whole)] += math.fsum(weights[row] * (correct([row])[0] - top) for row in rows)
        before += weight
    return math.fsum(map(abs, off)) / whole


def frequencies(weights):
    return [math.fsum(w for w, label in zip(weights, Y, strict=True) if label == name) / math.fsum(weights) for name in NAMES]


def near(value, relative=1e-14):
    return pytest.approx(value, rel=relative, abs=0)


def near_bounds(report):
    """The bounds of the intervals of a report, as near as they are to those of other weights: cubes are summed with 24 bits."""
    return {name: (near(one.low, 1e-6), near(one.high, 1e-6)) for name, one in report.intervals.items()}


def bounds(report):
    return {name: (one.low, one.high) for name, one in report.intervals.items()}


def of_group(report):
    """The metrics of a report that a group has, too: calibration is that of all rows."""
    return {name: value for name, value in report.metrics.items() if name != "ece"}


def codes(report):
    return [note.code for note in report.notes]


def scored(report):
    """What depends on the rows alone, to be compared with ==."""
    values = report.to_dict()
    return {name: values[name] for name in ("metrics", "standard_errors", "per_class", "zero_probability", "clipped", "groups")}


def faults(*inputs, **options):
    """(code, count) of each diagnostic."""
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(*inputs, **options)
    return [(one.code, one.count) for one in caught.value.diagnostics]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes preds.csv and labels.csv into a working folder and returns their names."""
    monkeypatch.chdir(tmp_path)

    def _write(predictions, labels=None):
        (tmp_path / "preds.csv").write_text(predictions)
        if labels is None:
            return ("preds.csv",)
        (tmp_path / "labels.csv").write_text(labels)
        return "preds.csv", "labels.csv"

    return _write


def text(columns):
    """A table as CSV with every digit."""
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return "\n".join(lines) + "\n"


# --- weights --------------------------------------------------------------------------------------------------------------

PLACES = ("labels file", "predictions file", "one file", "array")


@pytest.fixture
def weighted(write):
    def _weighted(place, weights=W, **options):
        if place == "array":
            p = np.array(P)
            return celoss.evaluate(p, [NAMES.index(label) for label in Y], weights=np.array(weights), **options)
        ids = {"id": [f"r{row}" for row in RANGE]}
        columns = {name: [repr(row[index]) for row in P] for index, name in enumerate(NAMES)}
        predictions, labels = ids | columns, ids | {"label": Y}
        if place == "one file":
            return celoss.evaluate(
                *write(text(ids | columns | {"label": Y, "w": weights})), label="label", weights="w", **options
            )
        if place == "labels file":
            labels = {name: values[::-1] for name, values in (labels | {"w": weights}).items()}
        else:
            predictions |= {"w": weights}
        return celoss.evaluate(*write(text(predictions), text(labels)), weights="w", **options)

    return _weighted


@pytest.mark.parametrize("place", PLACES)
def test_weights_weigh_every_metric(weighted, place):
    report = weighted(place)
    loss, reference = mean(losses(), W), entropy(frequencies(W))
    assert report.metrics == {
        "log_loss": near(loss),
        "kl_divergence": near(loss),
        "label_entropy": 0.0,
        "accuracy": near(mean(correct(), W)),
        "brier": near(mean(briers(), W)),
        "brier_sum": near(mean(briers(), W)),
        "reference_log_loss": near(reference),
        "skill": near(1 - loss / reference, 1e-13),
        # Forecasts are summed with 31 bits.
        "ece": near(calibration_error(W), 1e-8),
    }
    assert report.weight == math.fsum(W)
    assert report.effective_rows == near(math.fsum(W) ** 2 / math.fsum(w * w for w in W))
    costs = [-math.log(frequencies(W)[NAMES.index(label)]) for label in Y]
    assert report.standard_errors == {
        "log_loss": near(error(losses(), W)),
        "kl_divergence": near(error(losses(), W)),
        "accuracy": near(error(correct(), W)),
        "brier": near(error(briers(), W)),
        "brier_sum": near(error(briers(), W)),
        "skill": near(ratio_error(losses(), costs, W)),
    }


@pytest.mark.parametrize("place", PLACES)
def test_weights_weigh_every_class(weighted, place):
    report = weighted(place)
    whole = math.fsum(w * loss for w, loss in zip(W, losses(), strict=True))
    for index, name in enumerate(NAMES):
        rows = [row for row in RANGE if Y[row] == name]
        weights = [W[row] for row in rows]
        one = report.per_class[index]
        assert one.name in (name, str(index))
        assert (one.rows, one.weight) == (len(rows), math.fsum(weights))
        assert one.log_loss == near(mean(losses(rows), weights))
        assert one.recall == near(mean(correct(rows), weights))
        assert one.loss_share == near(math.fsum(w * x for w, x in zip(weights, losses(rows), strict=True)) / whole)


def test_of_two_files_with_a_column_of_weights_that_of_the_labels_counts():
    predictions, labels = table(P, w=[1.0] * 8, id=list(RANGE)), pa.table({"id": list(RANGE), "label": Y, "w": W})
    report = celoss.evaluate(predictions, labels, weights="w")
    assert report.log_loss == near(mean(losses(), W))
    (finding,) = [one for one in report.plan.findings if one.what == "weights"]
    assert "both files have it" in finding.because


@pytest.mark.parametrize("place", PLACES)
def test_a_weight_of_0_takes_a_row_out_of_every_number(weighted, place):
    zeros = [2.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.5, 1.0]
    report, rest = weighted(place, zeros), evaluated([row for row in RANGE if zeros[row]], weights=None)
    kept = [row for row in RANGE if zeros[row]]
    weights = [zeros[row] for row in kept]
    assert (report.row_counts.scored, report.row_counts.weightless, rest.row_counts.scored) == (8, 2, 6)
    assert report.log_loss == near(mean(losses(kept), weights))
    assert report.standard_errors["log_loss"] == near(error(losses(kept), weights))
    assert report.standard_errors["accuracy"] == near(error(correct(kept), weights))
    assert report.effective_rows == near(math.fsum(weights) ** 2 / math.fsum(w * w for w in weights))


def test_weights_of_0_and_1_choose_rows_to_the_last_bit():
    kept = [0, 2, 3, 5, 6]
    flags = pa.table({"label": Y, "w": [float(row in kept) for row in RANGE]})
    chosen, alone = celoss.evaluate(PREDS, flags, weights="w"), evaluated(kept)
    assert chosen.metrics == alone.metrics
    assert chosen.standard_errors == alone.standard_errors
    assert bounds(chosen) == near_bounds(alone)
    assert (chosen.effective_rows, alone.effective_rows) == (5, 5)


def test_a_row_of_weight_0_may_have_an_infinite_loss():
    predictions = table([(0.5, 0.5, 0.0), (0.25, 0.5, 0.25)])
    labels = pa.table({"label": ["owl", "dog"], "w": [0.0, 1.0]})
    report = celoss.evaluate(predictions, labels, weights="w", eps=0)
    assert report.log_loss == near(math.log(2))
    assert report.to_dict()["non_finite"] == {}


@pytest.mark.parametrize("factor", [2.0**-20, 2.0**40])
def test_a_common_factor_of_all_weights_changes_no_bit(weighted, factor):
    one, other = weighted("array"), weighted("array", [factor * w for w in W])
    assert other.metrics == one.metrics
    assert other.standard_errors == one.standard_errors
    assert other.intervals == one.intervals
    assert other.effective_rows == one.effective_rows


@pytest.mark.parametrize("factor", [0.1, 3.7, 1e-59, 2e59])
def test_any_common_factor_changes_nothing_but_the_last_bits(weighted, factor):
    one, other = weighted("array"), weighted("array", [factor * w for w in W])
    for name, value in one.metrics.items():
        assert other.metrics[name] == near(value, 1e-13), name
    for name, value in one.standard_errors.items():
        assert other.standard_errors[name] == near(value, 1e-13), name
    assert bounds(other) == near_bounds(one)
    assert other.weight == near(factor * one.weight)


def test_a_weight_of_2_is_the_row_twice_for_all_means():
    whole = [1.0, 2.0, 1.0, 4.0, 1.0, 2.0, 1.0, 1.0]
    rows = [row for row in RANGE for _ in range(int(whole[row]))]
    one, other = celoss.evaluate(PREDS, pa.table({"label": Y, "w": whole}), weights="w"), evaluated(rows)
    assert one.metrics == other.metrics
    for mine, theirs in zip(one.per_class, other.per_class, strict=True):
        assert (mine.weight, mine.log_loss, mine.recall, mine.loss_share) == (
            theirs.weight,
            theirs.log_loss,
            theirs.recall,
            theirs.loss_share,
        )


def test_weights_of_one_change_nothing():
    ones = celoss.evaluate(PREDS, pa.table({"label": Y, "w": [1.0] * 8}), weights="w")
    assert scored(ones) == scored(evaluated())
    assert bounds(ones) == near_bounds(evaluated())
    assert ones.effective_rows == 8


@pytest.mark.parametrize("weights", [[1.0] * 7, [1.0] * 9, [[1.0] * 8], 1.0])
def test_an_array_of_weights_has_one_for_each_row(weights):
    assert faults(np.array(P), [NAMES.index(label) for label in Y], weights=np.array(weights)) == [("E209", 1)]


def test_an_array_of_weights_beside_a_frame_is_an_error():
    assert faults(PREDS, LABELS, weights=np.array(W)) == [("E209", 1)]


def test_log_loss_takes_sample_weights():
    assert celoss.log_loss(Y, P, classes=NAMES, sample_weight=W) == near(mean(losses(), W))


# --- class weights --------------------------------------------------------------------------------------------------------

CLASS_WEIGHTS = {"cat": 2.0, "owl": 0.25}


def by_row(class_weights):
    return [class_weights.get(label, 1.0) for label in Y]


def test_class_weights_are_weights_of_the_rows():
    listed = evaluated(class_weights=CLASS_WEIGHTS)
    rows = celoss.evaluate(PREDS, pa.table({"label": Y, "w": by_row(CLASS_WEIGHTS)}), weights="w")
    # Calibration is not that of other frequencies of the classes.
    assert listed.metrics == rows.metrics | {"ece": None}
    assert rows.metrics["ece"] is not None
    assert listed.standard_errors == rows.standard_errors
    assert bounds(listed) == near_bounds(rows)
    assert (listed.weight, listed.effective_rows) == (rows.weight, rows.effective_rows)
    assert listed.log_loss == near(mean(losses(), by_row(CLASS_WEIGHTS)))
    assert [one.loss_share for one in listed.per_class] == [one.loss_share for one in rows.per_class]


def test_class_weights_do_not_touch_what_is_within_a_class():
    plain, weighed = evaluated().per_class, evaluated(class_weights=CLASS_WEIGHTS).per_class
    for one, other in zip(plain, weighed, strict=True):
        assert (one.rows, one.weight, one.log_loss, one.recall) == (other.rows, other.weight, other.log_loss, other.recall)


def test_class_weights_and_weights_are_multiplied():
    labels = pa.table({"label": Y, "w": W})
    report = celoss.evaluate(PREDS, labels, weights="w", class_weights=CLASS_WEIGHTS)
    products = [w * c for w, c in zip(W, by_row(CLASS_WEIGHTS), strict=True)]
    assert report.log_loss == near(mean(losses(), products))
    assert report.metrics["accuracy"] == near(mean(correct(), products))
    assert report.metrics["brier"] == near(mean(briers(), products))
    assert report.metrics["reference_log_loss"] == near(entropy(frequencies(products)))
    assert report.standard_errors["log_loss"] == near(error(losses(), products))
    assert report.effective_rows == near(math.fsum(products) ** 2 / math.fsum(one**2 for one in products))


@pytest.mark.parametrize("weights", [None, W])
def test_balanced_is_the_mean_of_the_class_means(weights):
    labels = pa.table({"label": Y, "w": weights or [1.0] * 8})
    report = celoss.evaluate(PREDS, labels, weights="w" if weights else None, class_weights="balanced")
    assert report.log_loss == near(math.fsum(one.log_loss for one in report.per_class) / 3)
    # What others call balanced accuracy.
    assert report.metrics["accuracy"] == near(math.fsum(one.recall for one in report.per_class) / 3)
    assert report.metrics["reference_log_loss"] == near(math.log(3))
    assert report.weight == near(math.fsum(weights or [1.0] * 8))


def test_balanced_counts_the_classes_that_occur():
    rows = [row for row in RANGE if Y[row] != "owl"]
    report = evaluated(rows, class_weights="balanced")
    assert report.log_loss == near((report.per_class[0].log_loss + report.per_class[1].log_loss) / 2)
    assert report.weight == near(len(rows))


def test_a_class_weight_of_0_leaves_the_class_out_of_the_mean():
    rows = [row for row in RANGE if Y[row] != "owl"]
    assert evaluated(class_weights={"owl": 0}).log_loss == near(mean(losses(rows)))
    predictions, labels = table([(0.5, 0.5, 0.0), (0.25, 0.5, 0.25)]), pa.table({"label": ["owl", "dog"]})
    assert celoss.evaluate(predictions, labels, class_weights={"owl": 0}, eps=0).log_loss == near(math.log(2))


@pytest.mark.parametrize("factor", [2.0**-8, 16.0])
def test_a_common_factor_of_all_class_weights_changes_no_bit(factor):
    given = {"cat": 3.0, "dog": 0.5, "owl": 1.25}
    scaled = {name: factor * weight for name, weight in given.items()}
    one, other = evaluated(class_weights=given), evaluated(class_weights=scaled)
    assert (one.metrics, one.standard_errors) == (other.metrics, other.standard_errors)
    assert one.intervals == other.intervals


# --- smoothing ------------------------------------------------------------------------------------------------------------


def uniform_loss(rows):
    """The cross-entropy of the uniform distribution: −Σ ln p / k, meaned."""
    return mean([-math.fsum(map(math.log, row)) / len(row) for row in rows])


SMOOTHED = {
    "multiclass": (PREDS, LABELS, uniform_loss(P), {}),
    "binary": (
        pa.table({"p": [row[0] for row in P]}),
        pa.table({"label": [int(label == "cat") for label in Y]}),
        uniform_loss([(row[0], 1 - row[0]) for row in P]),
        {},
    ),
    "soft": (PREDS, table(T), uniform_loss(P), {"id": "#"}),
    "multilabel": (
        table(Q),
        table(B),
        mean([mean([-(math.log(q) + math.log1p(-q)) / 2 for q in row]) for row in Q]),
        {"id": "#", "task": "multilabel"},
    ),
    "logits": (table([tuple(map(math.log, row)) for row in P]), LABELS, uniform_loss(P), {"scale": "logits"}),
    "weights": (
        PREDS,
        pa.table({"label": Y, "w": W}),
        mean([-math.fsum(map(math.log, row)) / 3 for row in P], W),
        {"weights": "w"},
    ),
}


@pytest.mark.parametrize("amount", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("name", SMOOTHED)
def test_smoothing_mixes_the_loss_with_that_of_the_uniform_distribution(name, amount):
    predictions, labels, uniform, options = SMOOTHED[name]
    plain = celoss.evaluate(predictions, labels, **options)
    report = celoss.evaluate(predictions, labels, smoothing=amount, **options)
    assert report.log_loss == near((1 - amount) * plain.log_loss + amount * uniform, 1e-13)
    assert report.log_loss == near(report.metrics["label_entropy"] + report.metrics["kl_divergence"])
    assert report.metrics["accuracy"] == plain.metrics["accuracy"] or name in ("soft", "multilabel")


def test_smoothing_0_changes_nothing():
    assert scored(evaluated(smoothing=0)) == scored(evaluated())


def test_the_entropy_and_the_reference_are_those_of_smoothed_labels():
    amount = 0.3
    report = evaluated(smoothing=amount)
    one = (1 - amount + amount / 3, amount / 3, amount / 3)
    assert report.metrics["label_entropy"] == near(entropy(one))
    shares = [(1 - amount) * share + amount / 3 for share in frequencies([1.0] * 8)]
    reference = entropy(shares)
    assert report.metrics["reference_log_loss"] == near(reference)
    skill = (reference - report.log_loss) / (reference - entropy(one))
    assert report.metrics["skill"] == near(skill, 1e-12)


def test_a_smoothed_class_weight_is_that_of_the_true_class():
    report = evaluated(smoothing=0.2, class_weights=CLASS_WEIGHTS)
    rows = [0.8 * loss + 0.2 * uniform_loss([P[row]]) for row, loss in enumerate(losses())]
    assert report.log_loss == near(mean(rows, by_row(CLASS_WEIGHTS)))


# --- base -----------------------------------------------------------------------------------------------------------------


UNITS = [("e", "nats", 1.0), (2, "bits", math.log(2)), (2.0, "bits", math.log(2)), ("10", "bans", math.log(10))]


@pytest.mark.parametrize(("base", "unit", "nats"), UNITS)
@pytest.mark.parametrize("kind", SMOOTHED)
def test_the_base_is_the_unit_of_all_losses_and_of_nothing_else(kind, base, unit, nats):
    predictions, labels, _, options = SMOOTHED[kind]
    one, other = (celoss.evaluate(predictions, labels, **options, base=at, smoothing=0.125) for at in ("e", base))
    assert other.unit == unit
    lost = {"log_loss", "kl_divergence", "label_entropy", "reference_log_loss"}
    for mine, theirs in ((one.metrics, other.metrics), (one.standard_errors, other.standard_errors)):
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            if value is None:
                assert theirs[name] is None
                continue
            expected = value / nats if name in lost else value
            assert theirs[name] == pytest.approx(
                expected, rel=4e-15 if name in lost else 1e-12 if name == "skill" else 0, abs=0
            )
    expected = {name: (low / nats, high / nats) if name in lost else (low, high) for name, (low, high) in bounds(one).items()}
    assert bounds(other).keys() == expected.keys()
    for name, pair in bounds(other).items():
        assert pair == pytest.approx(expected[name], rel=4e-15 if name in lost else 0, abs=0), name
    for mine, theirs in zip(one.per_class, other.per_class, strict=True):
        assert theirs.log_loss * nats == near(mine.log_loss, 4e-15)
        assert (theirs.recall, theirs.loss_share) == (mine.recall, mine.loss_share)
    assert (other.rows["loss"] * nats).tolist() == pytest.approx(one.rows["loss"].tolist(), rel=4e-15)


def test_whole_numbers_of_bits_and_bans():
    assert celoss.evaluate([0.5, 0.25, 0.125], [1, 1, 1], base=2).log_loss == near((1 + 2 + 3) / 3, 4e-16)
    assert celoss.log_loss([1, 1], [0.1, 0.001], base=10) == near((1 + 3) / 2, 4e-16)


# --- the floor ------------------------------------------------------------------------------------------------------------

CERTAIN = [(0.5, 0.5, 0.0), (0.25, 0.5, 0.25), (0.0, 0.5, 0.5), (0.5, 0.25, 0.25)]
FLOORED = {
    "multiclass": (table(CERTAIN), pa.table({"label": ["owl", "dog", "dog", "cat"]}), {}),
    "weights": (table(CERTAIN), pa.table({"label": ["owl", "dog", "cat", "cat"], "w": [2.0, 1.0, 0.5, 3.0]}), {"weights": "w"}),
    "class weights": (table(CERTAIN), pa.table({"label": ["owl", "dog", "cat", "cat"]}), {"class_weights": {"owl": 3}}),
    "binary": ([0.0, 0.5, 1.0, 0.25], [1, 1, 0, 0], {}),
    "soft": (table(CERTAIN), table([(0.5, 0.25, 0.25), (1, 0, 0), (0.2, 0.4, 0.4), (0, 1, 0)]), {"id": "#"}),
    "smoothed": (table(CERTAIN), pa.table({"label": ["owl", "dog", "dog", "cat"]}), {"smoothing": 0.25}),
    "multilabel": (table(CERTAIN), table([(1, 1, 1), (0, 0, 1), (1, 1, 0), (0, 1, 0)]), {"id": "#", "task": "multilabel"}),
    "sum": (
        table(CERTAIN),
        table([(1, 1, 1), (0, 0, 1), (1, 1, 0), (0, 1, 0)]),
        {"id": "#", "task": "multilabel", "reduce_labels": "sum"},
    ),
    "bits": (table(CERTAIN), pa.table({"label": ["owl", "dog", "dog", "cat"]}), {"base": 2}),
}


@pytest.mark.parametrize("name", FLOORED)
def test_a_mean_under_one_floor_tells_that_under_any_lower_one(name):
    predictions, labels, options = FLOORED[name]
    report = celoss.evaluate(predictions, labels, eps=1e-6, **options)
    zero = report.zero_probability
    for eps in (1e-6, 1e-9, 2.0**-52, 1e-300):
        lower = celoss.evaluate(predictions, labels, eps=eps, **options)
        assert lower.log_loss == near(zero.intercept + zero.slope * -math.log(eps, float(options.get("base", math.e))), 1e-13)
        assert lower.zero_probability.rows == zero.rows > 0


@pytest.mark.parametrize("name", FLOORED)
def test_without_a_floor_a_loss_is_infinite_and_told_as_such(name):
    predictions, labels, options = FLOORED[name]
    report, floored = (celoss.evaluate(predictions, labels, eps=eps, **options) for eps in (0, 1e-6))
    document = report.to_dict()
    assert report.log_loss == report.metrics["kl_divergence"] == math.inf
    assert document["metrics"]["log_loss"] is document["metrics"]["kl_divergence"] is None
    assert document["standard_errors"]["log_loss"] is None
    assert document["non_finite"]["/metrics/log_loss"] == document["non_finite"]["/metrics/kl_divergence"] == "Infinity"
    assert document["non_finite"]["/metrics/skill"] == "-Infinity"
    assert document["clipped"] == {"rows": floored.row_counts.clipped, "loss_share": None}
    assert {one.loss_share for one in report.per_class} == {None}
    assert document["zero_probability"] == floored.to_dict()["zero_probability"]
    infinite = [index for index, one in enumerate(report.per_class) if one.log_loss == math.inf]
    assert infinite
    assert all(document["non_finite"][f"/per_class/{index}/log_loss"] == "Infinity" for index in infinite)
    assert codes(report).count("N1") == 1
    # What is no loss is what it was.
    for metric in ("accuracy", "brier", "reference_log_loss", "label_entropy"):
        assert report.metrics[metric] == floored.metrics[metric]


def test_the_rows_without_a_zero_have_their_own_mean():
    report = celoss.evaluate(*FLOORED["multiclass"][:2])
    assert report.zero_probability.rows == 1
    assert report.zero_probability.finite_mean == near(-(math.log(0.5) + math.log(0.5) + math.log(0.5)) / 3)
    assert report.zero_probability.intercept == near(-3 * math.log(0.5) / 4)
    assert report.zero_probability.slope == 0.25


def test_a_soft_label_pays_the_floor_for_its_share():
    """Shares of classes that got 0: 1/4 of owl in the first row, 1/5 of cat in the third."""
    report = celoss.evaluate(*FLOORED["soft"][:2], id="#")
    assert report.zero_probability.slope == near((0.25 + 0.2) / 4)
    assert report.zero_probability.rows == 2


def test_the_floor_is_one_of_the_class_and_not_of_the_row():
    report = celoss.evaluate(table([(0.9, 0.05, 0.05)]), table([(0.5, 0.5, 0.0)]), id="#", eps=0.1)
    assert report.log_loss == near(-(math.log(0.9) + math.log(0.1)) / 2)
    assert report.row_counts.clipped == 1


# --- sums -----------------------------------------------------------------------------------------------------------------


def test_renormalize_divides_each_row_by_its_sum():
    raw = [(3.0, 1.0, 4.0), (0.5, 0.25, 0.5), (10.0, 20.0, 70.0), (1e-3, 1e-3, 0.0)]
    labels = ["cat", "dog", "owl", "dog"]
    report = celoss.evaluate(table(raw), pa.table({"label": labels}), renormalize=True)
    expected = [-math.log(row[NAMES.index(label)] / math.fsum(row)) for row, label in zip(raw, labels, strict=True)]
    assert report.log_loss == near(mean(expected))
    assert report.rows["probability"].tolist() == pytest.approx([3 / 8, 0.2, 0.7, 0.5])
    divided = [tuple(p / math.fsum(row) for p in row) for row in raw]
    assert report.metrics["brier"] == near(celoss.evaluate(table(divided), pa.table({"label": labels})).metrics["brier"])
    assert codes(report) == []


def test_renormalize_changes_no_row_that_sums_to_1():
    inputs = table(CERTAIN), pa.table({"label": ["cat", "dog", "owl", "dog"]})
    assert scored(celoss.evaluate(*inputs, renormalize=True)) == scored(celoss.evaluate(*inputs))


def test_renormalize_takes_logarithms_too():
    logs = [tuple(math.log(p) + shift for p in row) for row, shift in zip(P, range(-8, 0), strict=True)]
    report = celoss.evaluate(table(logs), LABELS, scale="logprobs", renormalize=True)
    assert report.log_loss == near(mean(losses()), 1e-13)


def test_percentages_are_scored_when_they_are_renormalized():
    percent = [tuple(100 * p for p in row) for row in P]
    assert faults(table(percent), LABELS)[0][0] == "E503"
    assert celoss.evaluate(table(percent), LABELS, renormalize=True).log_loss == near(mean(losses()))


def test_normalize_labels_takes_counts():
    counts = [(3, 1, 0), (0, 0, 7), (1, 1, 2), (10, 0, 10), (0, 5, 0), (1, 0, 0), (2, 2, 2), (0, 1, 1)]
    shares = [tuple(one / sum(row) for one in row) for row in counts]
    counted = celoss.evaluate(PREDS, table(counts), id="#", normalize_labels=True)
    shared = celoss.evaluate(PREDS, table(shares), id="#", task="soft")
    assert scored(counted) == scored(shared)
    loss = [-math.fsum(t * math.log(p) for t, p in zip(*pair, strict=True)) for pair in zip(shares, P, strict=True)]
    assert counted.log_loss == near(mean(loss))


def test_counts_may_be_mostly_0_and_1():
    counts = [(1, 0, 0), (0, 1, 0), (2, 1, 0), (0, 0, 1)]
    report = celoss.evaluate(table(P[:4]), table(counts), id="#", normalize_labels=True)
    loss = [
        -math.fsum(t * math.log(p) for t, p in zip(*row, strict=True)) / sum(row[0]) for row in zip(counts, P, strict=False)
    ]
    assert report.log_loss == near(mean(loss))


def test_normalize_labels_takes_true_and_false():
    labels = pa.table({"cat": [True, False, True], "dog": [False, True, True], "owl": [False, False, True]})
    report = celoss.evaluate(table(P[:3]), labels, id="#", normalize_labels=True)
    assert report.log_loss == near(-(math.log(P[0][0]) + math.log(P[1][1]) + mean(list(map(math.log, P[2])))) / 3)


def test_normalize_labels_takes_several_true_classes():
    labels = [(1, 1, 0), (0, 1, 0), (1, 1, 1), (0, 0, 1)]
    report = celoss.evaluate(table(P[:4]), table(labels), id="#", normalize_labels=True)
    expected = [-mean([math.log(p) for p, one in zip(*pair, strict=True) if one]) for pair in zip(P, labels, strict=False)]
    assert report.log_loss == near(mean(expected))


@pytest.mark.parametrize(
    ("total", "options", "found"),
    [
        (1.02, {}, "E504"),
        (1.0005, {}, "N5"),
        (1 + 1e-12, {}, None),
        (1.02, {"sum_tolerance": 0.05}, "N5"),
        (1.02, {"sum_tolerance": 0.01}, "E504"),
        (1.0005, {"sum_tolerance": 1e-6}, "E504"),
        (1 + 1e-12, {"sum_tolerance": 0}, "E504"),
        (1.0, {"sum_tolerance": 0}, None),
        (1.02, {"renormalize": True}, None),
    ],
)
def test_the_sum_tolerance_says_what_is_an_error(total, options, found):
    rows = [(0.5 * total, 0.25 * total, 0.25 * total), (0.5, 0.25, 0.25)]
    inputs = table(rows), pa.table({"label": ["cat", "dog"]})
    if found == "E504":
        assert faults(*inputs, **options) == [("E504", 1)]
    else:
        report = celoss.evaluate(*inputs, **options)
        assert [code for code in codes(report) if code == "N5"] == ([found] if found else [])
        scale = total if "renormalize" not in options else 1.0
        assert report.log_loss == near(-(math.log(0.5 * scale) + math.log(0.25)) / 2)


@pytest.mark.parametrize(
    ("options", "fits"), [({}, False), ({"sum_tolerance": 0.05}, True), ({"normalize_labels": True}, True)]
)
def test_the_sum_tolerance_holds_for_label_shares(options, fits):
    labels = table([(0.53, 0.25, 0.25), (0.5, 0.25, 0.25), (0.0, 0.0, 1.0)])
    if fits:
        assert celoss.evaluate(table(P[:3]), labels, id="#", **options).task == "soft"
    else:
        assert faults(table(P[:3]), labels, id="#", **options) == [("E412", 1)]


# --- missing values -------------------------------------------------------------------------------------------------------

GONE = ["", "NaN", "nan", "NA", "n/a", "null", "None", "-", " "]


def holed(cell, order="same"):
    """Predictions with a missing cell in rows 1 and 4, and labels."""
    rows = [f"r{row},{','.join(map(repr, P[row]))}" for row in RANGE]
    rows[1] = f"r1,0.25,{cell},0.25"
    rows[4] = f"r4,{cell},{cell},{cell}"
    truth = [f"r{row},{Y[row]}" for row in (RANGE if order == "same" else reversed(RANGE))]
    return "id,cat,dog,owl\n" + "\n".join(rows) + "\n", "id,label\n" + "\n".join(truth) + "\n"


KEPT = [0, 2, 3, 5, 6, 7]


@pytest.mark.parametrize("batch_rows", [1, 3, 65536])
@pytest.mark.parametrize("order", ["same", "shuffled"])
@pytest.mark.parametrize("cell", GONE)
def test_drop_leaves_out_rows_with_a_missing_prediction(write, cell, order, batch_rows):
    report = celoss.evaluate(*write(*holed(cell, order)), missing="drop", batch_rows=batch_rows)
    assert scored(report) == scored(evaluated(KEPT))
    counts = report.row_counts
    assert (counts.read, counts.scored, counts.dropped, counts.unmatched) == (8, 6, 2, 0)
    assert codes(report) == ["N7"]
    assert report.rows["row"].tolist() == [row + 1 for row in KEPT]


@pytest.mark.parametrize("batch_rows", [1, 3, 65536])
@pytest.mark.parametrize("order", ["same", "shuffled"])
@pytest.mark.parametrize("cell", GONE)
def test_uniform_scores_them_as_if_nothing_was_known(write, cell, order, batch_rows):
    report = celoss.evaluate(*write(*holed(cell, order)), missing="uniform", batch_rows=batch_rows)
    filled = losses()
    filled[1] = filled[4] = math.log(3)
    assert report.log_loss == near(mean(filled))
    counts = report.row_counts
    assert (counts.read, counts.scored, counts.dropped, counts.filled) == (8, 8, 0, 2)
    assert codes(report) == ["N8"]


@pytest.mark.parametrize("cell", ["", "NaN"])
def test_missing_predictions_are_an_error_unless_something_else_is_asked_for(write, cell):
    assert faults(*write(*holed(cell))) == [("E502", 4)]


@pytest.mark.parametrize("missing", ["drop", "uniform"])
def test_what_is_wrong_and_not_missing_stays_an_error(write, missing):
    for cell, code in (("abc", "E501"), ("0,5", "E501"), ("1.5", "E503"), ("-0.1", "E503"), ("inf", "E503")):
        rows = f'id,cat,dog\na,0.5,0.5\nb,"{cell}",0.5\nc,0.25,0.75\nd,,\n'
        inputs = write(rows, "id,label\na,cat\nb,dog\nc,cat\nd,dog\n")
        assert faults(*inputs, missing=missing) == [(code, 1)], cell


@pytest.mark.parametrize("kind", ["array", "pandas", "arrow"])
def test_missing_values_of_tables_are_missing_too(kind):
    p = np.array(P)
    p[1, 1] = p[4] = np.nan
    y = [NAMES.index(label) for label in Y]
    inputs = {
        "array": (p, y),
        "pandas": (pd.DataFrame(p, columns=NAMES), pd.DataFrame({"label": Y})),
        "arrow": (pa.table({name: pa.array(p[:, index], from_pandas=True) for index, name in enumerate(NAMES)}), LABELS),
    }[kind]
    dropped, uniform = (celoss.evaluate(*inputs, missing=missing) for missing in ("drop", "uniform"))
    assert dropped.metrics == evaluated(KEPT).metrics
    assert uniform.log_loss == near(mean([math.log(3) if row in (1, 4) else loss for row, loss in enumerate(losses())]))


@pytest.mark.parametrize(
    ("values", "options", "loss"),
    [
        ([0.75, math.nan], {}, math.log(2)),
        ([0.75, math.nan], {"scale": "logits"}, math.log(2)),
        ([math.log(0.75), math.nan], {"scale": "logprobs"}, math.log(2)),
        ([[1.0, 2.0, 3.0], [math.nan, 0.0, 0.0]], {"scale": "logits"}, math.log(3)),
        ([[-1.0986122886681098] * 3, [-0.5, math.nan, -1.0]], {"scale": "logprobs"}, math.log(3)),
    ],
)
def test_a_uniform_forecast_is_one_on_every_scale(values, options, loss):
    report = celoss.evaluate(np.array(values), [1, 1], missing="uniform", **options)
    assert report.rows["loss"].tolist()[1] == near(loss)
    assert report.row_counts.filled == 1


@pytest.mark.parametrize("cell", ["", "NA", "nan", "?", " ", "None"])
@pytest.mark.parametrize("order", ["same", "shuffled"])
def test_drop_leaves_out_rows_with_a_missing_label(write, cell, order):
    predictions, labels = holed("0.5", order)
    predictions = "id,cat,dog,owl\n" + "".join(f"r{row},{','.join(map(repr, P[row]))}\n" for row in RANGE)
    labels = labels.replace("r2,owl", f"r2,{cell}").replace("r6,dog", f"r6,{cell}")
    inputs = write(predictions, labels)
    report = celoss.evaluate(*inputs, missing="drop")
    assert scored(report) == scored(evaluated([0, 1, 3, 4, 5, 7]))
    assert (report.row_counts.read, report.row_counts.dropped) == (8, 2)
    assert report.to_dict()["inputs"]["labels"]["rows"] == 8
    # A uniform forecast is no answer to a missing label.
    (only,) = faults(*inputs, missing="uniform")
    assert only in (("E403", 2), ("E402", 2))


def test_a_row_that_misses_both_is_dropped_once(write):
    predictions, labels = holed("")
    report = celoss.evaluate(*write(predictions, labels.replace("r4,dog", "r4,").replace("r0,cat", "r0,")), missing="drop")
    assert (report.row_counts.read, report.row_counts.scored, report.row_counts.dropped) == (8, 5, 3)


def test_what_looks_missing_is_no_missing_label_where_it_is_a_class(write):
    inputs = write("NA,dog\n0.75,0.25\n0.5,0.5\n", "label\nNA\ndog\n")
    report = celoss.evaluate(*inputs, missing="drop")
    assert (report.row_counts.dropped, report.log_loss) == (0, near(-(math.log(0.75) + math.log(0.5)) / 2))


@pytest.mark.parametrize("labels", ["0,1,0", ",1,0", "0.5,,0.5", "NA,NA,NA"])
def test_drop_leaves_out_rows_with_a_missing_label_among_several_columns(write, labels):
    soft = "0.5" in labels
    rest = ["0.25,0.25,0.5", "1,0,0", "0,0,1"] if soft else ["1,0,0", "0,1,0", "0,0,1"]
    inputs = write(
        "id,cat,dog,owl\n" + "".join(f"r{row},{','.join(map(repr, P[row]))}\n" for row in range(4)),
        "id,cat,dog,owl\n" + "".join(f"r{row},{one}\n" for row, one in enumerate([*rest, labels])),
    )
    report = celoss.evaluate(*inputs, missing="drop")
    gone = int(labels != "0,1,0")
    assert (report.task, report.row_counts.dropped) == ("soft" if soft else "multiclass", gone)
    assert report.row_counts.scored == 4 - gone


@pytest.mark.parametrize("missing", ["drop", "uniform"])
@pytest.mark.parametrize("place", ["predictions", "labels", "one file"])
@pytest.mark.parametrize("cell", ["0.75", "NA"])
@pytest.mark.parametrize(("weight", "code"), [("", "E506"), ("NaN", "E506"), ("NA", "E501"), ("-1", "E506")])
def test_a_missing_weight_is_never_left_out_in_silence(write, missing, place, cell, weight, code):
    inputs = {
        "predictions": (f"id,cat,dog,w\na,0.5,0.5,1\nb,0.25,{cell},{weight}\n", "id,label\nb,dog\na,cat\n"),
        "labels": (f"id,cat,dog\na,0.5,0.5\nb,0.25,{cell}\n", f"id,label,w\na,cat,1\nb,dog,{weight}\n"),
        "one file": (f"cat,dog,label,w\n0.5,0.5,cat,1\n0.25,{cell},dog,{weight}\n",),
    }[place]
    assert faults(*write(*inputs), missing=missing, weights="w") == [(code, 1)]


@pytest.mark.parametrize("missing", ["drop", "uniform"])
def test_a_missing_id_is_never_left_out_in_silence(write, missing):
    predictions = "id,cat,dog\na,0.5,0.5\n,NA,NA\n"
    assert faults(*write(predictions, "id,label\na,cat\n"), missing=missing) == [("E307", 1)]
    assert faults(*write(predictions, "id,label\n,dog\na,cat\n"), missing=missing) == [("E307", 1)] * 2


# --- ids in one file only -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_rows", [1, 2, 65536])
@pytest.mark.parametrize("order", ["same", "shuffled"])
def test_inner_scores_the_rows_of_both_files_and_counts_the_others(write, order, batch_rows):
    mine, theirs = [0, 1, 3, 4, 6, 7], [row for row in RANGE if row not in (1, 6)] + [20, 21, 22]
    theirs = theirs if order == "same" else theirs[::-1]
    label = {row: Y[row] if row < 8 else "owl" for row in theirs}
    inputs = write(
        "id,cat,dog,owl\n" + "".join(f"r{row},{','.join(map(repr, P[row]))}\n" for row in mine),
        "id,label\n" + "".join(f"r{row},{label[row]}\n" for row in theirs),
    )
    report = celoss.evaluate(*inputs, id_match="inner", batch_rows=batch_rows)
    assert scored(report) == scored(evaluated([0, 3, 4, 7]))
    counts = report.row_counts
    assert (counts.read, counts.scored, counts.unmatched, counts.unmatched_labels) == (6, 4, 2, 5)
    document = report.to_dict()["inputs"]
    assert (document["predictions"]["rows"], document["labels"]["rows"]) == (6, 9)
    assert [code for code in codes(report) if code == "N7"] == ["N7"]
    assert faults(*inputs) == [("E302", 5), ("E303", 2)]


def test_inner_of_files_with_the_same_ids_is_all():
    ids = list(RANGE)
    inputs = table(P, id=ids), pa.table({"id": ids[::-1], "label": Y[::-1]})
    inner, every = (celoss.evaluate(*inputs, id_match=match) for match in ("inner", "all"))
    assert scored(inner) == scored(every)
    assert (inner.row_counts.unmatched, inner.row_counts.unmatched_labels, codes(inner)) == (0, 0, [])


@pytest.mark.parametrize(("left", "right"), [([1, 1, 2], [1, 2, 3]), ([1, 2, 4], [1, 2, 2]), ([3, 3, 3], [1, 2, 3])])
def test_inner_forgives_no_id_that_occurs_twice(left, right):
    predictions, labels = table(P[:3], id=left), pa.table({"id": right, "label": Y[:3]})
    assert "E304" in [code for code, _ in faults(predictions, labels, id_match="inner")]


def test_every_prediction_is_counted_once_whatever_is_wrong_with_it(write):
    """a: scored; b: no label; c: no label and nothing predicted; d: nothing predicted; e: an empty label; f: both."""
    inputs = write(
        "id,cat,dog\na,0.5,0.5\nb,0.5,0.5\nc,,0.5\nd,,\ne,0.5,0.5\nf,,0.5\n", "id,label\nf,\ne,\nd,cat\na,dog\nx,cat\ny,\n"
    )
    counts = celoss.evaluate(*inputs, missing="drop", id_match="inner").row_counts
    assert (counts.read, counts.scored, counts.dropped, counts.unmatched, counts.unmatched_labels) == (6, 1, 3, 2, 2)


# --- rankings -------------------------------------------------------------------------------------------------------------


def share_of_orders(row, size):
    """Of all orders of the classes by probability, ties in any order: in how many the label is among the first."""
    label = NAMES.index(Y[row])
    orders = [one for one in itertools.permutations(range(3)) if sorted(one, key=lambda index: -P[row][index]) == list(one)]
    return Fraction(sum(label in one[:size] for one in orders), len(orders))


def first_of_ties(row, size):
    order = sorted(range(3), key=lambda index: (-P[row][index], index))
    return int(NAMES.index(Y[row]) in order[:size])


@pytest.mark.parametrize(("ties", "credit"), [("fraction", share_of_orders), ("first", first_of_ties)])
@pytest.mark.parametrize("weights", [None, W])
def test_top_k_accuracy_counts_labels_among_the_k_largest(ties, credit, weights):
    labels = pa.table({"label": Y, "w": weights or [1.0] * 8})
    report = celoss.evaluate(PREDS, labels, weights="w" if weights else None, top_k=[1, 2, 3], ties=ties)
    exact = [Fraction(one) for one in weights or [1] * 8]
    for size in (1, 2, 3):
        credits = [credit(row, size) for row in RANGE]
        expected = sum(w * one for w, one in zip(exact, credits, strict=True)) / sum(exact)
        assert report.metrics[f"top_{size}_accuracy"] == float(expected)
        shown = report.standard_errors[f"top_{size}_accuracy"]
        assert shown == pytest.approx(error(list(map(float, credits)), list(map(float, exact))), rel=1e-13, abs=1e-300)
    assert report.metrics["top_3_accuracy"] == 1.0
    assert report.metrics["accuracy"] == report.metrics["top_1_accuracy"]
    assert list(report.metrics).index("top_1_accuracy") == list(report.metrics).index("accuracy") + 1


def test_the_first_of_tied_classes_is_that_of_their_order():
    tied = [(0.4, 0.4, 0.2), (0.4, 0.4, 0.2), (0.3, 0.35, 0.35), (0.3, 0.35, 0.35)]
    inputs = table(tied), pa.table({"label": ["cat", "dog", "dog", "owl"]})
    assert celoss.evaluate(*inputs, ties="first").rows["correct"].tolist() == [1, 0, 1, 0]
    assert celoss.evaluate(*inputs).rows["correct"].tolist() == [0.5, 0.5, 0.5, 0.5]


def test_of_two_classes_the_first_of_a_tie_is_the_negative_one():
    assert celoss.evaluate([0.5, 0.5, 0.75], [0, 1, 1], ties="first").rows["correct"].tolist() == [1, 0, 1]


@pytest.mark.parametrize("size", [2, np.int64(2), np.array([2])])
def test_one_size_may_be_a_number(size):
    assert evaluated(top_k=size).metrics == evaluated(top_k=[2]).metrics


# --- logits and log-probabilities -----------------------------------------------------------------------------------------

Z = [(2.0, -1.0, 0.5), (0.0, 3.0, -2.0), (-0.5, 0.25, 4.0), (1.0, 1.0, -3.0)]
ZY = ["cat", "dog", "owl", "dog"]


def softmax(z):
    whole = math.fsum(math.exp(one) for one in z)
    return tuple(math.exp(one) / whole for one in z)


def test_logits_are_scored_through_the_softmax():
    report = celoss.evaluate(table(Z), pa.table({"label": ZY}), scale="logits")
    p = [softmax(z)[NAMES.index(label)] for z, label in zip(Z, ZY, strict=True)]
    assert report.log_loss == near(mean([-math.log(one) for one in p]))
    assert report.rows["probability"].tolist() == pytest.approx(p, rel=1e-14)
    assert report.metrics["brier"] == near(
        celoss.evaluate(table(list(map(softmax, Z))), pa.table({"label": ZY})).metrics["brier"]
    )
    assert report.plan.eps == 0.0
    assert report.metrics["accuracy"] == (1 + 1 + 1 + 0.5) / 4


@pytest.mark.parametrize("shift", [-700.0, -1.0, 0.1, 1e4])
def test_a_shift_of_a_row_of_logits_changes_nothing(shift):
    shifted = [tuple(one + shift * (row + 1) for one in z) for row, z in enumerate(Z)]
    one, other = (celoss.evaluate(table(rows), pa.table({"label": ZY}), scale="logits") for rows in (Z, shifted))
    for name in ("log_loss", "brier"):
        assert other.metrics[name] == near(one.metrics[name], 1e-11 if shift == 1e4 else 1e-12)
    assert other.metrics["accuracy"] == one.metrics["accuracy"]


def test_one_logit_is_scored_through_the_sigmoid():
    z, y = [2.0, -1.0, 0.0, -40.0, 40.0, 5.0], [1, 0, 1, 0, 1, 0]
    report = celoss.evaluate(z, y, scale="logits")
    expected = [math.log1p(math.exp(-one if label else one)) for one, label in zip(z, y, strict=True)]
    assert report.rows["loss"].tolist() == pytest.approx(expected, rel=1e-15)
    assert report.log_loss == near(mean(expected), 1e-15)
    assert report.metrics["accuracy"] == (4 + 0.5) / 6


@pytest.mark.parametrize("z", [1e4, -1e4])
def test_large_logits_have_finite_losses(z):
    one = celoss.evaluate([z, z], [1, 0], scale="logits")
    assert sorted(one.rows["loss"].tolist()) == [0.0, 1e4]
    several = celoss.evaluate(np.array([[z, 0.0, -z]] * 3), [0, 1, 2], scale="logits")
    assert sorted(several.rows["loss"].tolist()) == [0.0, 1e4, 2e4]
    assert several.row_counts.clipped == 0


@pytest.mark.parametrize("scale", ["probs", "logits"])
def test_columns_that_are_named_are_believed_beside_a_single_label(scale):
    """One label tells no classes, and these rows no sums."""
    rows = [(0.5, 0.25, 0.5), (1.0, 0.5, 0.25)]
    report = celoss.evaluate(
        table(rows), pa.table({"label": ["owl"] * 2}), pred=NAMES, scale=scale, renormalize=scale == "probs"
    )
    share = [row[2] / sum(row) for row in rows] if scale == "probs" else [softmax(row)[2] for row in rows]
    assert report.classes == NAMES
    assert report.log_loss == near(mean([-math.log(one) for one in share]))


def test_a_logit_of_minus_infinity_rules_a_class_out(write):
    predictions = "cat,dog,owl\n0,-inf,0\n1,2,-Infinity\n-inf,-inf,9\n"
    report = celoss.evaluate(*write(predictions, "label\ncat\ndog\nowl\n"), scale="logits")
    assert report.log_loss == near((math.log(2) + math.log1p(math.exp(-1)) + 0.0) / 3)
    assert celoss.evaluate(*write(predictions, "label\ncat\nowl\ndog\n"), scale="logits").log_loss == math.inf


def test_a_floor_may_be_given_for_logits():
    report = celoss.evaluate([1e4, 0.0], [0, 1], scale="logits", eps=1e-12)
    assert report.log_loss == near((-math.log(1e-12) + math.log(2)) / 2)
    assert (report.row_counts.clipped, codes(report)) == (1, ["N1"])


def test_log_probabilities_are_surprisals_with_their_digits():
    logs = [tuple(map(math.log, row)) for row in P]
    report = celoss.evaluate(table(logs), LABELS, scale="logprobs")
    assert report.rows["loss"].tolist() == [-logs[row][NAMES.index(Y[row])] for row in RANGE]
    assert report.log_loss == near(mean(losses()))
    assert report.metrics["brier"] == near(mean(briers()))


@pytest.mark.parametrize(("scale", "half"), [("probs", 0.5), ("logits", 0.0), ("logprobs", math.log(0.5))])
def test_of_a_tie_of_two_the_first_class_is_called_the_predicted_one(scale, half):
    rows = celoss.evaluate([half, half, half * 0.5 if scale == "logprobs" else half + 0.25], [0, 1, 1], scale=scale).rows
    assert rows["predicted"].tolist() == ["0", "0", "1"]
    assert rows["correct"].tolist() == [0.5, 0.5, 1.0]


def test_one_log_probability_is_that_of_the_positive_class():
    x, y = [math.log(0.75), -1e-12, -50.0, math.log(0.5)], [1, 0, 0, 1]
    report = celoss.evaluate(x, y, scale="logprobs")
    expected = [-math.log(0.75), -math.log(-math.expm1(-1e-12)), -math.log1p(-math.exp(-50)), math.log(2)]
    assert report.rows["loss"].tolist() == pytest.approx(expected, rel=1e-14)


def test_log_probabilities_of_rows_that_do_not_sum_to_1_are_an_error():
    logs = [tuple(map(math.log, row)) for row in P]
    logs[2] = tuple(one - 0.1 for one in logs[2])
    assert faults(table(logs), LABELS, scale="logprobs") == [("E504", 1)]


# --- which scale ----------------------------------------------------------------------------------------------------------

LOGS = [tuple(map(math.log, row)) for row in P[:4]]
SCALES = {
    "sums to 1": (("cat", "dog"), [(0.75, 0.25), (0.4, 0.6)], "probs", "between 0 and 1, and rows sum to 1"),
    "mostly sums to 1": (("cat", "dog"), [(0.75, 0.25), (0.4, 0.6), (0.5, 0.5)], "probs", "between 0 and 1, and rows sum to 1"),
    "logarithms": (NAMES, LOGS, "logprobs", "none above 0, and their exponentials sum to 1"),
    "both sides": (NAMES, Z, "logits", "values on both sides of 0 to 1"),
    "below 0, too large for logarithms": (
        NAMES,
        [(-0.1, -0.2, -0.3), (-0.5, -0.1, -0.2), (-0.2, -0.9, -0.1)],
        "logits",
        "values below 0 that are no logarithms",
    ),
    "named logits": (("logit_cat", "logit_dog"), [(0.5, 2.0), (3.0, 1.0)], "logits", "the columns' names"),
    "named logits of another writing": (("cat_logits", "dog_logits"), [(5.0, 2.0), (3.0, 1.0)], "logits", "the columns' names"),
    "named logarithms": (("logprob_cat", "logprob_dog"), [(-3.0, -4.0), (-5.0, -2.0)], "logprobs", "the columns' names"),
    "named logarithms in short": (("logp_cat", "logp_dog"), [(-3.0, -4.0), (-5.0, -2.0)], "logprobs", "the columns' names"),
    "one probability": (("p",), [(0.75,), (0.25,)], "probs", "between 0 and 1"),
    "one logit": (("p",), [(2.0,), (-3.0,), (0.5,)], "logits", "values below 0 and above it"),
    "one named logit": (("logit",), [(2.0,), (-3.0,), (0.5,)], "logits", "the columns' names"),
    "one named logarithm": (("logprob",), [(-2.0,), (-3.0,), (-0.5,)], "logprobs", "the columns' names"),
}


def labels_of(columns, rows):
    names = ["1", "0"] if len(columns) == 1 else list(NAMES[: len(columns)])
    return [names[index % len(names)] for index in range(len(rows))]


@pytest.mark.parametrize("name", SCALES)
def test_the_scale_is_found_from_values_and_names(name):
    columns, rows, scale, because = SCALES[name]
    plan = prepare(table(rows, columns), pa.table({"label": labels_of(columns, rows)})).plan
    (finding,) = [one for one in plan.findings if one.what == "scale"]
    assert (plan.scale, finding.value, finding.because) == (scale, scale, because)


@pytest.mark.parametrize("name", SCALES)
def test_the_scale_that_is_found_is_the_scale_that_can_be_given(name):
    columns, rows, scale, _ = SCALES[name]
    inputs = table(rows, columns), pa.table({"label": labels_of(columns, rows)})
    found, given = prepare(*inputs).plan, prepare(*inputs, scale=scale).plan
    assert found == given
    assert [one.because for one in given.findings if one.what == "scale"] == ["--from"]


DOUBTFUL = {
    "probabilities or logits": (("logit_cat", "logit_dog"), [(0.75, 0.25), (0.4, 0.6)], ("probs", "logits")),
    "probabilities or logarithms": (("logprob_cat", "logprob_dog"), [(0.75, 0.25), (0.4, 0.6)], ("probs", "logprobs")),
    "logits or logarithms": (("cat", "dog"), [(-0.5, -1.2), (-1.5, -0.4)], ("logits", "logprobs")),
    "one probability or logit": (("logit",), [(0.75,), (0.25,)], ("probs", "logits")),
    "one probability or logarithm": (("logprob",), [(0.75,), (0.25,)], ("probs", "logprobs")),
    "one logit or logarithm": (("p",), [(-3.0,), (-0.25,)], ("logits", "logprobs")),
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_where_two_scales_fit_the_user_is_asked(name):
    columns, rows, fitting = DOUBTFUL[name]
    inputs = table(rows, columns), pa.table({"label": labels_of(columns, rows)})
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(*inputs)
    assert caught.value.code == "E508"
    assert caught.value.help == f"say which: --from {fitting[0]}   or --from {fitting[1]}"
    for scale in fitting:
        if scale == "logprobs" and max(map(max, rows)) > 0:
            assert faults(*inputs, scale=scale)[0][0] == "E503"
        elif scale == "logprobs" and len(columns) > 1:
            assert faults(*inputs, scale=scale)[0][0] == "E504"
        else:
            assert celoss.evaluate(*inputs, scale=scale).plan.scale == scale


BAD_ROWS = {
    "two bad cells of three rows": [(0.7, 0.2, 0.1), (0.1, 1.8, 0.1), (0.2, 0.2, -0.6)],
    "a bad cell in every second row": [(0.7, 0.2, 0.1), (0.1, -0.8, 0.1), (0.2, 0.2, 0.6), (0.2, 1.2, 0.6)],
    "percentages": [(70.0, 20.0, 10.0), (10.0, 80.0, 10.0), (20.0, 20.0, 60.0)],
    "one row of logits among many": [*P[:5], (2.0, -1.0, 3.0)],
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_probabilities_are_not_taken_for_logits(name):
    rows = BAD_ROWS[name]
    found = faults(table(rows), pa.table({"label": [NAMES[index % 3] for index in range(len(rows))]}))
    assert found[0][0] == "E503"


@pytest.mark.parametrize(
    ("good", "bad", "scale", "code"),
    [
        ("0.75,0.25", "2.5,-1.5", "probs", "E503"),
        ("-0.5,1.5", "inf,0", "logits", "E503"),
        ("-0.6931471805599453,-0.6931471805599453", "0.5,0.5", "logprobs", "E503"),
    ],
)
def test_the_scale_is_decided_once_and_a_later_row_outside_is_an_error(write, good, bad, scale, code):
    rows = [good] * 1500 + [bad] + [good] * 10
    inputs = write("cat,dog\n" + "\n".join(rows) + "\n", "label\n" + "cat\ndog\n" * 755 + "cat\n")
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(*inputs)
    assert (caught.value.code, caught.value.places[0].line) == (code, 1502)
    rows[1500] = good
    assert (
        celoss.evaluate(*write("cat,dog\n" + "\n".join(rows) + "\n", "label\n" + "cat\ndog\n" * 755 + "cat\n")).plan.scale
        == scale
    )


# --- labels that are shares -----------------------------------------------------------------------------------------------


def cross_entropies(shares=T, rows=P):
    return [-math.fsum(t * math.log(p) for t, p in zip(*pair, strict=True) if t) for pair in zip(shares, rows, strict=True)]


def test_the_loss_of_soft_labels_is_entropy_and_divergence():
    report = celoss.evaluate(PREDS, table(T), id="#")
    entropies = [entropy(t) for t in T]
    kl = [math.fsum(a * math.log(a / b) for a, b in zip(t, p, strict=True) if a) for t, p in zip(T, P, strict=True)]
    assert report.task == "soft"
    assert report.log_loss == near(mean(cross_entropies()))
    assert report.metrics["label_entropy"] == near(mean(entropies))
    assert report.metrics["kl_divergence"] == near(mean(kl))
    assert report.log_loss == near(report.metrics["label_entropy"] + report.metrics["kl_divergence"])
    brier = mean([math.fsum((a - b) ** 2 for a, b in zip(t, p, strict=True)) for t, p in zip(T, P, strict=True)])
    assert report.metrics["brier"] == near(brier)
    reference = entropy([mean([t[index] for t in T]) for index in range(3)])
    assert report.metrics["reference_log_loss"] == near(reference)
    skill = (reference - report.log_loss) / (reference - mean(entropies))
    assert report.metrics["skill"] == near(skill, 1e-13)
    assert report.rows["label_entropy"].tolist() == pytest.approx(entropies, rel=1e-15)
    assert report.rows["kl_divergence"].tolist() == pytest.approx(kl, rel=1e-13, abs=1e-16)


@pytest.mark.parametrize("shares", [(0.3, 0.3, 0.4), (0.1, 0.2, 0.7), (1 / 3, 1 / 3, 1 / 3)])
def test_labels_that_are_all_alike_leave_no_skill(shares):
    """The label frequencies are each label: what the reference costs is its entropy, whatever rounding says."""
    report = celoss.evaluate(PREDS, table([shares] * 8), id="#")
    assert report.metrics["reference_log_loss"] == near(entropy(shares))
    assert report.metrics["skill"] is None


def test_the_classes_of_soft_labels_share_the_loss():
    report = celoss.evaluate(PREDS, table(T, w=W), id="#", weights="w")
    whole = math.fsum(w * loss for w, loss in zip(W, cross_entropies(), strict=True))
    for index, one in enumerate(report.per_class):
        weights = [w * t[index] for w, t in zip(W, T, strict=True)]
        lost = math.fsum(-w * math.log(p[index]) for w, p in zip(weights, P, strict=True))
        assert one.weight == near(math.fsum(weights))
        assert one.log_loss == near(lost / math.fsum(weights))
        assert one.loss_share == near(lost / whole)
        assert one.rows == sum(weight > 0 for weight in weights)
        assert one.recall is one.accuracy is None


@pytest.mark.parametrize("columns", [("p",), ("no", "yes")])
@pytest.mark.parametrize("place", ["two files", "one file"])
def test_one_column_of_shares_is_that_of_the_positive_class(columns, place):
    p, t = [0.9, 0.4, 0.25, 0.5], [0.75, 0.5, 0.0, 1.0]
    rows = [(one,) if len(columns) == 1 else (1 - one, one) for one in p]
    options = {"positive": "yes"} if len(columns) == 2 else {}
    if place == "two files":
        report = celoss.evaluate(table(rows, columns), pa.table({"share": t}), task="soft", **options)
    else:
        report = celoss.evaluate(table(rows, columns, share=t), task="soft", label="share", pred=list(columns), **options)
    loss = [-(a * math.log(b) + (1 - a) * math.log(1 - b)) for a, b in zip(t, p, strict=True)]
    assert report.task == "soft"
    assert report.log_loss == near(mean(loss))
    assert report.metrics["label_entropy"] == near(mean([entropy([a, 1 - a]) for a in t]))
    assert report.metrics["brier"] == near(mean([(a - b) ** 2 for a, b in zip(t, p, strict=True)]))
    assert [one.weight for one in report.per_class] == [near(math.fsum(1 - a for a in t)), near(math.fsum(t))]


def test_labels_of_one_column_per_class_are_the_hard_labels():
    """As names, as 0/1 columns, and as shares of which one is 1."""
    hot = [tuple(int(label == name) for name in NAMES) for label in Y]
    named, flags = evaluated(), celoss.evaluate(PREDS, table(hot), id="#")
    assert flags.task == "multiclass"
    assert scored(flags) == scored(named)
    soft = celoss.evaluate(PREDS, table(hot), id="#", task="soft")
    assert soft.task == "soft"
    for name in ("log_loss", "kl_divergence", "label_entropy", "accuracy", "reference_log_loss"):
        assert soft.metrics[name] == named.metrics[name], name
    assert soft.metrics["brier"] == near(named.metrics["brier"])
    assert [one.weight for one in soft.per_class] == [one.weight for one in named.per_class]


def test_labels_may_be_in_the_file_of_the_predictions():
    both = table(P, [f"p_{name}" for name in NAMES]).to_pydict() | table(T, [f"t_{name}" for name in NAMES]).to_pydict()
    report = celoss.evaluate(pa.table(both), label=[f"t_{name}" for name in NAMES])
    assert scored(report) == scored(celoss.evaluate(PREDS, table(T), id="#"))


# --- independent labels ---------------------------------------------------------------------------------------------------


def binary_losses():
    return [[-math.log(q if b else 1 - q) for q, b in zip(*pair, strict=True)] for pair in zip(Q, B, strict=True)]


def credits_of_labels():
    return [[0.5 if q == 0.5 else float((q > 0.5) == b) for q, b in zip(*pair, strict=True)] for pair in zip(Q, B, strict=True)]


@pytest.mark.parametrize(("reduction", "factor"), [("mean", 1), ("sum", 3)])
def test_independent_labels_are_meaned_or_summed(reduction, factor):
    report = celoss.evaluate(table(Q), table(B), id="#", reduce_labels=reduction)
    assert report.task == "multilabel"
    assert report.log_loss == near(factor * mean([mean(row) for row in binary_losses()]))
    assert report.standard_errors["log_loss"] == near(factor * error([mean(row) for row in binary_losses()], [1.0] * 4))
    shares = [mean([b[index] for b in B]) for index in range(3)]
    reference = factor * mean([entropy([share, 1 - share]) for share in shares])
    assert report.metrics["reference_log_loss"] == near(reference)
    assert report.metrics["skill"] == near(1 - report.log_loss / reference, 1e-13)
    # What is no loss is a share of labels, whatever is asked for.
    assert report.metrics["accuracy"] == near(mean([mean(row) for row in credits_of_labels()]))
    squares = [[(q - b) ** 2 for q, b in zip(*pair, strict=True)] for pair in zip(Q, B, strict=True)]
    assert report.metrics["brier"] == near(mean([mean(row) for row in squares]))
    assert report.metrics["brier_sum"] == near(3 * report.metrics["brier"])
    assert report.row_counts.ties == 2


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 3.0]])
def test_each_independent_label_has_its_own_line(reduction, weights):
    given = weights or [1.0] * 4
    labels = table(B, w=given)
    options = {"weights": "w"} if weights else {"label": list(NAMES)}
    report = celoss.evaluate(table(Q), labels, id="#", reduce_labels=reduction, **options)
    whole = math.fsum(w * math.fsum(row) for w, row in zip(given, binary_losses(), strict=True))
    for index, one in enumerate(report.per_class):
        loss = [row[index] for row in binary_losses()]
        credit = [row[index] for row in credits_of_labels()]
        positive = [row for row in range(4) if B[row][index]]
        assert one.rows == len(positive)
        assert one.weight == math.fsum(given[row] for row in positive)
        assert one.log_loss == near(mean(loss, given))
        assert one.accuracy == near(mean(credit, given))
        assert one.recall == near(mean([credit[row] for row in positive], [given[row] for row in positive]))
        assert one.loss_share == near(math.fsum(w * x for w, x in zip(given, loss, strict=True)) / whole)


def test_independent_labels_of_one_column_are_each_scored_as_two_classes():
    report = celoss.evaluate(table(Q), table(B), id="#")
    for index, one in enumerate(report.per_class):
        alone = celoss.evaluate([q[index] for q in Q], [b[index] for b in B])
        assert one.log_loss == alone.log_loss
        assert one.accuracy == alone.metrics["accuracy"]


def test_independent_labels_may_be_logits_or_shares():
    logits = [tuple(math.log(q / (1 - q)) for q in row) for row in Q]
    report = celoss.evaluate(table(logits), table(B), id="#", scale="logits", task="multilabel")
    assert report.log_loss == near(mean([mean(row) for row in binary_losses()]))
    shares = [(0.5, 0.25, 1.0), (0.0, 1.0, 0.75), (0.1, 0.2, 0.3), (1.0, 1.0, 0.0)]
    soft = celoss.evaluate(table(Q), table(shares), id="#", task="multilabel")
    pairs = [zip(*pair, strict=True) for pair in zip(Q, shares, strict=True)]
    loss = [mean([-(t * math.log(q) + (1 - t) * math.log(1 - q)) for q, t in pair]) for pair in pairs]
    assert soft.log_loss == near(mean(loss))
    assert soft.metrics["label_entropy"] == near(mean([mean([entropy([t, 1 - t]) for t in row]) for row in shares]))


@pytest.mark.parametrize("bad", [-1, 2])
@pytest.mark.parametrize("task", [None, "multilabel"])
def test_an_independent_label_is_neither_below_0_nor_above_1(bad, task):
    rows = [*Q, (0.3, 0.3, 0.3), (0.9, 0.8, 0.7)]
    labels = [*B, (1, 1, 1), (bad, 0, 0)]
    assert faults(table(rows), table(labels), id="#", task=task) == [("E413", 1)]


# --- groups ---------------------------------------------------------------------------------------------------------------

SITES = ["north", "south", "north", "", "south", "10", "9", "north"]
DAYS = [1, 2, 1, 2, 1, 2, 1, 2]
GROUPED = {
    "labels file": (
        table(P, id=list(RANGE)),
        pa.table({"id": list(RANGE), "label": Y, "site": SITES}).take(list(RANGE)[::-1]),
        {},
    ),
    "predictions file": (table(P, id=list(RANGE), site=SITES), pa.table({"id": list(RANGE)[::-1], "label": Y[::-1]}), {}),
    "both files": (table(P, id=list(RANGE), site=["x"] * 8), pa.table({"id": list(RANGE), "label": Y, "site": SITES}), {}),
    "by position": (PREDS, pa.table({"label": Y, "site": SITES}), {}),
    "one file": (table(P, label=Y, site=SITES), None, {"label": "label"}),
}


def rows_of(values):
    """Value → rows, in the order of a report: numbers by value, then texts."""
    order = sorted(set(values), key=lambda one: (not one.isdecimal(), int(one) if one.isdecimal() else 0, one))
    return {value: [row for row, one in enumerate(values) if one == value] for value in order}


@pytest.mark.parametrize("batch_rows", [1, 3, 65536])
@pytest.mark.parametrize("place", GROUPED)
def test_each_group_has_the_scores_of_its_rows(place, batch_rows):
    predictions, labels, options = GROUPED[place]
    report = celoss.evaluate(predictions, labels, by="site", batch_rows=batch_rows, top_k=[2], **options)
    assert [(one.by, one.value) for one in report.groups] == [("site", value) for value in rows_of(SITES)]
    for one, rows in zip(report.groups, rows_of(SITES).values(), strict=True):
        alone = evaluated(rows, top_k=[2])
        assert (one.rows, one.weight) == (len(rows), len(rows))
        assert one.metrics == of_group(alone)
        assert one.standard_errors == alone.standard_errors
        assert one.intervals == alone.intervals
    whole = celoss.evaluate(predictions, labels, top_k=[2], **options, id="#" if place == "both files" else None)
    assert report.metrics == whole.metrics


@pytest.mark.parametrize("kind", ["weights", "soft", "multilabel", "smoothed", "logits", "no floor"])
def test_groups_obey_every_option(kind):
    predictions, labels, options = {
        "weights": (PREDS, pa.table({"label": Y, "w": W}), {"weights": "w", "base": 2}),
        "soft": (PREDS, table(T), {"id": "#"}),
        "multilabel": (table(Q * 2), table(B * 2), {"id": "#", "reduce_labels": "sum"}),
        "smoothed": (PREDS, LABELS, {"smoothing": 0.25}),
        "logits": (table(Z * 2), pa.table({"label": ZY * 2}), {"scale": "logits", "eps": 1e-3, "pred": NAMES}),
        "no floor": (table(CERTAIN * 2), pa.table({"label": ["owl", "dog", "dog", "cat"] * 2}), {"eps": 0}),
    }[kind]
    with_sites = labels.append_column("site", pa.array(SITES))
    report = celoss.evaluate(predictions, with_sites, by="site", **options)
    for one, rows in zip(report.groups, rows_of(SITES).values(), strict=True):
        alone = celoss.evaluate(predictions.take(rows), labels.take(rows), task=report.task, **options)
        assert (one.metrics, one.weight) == (of_group(alone), alone.weight)
        assert one.standard_errors == alone.standard_errors
        assert one.intervals == alone.intervals


def test_groups_add_up_to_the_whole():
    report = celoss.evaluate(PREDS, pa.table({"label": Y, "w": W, "site": SITES}), by="site", weights="w")
    assert math.fsum(one.weight for one in report.groups) == report.weight
    for name in ("log_loss", "accuracy", "brier"):
        total = math.fsum(one.weight * one.metrics[name] for one in report.groups)
        assert total / report.weight == near(report.metrics[name])


def test_balanced_classes_are_those_of_all_rows_and_not_of_a_group():
    report = celoss.evaluate(PREDS, pa.table({"label": Y, "site": SITES}), by="site", class_weights="balanced")
    weight = {name: 8 / (3 * Y.count(name)) for name in NAMES}
    for one, rows in zip(report.groups, rows_of(SITES).values(), strict=True):
        assert one.metrics["log_loss"] == near(mean(losses(rows), [weight[Y[row]] for row in rows]))
    assert math.fsum(one.weight for one in report.groups) == near(report.weight)


def test_several_columns_make_groups_each_for_itself():
    labels = pa.table({"label": Y, "site": SITES, "day": DAYS})
    report = celoss.evaluate(PREDS, labels, by=["day", "site"])
    assert [one.by for one in report.groups] == ["day"] * 2 + ["site"] * 5
    for by in ("day", "site"):
        alone = celoss.evaluate(PREDS, labels, by=by).groups
        assert [one for one in report.groups if one.by == by] == list(alone)


def test_groups_may_come_from_both_files():
    predictions = table(P, id=list(RANGE), model=["a", "b"] * 4)
    labels = pa.table({"id": list(RANGE)[::-1], "label": Y[::-1], "site": SITES[::-1]})
    report = celoss.evaluate(predictions, labels, by=["site", "model"])
    assert [(one.by, one.value) for one in report.groups][-2:] == [("model", "a"), ("model", "b")]
    assert report.groups[-1].metrics == of_group(evaluated([1, 3, 5, 7]))
    assert report.groups[0].metrics == of_group(evaluated(rows_of(SITES)["9"]))


def test_the_label_may_make_the_groups():
    report = celoss.evaluate(PREDS, LABELS, by="label")
    assert [(one.value, one.rows, one.metrics["log_loss"]) for one in report.groups] == [
        (one.name, one.rows, one.log_loss) for one in report.per_class
    ]


def test_a_group_of_which_no_row_is_left_is_not_there(write):
    inputs = write("id,cat,dog\na,0.5,0.5\nb,,\nc,0.25,0.75\n", "id,label,site\na,cat,n\nb,dog,s\nc,dog,n\n")
    assert [one.value for one in celoss.evaluate(*inputs, by="site", missing="drop").groups] == ["n"]


def test_twenty_thousand_groups_take_a_few_seconds():
    random_state = np.random.default_rng(7)
    n, count = 60_000, 20_000
    group, y = random_state.permutation(np.arange(n) % count), random_state.integers(0, 2, n)
    p = random_state.random(n)
    started = time.perf_counter()
    report = celoss.evaluate(pa.table({"p": p}), pa.table({"label": y, "g": group}), by="g")
    assert time.perf_counter() - started < 20
    assert len(report.groups) == count
    assert [one.value for one in report.groups[:3]] == ["0", "1", "2"]
    loss = -np.log(np.where(y == 1, p, 1 - p))
    means = np.bincount(group, loss) / np.bincount(group)
    assert [one.metrics["log_loss"] for one in report.groups] == pytest.approx(means.tolist(), rel=1e-12)
    assert sum(one.rows for one in report.groups) == n


# --- the order of the classes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["hard", "soft", "multilabel"])
def test_renaming_the_classes_reorders_the_report_and_changes_no_number(kind):
    renamed = {"cat": "zebra", "dog": "ant", "owl": "mouse"}
    others = [renamed[name] for name in NAMES]
    if kind == "hard":
        one = celoss.evaluate(PREDS, LABELS)
        other = celoss.evaluate(table(P, others), pa.table({"label": [renamed[label] for label in Y]}))
    elif kind == "soft":
        one, other = celoss.evaluate(PREDS, table(T), id="#"), celoss.evaluate(table(P, others), table(T, others), id="#")
    else:
        one, other = celoss.evaluate(table(Q), table(B), id="#"), celoss.evaluate(table(Q, others), table(B, others), id="#")
    assert other.classes == ("ant", "mouse", "zebra")
    for name, value in one.metrics.items():
        assert other.metrics[name] == near(value), name
    found = {line.name: line for line in other.per_class}
    for line in one.per_class:
        same = found[renamed[line.name]]
        assert (same.rows, same.recall, same.accuracy) == (line.rows, line.recall, line.accuracy)
        assert (same.weight, same.log_loss, same.loss_share) == (near(line.weight), near(line.log_loss), near(line.loss_share))


@pytest.mark.parametrize("kind", ["hard", "soft", "multilabel"])
def test_the_order_of_the_columns_changes_no_bit(kind):
    chance = random.Random(3)
    rows, truth, options = {
        "hard": (P, None, {}),
        "soft": (T, T, {"smoothing": 0.1}),
        "multilabel": (Q, B, {}),
    }[kind]
    rows = P if kind == "soft" else rows
    labels = LABELS if truth is None else table(truth)
    expected = scored(celoss.evaluate(table(rows), labels, id="#", **options))
    for _ in range(3):
        mine, theirs = chance.sample(NAMES, 3), chance.sample(labels.column_names, len(labels.column_names))
        assert scored(celoss.evaluate(table(rows).select(mine), labels.select(theirs), id="#", **options)) == expected


# --- the rules of other tools -----------------------------------------------------------------------------------------------

EDGES = [(1.0, 0.0, 0.0), (0.5, 0.25, 0.25), (0.0, 0.3, 0.7), (0.1, 0.2, 0.7), (1e-20, 0.5, 0.5)]
EDGE_LABELS = ["cat", "dog", "cat", "owl", "cat"]
SINGLE = [1.0, 0.0, 0.25, 1e-20, 0.9]
SINGLE_LABELS = [0, 0, 1, 1, 1]
EPS64, EPS32 = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)


def clipped(p, eps):
    return min(max(p, eps), 1 - eps)


def kaggle(row, label):
    taken = [clipped(p, 1e-15) for p in row]
    return -math.log(taken[label] / math.fsum(taken))


def keras(row, label):
    taken = np.array(row, dtype=np.float32)
    return -math.log(np.clip(taken / taken.sum(), np.float32(1e-7), np.float32(1 - 1e-7))[label])


SEVERAL = {
    "sklearn": (lambda row, label: -math.log(clipped(row[label], EPS64)), 1e-15),
    "sklearn-1.1": (kaggle, 1e-15),
    "kaggle": (kaggle, 1e-15),
    "spark": (lambda row, label: -math.log(clipped(row[label], 1e-15)), 1e-15),
    "xgboost": (lambda row, label: -math.log(max(float(np.float32(row[label])), 1e-16)), 1e-7),
    "keras": (keras, 1e-7),
    "strict": (lambda row, label: -math.log(row[label]) if row[label] else math.inf, 1e-15),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_as_takes_the_losses_of_another_tool(name):
    rule, relative = SEVERAL[name]
    report = celoss.evaluate(table(EDGES), pa.table({"label": EDGE_LABELS}), convention=name)
    expected = [rule(row, NAMES.index(label)) for row, label in zip(EDGES, EDGE_LABELS, strict=True)]
    assert report.rows["loss"].tolist() == pytest.approx(expected, rel=relative, abs=1e-15)
    assert report.log_loss == pytest.approx(mean(expected), rel=relative)
    assert f"|as:{name}|" in report.signature
    document = report.to_dict()
    assert (document["options"]["as"], document["options"]["eps"]) == (name, None)
    assert document["zero_probability"]["slope"] is None
    # Only the losses are another tool's.
    own = celoss.evaluate(table(EDGES), pa.table({"label": EDGE_LABELS}))
    for metric in ("accuracy", "brier", "reference_log_loss"):
        assert report.metrics[metric] == own.metrics[metric]


ONE = {
    "sklearn": (lambda p, label: -math.log(clipped(p if label else 1 - p, EPS64)), 1e-15),
    "kaggle": (lambda p, label: -math.log(clipped(p, 1e-15) if label else 1 - clipped(p, 1e-15)), 1e-15),
    "torch-bce": (
        lambda p, label: min(100.0, (-math.log(p) if p else 1e9) if label else -math.log1p(-p) if p < 1 else 1e9),
        1e-15,
    ),
    "xgboost": (lambda p, label: -math.log(max(float(np.float32(p) if label else np.float32(1) - np.float32(p)), 1e-16)), 1e-7),
    "strict": (lambda p, label: (-math.log(p) if p else math.inf) if label else -math.log1p(-p) if p < 1 else math.inf, 1e-15),
}


@pytest.mark.parametrize("name", ONE)
def test_as_takes_the_losses_of_another_tool_for_one_column(name):
    rule, relative = ONE[name]
    report = celoss.evaluate(SINGLE, SINGLE_LABELS, convention=name)
    expected = [rule(p, label) for p, label in zip(SINGLE, SINGLE_LABELS, strict=True)]
    assert report.rows["loss"].tolist() == pytest.approx(expected, rel=relative, abs=1e-15)
    assert report.log_loss == pytest.approx(mean(expected), rel=relative)


def test_as_clips_by_the_width_of_the_stored_numbers():
    """scikit-learn takes the machine epsilon of the array's type."""
    p, y = [1.0, 0.25], [0, 1]
    for width, eps in ((np.float64, EPS64), (np.float32, EPS32)):
        report = celoss.evaluate(np.array(p, dtype=width), y, convention="sklearn")
        assert report.log_loss == near((-math.log(eps) - math.log(0.25)) / 2, 1e-12)


def test_the_rows_that_another_tool_scores_otherwise_are_counted():
    report = celoss.evaluate(table(EDGES), pa.table({"label": EDGE_LABELS}), convention="spark")
    # p = 0 and 1e-20; p = 1 costs 1e-15, which is the same loss.
    assert report.row_counts.clipped == 2
    assert codes(report) == ["N1"]


# --- the command ------------------------------------------------------------------------------------------------------------

LINES = [
    ("--weights w", {"weights": "w"}),
    ("--class-weights cat=2,owl=0.25", {"class_weights": {"cat": 2, "owl": 0.25}}),
    ("--class-weights cat=2 --class-weights owl=0.25", {"class_weights": {"cat": 2, "owl": 0.25}}),
    ("--class-weights balanced --weights w", {"class_weights": "balanced", "weights": "w"}),
    ("--smoothing 0.1", {"smoothing": 0.1}),
    ("--base 2", {"base": 2}),
    ("--base 10", {"base": 10}),
    ("--eps 0.2", {"eps": 0.2}),
    ("--renormalize", {"renormalize": True}),
    ("--sum-tolerance 0.5", {"sum_tolerance": 0.5}),
    ("--missing drop", {"missing": "drop"}),
    ("--missing uniform", {"missing": "uniform"}),
    ("--id-match inner", {"id_match": "inner"}),
    ("--top-k 1,2 --ties first", {"top_k": [1, 2], "ties": "first"}),
    ("--top-k 1 --top-k 2", {"top_k": [1, 2]}),
    ("--by site --by day --weights w", {"by": ["site", "day"], "weights": "w"}),
    ("--as kaggle", {"convention": "kaggle"}),
    ("--from probs --task multiclass --wide", {"scale": "probs", "task": "multiclass", "long": False}),
]


@pytest.fixture
def small(write):
    rows = {"id": list(RANGE)} | {name: [repr(row[index]) for row in P] for index, name in enumerate(NAMES)}
    labels = {"id": list(RANGE), "label": Y, "w": W, "site": SITES, "day": DAYS}
    return write(text(rows), text({name: values[::-1] for name, values in labels.items()}))


@pytest.mark.parametrize(("line", "options"), LINES, ids=[line for line, _ in LINES])
def test_an_option_of_the_command_is_that_of_the_library(small, celoss, line, options):
    ran = celoss("eval", *small, *line.split(), "--id", "id", "-f", "json")
    assert ran.code == 0
    expected = json.loads(library(*small, id="id", **options).to_json())
    assert json.loads(ran.out) == expected
    check = celoss("check", *small, *line.split(), "--id", "id")
    assert check.code == 0
    assert check.out.splitlines()[-1].startswith("rows: 8 ")


def test_the_command_takes_soft_labels_logits_and_independent_labels(write, celoss):
    names = {name: [repr(row[index]) for row in P] for index, name in enumerate(NAMES)}
    shares = {name: [repr(row[index]) for row in T] for index, name in enumerate(NAMES)}
    inputs = write(text(names), text(shares))
    assert float(celoss("eval", *inputs, "--id", "#", "--only", "log_loss").out) == near(mean(cross_entropies()))
    logits = {name: [repr(row[index]) for row in Z] for index, name in enumerate(NAMES)}
    inputs = write(text(logits), text({"label": ZY}))
    expected = mean([-math.log(softmax(z)[NAMES.index(label)]) for z, label in zip(Z, ZY, strict=True)])
    assert float(celoss("eval", *inputs, "--from", "logits", "--only", "log_loss").out) == near(expected)
    columns = {name: [row[index] for row in Q] for index, name in enumerate(NAMES)}
    flags = {name: [row[index] for row in B] for index, name in enumerate(NAMES)}
    inputs = write(text(columns), text(flags))
    ran = celoss("eval", *inputs, "--id", "#", "--task", "multilabel", "--reduce-labels", "sum", "--only", "log_loss")
    assert float(ran.out) == near(3 * mean([mean(row) for row in binary_losses()]))


def test_only_takes_a_top_k_accuracy_that_is_asked_for(small, celoss):
    expected = sum(share_of_orders(row, 2) for row in RANGE) / 8
    assert celoss("eval", *small, "--id", "id", "--top-k", "2", "--only", "top_2_accuracy").out == f"{float(expected)!r}\n"
    ran = celoss("eval", *small, "--id", "id", "--only", "top_2_accuracy")
    assert (ran.code, ran.err.splitlines()[0]) == (2, 'error[E601]: no metric "top_2_accuracy"')


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--class-weights cat", "--class-weights cannot be cat"),
        ("--class-weights cat=heavy", "--class-weights cannot be cat=heavy"),
        ("--top-k many", "--top-k cannot be many"),
        ("--top-k -1", "--top-k cannot be -1"),
        ("--base 3", "--base cannot be 3"),
        ("--missing skip", "--missing cannot be skip"),
        ("--reduce-labels sum", "--reduce-labels sum cannot be used for labels of one class each"),
        ("--as sklern", "no rule of another tool is called sklern"),
    ],
)
def test_an_option_that_does_not_fit_ends_with_2(small, celoss, line, message):
    ran = celoss("eval", *small, *line.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[0].partition(": ")[2] == message


# `celoss` is the fixture that runs the command in the tests above.
library = celoss.evaluate


def test_weights_go_with_labels_of_any_kind_of_pandas():
    labels = pd.Series(["no", "yes", "yes"])
    for given in (labels, labels.values, labels.astype("category").values, labels.to_numpy(dtype=object)):
        report = celoss.evaluate([0.1, 0.8, 0.6], given, classes=["no", "yes"], weights=[1.0, 2.0, 1.0])
        assert report.log_loss == near(-(math.log(0.9) + 2 * math.log(0.8) + math.log(0.6)) / 4)
