"""The interval of each metric, against SciPy and formulas on the raw rows."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import celoss
from celoss.errors import UsageError

HALL, WILSON = 1e-6, 1e-9


def hall(values, confidence=0.95):
    """P. Hall 1992, from the mean, SciPy's standard error and skewness; no bound below 0."""
    values = np.asarray(values, float)
    return _hall(values.mean(), stats.sem(values), stats.skew(values), len(values), confidence)


def _hall(mean, error, skewness, n, confidence):
    t, c = stats.t.ppf(0.5 + confidence / 2, n - 1), skewness / math.sqrt(n)

    def inverse(x):
        return 3 / c * (np.cbrt(1 + c * (x - c / 6)) - 1)

    return max(0.0, mean - error * inverse(t)), max(0.0, mean - error * inverse(-t))


def hall_of_ratio(values, weights, confidence=0.95):
    """The same for Σ w x / Σ w, of what the rows contribute: u = w (x − m)."""
    values, weights = np.asarray(values, float), np.asarray(weights, float)
    n, mean = len(values), np.average(values, weights=weights)
    u = weights * (values - mean)
    error = math.sqrt(n / (n - 1) * np.sum(u**2)) / weights.sum()
    return _hall(mean, error, np.mean(u**3) / np.mean(u**2) ** 1.5, n, confidence)


def wilson(right, n, confidence=0.95):
    found = stats.binomtest(right, n).proportion_ci(confidence, method="wilson")
    return found.low, found.high


def wilson_of(share, n, confidence=0.95, degrees=None):
    """E. B. Wilson 1927, with any n, and with the quantile of t where n is an estimate."""
    z = stats.norm.ppf(0.5 + confidence / 2) if degrees is None else stats.t.ppf(0.5 + confidence / 2, degrees)
    root = math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return tuple((share + z**2 / (2 * n) + sign * z * root) / (1 + z**2 / n) for sign in (-1, 1))


def drawn(seed=0, n=300, k=3):
    random = np.random.default_rng(seed)
    p = random.dirichlet(np.full(k, 0.7), n)
    y = (p.cumsum(axis=1)[:, :-1] < random.random((n, 1))).sum(axis=1)
    return p, y, -np.log(p[np.arange(n), y]), random


def one_hot(y, k):
    return np.eye(k)[y]


def about(bounds, rel=HALL):
    return pytest.approx(bounds, rel=rel)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("n", [3, 50, 3000])
def test_the_log_loss_has_halls_interval(n, confidence):
    p, y, losses, _ = drawn(n, n)
    found = celoss.evaluate(p, y, confidence=confidence, classes=["0", "1", "2"])
    assert found.interval("log_loss") == about(hall(losses, confidence))
    assert found.interval("kl_divergence") == found.interval("log_loss")
    assert found.intervals["log_loss"].method == "hall"
    assert found.confidence == confidence


@pytest.mark.parametrize(("k", "half"), [(2, 2), (3, 1)])
def test_brier_has_halls_interval(k, half):
    p, y, _, _ = drawn(1, k=k)
    sums = ((p - one_hot(y, k)) ** 2).sum(axis=1)
    found = celoss.evaluate(p, y)
    assert found.interval("brier_sum") == about(hall(sums))
    assert found.interval("brier") == about(hall(sums / half))


def test_of_label_shares_divergence_and_entropy_have_halls_interval():
    p, _, _, random = drawn(2)
    t = random.dirichlet(np.ones(3), 300)
    entropy = -(t * np.log(t)).sum(axis=1)
    losses = -(t * np.log(p)).sum(axis=1)
    found = celoss.evaluate(p, t)
    assert found.interval("log_loss") == about(hall(losses))
    assert found.interval("label_entropy") == about(hall(entropy))
    assert found.interval("kl_divergence") == about(hall(losses - entropy))
    assert "skill" not in found.intervals


@pytest.mark.parametrize(("k", "ks"), [(2, ()), (5, (1, 2, 3))])
def test_accuracies_have_wilsons_interval(k, ks):
    p, y, _, _ = drawn(3, k=k)
    found = celoss.evaluate(p, y, top_k=ks)
    rank = (p > p[np.arange(300), y][:, None]).sum(axis=1)
    for name, size in (("accuracy", 1), *((f"top_{size}_accuracy", size) for size in ks)):
        assert found.interval(name) == about(wilson(int((rank < size).sum()), 300), WILSON)
        assert found.intervals[name].method == "wilson"


def test_the_credit_of_ties_is_a_share_as_any():
    """Rows: right, wrong, half right."""
    found = celoss.evaluate([[0.9, 0.1], [0.9, 0.1], [0.5, 0.5]], [0, 1, 1])
    assert found.interval("accuracy") == about(wilson_of(0.5, 3), WILSON)


def test_all_right_is_bounded_by_1_and_all_wrong_by_0():
    p = np.array([[0.9, 0.1]] * 20)
    assert celoss.evaluate(p, [0] * 20).interval("accuracy") == about(wilson(20, 20), WILSON)
    assert celoss.evaluate(p, [1] * 20, classes=["0", "1"]).interval("accuracy") == pytest.approx(wilson(0, 20), abs=1e-12)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 3])
def test_skill_has_the_interval_of_a_ratio(k, weighted, confidence):
    """The influence of a row is w (l − R h) / Σ w h, h being −ln of the share of its class, R = 1 − skill."""
    p, y, losses, random = drawn(4, k=k)
    w = random.exponential(size=300) if weighted else np.ones(300)
    h = -np.log(np.bincount(y, w) / w.sum())[y]
    ratio = np.sum(w * losses) / np.sum(w * h)
    error = math.sqrt(300 / 299 * np.sum((w * (losses - ratio * h)) ** 2)) / np.sum(w * h)
    t = stats.t.ppf(0.5 + confidence / 2, 299)
    found = celoss.evaluate(p, y, weights=w if weighted else None, confidence=confidence)
    assert found.metrics["skill"] == pytest.approx(1 - ratio, rel=1e-12)
    assert found.standard_errors["skill"] == pytest.approx(error, rel=1e-10)
    assert found.interval("skill") == about((1 - ratio - t * error, 1 - ratio + t * error), 1e-9)
    assert found.intervals["skill"].method == "ratio"


def test_skill_is_at_most_1():
    found = celoss.evaluate([0.99, 0.999, 0.2, 0.001], [1, 1, 0, 0], confidence=0.999)
    assert found.intervals["skill"].high == 1.0


def test_one_class_has_no_interval_of_skill():
    found = celoss.evaluate([0.9, 0.8, 0.7], [1, 1, 1])
    assert "skill" not in found.intervals
    assert found.standard_errors["skill"] is None


def test_smoothed_labels_have_no_interval_of_skill_and_their_own_of_the_loss():
    p, y, _, _ = drawn(5)
    t = 0.9 * one_hot(y, 3) + 0.1 / 3
    found = celoss.evaluate(p, y, smoothing=0.1)
    assert found.interval("log_loss") == about(hall(-(t * np.log(p)).sum(axis=1)))
    assert "skill" not in found.intervals


@pytest.mark.parametrize("scaled", [1.0, 2.0**-150, 1e50])
def test_weighted_means_have_the_interval_of_a_ratio_estimator(scaled):
    p, y, losses, random = drawn(6)
    w = random.exponential(size=300)
    found = celoss.evaluate(p, y, weights=w * scaled)
    assert found.interval("log_loss") == about(hall_of_ratio(losses, w), 1e-5)
    assert found.interval("brier") == about(hall_of_ratio(((p - one_hot(y, 3)) ** 2).sum(axis=1), w), 1e-5)
    effective = w.sum() ** 2 / (w**2).sum()
    right = np.average(p.argmax(axis=1) == y, weights=w)
    assert found.interval("accuracy") == about(wilson_of(right, effective), WILSON)


def test_equal_weights_are_none():
    p, y, _, _ = drawn(7)
    weighted, plain = celoss.evaluate(p, y, weights=np.full(300, 0.3)), celoss.evaluate(p, y)
    for name in plain.intervals:
        assert weighted.interval(name) == about(plain.interval(name))


def test_a_row_without_weight_is_no_row():
    p, y, _, random = drawn(8)
    w = random.integers(0, 3, 300).astype(float)
    found, without = celoss.evaluate(p, y, weights=w), celoss.evaluate(p[w > 0], y[w > 0], weights=w[w > 0])
    assert found.intervals == without.intervals
    assert found.standard_errors == without.standard_errors


@pytest.mark.parametrize("given", ["balanced", {"0": 2.0, "1": 0.5}, {"0": 0.0}])
@pytest.mark.parametrize("weighted", [False, True])
def test_class_weights_are_weights_of_rows(given, weighted):
    p, y, losses, random = drawn(9)
    w = random.exponential(size=300) if weighted else np.ones(300)
    of_class = 1 / np.bincount(y, w) if given == "balanced" else np.array([given.get(str(one), 1.0) for one in range(3)])
    every = w * of_class[y]
    some = every > 0
    found = celoss.evaluate(p, y, class_weights=given, weights=w if weighted else None)
    assert found.interval("log_loss") == about(hall_of_ratio(losses[some], every[some]), 1e-5)
    brier = ((p - one_hot(y, 3)) ** 2).sum(axis=1)
    assert found.interval("brier") == about(hall_of_ratio(brier[some], every[some]), 1e-5)
    right = np.average(p.argmax(axis=1) == y, weights=every)
    assert found.interval("accuracy") == about(wilson_of(right, every.sum() ** 2 / (every**2).sum()), WILSON)


@pytest.mark.parametrize(("options", "factor"), [({"base": "2"}, 1 / math.log(2)), ({"base": "10"}, 1 / math.log(10))])
def test_bounds_of_losses_have_the_unit_of_the_report(options, factor):
    p, y, losses, _ = drawn(10)
    low, high = hall(losses)
    found = celoss.evaluate(p, y, **options)
    assert found.interval("log_loss") == about((low * factor, high * factor))
    assert found.interval("brier") == celoss.evaluate(p, y).interval("brier")
    assert found.interval("skill") == about(celoss.evaluate(p, y).interval("skill"), 1e-14)


def of_labels(seed=11, n=300, k=4, **options):
    random = np.random.default_rng(seed)
    p = random.random((n, k))
    t = (random.random((n, k)) < p).astype(int)
    return p, t, celoss.evaluate(p, t, task="multilabel", **options)


def test_of_independent_labels_means_are_over_rows():
    p, t, found = of_labels()
    losses = -np.log(np.where(t == 1, p, 1 - p))
    assert found.interval("log_loss") == about(hall(losses.mean(axis=1)))
    assert found.interval("brier") == about(hall(((p - t) ** 2).mean(axis=1)))
    _, _, summed = of_labels(reduce_labels="sum", base="2")
    assert summed.interval("log_loss") == about(hall(losses.sum(axis=1) / math.log(2)))


def test_of_independent_labels_the_accuracy_has_as_many_rows_as_its_variance_tells():
    """At most all labels: four for each row; of labels that are always right together one."""
    p, t, found = of_labels(12)
    right = (p > 0.5) == (t == 1)
    share, error = right.mean(), stats.sem(right.mean(axis=1))
    n = share * (1 - share) / error**2
    assert found.interval("accuracy") == about(wilson_of(share, min(n, 1200), degrees=299), WILSON)
    assert n > 600
    together = np.repeat(p[:, :1], 4, axis=1), np.repeat(t[:, :1], 4, axis=1)
    same = celoss.evaluate(*together, task="multilabel")
    # Of 300 rows with one label each share (1 − share) / error² is 299.
    assert same.interval("accuracy") == about(wilson_of(right[:, 0].mean(), 299, degrees=299), WILSON)


def test_rows_that_are_all_alike_count_as_rows_and_not_as_labels():
    """In each row one of two labels is right: the variance of 0 tells nothing."""
    found = celoss.evaluate(np.full((10, 2), 0.9), np.array([[0, 1], [1, 0]] * 5), task="multilabel")
    assert found.interval("accuracy") == about(wilson_of(0.5, 10, degrees=9), WILSON)


def test_where_a_loss_is_infinite_so_is_the_upper_bound():
    p = np.array([0.0, 0.5, 0.25, 0.8, 0.9])
    found = celoss.evaluate(p, [1] * 5, eps=0)
    finite = [0.0, *-np.log(p[1:])]
    assert found.log_loss == math.inf
    assert found.interval("log_loss") == (pytest.approx(hall(finite)[0], rel=HALL), math.inf)
    exact = stats.binomtest(1, 5).proportion_ci(0.95, method="exact")
    assert found.interval("infinite_rate") == pytest.approx((exact.low, exact.high), rel=1e-9)
    assert found.intervals["infinite_rate"].method == "clopper-pearson"
    assert math.isfinite(found.intervals["brier"].high)
    read = json.loads(found.to_json())
    assert read["intervals"]["log_loss"]["high"] is None
    assert read["non_finite"]["/intervals/log_loss/high"] == "Infinity"
    assert "infinite_rate" not in read["metrics"]


def test_all_losses_can_be_infinite():
    found = celoss.evaluate([0.0, 0.0], [1, 1], eps=0)
    assert found.interval("log_loss") == (0.0, math.inf)
    exact = stats.binomtest(2, 2).proportion_ci(0.95, method="exact")
    assert found.interval("infinite_rate") == pytest.approx((exact.low, exact.high), rel=1e-9)


def test_the_rate_of_infinite_losses_is_of_rows_with_a_weight():
    found = celoss.evaluate([0.0, 0.0, 0.5, 0.5, 0.5], [1] * 5, weights=[1, 0, 0, 2, 3], eps=0)
    exact = stats.binomtest(1, 3).proportion_ci(0.95, method="exact")
    assert found.interval("infinite_rate") == pytest.approx((exact.low, exact.high), rel=1e-9)
    p = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    without = celoss.evaluate(p, [1, 1, 0], class_weights={"0": 0.0}, eps=0)
    exact = stats.binomtest(1, 2).proportion_ci(0.95, method="exact")
    assert without.interval("infinite_rate") == pytest.approx((exact.low, exact.high), rel=1e-9)


def test_finite_losses_have_no_rate_of_infinite_ones():
    assert "infinite_rate" not in celoss.evaluate([0.5, 0.4], [1, 0]).intervals


def test_one_row_has_only_the_interval_of_its_accuracy():
    found = celoss.evaluate([0.9], [1])
    assert set(found.intervals) == {"accuracy"}
    assert found.interval("accuracy") == about(wilson(1, 1), WILSON)
    assert found.interval("log_loss") is None
    assert found.standard_errors["log_loss"] is None


def test_one_row_with_weight_among_others_is_one_row():
    assert set(celoss.evaluate([0.9, 0.5], [1, 0], weights=[2, 0]).intervals) == {"accuracy"}


def test_two_rows_have_students_interval():
    """Two values have no skewness."""
    losses = -np.log([0.9, 0.5])
    half = stats.t.ppf(0.975, 1) * stats.sem(losses)
    assert celoss.evaluate([0.9, 0.5], [1, 1]).interval("log_loss") == about((0.0, losses.mean() + half))


def test_equal_losses_have_an_interval_of_no_width():
    loss = -math.log(0.8)
    assert celoss.evaluate([0.8] * 5, [1] * 5).interval("log_loss") == pytest.approx((loss, loss), rel=1e-15)
    assert celoss.evaluate([1.0] * 5, [1] * 5).interval("log_loss") == (0.0, 0.0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("given", [None, {"0": 3.0}])
def test_a_group_has_the_intervals_of_its_rows_alone(weighted, given):
    p, y, _, random = drawn(13)
    frame = pd.DataFrame(p, columns=["0", "1", "2"]).assign(site=random.choice(["x", "y", ""], 300), label=y.astype(str))
    frame["w"] = random.exponential(size=300)
    options = {"class_weights": given, "weights": "w" if weighted else None, "top_k": 2, "label": "label", "confidence": 0.8}
    found = celoss.evaluate(frame, by="site", **options)
    assert {one.value for one in found.groups} == {"", "x", "y"}
    for one in found.groups:
        alone = celoss.evaluate(frame[frame["site"] == one.value], **options)
        assert one.intervals.keys() == alone.intervals.keys()
        for name, interval in one.intervals.items():
            # Products by class and of all are rounded to 24 bits one by one.
            assert (interval.low, interval.high) == about(alone.interval(name), 1e-12)
        assert one.standard_errors == pytest.approx(alone.standard_errors, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.5, math.nan])
def test_other_confidences_are_refused(confidence):
    with pytest.raises(UsageError, match="--confidence cannot be"):
        celoss.evaluate([0.5], [1], confidence=confidence)


def test_the_recall_of_a_class_has_wilsons_interval():
    p, y, _, _ = drawn(14)
    for at, one in enumerate(celoss.evaluate(p, y).per_class):
        right = int((p[y == at].argmax(axis=1) == at).sum())
        assert (one.recall_interval.low, one.recall_interval.high) == about(wilson(right, one.rows), WILSON)


# --- when the interval is not to be trusted ---------------------------------------------------------------------------------


def distrusted(p, y, **options):
    return "N10" in [note.code for note in celoss.evaluate(np.asarray(p, float), y, **options).notes]


def test_a_sample_without_any_mistake_does_not_know_what_one_costs():
    p = np.random.default_rng(15).uniform(0.97, 0.999, 200)
    assert distrusted(p, [1] * 200)
    assert distrusted(np.column_stack([p, 1 - p]), [0] * 200)
    assert distrusted(np.column_stack([p, (1 - p) / 2, (1 - p) / 2]), [0] * 200)
    assert distrusted(np.column_stack([1 - p, p]), [1] * 200, weights=np.full(200, 7.0))
    assert distrusted(np.log(p / (1 - p)), [1] * 200, scale="logits")
    assert distrusted(p, [1] * 200, base="2", confidence=0.5)


def test_one_mistake_is_enough_to_know():
    p = np.random.default_rng(15).uniform(0.97, 0.999, 200)
    assert not distrusted(p, [0] + [1] * 199)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [50, 1000])
@pytest.mark.parametrize("k", [2, 4])
def test_calibrated_forecasts_give_no_note(n, k, seed):
    p, y, _, _ = drawn(seed, n, k)
    assert not distrusted(p, y)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_forecasts_that_say_nothing_give_no_note(k):
    """A constant 1/k has no spread, and any label costs the same."""
    p = np.full((50, k), 1 / k) if k > 1 else np.full(50, 0.5)
    assert not distrusted(p, [0, 1] * 25)


@pytest.mark.parametrize("k", [2, 3])
def test_the_rule_is_the_mean_logit_of_the_largest_probability_against_three_errors(k):
    """On both sides of D / n = 3 s / √n, of forecasts that become more confident, and are never wrong."""
    p, _, _, _ = drawn(20, 40, k)
    p = 0.9 * p + 0.1 / k
    found = set()
    for confidence in np.linspace(0.3, 6, 60):
        powered = p**confidence / (p**confidence).sum(axis=1, keepdims=True)
        best = powered.argmax(axis=1)
        top = powered.max(axis=1)
        mean_logit = np.maximum(0.0, np.log(top / (1 - top))).mean()
        error = stats.sem(-np.log(top))
        ratio = mean_logit / 40 / (3 * error)
        # Cells are 1/128 wide.
        if abs(ratio - 1) > 0.02:
            assert distrusted(powered, best, classes=[str(one) for one in range(k)]) == (ratio > 1)
            found.add(ratio > 1)
    assert found == {True, False}


def test_under_a_floor_of_a_half_no_mistake_costs_more():
    p = np.random.default_rng(22).uniform(0.97, 0.999, 200)
    assert distrusted(p, [1] * 200, eps=0.1)
    assert not distrusted(p, [1] * 200, eps=0.5)


def test_of_class_weights_and_infinite_losses_nothing_is_said():
    p = np.full(50, 0.999)
    assert distrusted(p, [1] * 50)
    assert distrusted(p, [1] * 50, class_weights="balanced")
    p[0] = 0.0
    assert not distrusted(p, [1] * 50, eps=0)


def test_of_clusters_there_are_no_more_than_of_their_rows_that_are_all_alike():
    """60 rows twenty times: 1.5 / 60 is more than three errors, and with 1200 rows 1.5 / 1200 is not."""
    p = np.random.default_rng(21).uniform(0.78, 0.85, 60)
    frame = pd.DataFrame({"p": np.repeat(p, 20), "y": [1] * 1200, "g": np.repeat(np.arange(60), 20).astype(str)})
    assert distrusted(p, [1] * 60)
    codes = {one: [note.code for note in celoss.evaluate(frame, label="y", pred="p", cluster=one).notes] for one in ("g", None)}
    assert "N10" in codes["g"]
    assert "N10" not in codes[None]
