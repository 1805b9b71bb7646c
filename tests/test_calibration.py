"""Calibration errors and the reliability table, against NumPy on the raw rows."""

import json
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

import celoss
from celoss.errors import UsageError

# No forecast of this grid shares a cell with another one: cells are at most 1/256 wide, and so are parts of 200.
GRID = np.arange(201) / 200
EXTREMES = [0.0, 1e-300, 1e-20, 2.0**-64, 1e-9, 0.5, 1 - 2.0**-53, 1.0, *(np.arange(16) / 15)]
few = settings(max_examples=60, deadline=None)


def equal_width(p, y, w=None, bins=15):
    """Σ_b |Σ w (y − p)| / Σ w over bins [b/B, (b + 1)/B), the last one closed."""
    p, y, w = np.asarray(p, float), np.asarray(y, float), np.ones(len(p)) if w is None else np.asarray(w, float)
    which = np.searchsorted(np.arange(1, bins) / bins, p, side="right")
    return math.fsum(abs(math.fsum((w * (y - p))[which == b])) for b in range(bins)) / math.fsum(w)


def equal_mass(p, y, w=None, bins=15):
    """[(p, y, w) of the rows of a bin]: all rows with one forecast are in the bin of the middle of their cumulative weight."""
    p, y, w = np.asarray(p, float), np.asarray(y, float), np.ones(len(p)) if w is None else np.asarray(w, float)
    groups = {}
    before, whole = Fraction(0), Fraction(float(w.sum()))
    for one in sorted({*p[w > 0].tolist()}):
        rows = (p == one) & (w > 0)
        weight = Fraction(float(w[rows].sum()))
        groups.setdefault(math.floor((before + weight / 2) / whole * bins), []).append(rows)
        before += weight
    unions = [np.logical_or.reduce(groups[number]) for number in sorted(groups)]
    return [(p[rows], y[rows], w[rows]) for rows in unions]


def error_of(bins):
    return math.fsum(abs(math.fsum(w * (y - p))) for p, y, w in bins) / math.fsum(w.sum() for _, _, w in bins)


def debiased(bins):
    """Kumar, Liang, Ma 2019: Σ_b w_b ((o − c)² − o (1 − o) / (m − 1)), m by Kish where rows have weights."""
    terms = []
    for p, y, w in bins:
        observed, mean = np.average(y, weights=w), np.average(p, weights=w)
        m = w.sum() ** 2 / (w**2).sum()
        terms.append(w.sum() * ((observed - mean) ** 2 - (observed * (1 - observed) / (m - 1) if m > 1 else 0)))
    return math.sqrt(max(0.0, math.fsum(terms) / math.fsum(w.sum() for _, _, w in bins)))


def of(p, y, **options):
    """The calibration of P(1)."""
    found = celoss.evaluate(np.asarray(p, float), np.asarray(y), task="binary", classes=["0", "1"], **options)
    return found.calibration


def drawn(seed, n=400, k=2):
    random = np.random.default_rng(seed)
    p = random.dirichlet(np.full(k, 0.4), n)
    y = (p.cumsum(axis=1)[:, :-1] < random.random((n, 1))).sum(axis=1)
    return p, y, random


probabilities = st.sampled_from(EXTREMES) | st.floats(0, 1)
rows_of = st.lists(st.tuples(probabilities, st.booleans()), min_size=1, max_size=40)


@given(rows_of, st.sampled_from([1, 2, 10, 15, 1000]))
@example([(one, bool(number % 2)) for number, one in enumerate(EXTREMES)], 15)
@example([(one / 1000, False) for one in range(1001)], 1000)
@few
def test_bins_of_equal_width_are_those_of_the_raw_rows(rows, bins):
    p, y = zip(*rows, strict=True)
    assert of(p, np.array(y, int), bins=bins).ece_equal_width == pytest.approx(equal_width(p, y, bins=bins), abs=1e-9)


@given(
    st.lists(
        st.tuples(st.sampled_from(GRID.tolist()), st.booleans(), st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0])),
        min_size=1,
        max_size=60,
    ),
    st.sampled_from([1, 2, 10, 15, 1000]),
)
@few
def test_bins_of_equal_mass_are_exact_where_each_forecast_has_a_cell(rows, bins):
    p, y, w = (np.array(one, float) for one in zip(*rows, strict=True))
    w[0] = 1.0
    found = of(p, y.astype(int), weights=w, bins=bins)
    expected = equal_mass(p, y, w, bins)
    assert found.ece == pytest.approx(error_of(expected), abs=1e-9)
    assert found.l2_debiased**2 == pytest.approx(debiased(expected) ** 2, abs=1e-9)
    assert [one.rows for one in found.table] == [len(one[0]) for one in expected]
    for mine, (forecasts, labels, weights) in zip(found.table, expected, strict=True):
        assert mine.weight == weights.sum()
        assert mine.mean_forecast == pytest.approx(np.average(forecasts, weights=weights), abs=1e-9)
        assert mine.observed == pytest.approx(np.average(labels, weights=weights), rel=1e-14)
        assert (mine.low, mine.high) == pytest.approx((forecasts.min(), forecasts.max()), abs=1e-9)


@pytest.mark.parametrize("n", [10, 400, 5000])
@pytest.mark.parametrize("seed", range(3))
def test_bins_of_random_forecasts_have_equally_many_rows_but_for_a_cell(seed, n):
    """Forecasts that share a cell differ by less than 1/128, and so does the mean forecast of any assignment to bins."""
    p, y, _ = drawn(seed, n)
    found = of(p[:, 1], y)
    assert sum(one.rows for one in found.table) == n
    largest_cell = np.bincount(
        np.round(np.log2(np.maximum(np.minimum(p[:, 1], p[:, 0]), 1e-18)) * 128).astype(int) + 10_000
    ).max()
    assert max(one.rows for one in found.table) <= n / 15 + 1 + 2 * largest_cell
    assert found.ece == pytest.approx(error_of(equal_mass(p[:, 1], y)), abs=2.0**-7)


@pytest.mark.parametrize(("bins", "expected"), [(1, 1), (2, 2), (10, 10), (1000, 10)])
def test_ten_rows_have_at_most_ten_bins(bins, expected):
    found = of(np.arange(10) / 10, [0, 1] * 5, bins=bins)
    assert len(found.table) == expected
    assert found.bins == bins
    assert sum(one.rows for one in found.table) == 10


def test_equal_forecasts_are_never_split():
    """Of 1000 equal ones and 10 others no bin has a part, however many bins there are."""
    p = np.concatenate([np.full(1000, 0.3), np.linspace(0.5, 0.9, 10)])
    found = of(p, np.arange(1010) % 2, bins=100)
    assert found.table[0].rows == 1000
    assert found.table[0].mean_forecast == pytest.approx(0.3, abs=1e-9)
    assert found.table[0].interval.method == "wilson"


def test_one_forecast_for_all_has_the_error_of_its_mean():
    found = of(np.full(8, 0.5), [1, 1, 1, 1, 1, 1, 0, 0])
    assert (found.ece, found.ece_equal_width) == (0.25, 0.25)
    # o = 3/4: (1/4)² − (3/16) / 7.
    assert found.l2_debiased == pytest.approx(math.sqrt(1 / 16 - 3 / 112), rel=1e-14)
    (only,) = found.table
    assert (only.low, only.high, only.mean_forecast, only.observed, only.rows, only.weight) == (0.5, 0.5, 0.5, 0.75, 8, 8.0)


def test_where_chance_explains_more_than_there_is_the_debiased_error_is_0():
    assert of([0.5] * 8, [0, 1] * 4).l2_debiased == 0.0


def test_the_bars_of_the_reliability_table_are_wilson_intervals():
    p, y, _ = drawn(5, 2000)
    for one in of(p[:, 1], y, confidence=0.9).table:
        expected = stats.binomtest(round(one.observed * one.rows), one.rows).proportion_ci(0.9, method="wilson")
        assert (one.interval.low, one.interval.high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("positive", ["cat", "dog"])
def test_of_two_classes_the_forecasts_are_those_of_the_positive_one(positive):
    p, y, _ = drawn(1)
    names = np.array(["cat", "dog"])
    frame = pd.DataFrame(p, columns=names)
    at = names.tolist().index(positive)
    found = celoss.evaluate(frame, names[y].tolist(), positive=positive).calibration
    assert found.of == "positive class"
    assert found.ece_equal_width == pytest.approx(equal_width(p[:, at], y == at), abs=1e-9)
    one_column = celoss.evaluate(frame[[positive]], names[y].tolist(), positive=positive).calibration
    assert one_column.ece_equal_width == pytest.approx(equal_width(p[:, at], y == at), abs=1e-9)


@pytest.mark.parametrize("one", [True, False])
def test_logits_are_forecasts_by_their_probabilities(one):
    z = np.random.default_rng(2).normal(scale=4, size=(500, 2))
    y = np.random.default_rng(3).integers(0, 2, 500)
    p = 1 / (1 + np.exp(z[:, 0] - z[:, 1]))
    found = celoss.evaluate(z[:, 1] - z[:, 0] if one else z, y, scale="logits").calibration
    assert found.ece_equal_width == pytest.approx(equal_width(p, y), abs=1e-9)


def test_of_more_classes_the_forecasts_are_the_largest_and_ties_share_the_row():
    p = np.array([[0.5, 0.25, 0.25], [0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.1, 0.1, 0.8], *[[1 / 3, 1 / 3, 1 / 3]] * 2])
    y = [0, 1, 0, 2, 2, 0]
    right = np.array([1, 1 / 2, 0, 1, 1 / 3, 1 / 3])
    found = celoss.evaluate(p, y).calibration
    assert found.of == "top class"
    assert found.ece_equal_width == pytest.approx(equal_width(p.max(axis=1), right), abs=1e-9)
    assert found.ece == pytest.approx(error_of(equal_mass(p.max(axis=1), right)), abs=1e-9)
    assert sum(one.observed * one.weight for one in found.table) == pytest.approx(right.sum(), rel=1e-14)


def test_of_tied_classes_the_first_has_the_row_where_it_is_asked_for():
    p, y = [[0.4, 0.4, 0.2], [0.4, 0.4, 0.2], [0.2, 0.4, 0.4]], [0, 1, 1]
    found = celoss.evaluate(p, y, ties="first").calibration
    assert found.ece_equal_width == pytest.approx(equal_width([0.4] * 3, [1, 0, 1]), abs=1e-9)


def test_of_label_shares_the_top_class_has_its_share_and_tied_ones_their_mean():
    p = np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.1, 0.1, 0.8]])
    t = np.array([[0.7, 0.2, 0.1], [0.5, 0.1, 0.4], [0.25, 0.5, 0.25]])
    right = [0.7, 0.3, 0.25]
    found = celoss.evaluate(p, t).calibration
    assert found.of == "top class"
    assert found.ece_equal_width == pytest.approx(equal_width(p.max(axis=1), right), abs=1e-9)


def test_of_shares_of_two_classes_that_of_the_second_comes_true():
    p, _, random = drawn(4, 300)
    t = random.random(300)
    found = celoss.evaluate(p, np.column_stack([1 - t, t]), task="soft").calibration
    assert found.of == "positive class"
    assert found.ece_equal_width == pytest.approx(equal_width(p[:, 1], t), abs=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_independent_labels_are_pooled(weighted):
    random = np.random.default_rng(6)
    p, t = random.random((200, 3)), random.integers(0, 2, (200, 3))
    w = random.integers(0, 4, 200) if weighted else None
    found = celoss.evaluate(p, t, task="multilabel", weights=w).calibration
    every = None if w is None else np.repeat(w, 3)
    assert found.of == "labels"
    assert found.ece_equal_width == pytest.approx(equal_width(p.ravel(), t.ravel(), every), abs=1e-9)
    assert sum(one.rows for one in found.table) == 3 * (200 if w is None else (w > 0).sum())


@pytest.mark.parametrize("k", [2, 4])
def test_a_weight_of_2_is_the_row_twice_and_one_of_0_no_row(k):
    p, y, random = drawn(7, 500, k)
    w = random.integers(0, 4, 500)
    weighted = celoss.evaluate(p, y, weights=w).calibration
    repeated = celoss.evaluate(np.repeat(p, w, axis=0), np.repeat(y, w)).calibration
    assert weighted.ece == pytest.approx(repeated.ece, abs=1e-9)
    assert weighted.ece_equal_width == pytest.approx(repeated.ece_equal_width, abs=1e-9)
    without = celoss.evaluate(p[w > 0], y[w > 0], weights=w[w > 0]).calibration
    assert weighted == without


def test_weights_may_have_any_size():
    p, y, random = drawn(8)
    w = random.integers(1, 4, 400)
    for factor in (2.0**-190, 2.0**190):
        assert of(p[:, 1], y, weights=w * factor).ece == of(p[:, 1], y, weights=w).ece


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_neither_order_nor_batches_nor_threads_change_a_bit(k, weighted):
    p, y, random = drawn(9, 3000, k)
    p[:300] = np.round(p[:300], 1)
    p[:300] /= p[:300].sum(axis=1, keepdims=True)
    w = random.random(3000) if weighted else np.full(3000, 1.0)
    order = random.permutation(3000)
    found = celoss.evaluate(p, y, weights=w if weighted else None)
    weights = w[order] if weighted else None
    for batch_rows, threads in ((37, 3), (3000, 1), (1000, 2)):
        other = celoss.evaluate(p[order], y[order], weights=weights, batch_rows=batch_rows, threads=threads)
        assert other.calibration == found.calibration
        assert other.tail == found.tail
        assert other.intervals == found.intervals


@pytest.mark.parametrize("given", ["balanced", {"0": 2.0}])
def test_under_class_weights_there_is_none(given):
    p, y, _ = drawn(10)
    found = celoss.evaluate(p, y, class_weights=given)
    assert found.calibration is None
    assert found.metrics["ece"] is None
    read = json.loads(found.to_json())
    assert (read["calibration"], read["metrics"]["ece"], read["tail"]) == (None, None, None)


def test_the_error_is_a_metric():
    p, y, _ = drawn(11)
    found = celoss.evaluate(p, y)
    assert found.metrics["ece"] == found.calibration.ece
    assert "ece" not in found.intervals


def test_the_floor_changes_no_forecast():
    found = of([0.0, 0.0, 1.0, 1.0], [0, 1, 1, 1], eps=0.1)
    assert found.ece_equal_width == pytest.approx(0.25, abs=1e-12)


@pytest.mark.parametrize("bins", [0, 1001, 1.5, -3])
def test_other_numbers_of_bins_are_refused(bins):
    with pytest.raises(UsageError, match="--bins cannot be"):
        of([0.1, 0.9], [0, 1], bins=bins)


@pytest.mark.parametrize("scale", ["logits", "logprobs"])
def test_forecasts_next_to_0_and_1_are_in_the_outer_bins(scale):
    z = np.array([[800.0, -800.0], [-40.0, 40.0], [0.0, 36.7], [710.0, 0.0], [0.0, 0.0]])
    logprobs = z - np.logaddexp(z[:, 0], z[:, 1])[:, None]
    found = celoss.evaluate(z if scale == "logits" else logprobs, [0, 1, 1, 1, 0], scale=scale, bins=1000).calibration
    # One of five is wrong, and certain; the one of 0.5 is half off.
    assert found.ece_equal_width == pytest.approx((1 + 0.5) / 5, abs=1e-9)
    assert sum(one.rows for one in found.table) == 5
