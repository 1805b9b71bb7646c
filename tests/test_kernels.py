"""Row formulas: small literal cases, each expected number written as its formula."""

import math

import numpy as np
import pytest

from celoss.kernels import DEFAULT_EPS, floored_loss, plane_sum, predicted, score_binary, score_multiclass

ROWS = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.4, 0.4, 0.2], [0.0, 1.0, 0.0]])
PLANES = np.ascontiguousarray(ROWS.T)
LABELS = np.array([0, 1, 1, 0])


def test_log_loss_is_minus_the_log_of_the_true_class():
    loss = score_multiclass(PLANES, LABELS).loss
    assert loss.tolist() == pytest.approx([-math.log(0.7), -math.log(0.1), -math.log(0.4), -math.log(2.0**-52)], rel=1e-15)


def test_brier_is_the_squared_distance_over_all_classes():
    brier = score_multiclass(PLANES, LABELS).brier
    expected = [
        0.3**2 + 0.2**2 + 0.1**2,
        0.1**2 + 0.9**2 + 0.8**2,
        0.4**2 + 0.6**2 + 0.2**2,
        1 + 1,
    ]
    assert brier.tolist() == pytest.approx(expected, rel=1e-14)


def test_a_tie_at_the_top_is_counted_and_correct_when_the_label_is_among_it():
    row = score_multiclass(PLANES, LABELS)
    assert row.at_top.tolist() == [1, 1, 2, 1]
    assert row.correct.tolist() == [True, False, True, False]


def test_predicted_is_the_first_class_of_a_tie():
    assert predicted(PLANES).tolist() == [0, 2, 0, 1]


def test_only_the_true_class_is_floored():
    row = score_multiclass(PLANES, LABELS, eps=0.15)
    assert row.loss.tolist() == pytest.approx([-math.log(0.7), -math.log(0.15), -math.log(0.4), -math.log(0.15)])
    assert row.probability.tolist() == [0.7, 0.1, 0.4, 0.0]
    assert row.brier.tolist() == score_multiclass(PLANES, LABELS).brier.tolist()


def test_eps_zero_lets_a_loss_be_infinite():
    assert score_multiclass(PLANES, LABELS, eps=0.0).loss[3] == math.inf


def test_a_certain_right_row_costs_plain_zero():
    for row in (
        score_multiclass(np.array([[1.0], [0.0]]), np.array([0])),
        score_binary(np.array([1.0]), np.array([True])),
        score_binary(np.array([0.0]), np.array([False])),
    ):
        assert str(row.loss[0]) == "0.0"
        assert str(row.unfloored_loss[0]) == "0.0"


@pytest.mark.parametrize(
    ("p", "positive", "loss"),
    [
        (0.775, True, 0.3677 * math.log(2)),  # the text-book numbers are in bits: -log2(0.775), -log2(0.938)
        (0.938, True, 0.0923 * math.log(2)),
        (0.012, True, 4.4228),
    ],
)
def test_text_book_numbers(p, positive, loss):
    assert score_binary(np.array([p]), np.array([positive])).loss[0] == pytest.approx(loss, abs=5e-5)


@pytest.mark.parametrize("p", [1e-300, 1e-17, 1e-12, 0.1, 0.3, 0.49999999999999994])
def test_a_small_probability_of_the_wrong_class_keeps_its_digits(p):
    """−ln(1 − p) is wrong in the fifth digit at 1e-12 and 0 below 1e-17."""
    assert score_binary(np.array([p]), np.array([False])).loss[0] == pytest.approx(-math.log1p(-p), rel=3e-16)


def test_one_column_and_two_columns_agree():
    p = np.array([0.1, 0.5, 0.93, 0.0, 1.0, 0.25])
    positive = np.array([True, False, True, False, True, True])
    one = score_binary(p, positive)
    two = score_multiclass(np.stack([1 - p, p]), positive.astype(np.intp))
    assert one.loss == pytest.approx(two.loss, rel=1e-15)
    assert one.brier == pytest.approx(two.brier, rel=1e-15)
    assert one.at_top.tolist() == two.at_top.tolist()
    assert one.correct.tolist() == two.correct.tolist()


@pytest.mark.parametrize("k", [2, 3, 9, 33])
def test_a_row_scores_the_same_bits_alone_and_among_many(k):
    random = np.random.default_rng(k)
    p = random.random((k, 500)) ** 5
    p /= p.sum(axis=0)
    y = random.integers(0, k, 500)
    whole = score_multiclass(p, y)
    for start, size in ((0, 1), (17, 1), (100, 7), (3, 250)):
        part = score_multiclass(np.ascontiguousarray(p[:, start : start + size]), y[start : start + size])
        for name in ("loss", "brier", "probability", "at_top", "correct"):
            assert getattr(part, name).tolist() == getattr(whole, name)[start : start + size].tolist(), name
    assert plane_sum(p[:, :1])[0] == plane_sum(p)[0]


def test_binary_rows_score_the_same_bits_alone_and_among_many():
    random = np.random.default_rng(5)
    p, positive = random.random(2000), random.random(2000) < 0.4
    whole = score_binary(p, positive).loss
    assert [score_binary(p[i : i + 1], positive[i : i + 1]).loss[0] for i in range(2000)] == whole.tolist()


def test_the_floor_costs_36_nats():
    assert floored_loss(DEFAULT_EPS) == pytest.approx(52 * math.log(2), rel=1e-15)
