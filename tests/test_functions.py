"""Entropy, cross-entropy and divergence of arrays: text-book values, their laws, and every error by its text."""

import doctest
import math

import numpy as np
import pandas as pd
import pytest

import celoss.functions
from celoss.errors import CelossError
from celoss.functions import cross_entropy, entropy, kl_divergence

RANDOM = np.random.default_rng(3)


def distributions(n, k, power=1):
    p = RANDOM.random((n, k)) ** power
    return p / p.sum(axis=1, keepdims=True)


def test_the_examples_of_the_docstrings_print_what_they_say():
    assert doctest.testmod(celoss.functions) == (0, 9)


# --- values ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "bits"),
    [
        ([0.5, 0.5], 1.0),
        ([0.5, 0.25, 0.125, 0.125], 1.75),  # Cover, Thomas 2006, Elements of Information Theory, example 2.1.2
        ([1 / 8] * 8, 3.0),
        ([1.0, 0.0], 0.0),
        ([0.9, 0.1], -(0.9 * math.log2(0.9) + 0.1 * math.log2(0.1))),
    ],
)
def test_entropy(p, bits):
    assert entropy(p, base=2) == pytest.approx(bits, rel=1e-15)


def test_a_certain_class_has_plain_zero_entropy():
    assert str(entropy([1.0, 0.0])) == "0.0"


@pytest.mark.parametrize("k", [2, 3, 10, 1000])
def test_equal_classes_have_the_entropy_log_k(k):
    assert entropy([1 / k] * k) == pytest.approx(math.log(k), rel=1e-13)


def test_kl_divergence_in_both_directions():
    """Cover, Thomas 2006, example 2.3.1 with r = 1/2, s = 1/4: 0.2075 and 0.1887 bits."""
    p, q = [0.5, 0.5], [0.75, 0.25]
    assert kl_divergence(p, q, base=2) == pytest.approx(1 - math.log2(3) / 2, rel=1e-14)
    assert kl_divergence(q, p, base=2) == pytest.approx(0.75 * math.log2(3) - 1, rel=1e-14)


def test_cross_entropy():
    t, p = [0.2, 0.3, 0.5], [0.1, 0.6, 0.3]
    expected = -(0.2 * math.log(0.1) + 0.3 * math.log(0.6) + 0.5 * math.log(0.3))
    assert cross_entropy(t, p) == pytest.approx(expected, rel=1e-15)


def test_cross_entropy_with_one_1_is_the_log_loss():
    assert cross_entropy([0, 1, 0], [0.2, 0.7, 0.1]) == pytest.approx(-math.log(0.7), rel=1e-15)
    assert kl_divergence([0, 1, 0], [0.2, 0.7, 0.1]) == cross_entropy([0, 1, 0], [0.2, 0.7, 0.1])


@pytest.mark.parametrize("function", [cross_entropy, kl_divergence])
def test_a_forecast_is_floored_at_eps_and_0_log_0_is_0(function):
    assert function([1.0, 0.0], [0.0, 1.0]) == pytest.approx(52 * math.log(2), rel=1e-15)
    assert function([1.0, 0.0], [0.0, 1.0], eps=1e-7) == pytest.approx(-math.log(1e-7), rel=1e-15)
    assert function([1.0, 0.0], [0.0, 1.0], eps=0) == math.inf
    assert function([1.0, 0.0], [1.0, 0.0], eps=0) == 0.0


def test_a_forecast_that_hardly_exists_is_not_infinite():
    assert kl_divergence([1.0, 0.0], [1e-320, 1.0], eps=0) == pytest.approx(-math.log(1e-320), rel=1e-15)


# --- laws ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 17])
@pytest.mark.parametrize("power", [1, 20])
def test_cross_entropy_is_entropy_plus_divergence(k, power):
    t, p = distributions(200, k, power), distributions(200, k, power)
    assert cross_entropy(t, p) == pytest.approx(entropy(t) + kl_divergence(t, p), rel=1e-13)


@pytest.mark.parametrize("k", [2, 3, 17])
def test_divergence_is_not_negative(k):
    t = distributions(500, k)
    near = t * (1 + 1e-6 * RANDOM.random(t.shape))
    near /= near.sum(axis=1, keepdims=True)
    for p in (distributions(500, k), near):
        assert kl_divergence(t, p).min() >= -1e-15


@pytest.mark.parametrize("k", [2, 3, 17])
def test_a_distribution_does_not_diverge_from_itself(k):
    p = distributions(500, k)
    p[::7] = np.eye(k)[0]
    assert kl_divergence(p, p).tolist() == [0.0] * 500


@pytest.mark.parametrize(("base", "nats"), [(2, math.log(2)), ("2", math.log(2)), (10, math.log(10)), ("10", math.log(10))])
def test_another_base_is_another_unit(base, nats):
    t, p = distributions(50, 4), distributions(50, 4)
    assert entropy(p, base=base) * nats == pytest.approx(entropy(p), rel=1e-15)
    assert cross_entropy(t, p, base=base) * nats == pytest.approx(cross_entropy(t, p), rel=1e-15)
    assert kl_divergence(t, p, base=base) * nats == pytest.approx(kl_divergence(t, p), rel=1e-15)


@pytest.mark.parametrize("k", [2, 9, 33])
def test_a_row_has_the_same_bits_alone_and_among_many(k):
    t, p = distributions(300, k), distributions(300, k)
    for function in (cross_entropy, kl_divergence):
        whole = function(t, p).tolist()
        assert [function(t[i], p[i]) for i in range(300)] == whole
        assert [float(function(t[i : i + 1], p[i : i + 1])[0]) for i in range(300)] == whole
    assert [entropy(row) for row in p] == entropy(p).tolist()


# --- shapes ----------------------------------------------------------------------------------------------------------------


def test_one_distribution_gives_a_float_and_rows_give_an_array():
    assert type(entropy([0.5, 0.5])) is type(cross_entropy([0.5, 0.5], [0.5, 0.5])) is float
    assert entropy([[0.5, 0.5]] * 3).shape == cross_entropy([[0.5, 0.5]] * 3, [[0.5, 0.5]] * 3).shape == (3,)
    assert entropy(np.zeros((0, 3))).shape == (0,)


def test_entropy_takes_the_classes_from_any_axis():
    p = distributions(6, 4).reshape(2, 3, 4)
    assert entropy(p).shape == (2, 3)
    assert entropy(p)[1, 2] == entropy(p[1, 2])
    assert entropy(np.moveaxis(p, -1, 0), axis=0).tolist() == entropy(p).tolist()


def test_frames_integers_and_float32_are_taken():
    frame = pd.DataFrame({"cat": [0.5, 1.0], "dog": [0.5, 0.0]}, index=["a", "b"])
    assert entropy(frame, base=2).tolist() == [1.0, 0.0]
    assert cross_entropy(np.array([[1, 0], [0, 1]]), frame.astype("float32"), eps=0.25, base=2).tolist() == [1.0, 2.0]


# --- errors ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (
            [[0.5, 0.5], [0.5, 0.6], [0.7, 0.7]],
            "error[E504]: 2 rows do not sum to 1\n  --> argument p, row 2\n  = found a sum of 1.1; expected 1 within 0.001",
        ),
        (
            [0.5, 0.25],
            "error[E504]: 1 row does not sum to 1\n  --> argument p\n  = found a sum of 0.75; expected 1 within 0.001",
        ),
        ([], "error[E504]: 1 row does not sum to 1\n  --> argument p\n  = found a sum of 0.0; expected 1 within 0.001"),
        (
            [[0.5, 0.5], [1.5, -0.5]],
            "error[E503]: 2 probabilities are outside 0 to 1\n  --> argument p, row 2\n  = found 1.5",
        ),
        ([math.inf, 0.0], "error[E503]: 1 probability is outside 0 to 1\n  --> argument p\n  = found inf"),
        (
            [[0.5, 0.5], [0.5, 0.5], [0.5, None]],
            "error[E502]: 1 probability is missing\n  --> argument p, row 3\n  = found nan",
        ),
        (0.5, "error[E209]: p is a single number\n  = help: give one probability per class"),
    ],
)
def test_what_is_no_distribution_is_an_error(p, text):
    with pytest.raises(CelossError) as caught:
        entropy(p)
    assert str(caught.value) == text


def test_a_sum_that_is_off_by_less_than_a_thousandth_is_scored_as_it_is():
    assert entropy([0.5, 0.4991]) == pytest.approx(-0.5 * math.log(0.5) - 0.4991 * math.log(0.4991), rel=1e-15)


@pytest.mark.parametrize("function", [cross_entropy, kl_divergence])
def test_the_label_is_checked_like_the_forecast(function):
    with pytest.raises(CelossError, match="argument t, row 2"):
        function([[1.0, 0.0], [1.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]])
    with pytest.raises(CelossError, match="argument p, row 1"):
        function([[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.6], [0.5, 0.5]])


@pytest.mark.parametrize("function", [cross_entropy, kl_divergence])
def test_label_and_forecast_have_one_shape(function):
    with pytest.raises(CelossError) as caught:
        function([0.5, 0.5], [[0.5, 0.5]])
    assert str(caught.value) == (
        "error[E209]: t has the shape (2,) and p the shape (1, 2)\n"
        "  = help: give both one row per case: (rows, classes), or (classes,) for one"
    )


def test_other_bases_and_floors_are_refused():
    with pytest.raises(ValueError, match=r'^base is "e", 2 or 10, not 3$'):
        entropy([0.5, 0.5], base=3)
    with pytest.raises(ValueError, match=r"^eps is a probability, 0 to 1, not -0\.1$"):
        cross_entropy([0.5, 0.5], [0.5, 0.5], eps=-0.1)
