"""Row formulas: small literal cases, each expected number written as its formula.

`abs=0` beside `rel`: else pytest takes 1e-12 for equal to 0, and what is lost near 0 is not seen.
"""

import dataclasses
import functools
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from celoss.kernels import (
    DEFAULT_EPS,
    RowScores,
    floored_loss,
    forecasts,
    one_hot,
    plane_sum,
    predicted,
    probability_of,
    score_binary,
    score_labels,
    score_multiclass,
    score_soft,
    score_surprisals,
    smoothed,
    top_credit,
)

ROWS = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.4, 0.4, 0.2], [0.0, 1.0, 0.0]])
PLANES = np.ascontiguousarray(ROWS.T)
LABELS = np.array([0, 1, 1, 0])


def earned(credit):
    """The credit of each row as a Fraction."""
    return [Fraction(*pair) for pair in zip(credit.numerator.tolist(), credit.denominator.tolist(), strict=True)]


def bits(row, rows=slice(None)):
    """Every array of row scores, by name, for some of the rows, as lists, which compare bit by bit."""
    found = {}
    for field in dataclasses.fields(RowScores):
        value = getattr(row, field.name)
        if value is None:
            continue
        credits = value if isinstance(value, tuple) else (value,)
        for at, one in enumerate(credits):
            parts = (one.numerator, one.denominator) if field.name in ("correct", "top") else (one,)
            found[field.name, at] = [part[..., rows].tolist() for part in parts]
    return found


def test_log_loss_is_minus_the_log_of_the_true_class():
    loss = score_multiclass(PLANES, LABELS).loss
    assert loss.tolist() == pytest.approx(
        [-math.log(0.7), -math.log(0.1), -math.log(0.4), -math.log(2.0**-52)], rel=1e-15, abs=0
    )


def test_brier_is_the_squared_distance_over_all_classes():
    brier = score_multiclass(PLANES, LABELS).brier
    expected = [
        0.3**2 + 0.2**2 + 0.1**2,
        0.1**2 + 0.9**2 + 0.8**2,
        0.4**2 + 0.6**2 + 0.2**2,
        1 + 1,
    ]
    assert brier.tolist() == pytest.approx(expected, rel=1e-14, abs=0)


def test_a_tie_at_the_top_is_counted_and_correct_when_the_label_is_among_it():
    row = score_multiclass(PLANES, LABELS)
    assert row.at_top.tolist() == [1, 1, 2, 1]
    assert earned(row.correct) == [1, 0, Fraction(1, 2), 0]


def test_predicted_is_the_first_class_of_a_tie():
    assert predicted(PLANES).tolist() == [0, 2, 0, 1]


def test_predicted_is_the_largest_wherever_it_stands():
    orders = list(itertools.permutations([0.1, 0.2, 0.3, 0.4]))
    assert predicted(np.array(orders).T).tolist() == [row.index(0.4) for row in orders]


def test_only_the_true_class_is_floored():
    row = score_multiclass(PLANES, LABELS, eps=0.15)
    assert row.loss.tolist() == pytest.approx([-math.log(0.7), -math.log(0.15), -math.log(0.4), -math.log(0.15)])
    assert row.probability.tolist() == [0.7, 0.1, 0.4, 0.0]
    assert row.brier.tolist() == score_multiclass(PLANES, LABELS).brier.tolist()


def test_eps_zero_lets_a_loss_be_infinite():
    assert score_multiclass(PLANES, LABELS, eps=0.0).loss[3] == math.inf


def test_a_certain_wrong_row_of_one_column_is_floored_like_one_of_two():
    for p, positive in ((1.0, False), (0.0, True)):
        row = score_binary(np.array([p]), np.array([positive]), eps=2.0**-10)
        assert (row.unfloored_loss[0], row.probability[0]) == (math.inf, 0.0)
        assert row.loss[0] == pytest.approx(10 * math.log(2), rel=1e-15, abs=0)
        assert score_binary(np.array([p]), np.array([positive]), eps=0.0).loss[0] == math.inf


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
    assert score_binary(np.array([p]), np.array([False])).loss[0] == pytest.approx(-math.log1p(-p), rel=3e-16, abs=0)


def test_one_column_and_two_columns_agree():
    p = np.array([0.1, 0.5, 0.93, 0.0, 1.0, 0.25])
    positive = np.array([True, False, True, False, True, True])
    one = score_binary(p, positive)
    two = score_multiclass(np.stack([1 - p, p]), positive.astype(np.intp))
    assert one.loss == pytest.approx(two.loss, rel=1e-15, abs=0)
    assert one.brier == pytest.approx(two.brier, rel=1e-15, abs=0)
    assert one.at_top.tolist() == two.at_top.tolist()
    assert earned(one.correct) == earned(two.correct) == [0, Fraction(1, 2), 1, 1, 1, 0]


@pytest.mark.parametrize("k", [2, 3, 9, 33])
def test_a_row_scores_the_same_bits_alone_and_among_many(k):
    random = np.random.default_rng(k)
    p = random.random((k, 500)) ** 5
    p /= p.sum(axis=0)
    y = random.integers(0, k, 500)
    whole = score_multiclass(p, y)
    for start, size in ((0, 1), (17, 1), (100, 7), (3, 250)):
        part = score_multiclass(np.ascontiguousarray(p[:, start : start + size]), y[start : start + size])
        assert bits(part) == bits(whole, slice(start, start + size))
    assert plane_sum(p[:, :1])[0] == plane_sum(p)[0]


@pytest.mark.parametrize("k", [2, 8, 9, 17, 130, 1000])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 8, 17, 200])
def test_a_row_is_summed_in_the_order_of_its_classes_whatever_lies_beside_it_in_memory(k, n):
    numbers = np.random.default_rng(k + n).random((k, n + 5))
    for p in (numbers[:, :n].copy(), np.asfortranarray(numbers[:, :n]), numbers[:, 2 : n + 2]):
        assert plane_sum(p).tolist() == [functools.reduce(float.__add__, row) for row in p.T.tolist()]


def test_binary_rows_score_the_same_bits_alone_and_among_many():
    random = np.random.default_rng(5)
    p, positive = random.random(2000), random.random(2000) < 0.4
    whole = score_binary(p, positive)
    for i in range(2000):
        assert bits(score_binary(p[i : i + 1], positive[i : i + 1])) == bits(whole, slice(i, i + 1))


def test_the_floor_costs_36_nats():
    assert floored_loss(DEFAULT_EPS) == pytest.approx(52 * math.log(2), rel=1e-15, abs=0)


# --- scales ---------------------------------------------------------------------------------------------------------------

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 4.0, 1.0]]).T


def softmax(z):
    whole = math.fsum(map(math.exp, z))
    return [math.exp(one) / whole for one in z]


def test_logits_are_taken_through_the_softmax():
    found = forecasts(LOGITS, "logits")
    expected = np.array([softmax(z) for z in LOGITS.T.tolist()]).T
    assert found.p == pytest.approx(expected, rel=1e-15, abs=0)
    assert found.surprisal == pytest.approx(-np.log(expected), rel=1e-14, abs=0)


@pytest.mark.parametrize("z", [-800.0, -40.0, -1.0, 0.0, 1.0, 40.0, 800.0, 1e4, -1e4])
def test_one_logit_is_taken_through_the_sigmoid_without_overflow(z):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = forecasts(np.array([[z]]), "logits", one_column=True)
    # ln(1 + e^-|z|) is what both branches share.
    rest = math.log1p(math.exp(-abs(z)))
    assert found.surprisal[1, 0] == pytest.approx(max(-z, 0.0) + rest, rel=1e-15, abs=0)
    assert found.surprisal[0, 0] == pytest.approx(max(z, 0.0) + rest, rel=1e-15, abs=0)
    assert found.p[1, 0] == pytest.approx(math.exp(-(max(-z, 0.0) + rest)), rel=1e-13, abs=0)
    assert found.p.sum() == pytest.approx(1.0, rel=1e-15, abs=0)


def test_a_loss_near_0_keeps_its_digits():
    """ln(1 + 2e^-30): through the probability, which rounds to 1, it would be 1.9e-13 with three digits, or 0."""
    row = score_surprisals(forecasts(np.array([[30.0], [0.0], [0.0]]), "logits"), np.array([0]), 0.0)
    assert row.loss[0] == pytest.approx(math.log1p(2 * math.exp(-30)), rel=1e-15, abs=0)


@pytest.mark.parametrize("shift", [-1e3, -1.0, 1e-3, 7.0, 1e3])
def test_a_constant_added_to_the_logits_of_a_row_changes_nothing(shift):
    y = np.array([0, 1, 2])
    one, other = (score_surprisals(forecasts(z, "logits"), y, 0.0) for z in (LOGITS, LOGITS + shift))
    assert other.loss == pytest.approx(one.loss, rel=1e-12, abs=0)
    assert other.probability == pytest.approx(one.probability, rel=1e-12, abs=0)


def test_a_logit_of_minus_infinity_rules_a_class_out():
    found = forecasts(np.array([[0.0], [-math.inf], [0.0]]), "logits")
    assert found.p[:, 0].tolist() == [0.5, 0.0, 0.5]
    assert found.surprisal[:, 0].tolist() == [pytest.approx(math.log(2)), math.inf, pytest.approx(math.log(2))]


def test_logarithms_of_probabilities_are_surprisals_as_they_are():
    logs = np.array([[math.log(0.7), -0.0], [math.log(0.3), -math.inf]])
    found = forecasts(logs, "logprobs")
    assert found.surprisal.tolist() == [[-math.log(0.7), 0.0], [-math.log(0.3), math.inf]]
    assert str(found.surprisal[0, 1]) == "0.0"
    assert found.p == pytest.approx(np.array([[0.7, 1.0], [0.3, 0.0]]), rel=1e-15, abs=0)


@pytest.mark.parametrize("x", [-1e-300, -1e-17, -1e-9, -0.1, -math.log(2), -1.0, -30.0, -800.0])
def test_one_logarithm_keeps_the_digits_of_the_other_class(x):
    """−ln(1 − e^x): −ln(−x) for small x, e^x for large."""
    negative = forecasts(np.array([[x]]), "logprobs", one_column=True).surprisal[0, 0]
    # 1 − e^x = −expm1(x) keeps its digits near 0, log1p those of the logarithm far from it.
    expected = -math.log(-math.expm1(x)) if x > -0.7 else -math.log1p(-math.exp(x))
    assert negative == pytest.approx(expected, rel=1e-15, abs=0)


def test_one_logarithm_is_the_surprisal_of_its_class_as_it_is():
    x = [-math.inf, -30.0, -math.log(2), -1e-17, 0.0]
    found = forecasts(np.array([x]), "logprobs", one_column=True).surprisal
    assert found[1].tolist() == [math.inf, 30.0, math.log(2), 1e-17, 0.0]
    # −ln(1 − e^x) at the ends: nothing is left of 1, or nothing is taken from it.
    assert found[0, [0, 4]].tolist() == [0.0, math.inf]


def test_scores_of_logits_are_those_of_their_probabilities():
    y = np.array([0, 1, 1])
    p = np.array([softmax(z) for z in LOGITS.T.tolist()]).T
    found, expected = score_surprisals(forecasts(LOGITS, "logits"), y, 0.3), score_multiclass(p, y, 0.3)
    assert found.loss == pytest.approx(expected.loss, rel=1e-14, abs=0)
    assert found.unfloored_loss == pytest.approx(expected.unfloored_loss, rel=1e-14, abs=0)
    assert found.probability == pytest.approx(expected.probability, rel=1e-14, abs=0)
    assert found.brier == pytest.approx(expected.brier, rel=1e-14, abs=0)
    assert found.at_top.tolist() == expected.at_top.tolist() == [1, 3, 1]
    assert earned(found.correct) == earned(expected.correct) == [1, Fraction(1, 3), 1]


@pytest.mark.parametrize("scale", ["probs", "logits", "logprobs"])
def test_the_two_probabilities_of_one_column_sum_to_1(scale):
    values = {"probs": [0.0, 0.3, 1.0], "logits": [-700.0, 0.5, 700.0], "logprobs": [-math.inf, -0.2, 0.0]}[scale]
    negative, positive = probability_of(np.array(values), scale)
    assert (negative + positive).tolist() == pytest.approx([1.0] * 3, rel=1e-15, abs=0)
    assert (negative >= 0).all() and (positive >= 0).all()


# --- labels that are distributions ----------------------------------------------------------------------------------------

T = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]]).T
P = np.array([[0.7, 0.2, 0.1], [0.25, 0.5, 0.25], [0.1, 0.1, 0.8]]).T


def test_a_soft_label_costs_its_entropy_and_the_divergence():
    row = score_soft(forecasts(P, "probs"), T, DEFAULT_EPS)
    for index, (t, p) in enumerate(zip(T.T.tolist(), P.T.tolist(), strict=True)):
        loss = -math.fsum(a * math.log(b) for a, b in zip(t, p, strict=True))
        entropy = -math.fsum(a * math.log(a) for a in t if a)
        kl = math.fsum(a * math.log(a / b) for a, b in zip(t, p, strict=True) if a)
        assert row.loss[index] == pytest.approx(loss, rel=1e-15, abs=0)
        assert row.entropy[index] == pytest.approx(entropy, rel=1e-15, abs=0)
        assert row.kl[index] == pytest.approx(kl, rel=1e-14, abs=0)
        assert row.loss[index] == pytest.approx(row.entropy[index] + row.kl[index], rel=1e-15, abs=0)
        assert row.brier[index] == pytest.approx(math.fsum((a - b) ** 2 for a, b in zip(t, p, strict=True)), rel=1e-14, abs=0)
        assert row.by_class[:, index].tolist() == pytest.approx([-a * math.log(b) for a, b in zip(t, p, strict=True)])


def test_a_soft_label_of_one_class_is_a_hard_one():
    hard = score_multiclass(PLANES, LABELS)
    soft = score_soft(forecasts(PLANES, "probs"), one_hot(LABELS, 3), DEFAULT_EPS)
    assert soft.loss.tolist() == soft.kl.tolist() == hard.loss.tolist()
    assert soft.unfloored_loss[:3].tolist() == hard.unfloored_loss[:3].tolist()
    # Of shares, what has no finite logarithm is told apart.
    assert (soft.unfloored_loss[3], hard.unfloored_loss[3], soft.zero_share[3]) == (0.0, math.inf, 1.0)
    assert soft.targets.tolist() == one_hot(LABELS, 3).tolist()
    assert soft.entropy.tolist() == [0.0] * 4
    assert soft.brier == pytest.approx(hard.brier, rel=1e-15, abs=0)
    assert earned(soft.correct) == earned(hard.correct)
    assert soft.zero_share.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_a_tie_on_both_sides_counts_the_share_of_pairs_that_agree():
    """|L ∩ M| / (|L| |M|) of the largest L of the label and M of the forecast."""
    t = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.4, 0.3, 0.3], [0.0, 0.0, 1.0]]).T
    p = np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.4, 0.4, 0.2], [0.5, 0.5, 0.0]]).T
    row = score_soft(forecasts(p, "probs"), t, DEFAULT_EPS)
    assert earned(row.correct) == [Fraction(2, 4), Fraction(1, 4), Fraction(1, 2), 0]
    assert row.at_top.tolist() == [2, 2, 2, 2]


def test_the_floor_costs_a_class_no_more_than_minus_ln_eps():
    t, p = np.array([[0.75], [0.25]]), np.array([[1.0], [0.0]])
    row = score_soft(forecasts(p, "probs"), t, 2.0**-10)
    assert row.loss[0] == pytest.approx(0.25 * 10 * math.log(2), rel=1e-15, abs=0)
    assert (row.unfloored_loss[0], row.zero_share[0]) == (0.0, 0.25)
    assert score_soft(forecasts(p, "probs"), t, 0.0).loss[0] == math.inf


def test_a_class_without_share_costs_nothing_even_at_probability_0():
    row = score_soft(forecasts(np.array([[0.5], [0.5], [0.0]]), "probs"), np.array([[0.5], [0.5], [0.0]]), 0.0)
    assert row.loss[0] == pytest.approx(math.log(2), rel=1e-15, abs=0)
    assert (row.kl[0], row.zero_share[0]) == (0.0, 0.0)


def test_independent_labels_cost_the_mean_of_their_binary_losses():
    p, t = np.array([[0.9, 0.5], [0.2, 0.0], [0.4, 1.0]]), np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    row = score_labels(p, "probs", t, DEFAULT_EPS)
    first = [-math.log(0.9), -math.log1p(-0.2), -math.log(0.4)]
    assert row.by_class[:, 0].tolist() == pytest.approx(first, rel=1e-15, abs=0)
    assert row.loss.tolist() == pytest.approx([math.fsum(first) / 3, math.log(2) / 3], rel=1e-15, abs=0)
    assert row.brier.tolist() == pytest.approx([0.1**2 + 0.2**2 + 0.6**2, 0.25], rel=1e-14, abs=0)
    # Twice the labels that are right, of 2k; one at 0.5 is half right.
    assert (row.correct.numerator.tolist(), row.correct.denominator.tolist()) == ([4, 5], [6, 6])
    assert row.class_credit.tolist() == [[1.0, 0.5], [1.0, 1.0], [0.0, 1.0]]
    assert row.at_top.tolist() == [0, 1]
    assert row.entropy.tolist() == [0.0, 0.0]


def test_an_independent_label_may_be_a_share():
    row = score_labels(np.array([[0.25]]), "probs", np.array([[0.5]]), DEFAULT_EPS)
    assert row.loss[0] == pytest.approx(-(math.log(0.25) + math.log(0.75)) / 2, rel=1e-15, abs=0)
    assert row.entropy[0] == pytest.approx(math.log(2), rel=1e-15, abs=0)
    assert row.kl[0] == pytest.approx(row.loss[0] - math.log(2), rel=1e-14, abs=0)
    assert row.class_credit.tolist() == [[0.5]]


def test_smoothing_makes_an_independent_label_a_share_in_the_losses_alone():
    """Each label is a distribution over its own two classes: t′ = (1 − a) t + a / 2, and 1 − t′."""
    p, t = [0.9, 0.2, 0.0, 0.75], [1.0, 0.0, 1.0, 0.25]
    row = score_labels(np.array([p]).T, "probs", np.array([t]).T, 2.0**-10, smoothing=0.25)
    soft = [0.875, 0.125, 0.875, 0.3125]
    losses = [-(a * math.log(max(b, 2.0**-10)) + (1 - a) * math.log(1 - b)) for a, b in zip(soft, p, strict=True)]
    entropies = [-(a * math.log(a) + (1 - a) * math.log(1 - a)) for a in soft]
    assert row.targets[:, 0].tolist() == soft
    assert row.by_class[:, 0].tolist() == pytest.approx(losses, rel=1e-15, abs=0)
    assert row.loss[0] == pytest.approx(math.fsum(losses) / 4, rel=1e-15, abs=0)
    assert row.entropy[0] == pytest.approx(math.fsum(entropies) / 4, rel=1e-15, abs=0)
    assert row.kl[0] == pytest.approx((math.fsum(losses) - math.fsum(entropies)) / 4, rel=1e-14, abs=0)
    # Without the class at 0, and what it is of the mean.
    assert row.unfloored_loss[0] == pytest.approx((math.fsum(losses) - 0.875 * 10 * math.log(2)) / 4, rel=1e-15, abs=0)
    assert row.zero_share[0] == 0.875 / 4
    assert row.brier[0] == pytest.approx(0.1**2 + 0.2**2 + 1 + 0.5**2, rel=1e-14, abs=0)
    assert (row.correct.numerator[0], row.class_credit[:, 0].tolist()) == (4, [1.0, 1.0, 0.0, 0.0])


def test_smoothing_moves_a_share_to_all_classes():
    assert smoothed(np.array([[1.0], [0.0]]), 0.25).tolist() == [[0.875], [0.125]]
    assert smoothed(one_hot(np.array([2]), 4), 0.5)[:, 0].tolist() == [0.125, 0.125, 0.625, 0.125]


# --- types and sizes ------------------------------------------------------------------------------------------------------


def scored_in_every_way(p, y):
    """The scores of rows, p (k, n), by each function that scores."""
    t = one_hot(y, len(p))
    return [
        score_multiclass(p, y),
        score_binary(p[1], y == 1),
        score_surprisals(forecasts(p, "probs"), y, DEFAULT_EPS),
        score_soft(forecasts(p, "probs"), t, DEFAULT_EPS),
        score_labels(p, "probs", t, DEFAULT_EPS),
    ]


def test_what_is_counted_is_an_integer():
    for row in scored_in_every_way(PLANES, LABELS):
        credits = (row.correct, top_credit(PLANES, LABELS, 2, "fraction"), top_credit(PLANES, LABELS, 2, "first"))
        parts = [part for one in credits for part in (one.numerator, one.denominator)]
        assert {part.dtype.kind for part in (row.at_top, *parts)} <= set("iub")


def test_no_rows_have_scores_of_no_rows():
    for row in scored_in_every_way(PLANES[:, :0], LABELS[:0]):
        found = bits(row)
        assert {"loss", "brier", "correct"} <= {name for name, _ in found}
        assert all(part in ([], [[]], [[]] * 3) for parts in found.values() for part in parts)


# --- rankings -------------------------------------------------------------------------------------------------------------


def fraction_by_orders(p, y, size):
    """Witness: of all orders of the tied, how many have the true class among the first `size`."""
    orders = [order for order in itertools.permutations(range(len(p))) if sorted(order, key=lambda c: -p[c]) == list(order)]
    return Fraction(sum(y in order[:size] for order in orders), len(orders))


@pytest.mark.parametrize(
    "p", [[0.1, 0.2, 0.3, 0.4], [0.25] * 4, [0.4, 0.2, 0.2, 0.2], [0.3, 0.3, 0.3, 0.1], [0.5, 0.5, 0.0, 0.0]]
)
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_tie_at_the_edge_of_the_top_counts_the_orders_that_fit(p, size):
    planes, y = np.array([p] * 4).T, np.arange(4)
    assert earned(top_credit(planes, y, size, "fraction")) == [fraction_by_orders(p, label, size) for label in range(4)]
    # First of ties: the order of the classes.
    ranks = sorted(range(4), key=lambda c: (-p[c], c))
    assert earned(top_credit(planes, y, size, "first")) == [int(label in ranks[:size]) for label in range(4)]


def test_the_top_1_is_the_accuracy():
    assert earned(top_credit(PLANES, LABELS, 1, "fraction")) == earned(score_multiclass(PLANES, LABELS).correct)


# --- the same bits alone and among many -------------------------------------------------------------------------------------


def drawn(seed, k, scale):
    random = np.random.default_rng(seed)
    z = random.normal(size=(k, 300)) * 5
    if scale == "logits":
        return z
    p = np.exp(z)
    p /= p.sum(axis=0)
    p[:, :20] = np.eye(k)[:, np.arange(20) % k]
    with np.errstate(divide="ignore"):
        return np.log(p) if scale == "logprobs" else p


@pytest.mark.parametrize("scale", ["probs", "logits", "logprobs"])
@pytest.mark.parametrize("k", [1, 2, 3, 9, 33])
def test_other_rows_never_change_a_bit(scale, k):
    values = drawn(k, k, scale)
    if k == 1:
        values = np.minimum(values, 0.0) if scale == "logprobs" else values
    random = np.random.default_rng(k + 1)
    t = random.random((max(k, 2), 300)) ** 4
    t /= t.sum(axis=0)
    y = random.integers(0, max(k, 2), 300)
    flags = (random.random((k, 300)) < 0.3).astype(np.float64)

    def scored(rows):
        part = np.ascontiguousarray(values[:, rows])
        forecast = forecasts(part, scale, one_column=k == 1)
        return [
            score_surprisals(forecast, y[rows], 1e-12),
            score_soft(forecast, np.ascontiguousarray(t[:, rows]), 1e-12),
            score_labels(part, scale, np.ascontiguousarray(flags[:, rows]), 1e-12),
        ]

    whole = scored(slice(None))
    for start, size in ((0, 1), (5, 1), (17, 1), (100, 7), (3, 250)):
        rows = slice(start, start + size)
        assert [bits(one) for one in scored(rows)] == [bits(one, rows) for one in whole]
