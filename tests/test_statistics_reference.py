"""Intervals, skill, calibration errors and recalibration beside SciPy, scikit-learn, netcal, torchmetrics, probmetrics, mpmath.

The values are kept in tests/reference/statistics.json, which tests/reference/make_statistics.py writes. What statsmodels and
SciPy say of tests is held by tests/test_significance.py.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import celoss
from celoss.intervals import hall_interval
from celoss.recalibration_fit import fit
from celoss.spread import RatioSums, spread

VALUES = json.loads((Path(__file__).parent / "reference" / "statistics.json").read_text())
CONFIDENCE, BINS = VALUES["confidence"], VALUES["bins"]
MEANS = VALUES["mean"]["cases"]
FORECASTS = VALUES["forecasts"]["cases"]
UNWEIGHTED = [case for case in FORECASTS if case["weights"] is None]
# Forecasts are summed with 31 bits of their distance from 0 or 1.
SUMMED = 1e-9


def named(case):
    return case["name"]


def report_of(case, **options):
    """The report of a case's rows."""
    p, labels = np.array(case["p"]), np.array(case["labels"])
    weights = None if case["weights"] is None else np.array(case["weights"])
    return celoss.evaluate(p, labels, positive="1" if p.ndim == 1 else None, weights=weights, **options)


# --- means ---


@pytest.mark.parametrize("case", MEANS, ids=named)
def test_mean_error_and_skewness_agree_with_scipy(case) -> None:
    found = spread(RatioSums.of(np.array(case["values"])))
    assert found is not None
    assert (found.mean, found.error) == pytest.approx((case["mean"], case["error"]), rel=1e-13)
    assert found.skewness == pytest.approx(case["skewness"], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("case", MEANS, ids=named)
def test_halls_interval_agrees_with_roots_found_by_mpmath(case) -> None:
    found = hall_interval(case["mean"], case["error"], case["skewness"], len(case["values"]), CONFIDENCE)
    assert [found.low, found.high] == pytest.approx(case["hall"], rel=1e-11)


@pytest.mark.parametrize("case", MEANS, ids=named)
def test_halls_interval_leans_to_the_long_tail_as_scipys_bootstrap_does(case) -> None:
    """Each bound is on the same side of the t interval's as that of the BCa bootstrap; of little skewness as near."""
    found = hall_interval(case["mean"], case["error"], case["skewness"], len(case["values"]), CONFIDENCE)
    low, high = case["bca"]
    middle, width = (found.low + found.high) / 2, case["t"][1] - case["t"][0]
    if abs(case["skewness"]) > 1:
        assert (middle > case["mean"]) == ((low + high) / 2 > case["mean"]) == (case["skewness"] > 0)
    if len(case["values"]) >= 40:
        assert [found.low, found.high] == pytest.approx([low, high], abs=0.16 * width)


@pytest.mark.parametrize("case", [case for case in MEANS if min(case["values"]) > 0], ids=named)
def test_the_report_has_the_interval_of_its_row_losses(case) -> None:
    """A row's probability is e^−loss, which rounds."""
    losses = np.array(case["values"])
    report = celoss.evaluate(np.exp(-losses), np.ones(len(losses), int), positive="1", classes=["0", "1"])
    found = report.intervals["log_loss"]
    assert found.method == "hall"
    assert [found.low, found.high] == pytest.approx([max(0.0, case["hall"][0]), case["hall"][1]], rel=1e-6)


# --- differences ---


@pytest.mark.parametrize("case", VALUES["paired"]["cases"], ids=named)
def test_a_comparison_has_the_paired_test_of_scipy(case) -> None:
    """Of few rows no smaller p than by all flips; of many, whose differences are symmetric, that of the paired t test."""
    a, b = np.array(case["a"]), np.array(case["b"])
    # e^−loss rounds, to the same floor.
    models = {"b": np.exp(-b), "a": np.exp(-a)}
    found = celoss.compare(models, np.ones(len(a), int), positive="1", classes=["0", "1"])["a"].difference
    assert found.value == pytest.approx(np.mean(a - b), rel=1e-12)
    assert found.adjusted_p == found.p
    if "all_flips_p" in case:
        assert found.p >= case["all_flips_p"] * (1 - 1e-9)
    if abs(case["skewness"]) < 1e-9:
        assert found.p == pytest.approx(case["ttest_p"], rel=1e-6)
        assert [found.interval.low, found.interval.high] == pytest.approx(case["t"], rel=1e-6)


# --- skill ---


@pytest.mark.parametrize("case", FORECASTS, ids=named)
def test_skill_agrees_with_scikit_learn(case) -> None:
    assert report_of(case).metrics["skill"] == pytest.approx(case["d2_log_loss_score"], rel=1e-12)


@pytest.mark.parametrize("case", FORECASTS, ids=named)
def test_the_interval_of_skill_has_the_error_of_the_influence_of_each_row(case) -> None:
    """(l_i − R h_i) w_i / Σ w h, h_i being −ln of the frequency of the row's label."""
    p, labels = np.array(case["p"]), np.array(case["labels"])
    w = np.ones(len(labels)) if case["weights"] is None else np.array(case["weights"])
    true = np.where(labels == 1, p, 1.0 - p) if p.ndim == 1 else p[np.arange(len(labels)), labels]
    frequency = np.bincount(labels, weights=w) / w.sum()
    losses, costs = -np.log(true), -np.log(frequency)[labels]
    ratio = (w @ losses) / (w @ costs)
    influence = w * (losses - ratio * costs) / (w @ costs)
    n = len(labels)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1) * np.sum(influence**2))
    found = report_of(case).intervals["skill"]
    assert (found.low, found.high) == pytest.approx((1.0 - ratio - half, min(1.0, 1.0 - ratio + half)), rel=1e-9)


# --- calibration ---


@pytest.mark.parametrize("case", UNWEIGHTED, ids=named)
def test_the_equal_width_error_agrees_with_netcal_torchmetrics_and_uncertainty_calibration(case) -> None:
    found = report_of(case).calibration
    assert found.bins == BINS
    assert found.ece_equal_width == pytest.approx(case["calibration"]["ece_equal_width"], abs=SUMMED)


@pytest.mark.parametrize("case", UNWEIGHTED, ids=named)
def test_the_equal_mass_error_agrees_with_uncertainty_calibration_and_scikit_learn(case) -> None:
    assert report_of(case).calibration.ece == pytest.approx(case["calibration"]["ece_equal_mass"], abs=SUMMED)


@pytest.mark.parametrize("case", [case for case in UNWEIGHTED if "class_wise" in case["calibration"]], ids=named)
def test_the_class_wise_error_agrees_with_uncertainty_calibration(case) -> None:
    found = report_of(case, calibration=True).calibration.class_wise
    assert found.ece_equal_width == pytest.approx(case["calibration"]["class_wise"], abs=SUMMED)
    assert found.ece_equal_width == pytest.approx(np.mean([error for _, _, error in found.classes]), rel=1e-14)


@pytest.mark.parametrize("case", UNWEIGHTED, ids=named)
def test_the_debiased_error_agrees_with_uncertainty_calibration(case) -> None:
    found, expected = report_of(case).calibration.l2_debiased, case["calibration"]["l2_debiased"]
    # Squares: the root takes half of the digits of what is near 0.
    assert found**2 == pytest.approx(expected**2, abs=SUMMED)


@pytest.mark.parametrize("case", UNWEIGHTED, ids=named)
def test_the_reliability_table_is_scikit_learns_calibration_curve_with_wilsons_intervals(case) -> None:
    expected = case["calibration"]["calibration_curve"]["quantile"]
    table = report_of(case).calibration.table
    assert [one.mean_forecast for one in table] == pytest.approx(expected["mean_forecast"], abs=SUMMED)
    assert [one.observed for one in table] == pytest.approx(expected["observed"], abs=1e-15)
    for one in table:
        interval = stats.binomtest(round(one.observed * one.rows), one.rows).proportion_ci(CONFIDENCE, method="wilson")
        assert (one.interval.low, one.interval.high) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_calibrated_forecasts_have_an_error_that_over_confident_ones_exceed() -> None:
    """By the witnesses as by celoss, so that the cases above are not all alike."""
    by_name = {case["name"]: case["calibration"]["l2_debiased"] for case in UNWEIGHTED}
    assert by_name["binary, too high"] > 2 * by_name["binary, calibrated"]


# --- recalibration ---


@pytest.mark.parametrize("case", FORECASTS, ids=named)
def test_recalibration_agrees_with_scipys_optimum(case) -> None:
    expected = case["recalibration"]
    p = np.array(case["p"])
    log_p = np.log(np.stack([1.0 - p, p]) if p.ndim == 1 else p.T)
    found = fit(log_p, np.array(case["labels"]), None if case["weights"] is None else np.array(case["weights"]))
    assert found.plain == pytest.approx(expected["plain"], rel=1e-12)
    # A loss is flat where it is least: its digits are twice those of the slope.
    assert (found.tempered, found.refined) == pytest.approx((expected["tempered"], expected["refined"]), rel=1e-12)
    assert (found.slope_alone, found.slope) == pytest.approx((expected["slope_alone"], expected["slope"]), rel=1e-5)
    assert found.biases is not None
    biases = np.array(found.biases)
    assert (biases - biases[0]).tolist() == pytest.approx(expected["biases"], abs=1e-5)


@pytest.mark.parametrize("case", UNWEIGHTED, ids=named)
def test_the_temperature_agrees_with_probmetrics(case) -> None:
    report = celoss.evaluate(
        np.array(case["p"]),
        np.array(case["labels"]),
        positive="1" if np.ndim(case["p"]) == 1 else None,
        calibration=True,
    )
    assert report.recalibration.temperature == pytest.approx(1.0 / case["recalibration"]["probmetrics_slope"], rel=1e-5)
