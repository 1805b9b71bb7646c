"""Several files compared: paired differences with their tests, against formulas written out and SciPy's own tests."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from importlib.resources import files
from inspect import signature

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

import celoss
from celoss import CelossError, pairing, ranking
from celoss.comparison import VERDICTS
from celoss.contrasts import contrasts
from celoss.errors import UsageError
from tests.test_render import undescribed, validator

LEVEL = 0.05


def forecasts(losses):
    """Probabilities of the positive class whose losses are these, where every label is positive."""
    return np.exp(-np.asarray(losses, dtype=float))


def two(losses, others, **options):
    """The difference of one file's losses from another's, all labels being 1, and the losses as they were scored."""
    files = {"base": forecasts(others), "new": forecasts(losses)}
    # Of ones alone nobody could tell the classes.
    options = {"classes": ["0", "1"]} | options
    found = celoss.compare(files, np.ones(len(losses), int), **options)
    d = -np.log(files["new"]) + np.log(files["base"])
    return found["new"].difference, d


def skewed(n, seed=0):
    """Losses of two files, with differences of a skewed distribution."""
    rng = np.random.default_rng(seed)
    return 0.1 + rng.exponential(0.5, n), 0.2 + rng.exponential(0.45, n)


def table(seed=0, n=300, ids=True, order=None, k=3):
    """A file of class probabilities, and one of labels with weights, sites and patients, for rows in an order."""
    truth = np.random.default_rng(99)
    y = truth.integers(0, k, n)
    labels = {
        "label": [f"c{one}" for one in y],
        "weight": truth.integers(0, 4, n).astype(float) / 3.0,
        "site": [f"s{one}" for one in truth.integers(0, 7, n)],
        "patient": truth.integers(0, 40, n),
    }
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1, (n, k))
    z[np.arange(n), y] += 1.0 + 0.1 * seed
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    order = np.arange(n) if order is None else order
    columns = {f"c{one}": p[order, one] for one in range(k)}
    names = [f"r{(one * 7) % n:04d}" for one in range(n)]
    mine = {"id": [names[one] for one in order]} if ids else {}
    theirs = {"id": names} if ids else {}
    return pa.table(mine | columns), pa.table(theirs | labels)


def told(comparison):
    return comparison.to_json()


# --- the test of a difference -----------------------------------------------------------------------------------------------


def test_for_symmetric_differences_the_test_is_the_paired_t_test():
    half = np.random.default_rng(1).normal(0, 0.1, 60)
    d = 0.02 + np.concatenate([half, -half])
    found, d = two(0.8 + d, np.full(120, 0.8))
    expected = stats.ttest_rel(d, np.zeros(120))
    assert found.method == "hall-and-t"
    assert found.value == pytest.approx(d.mean(), rel=1e-12)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6)
    low, high = expected.confidence_interval(0.95)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), rel=1e-6)


def bounds(v, w, degrees, confidence):
    """Mean, the union of the t intervals of Σ v / Σ w with and without correction for skewness, and the larger p."""
    n, mean = len(v), v.sum() / w.sum()
    u = v - mean * w
    error = math.sqrt((u**2).sum() * n / (n - 1)) / w.sum()
    skewness = (u**3).mean() / (u**2).mean() ** 1.5
    c = skewness / math.sqrt(n)
    quantile = stats.t.ppf(0.5 + confidence / 2, degrees)
    ends = [3 / c * (np.cbrt(1 + c * (x - c / 6)) - 1) for x in (quantile, -quantile)]
    t = mean / error
    p = max(2 * stats.t.sf(abs(one), degrees) for one in (t, t + c * t**2 / 3 + c**2 * t**3 / 27 + c / 6))
    return mean, mean - error * max(ends[0], quantile), mean - error * min(ends[1], -quantile), p


def assert_is(found, expected):
    mean, low, high, p = expected
    assert found.value == pytest.approx(mean, rel=1e-9)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), rel=1e-6)
    assert found.p == pytest.approx(p, rel=1e-5)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_skewed_differences_are_tested_with_and_without_halls_correction(confidence):
    found, d = two(*skewed(200), confidence=confidence)
    assert_is(found, bounds(d, np.ones(200), 199, confidence))


def test_weights_make_it_a_ratio_and_rows_of_weight_0_are_none():
    w = np.random.default_rng(3).integers(0, 3, 200) / 2.0
    found, d = two(*skewed(200), weights=w)
    kept = w > 0
    assert_is(found, bounds((w * d)[kept], w[kept], kept.sum() - 1, 0.95))


def test_of_clusters_the_sums_are_tested():
    mine, labels = table(1)
    other, _ = table(2)
    found = celoss.compare({"a": mine, "b": other}, labels, cluster="patient", weights="weight")
    losses = [one.rows["loss"].to_numpy() for one in celoss.evaluate_each([mine, other], labels, weights="weight")]
    w, cluster = labels["weight"].to_numpy(), labels["patient"].to_numpy()
    v, sums = (np.bincount(cluster, one) for one in (w * (losses[1] - losses[0]), w))
    assert found.values == 40
    assert found["b"].difference.method == "sign-flip"
    mean, low, high, _ = bounds(v, sums, 39, 0.95)
    assert found["b"].difference.value == pytest.approx(mean, rel=1e-9)
    assert found["b"].difference.interval.low == pytest.approx(low, rel=1e-6)
    assert found["b"].difference.interval.high == pytest.approx(high, rel=1e-6)


@pytest.mark.parametrize("n", [2, 5, 11])
def test_few_rows_are_tested_by_all_flips_of_their_signs(n):
    found, d = two(*skewed(n, seed=n))
    expected = stats.permutation_test((d,), np.sum, permutation_type="samples", n_resamples=np.inf)
    p = max(expected.pvalue, bounds(d, np.ones(n), n - 1, 0.95)[3])
    assert (found.method, found.p) == ("sign-flip", pytest.approx(p, rel=1e-6))


def test_the_signs_of_fewer_than_50_rows_are_flipped_and_of_50_not():
    few, d = two(*skewed(49))
    more, _ = two(*skewed(50))
    assert (few.method, more.method) == ("sign-flip", "hall-and-t")
    signs = np.random.default_rng(1).choice([-1.0, 1.0], (50_000, 49))
    flips = np.mean(np.abs(signs @ d) >= abs(d.sum()))
    assert few.p == pytest.approx(max(flips, bounds(d, np.ones(49), 48, 0.95)[3]), abs=0.01)


def test_of_one_row_nothing_is_sure():
    found, d = two([0.5], [0.25])
    assert found.value == pytest.approx(d[0])
    assert (found.interval, found.p, found.verdict, found.values_needed) == (None, 1.0, "undecided", None)


def test_the_same_losses_are_the_same_and_an_equal_difference_of_many_is_sure():
    losses = skewed(60)[0]
    same, _ = two(losses, losses, margin=0.1)
    assert (same.value, same.verdict, same.better_on) == (0.0, "same", 0.5)
    assert (same.p, same.adjusted_p, same.method, same.interval, same.margin_interval) == (None,) * 5
    rows = np.full(60, 0.5)
    worse, _ = two(rows + 0.25, rows)
    assert (worse.p, worse.verdict, worse.better_on) == (0.0, "worse", 0.0)
    assert worse.interval.low == worse.interval.high == worse.value


def softmax(z):
    p = np.exp(z)
    return p / p.sum(axis=1, keepdims=True)


def multiclass(n=2000, k=3):
    """Logits, labels and the probabilities of these logits, whose rows sum to 1 but for rounding."""
    rng = np.random.default_rng(12)
    z, y = 3.0 * rng.normal(0, 1, (n, k)), rng.integers(0, k, n)
    return z, y, softmax(z)


def frame(values):
    return pa.table({f"c{column}": values[:, column] for column in range(values.shape[1])})


REROUNDED = {
    "divided by the sums of rows": lambda p: p / p.sum(axis=1, keepdims=True) * (1 - 2.0**-52),
    "as texts of 16 digits": lambda p: np.vectorize(lambda one: float(f"{one:.16g}"))(p),
    "as logarithms and back": lambda p: np.exp(np.log(p)),
}


@pytest.mark.parametrize("again", REROUNDED.values(), ids=REROUNDED)
@pytest.mark.parametrize("options", [{}, {"weights": "w"}, {"cluster": "w"}, {"base": 2}], ids=str)
def test_losses_that_differ_by_rounding_alone_are_the_same(again, options):
    z, y, p = multiclass()
    labels = pa.table({"label": [f"c{one}" for one in y], "w": 1.0 + np.arange(len(y)) % 45})
    files = {"base": frame(p), "again": frame(again(p)), "other": frame(softmax(0.5 * z))}
    found = celoss.compare(files, labels, fail="worse", **options)
    one = found["again"].difference
    assert (one.verdict, one.better_on) == ("same", 0.5)
    assert (one.p, one.adjusted_p, one.method, one.interval) == (None,) * 4
    # The test of the other file is the only one.
    assert found.tests == 1
    assert found["other"].difference.adjusted_p == found["other"].difference.p
    assert (found["base"].rank, found["again"].rank) == (found["again"].rank, found["base"].rank)
    assert "again" not in found.gate.failed


def test_a_files_own_logits_are_the_same_also_beside_the_best():
    z, y, p = multiclass()
    write = {
        "worst": frame(softmax(-z)),
        "base": frame(p),
        "logits": pa.table({f"logit_{n}": c for n, c in frame(z).to_pydict().items()}),
    }
    found = celoss.compare(write, pa.table({"label": [f"c{one}" for one in y]}))
    assert (found["base"].rank, found["logits"].rank) == (1, 1)
    assert [one.name for one in found.files][:2] == ["base", "logits"]
    distance = found["logits"].distance
    assert (distance.p, distance.adjusted_p, distance.apart) == (None, None, False)
    assert set(found.leaders) >= {"base", "logits"}


def test_of_a_single_column_the_other_class_is_known_up_to_the_rounding_of_numbers_near_1():
    z = np.linspace(-30.0, 30.0, 500)
    y = (np.arange(500) % 2).astype(int)
    labels = pa.table({"label": y})
    files = {"base": pa.table({"p": 1 / (1 + np.exp(-z))}), "logits": pa.table({"logit": z})}
    losses = [one.rows["loss"].to_numpy() for one in celoss.evaluate_each(list(files.values()), labels)]
    assert np.abs(losses[1] - losses[0]).max() > 1e-5
    assert celoss.compare(files, labels)["logits"].difference.verdict == "same"


def test_probabilities_stored_in_32_bits_are_others():
    _, y, p = multiclass()
    files = {"base": frame(p), "stored": frame(p.astype(np.float32))}
    one = celoss.compare(files, pa.table({"label": [f"c{one}" for one in y]}))["stored"].difference
    assert (one.verdict == "same", one.p is None) == (False, False)


def test_one_row_that_differs_by_more_than_rounding_is_a_difference():
    losses = skewed(60)[0]
    noise = losses * (1 + 1e-15)
    found, _ = two(np.append(noise, 0.5), np.append(losses, 0.5 + 1e-9))
    assert found.verdict == "undecided"
    assert found.better_on == (30 + 0.5 + 0.5) / 61


# --- few values -------------------------------------------------------------------------------------------------------------


def test_a_constant_difference_of_few_values_has_no_interval_and_is_judged_by_flips():
    rows = skewed(6)[1]
    two_rows, _ = two(rows[:2] + 1e-4, rows[:2], margin=0.01)
    assert (two_rows.interval, two_rows.margin_interval) == (None, None)
    assert (two_rows.p, two_rows.verdict) == (0.5, "undecided")
    # Of six values all have the sign of their sum in 2 of 64 flips.
    six, _ = two(rows + 1e-4, rows)
    assert (six.interval, six.p, six.verdict) == (None, 2 / 64, "worse")
    within, _ = two(rows + 1e-4, rows, margin=0.01)
    assert (within.margin_interval, within.verdict) == (None, "equivalent")


def one_sided(values):
    """The share of all flips of signs whose sum is at least that of the values."""
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * len(values))).reshape(len(values), -1)
    return np.mean(signs.T @ values >= values.sum() - 1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "seed"), [(n, seed) for n in (4, 5, 7, 9) for seed in range(4)])
def test_few_values_are_equivalent_only_if_both_flips_of_signs_say_so_too(n, seed, weighted):
    rng = np.random.default_rng([n, seed])
    base = rng.uniform(0.5, 1.0, n)
    w = rng.uniform(0.5, 2.0, n) if weighted else np.ones(n)
    margin = 0.02
    found, d = two(base + rng.normal(0.005, 0.01, n), base, margin=margin, **({"weights": w} if weighted else {}))
    flips = max(one_sided(w * (d + margin)), one_sided(-w * (d - margin)))
    inside = -margin < found.margin_interval.low and found.margin_interval.high < margin
    assert (found.verdict == "equivalent") == (inside and flips < LEVEL)


def test_the_margin_of_few_clusters_is_that_of_their_weights():
    rng = np.random.default_rng(2)
    cluster = np.repeat(np.arange(8), [1, 2, 3, 4, 5, 6, 7, 8])
    labels = pa.table({"label": np.ones(36, int), "cluster": cluster})
    base = rng.uniform(0.5, 1.0, 36)
    files = {
        "base": pa.table({"p": forecasts(base)}),
        "new": pa.table({"p": forecasts(base + 0.001 + rng.normal(0, 0.001, 36))}),
    }
    found = celoss.compare(files, labels, cluster="cluster", margin=0.01, base=2, classes={"0": "0", "1": "1"})
    assert found["new"].difference.verdict == "equivalent"
    found = celoss.compare(files, labels, cluster="cluster", margin=0.001, base=2, classes={"0": "0", "1": "1"})
    assert found["new"].difference.verdict != "equivalent"


def test_an_infinite_loss_is_last_and_cannot_be_tested():
    files = {"base": [0.5, 0.5, 0.5], "zero": [0.5, 0.0, 0.9], "good": [0.9, 0.9, 0.9]}
    found = celoss.compare(files, [1, 1, 0], eps=0)
    assert [(one.name, one.rank) for one in found.files] == [("base", 1), ("good", 2), ("zero", 3)]
    zero = found["zero"]
    assert zero.log_loss == math.inf
    assert (zero.difference.value, zero.difference.p, zero.difference.interval) == (None, None, None)
    assert (zero.difference.verdict, zero.difference.parts) == ("infinite", ())
    assert zero.difference.better_on == pytest.approx(0.5 / 3)
    assert zero.distance.apart
    assert found.leaders == ("base", "good")
    assert found.to_dict()["non_finite"] == {"/files/2/log_loss": "Infinity"}


def test_an_infinite_loss_of_the_file_that_all_are_compared_with_is_no_difference_of_the_others():
    files = {"zero": [0.5, 0.0, 0.9], "good": [0.9, 0.9, 0.9]}
    found = celoss.compare(files, [1, 1, 0], eps=0, fail="worse")
    assert found["good"].difference.verdict == "infinite"
    assert found["zero"].distance.apart
    assert found.gate.passed


def test_infinite_losses_of_rows_without_weight_do_not_count():
    files = {"base": [0.5, 0.5, 0.5], "zero": [0.25, 0.0, 0.25]}
    found = celoss.compare(files, [1, 1, 1], weights=np.array([1.0, 0.0, 1.0]), eps=0, classes=["0", "1"])
    assert found["zero"].difference.value == pytest.approx(math.log(2))
    assert (found.rows, found.values) == (3, 2)


def test_a_file_is_better_on_the_weight_of_rows_with_a_lower_loss_and_half_of_the_ties():
    found, _ = two([0.1, 0.5, 0.5, 0.9], [0.2, 0.5, 0.4, 1.0], weights=np.array([1.0, 2.0, 3.0, 2.0]))
    assert found.better_on == (1 + 2 / 2 + 2) / 8


# --- verdicts ---------------------------------------------------------------------------------------------------------------


def four(**options):
    """Files of which m5 is told from some."""
    files = {f"m{number}": table(number, 400)[0] for number in (0, 5, 6, 12)}
    return celoss.compare(files, table(0, 400)[1], against="m5", **options)


def test_p_is_adjusted_by_holm_over_the_files_and_over_those_beside_the_best():
    found = four()
    p = sorted((one.difference.p, one.name) for one in found.files if one.difference is not None)
    expected, largest = {}, 0.0
    for rank, (value, name) in enumerate(p):
        largest = max(largest, min(1.0, (3 - rank) * value))
        expected[name] = largest
    assert {one.name: one.difference.adjusted_p for one in found.files if one.difference} == expected
    assert len({one.difference.p for one in found.files if one.difference}) == 3
    assert found.best.distance is None
    pairs = {one.name: one.distance.p for one in found.files[1:]}
    assert pairs["m5"] == pytest.approx(found.best.difference.p, rel=1e-12)
    apart = {one.name for one in found.files[1:] if one.distance.adjusted_p < LEVEL}
    assert set(found.leaders) == {one.name for one in found.files} - apart
    assert apart


def test_verdicts_follow_the_adjusted_p():
    found = four()
    for one in found.files:
        if one.difference is not None:
            sure = one.difference.adjusted_p < LEVEL
            assert one.difference.verdict == (("better" if one.difference.value < 0 else "worse") if sure else "undecided")
    assert {one.difference.verdict for one in found.files if one.difference} == {"better", "worse", "undecided"}


@pytest.mark.parametrize(("margin", "verdict"), [(0.5, "equivalent"), (0.01, "worse"), (1e-6, "worse")])
def test_a_difference_within_the_margin_is_equivalent_however_sure_it_is(margin, verdict):
    half = np.random.default_rng(1).normal(0, 0.1, 60)
    d = 0.05 + np.concatenate([half, -half])
    found, d = two(0.8 + d, np.full(120, 0.8), margin=margin)
    below = stats.ttest_1samp(d, margin, alternative="less").pvalue
    above = stats.ttest_1samp(d, -margin, alternative="greater").pvalue
    assert (max(below, above) < LEVEL) == (verdict == "equivalent")
    assert found.verdict == verdict
    low, high = stats.ttest_1samp(d, 0).confidence_interval(0.9)
    assert (found.margin_interval.low, found.margin_interval.high) == pytest.approx((low, high), rel=1e-6)


def test_the_margin_is_in_the_unit_of_the_report():
    d = 0.05 + np.tile([0.001, -0.001], 30)
    rows = np.full(60, 0.8)
    assert two(rows + d, rows, margin=0.06)[0].verdict == "equivalent"
    assert two(rows + d, rows, margin=0.06, base=2)[0].verdict == "worse"


def test_an_undecided_difference_says_how_many_rows_would_settle_it():
    found, d = two(*skewed(80, seed=5))
    assert found.verdict == "undecided"
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert found.values_needed == math.ceil((z * d.std(ddof=1) / d.mean()) ** 2)
    assert found.values_needed > 80


def test_for_several_files_the_rows_are_those_of_the_strictest_level():
    rng = np.random.default_rng(0)
    base = rng.exponential(0.5, 100)
    files = {"base": base, "x": base + rng.normal(0.0, 0.2, 100), "y": base + rng.normal(0.01, 0.2, 100)}
    files = {name: forecasts(np.abs(one)) for name, one in files.items()}
    found = celoss.compare(files, np.ones(100, int), classes=["0", "1"])
    d = -np.log(files["x"]) + np.log(files["base"])
    z = stats.norm.ppf(1 - LEVEL / 2 / 2) + stats.norm.ppf(0.8)
    assert found["x"].difference.values_needed == math.ceil((z * d.std(ddof=1) / d.mean()) ** 2)


RULES = {
    "worse": ("worse", ["m0"]),
    "not-better": ("not-better", ["m6", "m0"]),
}


@pytest.mark.parametrize(("rule", "failed"), RULES.values(), ids=RULES)
def test_a_rule_tells_for_which_files_it_is_not_met(rule, failed):
    found = four(fail=rule)
    assert {one.name: one.difference.verdict for one in found.files if one.difference} == {
        "m12": "better",
        "m6": "undecided",
        "m0": "worse",
    }
    assert (list(found.gate.failed), found.gate.passed) == (failed, False)


def test_an_infinite_loss_is_worse():
    found = celoss.compare({"base": [0.5, 0.5], "zero": [0.5, 0.0]}, [1, 1], eps=0, fail="worse", classes=["0", "1"])
    assert found.gate.failed == ("zero",)


def test_there_is_no_gate_without_a_rule():
    assert four().gate is None
    with pytest.raises(UsageError, match="--fail cannot be better"):
        four(fail="better")


# --- parts ------------------------------------------------------------------------------------------------------------------

WEIGHTED = {
    "plain": {},
    "weights": {"weights": "weight"},
    "class weights": {"class_weights": {"c0": 1.0, "c1": 0.3, "c2": 7.0}},
    "balanced, weights, bits": {"class_weights": "balanced", "weights": "weight", "base": 2},
    "clusters": {"cluster": "patient", "weights": "weight"},
}


def row_weights(options, labels):
    """The weights of the rows, written out."""
    w = labels["weight"].to_numpy() if "weights" in options else np.ones(labels.num_rows)
    y = np.array(labels["label"].to_pylist())
    given = options.get("class_weights")
    if given == "balanced":
        given = {name: w.sum() / (3 * w[y == name].sum()) for name in ("c0", "c1", "c2")}
    return w if given is None else w * np.array([given[one] for one in y])


@pytest.mark.parametrize("options", WEIGHTED.values(), ids=WEIGHTED)
def test_parts_of_classes_and_groups_are_their_rows_share_of_the_difference(options):
    (mine, labels), (other, _) = table(1), table(2)
    found = celoss.compare({"a": mine, "b": other}, labels, by=["site"], **options)["b"].difference
    losses = [one.rows["loss"].to_numpy() for one in celoss.evaluate_each([mine, other], labels, **options)]
    w, d = row_weights(options, labels), losses[1] - losses[0]
    assert found.value == pytest.approx((w * d).sum() / w.sum(), rel=1e-9)
    for by, column in ((None, "label"), ("site", "site")):
        values = np.array(labels[column].to_pylist())
        expected = {
            name: (
                (values == name).sum(),
                np.average(d[values == name], weights=w[values == name]),
                (w * d)[values == name].sum() / w.sum(),
            )
            for name in np.unique(values, return_counts=True)[0].tolist()
        }
        parts = [part for part in found.parts if part.by == by]
        assert {part.name: part.rows for part in parts} == {name: one[0] for name, one in expected.items()}
        for part in parts:
            assert (part.difference, part.part) == pytest.approx(expected[part.name][1:], rel=1e-9)
        assert [abs(part.part) for part in parts] == sorted((abs(part.part) for part in parts), reverse=True)
        assert math.fsum(part.part for part in parts) == pytest.approx(found.value, rel=1e-12)


@pytest.mark.parametrize("options", WEIGHTED.values(), ids=WEIGHTED)
def test_parts_add_up_to_the_difference_exactly_before_rounding(options, monkeypatch):
    kept = []

    def keeping(plan, losses, known, pairs, split):
        found = contrasts(plan, losses, known, pairs, split)
        kept.append((plan, found))
        return found

    monkeypatch.setattr(ranking, "contrasts", keeping)
    (mine, labels), (other, _) = table(1), table(2)
    value = celoss.compare({"a": mine, "b": other}, labels, by=["site", "patient"], **options)["b"].difference.value
    ((plan, found),) = kept
    one = found.pairs[1, 0]
    assert [sum(part) for part in one.split] == [one.total] * 3
    assert [sum(group.weights) for group in found.groups] == [one.weight] * 3
    assert celoss.metrics.in_unit(plan, float(Fraction(one.total, one.weight))) == pytest.approx(value, rel=1e-15)


def test_rows_without_one_class_have_no_parts_by_class():
    labels = pa.table({"a": [0.5, 0.2, 1.0], "b": [0.5, 0.8, 0.0], "site": ["x", "y", "x"]})
    files = {
        "base": pa.table({"a": [0.4, 0.3, 0.9], "b": [0.6, 0.7, 0.1]}),
        "new": pa.table({"a": [0.5, 0.2, 0.8], "b": [0.5, 0.8, 0.2]}),
    }
    found = celoss.compare(files, labels, by="site", id="#")
    each = [one.log_loss for one in celoss.evaluate_each(list(files.values()), labels, id="#", by="site")]
    assert found["new"].difference.value == pytest.approx(each[1] - each[0], rel=1e-12)
    assert {part.by for part in found["new"].difference.parts} == {"site"}
    (other,) = [one["difference"] for one in found.to_dict()["files"] if one["name"] == "new"]
    assert other["by_class"] is None


def test_of_independent_labels_the_mean_or_sum_is_compared():
    labels = pa.table({"a": [1, 0, 1], "b": [1, 1, 0]})
    files = {
        "base": pa.table({"a": [0.4, 0.3, 0.9], "b": [0.6, 0.7, 0.1]}),
        "new": pa.table({"a": [0.5, 0.2, 0.8], "b": [0.5, 0.8, 0.2]}),
    }
    options = {"task": "multilabel", "id": "#"}
    mean, whole = (celoss.compare(files, labels, reduce_labels=one, **options) for one in ("mean", "sum"))
    assert whole["new"].difference.value == pytest.approx(2 * mean["new"].difference.value, rel=1e-15)
    each = celoss.evaluate_each(list(files.values()), labels, **options)
    assert [mean[name].log_loss for name in files] == [one.log_loss for one in each]


# --- laws -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", WEIGHTED.values(), ids=WEIGHTED)
def test_the_loss_of_a_file_is_the_one_that_it_has_by_itself(options):
    files = [table(seed)[0] for seed in range(3)]
    found = celoss.compare({str(number): one for number, one in enumerate(files)}, table()[1], **options)
    assert [found[str(number)].log_loss for number in range(3)] == [
        celoss.evaluate(one, table()[1], **options).log_loss for one in files
    ]


@pytest.mark.parametrize("options", WEIGHTED.values(), ids=WEIGHTED)
def test_swapping_two_files_flips_every_sign_and_nothing_else(options):
    (mine, labels), (other, _) = table(1), table(2)
    files = {"a": mine, "b": other}
    one = celoss.compare(files, labels, by="site", **options)["b"].difference
    swapped = celoss.compare(files, labels, by="site", against="b", **options)["a"].difference
    assert (swapped.value, swapped.p, swapped.adjusted_p) == (-one.value, one.p, one.adjusted_p)
    assert (swapped.interval.low, swapped.interval.high) == (-one.interval.high, -one.interval.low)
    assert swapped.better_on == 1 - one.better_on
    assert [(part.by, part.name, part.rows, -part.part) for part in swapped.parts] == [
        (part.by, part.name, part.rows, part.part) for part in one.parts
    ]


@pytest.mark.parametrize("options", WEIGHTED.values(), ids=WEIGHTED)
def test_no_bit_depends_on_the_order_of_rows_batches_or_threads(options):
    n = 300
    rng = np.random.default_rng(5)
    expected = None
    for order, label_order, batch_rows, threads in (
        (None, None, 1 << 17, 1),
        (None, None, 7, 1),
        (rng.permutation(n), None, 13, 3),
        (rng.permutation(n), rng.permutation(n), 64, 2),
    ):
        labels = table()[1] if label_order is None else table()[1].take(label_order)
        files = {"a": table(1)[0], "b": table(2, order=order)[0], "c": table(3, order=order)[0]}
        found = told(celoss.compare(files, labels, by="site", batch_rows=batch_rows, threads=threads, **options))
        expected = expected or found
        assert found == expected


@pytest.mark.parametrize("options", WEIGHTED.values(), ids=WEIGHTED)
@pytest.mark.parametrize("shuffled", [False, True])
def test_pages_and_a_temporary_file_change_no_bit(options, shuffled, monkeypatch):
    files = {
        str(seed): table(seed, order=np.random.default_rng(seed).permutation(300) if shuffled else None)[0] for seed in range(3)
    }
    expected = told(celoss.compare(files, table()[1], by="site", **options))
    monkeypatch.setattr(pairing, "PAGE_BITS", 4)
    monkeypatch.setattr(pairing, "PAGE_ROWS", 16)
    assert told(celoss.compare(files, table()[1], by="site", **options)) == expected
    made = []

    def temporary(**options):
        made.append(real(**options))
        return made[-1]

    real = pairing.tempfile.TemporaryFile
    monkeypatch.setattr(pairing.tempfile, "TemporaryFile", temporary)
    monkeypatch.setattr(pairing, "MOST_IN_MEMORY", 3 * 16 * 8 * 2)
    monkeypatch.setattr(pairing, "EXTENT", 3 * 16 * 8 * 3)
    assert told(celoss.compare(files, table()[1], by="site", **options)) == expected
    assert [one.closed for one in made] == [True]


def test_a_full_disk_is_a_lack_of_memory(monkeypatch):
    monkeypatch.setattr(pairing, "MOST_IN_MEMORY", 0)

    class Full:
        def seek(self, *place):
            return 0

        def write(self, data):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(pairing.tempfile, "TemporaryFile", lambda **options: Full())
    with pytest.raises(MemoryError, match="no room for the losses"):
        celoss.compare({"a": table(1)[0], "b": table(2)[0]}, table()[1])


# --- rows -------------------------------------------------------------------------------------------------------------------


def test_rows_pair_by_position_without_ids():
    files = {str(seed): table(seed, ids=False)[0] for seed in range(2)}
    by_id = celoss.compare({str(seed): table(seed)[0] for seed in range(2)}, table()[1])
    by_position = celoss.compare(files, table(ids=False)[1])
    assert by_position["1"].difference == by_id["1"].difference


def test_only_rows_that_all_have_scored_count():
    rows = [np.arange(0, 200), np.arange(50, 300), np.random.default_rng(0).permutation(300)[:250]]
    files = {str(seed): table(seed)[0].take(one) for seed, one in enumerate(rows)}
    found = celoss.compare(files, table()[1], id_match="inner")
    common = sorted(set(rows[0].tolist()) & set(rows[1].tolist()) & set(rows[2].tolist()))
    assert (found.rows, found.label_rows) == (len(common), 300)
    assert [found[name].rows for name in files] == [200, 250, 250]
    for seed in range(3):
        alone = celoss.evaluate(table(seed)[0].take(common), table()[1].take(common))
        assert found[str(seed)].log_loss == alone.log_loss
    assert "N20" in {note.code for note in found.notes}


def test_rows_that_are_dropped_from_one_file_are_from_no_mean():
    mine, labels = table(1)
    holes = pa.table(
        {
            "id": mine["id"],
            "c0": [None if row < 100 else one for row, one in enumerate(mine["c0"].to_pylist())],
            "c1": mine["c1"],
            "c2": mine["c2"],
        }
    )
    found = celoss.compare({"whole": table(2)[0], "holes": holes}, labels, missing="drop")
    assert (found.rows, found["whole"].rows, found["holes"].rows) == (200, 300, 200)
    assert found["whole"].log_loss == celoss.evaluate(table(2)[0].slice(100), labels.slice(100)).log_loss


def test_a_reading_that_begins_again_leaves_nothing_behind(tmp_path, monkeypatch):
    begun = []
    opened = pairing.Losses.sink

    def counting(self, model):
        def once():
            begun.append(model)
            return opened(self, model)()

        return once

    monkeypatch.setattr(pairing.Losses, "sink", counting)
    # The quote within a field shows only after the first rows were scored.
    rows = [f"{row},0.{row % 9 + 1},x" for row in range(40)]
    (tmp_path / "labels.csv").write_text("id,label\n" + "".join(f"{row},{row % 2}\n" for row in range(40)))
    (tmp_path / "a.csv").write_text("id,p,note\n" + "\n".join(rows) + "\n")
    (tmp_path / "b.csv").write_text("id,p,note\n" + "\n".join([*rows[:39], "39,0.9,'\""]) + "\n")
    paths = [str(tmp_path / name) for name in ("a.csv", "b.csv")]
    found = celoss.compare(paths, str(tmp_path / "labels.csv"), pred="p", batch_rows=3)
    each = celoss.evaluate_each(paths, str(tmp_path / "labels.csv"), pred="p")
    assert [found[path].log_loss for path in paths] == [one.log_loss for one in each]
    assert found[paths[1]].difference.better_on == (39 / 2 + 1) / 40
    assert begun.count(1) > begun.count(0)


# --- JSON -------------------------------------------------------------------------------------------------------------------

DOCUMENTS = {
    "parts": lambda: celoss.compare({"a": table(1)[0], "b": table(2)[0]}, table()[1], by="site", margin=0.1, fail="worse"),
    "weights": lambda: four(class_weights={"c0": 2.0}, weights="weight", cluster="patient", base=10),
    "infinite": lambda: celoss.compare({"a": [0.5, 0.0, 0.9], "b": [0.9, 0.9, 0.9]}, [1, 1, 0], eps=0, fail="not-better"),
    "independent": lambda: celoss.compare(
        {name: pa.table({"a": [0.4, 0.3], "b": [one, 0.7]}) for name, one in (("x", 0.5), ("y", 0.6))},
        pa.table({"a": [1, 0], "b": [1, 1]}),
        task="multilabel",
        id="#",
    ),
    "left out": lambda: celoss.compare(
        {"a": table(1)[0].slice(0, 200), "b": table(2)[0]}, table()[1], id_match="inner", convention="sklearn"
    ),
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_json_fits_its_schema_which_describes_every_key(document):
    schema = json.loads((files("celoss_cli") / "schema" / "compare.json").read_text("utf-8"))
    found = json.loads(document().to_json())
    validator("compare").validate(found)
    assert list(undescribed(found, schema, schema)) == []
    assert sorted(schema["required"]) == sorted(found)


def test_the_schema_refuses_what_is_no_comparison():
    found = celoss.compare({"a": [0.5, 0.5], "b": [0.5, 0.4]}, [1, 0]).to_dict()
    found["files"][0]["difference"]["verdict"] = "likely better"
    assert not validator("compare").is_valid(found)


# --- what is given ----------------------------------------------------------------------------------------------------------


def test_files_of_a_list_are_called_by_their_paths_and_others_by_their_numbers(folder):
    (folder / "other.csv").write_text((folder / "preds.csv").read_text())
    assert [one.name for one in celoss.compare(["preds.csv", folder / "other.csv"], "labels.csv").files] == [
        "preds.csv",
        str(folder / "other.csv"),
    ]
    assert [one.name for one in celoss.compare([[0.5, 0.5], [0.5, 0.4]], [1, 0]).files] == ["#2", "#1"]


def two_classes():
    """The same two classes in three files: as columns, and as a single column of either; and labels."""
    rng = np.random.default_rng(4)
    y = np.where(rng.random(80) < 0.3, "cat", "dog")
    p = [np.clip(0.3 + 0.2 * (y == "cat") + rng.normal(0, 0.2, 80), 0.01, 0.99) for _ in range(3)]
    files = {
        "both": pa.table({"cat": p[0], "dog": 1 - p[0]}),
        "cat": pa.table({"cat": p[1]}),
        "dog": pa.table({"dog": 1 - p[2]}),
    }
    return files, pa.table({"label": y, "site": [f"s{row % 3}" for row in range(80)]}), p


@pytest.mark.parametrize("options", [{}, {"class_weights": {"cat": 3.0}}], ids=str)
@pytest.mark.parametrize("base", ["both", "cat", "dog"])
def test_files_of_two_classes_compare_whichever_is_the_positive_one(base, options):
    files, labels, p = two_classes()
    found = celoss.compare(files, labels, against=base, by="site", **options)
    assert set(found.plan.classes) == {"cat", "dog"}
    is_cat = np.array(labels["label"].to_pylist()) == "cat"
    w = np.where(is_cat, options.get("class_weights", {}).get("cat", 1.0), 1.0)
    losses = dict(zip(files, [-np.log(np.where(is_cat, one, 1 - one)) for one in p], strict=True))
    for name in files:
        assert found[name].log_loss == pytest.approx(np.average(losses[name], weights=w), rel=1e-12)
        if name != base:
            d = losses[name] - losses[base]
            parts = {part.name: part.part for part in found[name].difference.parts}
            assert parts["cat"] == pytest.approx((w * d)[is_cat].sum() / w.sum(), rel=1e-9)
            assert parts["s1"] == pytest.approx((w * d)[1::3].sum() / w.sum(), rel=1e-9)


def test_a_single_path_is_one_file(folder):
    with pytest.raises(UsageError, match="one file is nothing to compare"):
        celoss.compare("preds.csv", "labels.csv")
    with pytest.raises(UsageError, match="one file is nothing to compare"):
        celoss.compare([], "labels.csv")


@pytest.mark.parametrize(
    "names", [["preds.csv", "./preds.csv"], ["preds.csv", "link.csv"], ["-", "/dev/stdin"], ["-", "-"]], ids=str
)
def test_a_file_under_two_names_is_given_twice(folder, celoss, names):
    (folder / "link.csv").symlink_to("preds.csv")
    ran = celoss("compare", *names, "-l", "labels.csv", stdin=b"id,cat,dog,owl\na,0.7,0.2,0.1\n")
    what = f"'{names[0]}' is given twice" if names[0] == names[1] else f"'{names[0]}' and '{names[1]}' are one file"
    assert (ran.code, ran.err) == (2, f"error[E608]: {what}\n  --> arguments PREDS\n  = help: give each file once\n")


def test_a_file_under_two_names_of_a_mapping_is_given_twice(folder):
    with pytest.raises(UsageError, match=r"'preds\.csv' is given twice"):
        celoss.compare({"a": "preds.csv", "b": "preds.csv"}, "labels.csv")


def test_a_directory_alone_is_told_like_one_of_several(folder, celoss):
    (folder / "runs").mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / "runs" / name).write_text((folder / "preds.csv").read_text())
    alone = celoss("compare", "runs", "-l", "labels.csv")
    assert alone.err == celoss("compare", "runs", "preds.csv", "-l", "labels.csv").err
    assert alone.err.startswith("error[E102]: 'runs' is a directory\n")


@pytest.mark.parametrize(
    "make", [lambda: pa.table({"p": [0.5, 0.5]}), lambda: pa.table({"p": [0.5, 0.5]}).to_pandas(), lambda: np.ones(2)]
)
def test_a_frame_or_an_array_is_no_list_of_predictions(make):
    one = make()
    with pytest.raises(UsageError, match=f"predictions are one {type(one).__name__}: compare takes a list or a mapping"):
        celoss.compare(one, [1, 0])


@pytest.mark.parametrize("option", ["prior", "calibration", "max", "min", "baseline", "confident", "rows_path"])
def test_options_of_a_single_report_are_refused_by_name(option):
    assert option in signature(celoss.evaluate).parameters
    for function in (celoss.compare, celoss.evaluate_each):
        with pytest.raises(UsageError, match=f"{option} cannot be used with several predictions"):
            function([[0.5, 0.5], [0.5, 0.4]], [1, 0], **{option: None})


@pytest.mark.parametrize("options", [{"margin": "a"}, {"confidence": "0.9"}], ids=str)
def test_numbers_that_are_none_are_refused(options):
    ((name, value),) = options.items()
    with pytest.raises(UsageError, match=f"--{name} cannot be {value}"):
        celoss.compare([[0.5, 0.5], [0.5, 0.4]], [1, 0], **options)


def test_the_file_to_compare_with_may_be_named_by_its_path(folder):
    (folder / "other.csv").write_text((folder / "preds.csv").read_text())
    assert celoss.compare(["preds.csv", folder / "other.csv"], "labels.csv", against=folder / "other.csv").against == str(
        folder / "other.csv"
    )


@pytest.mark.parametrize("option", ["by", "weights", "cluster"])
@pytest.mark.parametrize("having", [["a", "b"], ["b"], ["a"]], ids=str)
def test_a_column_that_only_files_have_is_told_with_one_that_has_it(option, having):
    files = {}
    for name in ("a", "b"):
        columns = {"id": [1, 2], "p": [0.5, 0.4]} | ({"own": [1.0, 2.0]} if name in having else {})
        files[name] = pa.table(columns)
    with pytest.raises(
        UsageError, match=f"--{option} own cannot be used here: compare takes it from the labels; {having[0]} has it"
    ):
        celoss.compare(files, pa.table({"id": [1, 2], "label": [1, 0]}), **{option: "own"})


def test_a_plan_that_takes_a_column_from_the_files_is_refused(folder, celoss):
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("id,p,own\n1,0.5,2\n2,0.4,1\n")
    (folder / "labels.csv").write_text("id,label\n1,1\n2,0\n")
    celoss("check", "a.csv", "labels.csv", "--weights", "own", "-o", "plan.json")
    ran = celoss("compare", "a.csv", "b.csv", "-l", "labels.csv", "--plan", "plan.json")
    assert "--weights own cannot be used here: compare takes it from the labels; a.csv has it" in ran.err


def test_the_report_of_a_file_has_no_groups_of_its_own():
    found = celoss.compare({"a": table(1)[0], "b": table(2)[0]}, table()[1], by="site")
    alone = celoss.evaluate(table(1)[0], table()[1])
    assert found["a"].report.groups is None
    assert (found["a"].report.signature, found["a"].report.metrics) == (alone.signature, alone.metrics)


def test_a_note_on_the_clusters_of_the_labels_is_told_once():
    labels = table()[1].append_column("half", pa.array(["" if row < 5 else f"h{row % 40}" for row in range(300)]))
    found = celoss.compare({str(seed): table(seed)[0] for seed in range(3)}, labels, cluster="half")
    assert [str(note) for note in found.notes] == ['note[N13]: 5 rows have no value in "half": they count as one cluster']


def test_a_plan_reads_all_files(three_files, celoss):
    celoss("check", "base.csv", "labels.csv", "--weights", "weight", "-o", "plan.json")
    by_plan = line(celoss, "base.csv new.csv --plan plan.json -f json")
    assert by_plan == line(celoss, "base.csv new.csv --weights weight -f json")
    assert json.loads(by_plan)["inputs"]["weight_column"] == "weight"


def test_equal_files_share_a_rank_in_the_order_in_which_they_are_given():
    found = celoss.compare({"x": [0.5, 0.5], "b": [0.9, 0.1], "a": [0.9, 0.1]}, [1, 0])
    assert [(one.name, one.rank) for one in found.files] == [("b", 1), ("a", 1), ("x", 3)]
    assert (found["a"].distance.p, found["a"].distance.apart) == (None, False)


def test_what_is_wrong_with_several_files_is_told_of_all():
    bad = [pa.table({"id": [1, 2], "p": [0.5, one]}) for one in (1.5, 0.5, -2.0)]
    with pytest.raises(CelossError) as caught:
        celoss.compare(bad, pa.table({"id": [1, 2], "label": [1, 0]}))
    assert [one.code for one in caught.value.diagnostics] == ["E503", "E503"]


def test_labels_are_needed():
    with pytest.raises(UsageError, match="the files have no labels in common"):
        celoss.compare([[0.5, 0.5], [0.5, 0.4]], None)


def test_a_file_that_was_not_compared_is_a_key_error():
    with pytest.raises(KeyError, match="c"):
        celoss.compare({"a": [0.5, 0.5], "b": [0.5, 0.4]}, [1, 0])["c"]


def test_a_comparison_prints_as_one_line():
    found = celoss.compare({"a": [0.5, 0.5], "b": [0.5, 0.25]}, [1, 0])
    assert str(found) == f"2 files over 2 rows, b first with log loss {found.best.log_loss}"


def test_the_progress_is_that_of_all_files():
    calls = []
    files = {str(seed): table(seed)[0] for seed in range(2)}
    celoss.compare(files, table()[1], batch_rows=100, progress=lambda rows, share: calls.append(rows))
    assert calls == [100, 200, 300, 400, 500, 600]


# --- the command ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def three_files(folder):
    """base.csv, new.csv, labels.csv: 300 rows of three classes."""
    import pyarrow.csv as pacsv

    for name, data in (("base", table(1)[0]), ("new", table(9)[0]), ("labels", table()[1])):
        pacsv.write_csv(data, folder / f"{name}.csv")
    return folder


def line(celoss, arguments, **variables):
    """What `compare` prints of these arguments and labels.csv."""
    return celoss("compare", *arguments.split(), "-l", "labels.csv", env=variables).out


def test_the_command_prints_what_the_library_gives(three_files, celoss):
    library = ranking.compare(["base.csv", "new.csv"], "labels.csv", by="site", margin=0.001)
    arguments = ("compare", "base.csv", "new.csv", "-l", "labels.csv", "--by", "site", "--margin", "0.001", "-q")
    assert celoss(*arguments, "-f", "json").out == library.to_json() + "\n"
    assert celoss(*arguments, "-f", "jsonl").out == library.to_json(indent=None) + "\n"
    assert json.loads(celoss(*arguments, "--json").out)["files"][0]["name"] == "new.csv"


def test_outputs_are_written_whatever_the_verdict(three_files, celoss):
    outputs = [word for name in ("o.json", "o.jsonl", "o.csv", "o.md") for word in ("-o", name)]
    ran = celoss("compare", "new.csv", "base.csv", "-l", "labels.csv", "--fail", "worse", *outputs)
    assert ran.code == 1
    assert ran.err.splitlines()[-2:] == ["gate: not met", "  base.csv is worse than new.csv   (--fail worse)"]
    assert json.loads((three_files / "o.json").read_text())["gate"] == {
        "rule": "worse",
        "passed": False,
        "failed": ["base.csv"],
    }
    assert (three_files / "o.json").read_text() == line(celoss, "new.csv base.csv --fail worse -f json")
    assert (three_files / "o.csv").read_text().startswith("rank,file,")
    assert (three_files / "o.md").read_text() in line(celoss, "new.csv base.csv -f markdown")


GATES = {
    "nothing is worse": ("base.csv new.csv --fail worse", 0, "gate: met\n"),
    "all are better": ("base.csv new.csv --fail not-better", 0, "gate: met\n"),
    "one is not better": (
        "new.csv base.csv --fail not-better",
        1,
        "gate: not met\n  base.csv is worse than new.csv   (--fail not-better)\n",
    ),
    "quiet": ("new.csv base.csv --fail worse -q", 1, ""),
    "no rule": ("new.csv base.csv", 0, ""),
}


@pytest.mark.parametrize(("words", "code", "said"), GATES.values(), ids=GATES)
def test_the_rule_decides_the_exit_status(three_files, celoss, words, code, said):
    ran = celoss("compare", "-l", "labels.csv", *words.split())
    assert (ran.code, ran.err) == (code, said)
    assert ran.out.startswith("2 files × labels.csv\n")


def test_with_an_output_quiet_prints_nothing(three_files, celoss):
    ran = celoss("compare", "base.csv", "new.csv", "-l", "labels.csv", "-q", "-o", "o.csv")
    assert (ran.out, ran.err, ran.code) == ("", "", 0)


def test_an_input_is_not_written_over(three_files, celoss):
    ran = celoss("compare", "base.csv", "new.csv", "-l", "labels.csv", "-o", "new.csv")
    assert (ran.code, "E705" in ran.err) == (2, True)


def test_labels_have_to_be_named(three_files, celoss):
    assert celoss("compare", "base.csv", "new.csv").code == 2


def test_the_command_reads_one_of_the_files_from_standard_input(three_files, celoss):
    ran = celoss("compare", "base.csv", "-", "-l", "labels.csv", "-f", "csv", stdin=(three_files / "new.csv").read_bytes())
    assert [line.split(",")[1] for line in ran.out.splitlines()] == ["file", "-", "base.csv"]


def test_the_csv_has_a_line_for_each_file_with_every_digit(three_files, celoss):
    import csv

    found = ranking.compare(["base.csv", "new.csv"], "labels.csv")
    ran = celoss("compare", "base.csv", "new.csv", "-l", "labels.csv", "-f", "csv")
    rows = list(csv.DictReader(ran.out.splitlines()))
    difference = found["new.csv"].difference
    assert [row["file"] for row in rows] == ["new.csv", "base.csv"]
    assert float(rows[0]["difference"]) == difference.value
    assert (float(rows[0]["low"]), float(rows[0]["high"])) == (difference.interval.low, difference.interval.high)
    assert (rows[1]["difference"], rows[1]["told_from_best"]) == ("", "yes")


WIDTHS = (20, 30, 40, 60, 80, 120)


@pytest.mark.parametrize("width", WIDTHS)
def test_layout_gives_way_and_digits_do_not(three_files, celoss, width):
    found = ranking.compare(["base.csv", "new.csv"], "labels.csv", by="site")
    out = line(celoss, "base.csv new.csv --by site", COLUMNS=str(width))
    assert max(map(len, out.splitlines())) <= width
    for one in found.files:
        assert f"{one.log_loss:.6f}" in out
    assert f"{abs(found['new.csv'].difference.value):.6f}" in out


def rows_of_the_table(out, mark="1"):
    return [line for line in out.splitlines() if line.startswith(f" {mark}   ")]


@pytest.fixture
def long_paths(three_files):
    (three_files / "experiments" / "digits").mkdir(parents=True)
    for name in ("base", "new"):
        (three_files / f"{name}.csv").rename(three_files / "experiments" / "digits" / f"{name}_predictions.csv")
    return "experiments/digits/base_predictions.csv experiments/digits/new_predictions.csv"


@pytest.mark.parametrize(("width", "hidden"), [(140, None), (100, "better on"), (80, "better on, p")])
def test_long_paths_are_cut_before_the_interval_is_lost(long_paths, celoss, width, hidden):
    out = line(celoss, long_paths, COLUMNS=str(width))
    found = ranking.compare(long_paths.split(), "labels.csv").best.difference
    (row,) = rows_of_the_table(out)
    assert f"{abs(found.interval.low):.6f} … " in row
    assert row.endswith("better")
    assert [text for text in out.splitlines() if "not shown" in text] == [f"not shown at this width: {hidden}"] * (
        hidden is not None
    )
    assert "…" in row.split("   ")[1] or width == 140


def test_at_60_columns_the_verdict_stays_and_what_is_left_out_is_said(long_paths, celoss):
    out = line(celoss, long_paths, COLUMNS="60")
    (row,) = rows_of_the_table(out)
    assert row.endswith("better")
    assert "not shown at this width: better on, 95 % interval of Δ" in " ".join(out.split())


def test_cut_names_stay_apart(three_files, celoss):
    text = (three_files / "base.csv").read_text()
    names = [f"{start}{'x' * 20}{one}{'y' * 16}.csv" for start in "pq" for one in "ab"]
    for name in names:
        (three_files / name).write_text(text)
    out = line(celoss, " ".join(names[:2]), COLUMNS="60")
    assert [row.split("   ")[1].strip() for row in rows_of_the_table(out)] == [f"…{one}{'y' * 16}.csv" for one in "ab"]
    # These differ at both ends of what can be cut.
    out = line(celoss, " ".join(names), COLUMNS="60")
    assert all(f"file\n {name}\n" in out for name in names)


def test_the_parts_say_how_many_there_are_and_leave_out_files_with_nothing_to_take_apart(folder, celoss):
    import pyarrow.csv as pacsv

    for seed in range(2):
        pacsv.write_csv(table(seed, k=5)[0], f"m{seed}.csv")
    (folder / "again.csv").write_text((folder / "m0.csv").read_text())
    pacsv.write_csv(table(0, k=5)[1], "labels.csv")
    out = celoss("compare", "m0.csv", "m1.csv", "again.csv", "-l", "labels.csv", "--by", "site", "-q").out
    assert "the 3 largest of 5 classes\n" in out
    assert "the 3 largest of 7 values of site\n" in out
    assert out.count(" again.csv ") == 1
    assert "again.csv has the same loss as m0.csv on every row, up to rounding." in out
    markdown = celoss("compare", "m0.csv", "m1.csv", "-l", "labels.csv", "-q", "-f", "markdown").out
    assert "\n\nthe 3 largest of 5 classes\n\n" in markdown


def test_files_that_are_all_the_same_have_no_columns_for_a_test(folder, celoss):
    for name in ("again.csv", "more.csv"):
        (folder / name).write_text((folder / "preds.csv").read_text())
    out = celoss("compare", "preds.csv", "again.csv", "more.csv", "-l", "labels.csv", "-q").out
    assert out.endswith("\n\nagain.csv and more.csv have the same loss as preds.csv on every row, up to rounding.\n")
    assert "interval" not in out
    assert "class " not in out


def test_one_row_is_said_to_be_one(folder, celoss):
    (folder / "a.csv").write_text("p\n0.5\n")
    (folder / "b.csv").write_text("p\n0.4\n")
    (folder / "y.csv").write_text("label\n1\n")
    out = celoss("compare", "a.csv", "b.csv", "-l", "y.csv", "-q").out
    assert "as there is only 1 row\n" in out


def test_of_many_files_sentences_name_some(folder, celoss):
    import pyarrow.csv as pacsv

    names = [f"m{seed}.csv" for seed in range(12)]
    for seed, name in enumerate(names):
        pacsv.write_csv(table(seed, 1000)[0], name)
    pacsv.write_csv(table(0, 1000)[1], "labels.csv")
    out = celoss("compare", *names, "-l", "labels.csv", "-q").out
    assert "better than m0.csv." in " ".join(out.split())
    assert out.count("c0 ") + out.count("c1 ") + out.count("c2 ") == 5 * 3


def test_the_table_of_a_file_with_an_infinite_loss_says_why_there_is_no_difference(folder, celoss):
    (folder / "zero.csv").write_text("id,cat,dog,owl\na,0,0.5,0.5\nb,0.25,0.5,0.25\nc,0.25,0.5,0.25\nd,0.25,0.25,0.5\n")
    ran = celoss("compare", "preds.csv", "zero.csv", "-l", "labels.csv", "--eps", "0", "--fail", "worse")
    assert "zero.csv has an infinite loss: there is no finite difference to test (--eps sets a floor)." in ran.out
    assert ran.err.endswith("gate: not met\n  zero.csv has an infinite loss   (--fail worse)\n")
    assert ran.code == 1


def test_every_verdict_has_words(three_files):
    from celoss_cli.render.conclusions import failure

    found = ranking.compare(["base.csv", "new.csv"], "labels.csv")
    from dataclasses import replace

    one = found["new.csv"]
    texts = {failure(found, replace(one, difference=replace(one.difference, verdict=verdict))) for verdict in VERDICTS}
    assert len(texts) == len(VERDICTS)
