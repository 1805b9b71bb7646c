"""The rules of other tools: each against its formula in plain Python, and against what the tools themselves print."""

import math
import struct
import warnings

import numpy as np
import pytest

from celoss.conventions import CONVENTIONS, binary_surprisals, renormalized, surprisals

FLOAT64, FLOAT32, FLOAT16 = 2.0**-52, 2.0**-23, 2.0**-10
TYPES = {FLOAT64: np.float64, FLOAT32: np.float32, FLOAT16: np.float16}

ALL = [
    "sklearn-1.1",
    "sklearn-1.2",
    "sklearn",
    "keras",
    "keras-float64",
    "kaggle",
    "spark",
    "mlr3",
    "xgboost",
    "yardstick",
    "torch-bce",
    "strict",
]
WITH_COLUMNS = [name for name in ALL if name != "torch-bce"]


def single(value):
    """The nearest float32, without NumPy."""
    return struct.unpack("f", struct.pack("f", value))[0]


def clipped(row, eps):
    return [min(max(p, eps), 1 - eps) for p in row]


def divided(row):
    return [p / sum(row) for p in row]


def minus_logs(row):
    return [-math.log(p) if p else math.inf for p in row]


def keras(row):
    low, high = single(1e-7), single(1 - 1e-7)
    return [min(max(single(p), low), high) for p in divided([single(p) for p in row])]


COLUMN_FORMULAS = {
    "sklearn-1.1": lambda row: divided(clipped(row, 1e-15)),
    "sklearn-1.2": lambda row: divided(clipped(row, 2.0**-52)),
    "sklearn": lambda row: clipped(row, 2.0**-52),
    "keras": keras,
    "keras-float64": lambda row: clipped(divided(row), 1e-7),
    "kaggle": lambda row: divided(clipped(row, 1e-15)),
    "spark": lambda row: clipped(row, 1e-15),
    "mlr3": lambda row: clipped(row, 1e-15),
    "xgboost": lambda row: [max(single(p), single(1e-16)) for p in row],
    "yardstick": lambda row: clipped(row, 2.0**-52),
    "strict": lambda row: row,
}


def complement_of_clipped(p, eps):
    taken = clipped([p], eps)[0]
    return [1 - taken, taken]


def keras_binary(p):
    taken = min(max(single(p), single(1e-7)), single(1 - 1e-7))
    return [single(1 - taken), taken]


ONE_COLUMN_FORMULAS = {
    "sklearn-1.1": lambda p: minus_logs(divided(complement_of_clipped(p, 1e-15))),
    "sklearn-1.2": lambda p: minus_logs(divided(complement_of_clipped(p, 2.0**-52))),
    "sklearn": lambda p: minus_logs(clipped([1 - p, p], 2.0**-52)),
    "keras": lambda p: minus_logs(keras_binary(p)),
    "keras-float64": lambda p: minus_logs(complement_of_clipped(p, 1e-7)),
    "kaggle": lambda p: minus_logs(complement_of_clipped(p, 1e-15)),
    "spark": lambda p: minus_logs(clipped([1 - p, p], 1e-15)),
    "mlr3": lambda p: minus_logs(clipped([1 - p, p], 1e-15)),
    "xgboost": lambda p: minus_logs([max(single(1 - single(p)), single(1e-16)), max(single(p), single(1e-16))]),
    "yardstick": lambda p: minus_logs(clipped([1 - p, p], 2.0**-52)),
    "torch-bce": lambda p: [min(-math.log1p(-p), 100) if p < 1 else 100, min(-math.log(p), 100) if p else 100],
    "strict": lambda p: [-math.log1p(-p) if p < 1 else math.inf, -math.log(p) if p else math.inf],
}

ROWS = [
    [0.7, 0.2, 0.1],
    [0.0, 0.5, 0.5],
    [1.0, 0.0, 0.0],
    [1e-20, 0.25, 0.75],
    [1e-300, 0.25, 0.75],
    [3e-8, 0.4, 0.59999997],
    [0.7001, 0.2, 0.1],  # off 1 by 1e-4
    [0.0, 0.5, 0.4999],
    [1 / 3, 1 / 3, 0.3333],
]


def planes(*rows):
    return np.ascontiguousarray(np.array(rows, dtype=np.float64).T)


def loss(name, row, true, spacing=FLOAT64):
    """The loss of one row with a probability per class."""
    return float(surprisals(name, planes(row), spacing)[true, 0])


def binary(name, p, spacing=FLOAT64):
    """The losses of one row with P(positive) alone: negative, positive."""
    return surprisals(name, np.array([[p]]), spacing, one_column=True)[:, 0].tolist()


def test_the_conventions_are_named_in_the_order_of_the_documentation():
    assert list(CONVENTIONS) == ALL
    for name, convention in CONVENTIONS.items():
        assert convention.name == name
        assert convention.rule and convention.source
        assert {"binary", *convention.tasks} <= {"binary", "multiclass", "soft", "multilabel"}


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("name", WITH_COLUMNS)
def test_a_row_with_a_column_per_class_is_scored_by_the_tools_formula(name, row):
    found = surprisals(name, planes(row), FLOAT64)
    assert found.shape == (3, 1)
    assert found[:, 0].tolist() == pytest.approx(minus_logs(COLUMN_FORMULAS[name](row)), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("p", [0.0, 1e-300, 1e-20, 1e-16, 3e-8, 0.1, 0.5, 0.7, 0.99999999, 1 - 1e-12, 1 - 2.0**-53, 1.0])
@pytest.mark.parametrize("name", ALL)
def test_a_row_with_one_column_is_scored_by_the_tools_formula(name, p):
    assert binary(name, p) == pytest.approx(ONE_COLUMN_FORMULAS[name](p), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize(
    ("name", "spacing", "nats"),
    [
        ("sklearn-1.1", FLOAT64, -math.log(1e-15)),
        ("sklearn-1.1", FLOAT32, -math.log(single(1e-15))),
        ("sklearn-1.2", FLOAT64, 52 * math.log(2)),
        ("sklearn-1.2", FLOAT32, 23 * math.log(2) + math.log1p(2.0**-23)),  # the row sums to 1 + eps after the clip
        ("sklearn-1.2", FLOAT16, 10 * math.log(2) + math.log1p(2.0**-10)),
        ("sklearn", FLOAT64, 52 * math.log(2)),
        ("sklearn", FLOAT32, 23 * math.log(2)),
        ("sklearn", FLOAT16, 10 * math.log(2)),
        ("keras", FLOAT64, -math.log(single(1e-7))),
        ("keras", FLOAT16, -math.log(single(1e-7))),
        ("kaggle", FLOAT32, -math.log(1e-15)),
        ("spark", FLOAT32, -math.log(1e-15)),
        ("mlr3", FLOAT32, -math.log(1e-15)),
        ("xgboost", FLOAT64, -math.log(single(1e-16))),
        ("yardstick", FLOAT32, 52 * math.log(2)),
        ("strict", FLOAT32, math.inf),
    ],
)
def test_what_a_true_class_with_probability_0_costs(name, spacing, nats):
    # Division rounds to the type: half a unit in the last place, relative, is as much in nats.
    rounding = spacing if name == "sklearn-1.2" else 0.0
    assert loss(name, [0.0, 0.5, 0.5], 0, spacing) == pytest.approx(nats, rel=1e-14, abs=rounding)


def test_text_whose_spacing_is_not_known_counts_as_float64():
    assert loss("sklearn", [0.0, 0.5, 0.5], 0, spacing=0.0) == loss("sklearn", [0.0, 0.5, 0.5], 0, FLOAT64)


def test_a_single_column_and_two_columns_differ_where_the_tool_clips_before_it_forms_1_minus_p():
    assert binary("sklearn-1.1", 1.0)[0] == -math.log(1 - (1 - 1e-15)) != loss("sklearn-1.1", [0.0, 1.0], 0)
    assert binary("sklearn", 1.0)[0] == loss("sklearn", [0.0, 1.0], 0)


def test_scikit_learn_1_1_clipped_float32_to_exactly_0_and_1():
    """1 − 1e-15 is 1 in float32: the tool printed nan for this row, having multiplied 0 by infinity."""
    assert binary("sklearn-1.1", 1.0, FLOAT32) == [math.inf, 0.0]
    assert binary("sklearn-1.2", 1.0, FLOAT32) == pytest.approx([23 * math.log(2), 2.0**-23], rel=1e-6)


def test_a_probability_near_1_is_lost_where_the_tool_casts_to_float32():
    assert binary("xgboost", 1 - 1e-9)[0] == pytest.approx(-math.log(1e-16), rel=1e-8)
    assert binary("keras", 1 - 1e-9)[0] == pytest.approx(23 * math.log(2), rel=1e-15)
    assert binary("spark", 1 - 1e-9)[0] == pytest.approx(-math.log(1e-9), rel=1e-8)


# --- what the tools print --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("p", "positive", "printed"), [(1.0, 0, 15.942384719848633), (0.0, 1, 16.11809539794922)])
def test_keras_binary_crossentropy(p, positive, printed):
    """keras.losses.BinaryCrossentropy()([[y]], [[p]]) of Keras 3.15.1."""
    assert binary("keras", p)[positive] == pytest.approx(printed, rel=1e-7)


@pytest.mark.parametrize(
    ("row", "true", "printed"),
    [
        ([0.0, 0.5, 0.4], 0, 16.11809539794922),
        ([0.2, 0.2, 0.2], 1, 1.0986123085021973),  # divided by its sum
    ],
)
def test_keras_categorical_crossentropy(row, true, printed):
    """keras.losses.CategoricalCrossentropy() of Keras 3.15.1."""
    assert loss("keras", row, true) == pytest.approx(printed, rel=1e-7)


@pytest.mark.parametrize(
    ("p", "positive", "printed"),
    [
        (1.0, 0, 36.84136199951171875),
        (4.24835413113866e-18, 1, 36.84136199951171875),
        (4.24835413113866e-18, 0, 0.0),
        (2.3195229636950566e-16, 1, 36.0),
        (8.533047630075754e-17, 1, 36.84136199951171875),
    ],
)
def test_xgboost_logloss(p, positive, printed):
    """eval_metric="logloss" of XGBoost 3.2.0 on one row, whose margin gave it this probability."""
    assert binary("xgboost", p)[positive] == pytest.approx(printed, rel=1e-7)


def test_kaggle_multi_class_log_loss():
    """The example of Kaggle's wiki page Multi Class Log Loss (2014), whose rows labelled Public score 1.881797068998267."""
    rows = [[0.5, 0.5], [0.1, 0.9], [0.01, 0.99], [0.9, 0.1], [0.75, 0.25], [0.001, 0.999]]
    true = [0, 0, 0, 1, 1, 1]
    assert sum(loss("kaggle", row, c) for row, c in zip(rows, true, strict=True)) / 6 == pytest.approx(1.881797068998267)


@pytest.mark.parametrize("spacing", TYPES)
def test_the_installed_scikit_learn(spacing):
    metrics = pytest.importorskip("sklearn.metrics")
    stored = np.array(ROWS).astype(TYPES[spacing])
    tolerance = 8 * spacing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # rows that do not sum to 1
        for row in stored:
            for true in range(3):
                theirs = metrics.log_loss([true], row[np.newaxis], labels=[0, 1, 2])
                assert loss("sklearn", row, true, spacing) == pytest.approx(theirs, rel=tolerance, abs=tolerance)
    for p in np.array([0.0, 1e-9, 0.3, 0.5, 1 - 1e-9, 1.0]).astype(TYPES[spacing]):
        for true in range(2):
            theirs = metrics.log_loss([true], p[np.newaxis], labels=[0, 1])
            assert binary("sklearn", p, spacing)[true] == pytest.approx(theirs, rel=tolerance, abs=tolerance)


# --- many rows -------------------------------------------------------------------------------------------------------------

# P(true class) of eight rows; the finite seven give 0.365 of the mean, the last one what the rule says.
EIGHT = [0.9, 0.8, 0.7, 0.6, 0.5, 0.85, 0.42, 0.0]


@pytest.mark.parametrize(
    ("name", "spacing", "mean"),
    [
        ("sklearn", FLOAT16, 1.2313),
        ("sklearn", FLOAT32, 2.3577),
        ("keras", FLOAT64, 2.3797),
        ("sklearn-1.1", FLOAT64, 4.6823),
        ("kaggle", FLOAT64, 4.6823),
        ("spark", FLOAT64, 4.6823),
        ("mlr3", FLOAT64, 4.6823),
        ("sklearn-1.2", FLOAT64, 4.8704),
        ("sklearn", FLOAT64, 4.8704),
        ("yardstick", FLOAT64, 4.8704),
        ("xgboost", FLOAT64, 4.9701),
        ("torch-bce", FLOAT64, 12.8649),
        ("strict", FLOAT64, math.inf),
    ],
)
def test_the_same_eight_rows_score_anything_up_to_infinity(name, spacing, mean):
    finite = -sum(math.log(p) for p in EIGHT[:-1]) / 8
    assert finite == pytest.approx(0.3649, abs=5e-5)
    stored = np.array([EIGHT]).astype(TYPES[spacing]).astype(np.float64)
    found = surprisals(name, stored, spacing, one_column=True)
    assert found[1].mean() == pytest.approx(mean, abs=2e-4)
    assert found[1, -1] / 8 == pytest.approx(mean - finite, abs=2e-4)


@pytest.mark.parametrize("spacing", TYPES)
@pytest.mark.parametrize("name", ALL)
def test_a_row_scores_the_same_bits_alone_and_among_many(name, spacing):
    random = np.random.default_rng(7)
    p = random.random((9, 500)) ** 8
    p = (p / p.sum(axis=0)).astype(TYPES[spacing]).astype(np.float64)
    p[:, ::50] = 0.0
    p[3, ::50] = 1.0
    for values, one_column in ((p, False), (p[:1], True)):
        if name == "torch-bce" and not one_column:
            continue
        whole = surprisals(name, values, spacing, one_column)
        for start, size in ((0, 1), (17, 1), (100, 7), (3, 250)):
            part = np.ascontiguousarray(values[:, start : start + size])
            assert surprisals(name, part, spacing, one_column).tolist() == whole[:, start : start + size].tolist()


@pytest.mark.parametrize("name", ALL)
def test_what_is_given_is_never_changed(name):
    p = np.array([[0.0, 0.3, 1.0]])
    surprisals(name, p, FLOAT64, one_column=True)
    assert p.tolist() == [[0.0, 0.3, 1.0]]


# --- independent labels, and what a rule does not cover --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["keras", "xgboost", "torch-bce", "strict"])
def test_each_independent_label_is_scored_like_a_single_column(name):
    p = np.array([[0.0, 0.3], [1.0, 0.6], [1e-20, 0.9]])
    negative, positive = binary_surprisals(name, p, FLOAT64)
    assert negative.shape == positive.shape == (3, 2)
    for label in range(3):
        alone = surprisals(name, p[label : label + 1], FLOAT64, one_column=True)
        assert [negative[label].tolist(), positive[label].tolist()] == alone.tolist()


@pytest.mark.parametrize("name", ["sklearn-1.1", "sklearn-1.2", "sklearn", "kaggle", "spark", "mlr3", "yardstick"])
def test_a_tool_without_such_a_loss_refuses_independent_labels(name):
    assert "multilabel" not in CONVENTIONS[name].tasks
    with pytest.raises(ValueError, match=f"^{name} does not score independent labels$"):
        binary_surprisals(name, np.array([[0.5], [0.5]]), FLOAT64)


def test_torch_takes_the_positive_of_two_columns_and_refuses_more():
    assert surprisals("torch-bce", planes([0.3, 0.7]), FLOAT64)[:, 0].tolist() == binary("torch-bce", 0.7)
    with pytest.raises(
        ValueError, match=r"^torch-bce scores one probability per label, not 3 classes that exclude each other$"
    ):
        surprisals("torch-bce", planes([0.2, 0.3, 0.5]), FLOAT64)


def test_a_name_that_is_no_convention_is_a_key_error():
    with pytest.raises(KeyError, match="tensorflow"):
        surprisals("tensorflow", planes([0.5, 0.5]), FLOAT64)


# --- renormalisation -------------------------------------------------------------------------------------------------------


def test_renormalized_rows_sum_to_1_and_rows_of_zeros_stay():
    found = renormalized(planes([0.5, 0.25, 0.25], [0.2, 0.2, 0.4], [0.0, 0.0, 0.0]))
    assert found.T.tolist() == [[0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0.0, 0.0, 0.0]]


def test_a_row_of_zeros_is_scored_without_nan():
    assert loss("keras", [0.0, 0.0, 0.0], 1) == pytest.approx(-math.log(1e-7), rel=1e-8)
    assert loss("kaggle", [0.0, 0.0, 0.0], 1) == pytest.approx(math.log(3))
