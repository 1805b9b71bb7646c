"""Recalibration: the least loss is SciPy's, known temperatures are found, the ladder adds up, chance gains what theory says."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import chi2

from celoss import CelossError, Report, evaluate, recalibration
from celoss.recalibration import Fit, fit
from celoss_cli.render import table
from celoss_cli.render.recalibration import ladder, sentences
from tests.test_explain import random_pair

Floats = NDArray[np.float64]

GAINS = ("temperature_gain", "bias_gain", "gain")
SCHEMA = json.loads((files("celoss_cli") / "schema" / "eval.json").read_text("utf-8"))


def log_softmax(z: Floats) -> Floats:
    result: Floats = z - z.max(axis=0) - np.log(np.exp(z - z.max(axis=0)).sum(axis=0))
    return result


def loss_of(log_p: Floats, targets: Floats, weights: Floats, slope: float, biases: Floats) -> float:
    """Σ w Σ t (−ln softmax(b ln p + a)) / Σ w, as written."""
    losses = -(targets * log_softmax(slope * log_p + biases[:, np.newaxis])).sum(axis=0)
    return float((weights * losses).sum() / weights.sum())


def drawn(k: int, n: int, seed: int, sharpness: float = 0.6) -> tuple[Floats, NDArray[np.intp], Floats]:
    """ln p of too sure predictions with shifted classes, labels, and weights."""
    chance = np.random.default_rng([seed, k, n])
    log_p = log_softmax(2.0 * chance.standard_normal((k, n)))
    true = np.exp(log_softmax(sharpness * log_p + 0.5 * chance.standard_normal((k, 1))))
    codes = (true.cumsum(axis=0) < chance.random(n)).sum(axis=0).clip(0, k - 1)
    return log_p, codes, chance.exponential(size=n)


def least(log_p: Floats, targets: Floats, weights: Floats, biased: bool) -> float:
    """The least loss that SciPy finds."""
    k = len(log_p)

    def of(values: Floats) -> float:
        biases = np.append(values[1:], -values[1:].sum()) if biased else np.zeros(k)
        return loss_of(log_p, targets, weights, values[0], biases)

    start = np.r_[1.0, np.zeros(k - 1 if biased else 0)]
    return float(minimize(of, start, method="BFGS", options={"gtol": 1e-9}).fun)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("k", "n"), [(2, 300), (3, 500), (8, 800), (10, 800)])
def test_the_least_loss_is_that_of_scipy(k: int, n: int, weighted: bool) -> None:
    log_p, codes, weights = drawn(k, n, seed=1)
    weights = weights if weighted else np.ones(n)
    targets = np.eye(k)[codes].T
    found = fit(log_p, codes, weights if weighted else None)
    assert found.plain == pytest.approx(loss_of(log_p, targets, weights, 1.0, np.zeros(k)), rel=1e-13)
    assert found.tempered == pytest.approx(least(log_p, targets, weights, biased=False), rel=1e-12)
    assert found.refined == pytest.approx(least(log_p, targets, weights, biased=True), rel=1e-11)
    assert found.biases is not None
    # The numbers are those of the loss.
    assert found.tempered == pytest.approx(loss_of(log_p, targets, weights, found.slope_alone, np.zeros(k)), rel=1e-13)
    assert found.refined == pytest.approx(loss_of(log_p, targets, weights, found.slope, np.array(found.biases)), rel=1e-13)
    assert (found.slope_parameters, found.bias_parameters) == (1, k - 1)
    assert found.effective_rows == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), rel=1e-12)


def test_with_many_classes_the_slope_of_the_loss_is_zero_where_it_ends() -> None:
    log_p, codes, _ = drawn(60, 4000, seed=2)
    found = fit(log_p, codes)
    assert found.biases is not None
    p = np.exp(log_softmax(found.slope * log_p + np.array(found.biases)[:, np.newaxis]))
    apart = p - np.eye(60)[codes].T
    # The curvature off the diagonal is of rounded numbers, the slopes are not.
    assert np.abs(apart.mean(axis=1)).max() < 1e-8
    assert abs((apart * log_p).sum() / 4000) < 1e-7


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.7, 25.0])
def test_labels_that_are_the_tempered_predictions_give_the_temperature_back(temperature: float) -> None:
    log_p = log_softmax(3.0 * np.random.default_rng(3).standard_normal((4, 500)))
    found = fit(log_p, None, targets=np.exp(log_softmax(log_p / temperature)))
    assert 1.0 / found.slope_alone == pytest.approx(temperature, rel=1e-6)
    assert found.refined == pytest.approx(found.tempered, rel=1e-12)


def test_of_two_classes_the_fit_is_that_of_cox() -> None:
    """Labels that are sigmoid(b · logit p + a) give b and a back. D. R. Cox 1958, DOI 10.1093/biomet/45.3-4.562."""
    z = np.random.default_rng(4).standard_normal(400) * 2.0
    positive = 1.0 / (1.0 + np.exp(-(0.7 * z - 0.4)))
    found = fit(log_softmax(np.stack([np.zeros(400), z])), None, targets=np.stack([1.0 - positive, positive]))
    assert found.slope == pytest.approx(0.7, rel=1e-6)
    assert found.biases == (0.0, pytest.approx(-0.4, rel=1e-6))


def test_honest_predictions_gain_what_chance_gives() -> None:
    """2 n gain ~ χ² of as many degrees as parameters (Wilks 1938): its mean is their number, and p is below 0.1 in a tenth."""
    chance = np.random.default_rng(5)
    gains, rejected = [], 0
    for _ in range(300):
        p = chance.dirichlet([1.0, 1.0, 1.0], 300).T
        codes = (p.cumsum(axis=0) < chance.random(300)).sum(axis=0).clip(0, 2)
        found = fit(np.log(p), codes)
        gains.append(2 * 300 * (found.plain - found.refined))
        rejected += bool(chi2.sf(gains[-1], found.parameters) < 0.1)
    # Four standard errors: the variance of χ² with 3 degrees is 6.
    assert np.mean(gains) == pytest.approx(3.0, abs=4 * math.sqrt(6 / 300))
    assert rejected / 300 == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / 300))


def two(p: Any) -> Floats:
    """ln p of two classes from the second's probability."""
    with np.errstate(divide="ignore"):
        return np.log(np.stack([1.0 - np.asarray(p), np.asarray(p)]))


def test_separated_classes_stop_on_the_way_to_infinity() -> None:
    p = np.random.default_rng(6).uniform(0.05, 0.95, 200)
    for threshold in (0.5, 0.3):
        codes = (p > threshold).astype(int)
        found = fit(two(p), codes)
        # Where the classes part at another probability than a half, the temperature alone does not separate them.
        assert (found.is_separated_alone, found.is_separated) == (threshold == 0.5, True)
        assert found.refined * 200 < 1e-3
        assert math.isfinite(found.slope)
        if threshold == 0.3:
            assert found.tempered == pytest.approx(least(two(p), np.eye(2)[codes].T, np.ones(200), biased=False), rel=1e-10)


def test_predictions_that_are_all_the_same_settle_one_number_less() -> None:
    codes = np.array([0] * 60 + [1] * 40)
    found = fit(two(np.full(100, 0.3)), codes)
    # Of the two numbers each makes all of 0.4.
    assert found.parameters == 1
    assert found.refined == pytest.approx(-0.6 * math.log(0.6) - 0.4 * math.log(0.4), rel=1e-12)
    uniform = fit(two(np.full(100, 0.5)), codes)
    assert (uniform.slope_parameters, uniform.bias_parameters, uniform.slope_alone) == (0, 1, 1.0)
    assert uniform.biases == (0.0, pytest.approx(math.log(0.4 / 0.6), rel=1e-9))


def test_no_slope_is_negative() -> None:
    p = np.random.default_rng(7).uniform(0.05, 0.95, 500)
    found = fit(two(p), (np.random.default_rng(8).random(500) > p).astype(int))
    assert (found.slope_alone, found.slope) == (0.0, 0.0)
    assert found.tempered == pytest.approx(math.log(2), rel=1e-14)
    assert found.refined == pytest.approx(found.base_rate, rel=1e-9)


def test_a_class_that_no_label_has_is_ruled_out_beside_biases() -> None:
    log_p, codes, weights = drawn(3, 300, seed=9)
    beside = log_softmax(np.vstack([log_p[:1], np.random.default_rng(9).standard_normal((1, 300)), log_p[1:]]))
    found, without = fit(beside, np.array([0, 2, 3])[codes], weights), fit(log_p, codes, weights)
    assert (found.slope, found.refined) == (pytest.approx(without.slope, rel=1e-6), pytest.approx(without.refined, rel=1e-11))
    assert found.biases is not None
    assert without.biases is not None
    assert found.biases == pytest.approx((without.biases[0], -math.inf, *without.biases[1:]), rel=1e-6)
    assert (found.bias_parameters, found.refined < found.base_rate) == (2, True)
    # The temperature alone is of all classes; what it takes to rule one out is between the two.
    targets = np.insert(np.eye(3)[codes], 1, 0.0, axis=1).T
    assert found.tempered == pytest.approx(least(beside, targets, weights, biased=False), rel=1e-11)
    assert found.ruled == pytest.approx(without.tempered, rel=1e-12)
    assert without.ruled == without.tempered


def test_a_class_that_is_ruled_out_stays_so() -> None:
    chance = np.random.default_rng(10)
    log_p, codes = log_softmax(chance.standard_normal((3, 300))), chance.integers(0, 2, 300)
    without = fit(log_softmax(log_p[:2]), codes)
    log_p[2] = -np.inf
    found = fit(log_p, codes)
    assert found.refined == pytest.approx(without.refined, rel=1e-12)


@pytest.mark.parametrize("scale", [1e3, 1e30])
def test_logits_of_any_size_are_fitted(scale: float) -> None:
    chance = np.random.default_rng(11)
    z = chance.standard_normal((3, 200))
    codes = np.where(chance.random(200) < 0.2, chance.integers(0, 3, 200), z.argmax(axis=0))
    small, large = fit(z, codes), fit(z * scale, codes)
    assert small.tempered < small.plain
    if scale == 1e3:
        assert large.slope_alone * scale == pytest.approx(small.slope_alone, rel=1e-6)
        assert large.refined == pytest.approx(small.refined, rel=1e-10)
    assert math.isfinite(large.refined)


def test_biases_never_lose_against_the_temperature_alone() -> None:
    for seed in range(20):
        log_p, codes, weights = drawn(4, 15, seed)
        found = fit(log_p, codes, weights)
        assert found.refined <= found.tempered <= found.plain


def shares_of(k: int, n: int) -> tuple[Floats, NDArray[np.intp]]:
    log_p, codes, _ = drawn(k, n, seed=12)
    return np.exp(log_p), codes


def test_more_than_two_hundred_classes_have_a_temperature_alone() -> None:
    found = fit(*drawn(201, 400, seed=13)[:2])
    assert (found.biases, found.bias_parameters) == (None, 0)
    assert found.refined == found.tempered < found.plain


# --- in a report ----------------------------------------------------------------------------------------------------------


def of_report(report: Report) -> dict[str, Any]:
    """What the JSON has of it, which fits the schema."""
    document = json.loads(report.to_json())
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    found: dict[str, Any] = document["recalibration"]
    return found


@pytest.mark.parametrize("scale", ["probs", "logits", "logprobs"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "soft"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_ladder_goes_from_the_base_rate_to_the_log_loss(task: str, scale: str, weighted: bool) -> None:
    predictions, labels, options = random_pair(task, scale)
    options |= {"weights": "w"} if weighted else {}
    report = evaluate(predictions, labels, calibration=True, base=2, **options)
    found = of_report(report)
    ladder = found["ladder"]
    assert ladder["base_rate"] == report.metrics["reference_log_loss"]
    assert ladder["log_loss"] == report.log_loss
    assert ladder["base_rate"] - ladder["information"] == pytest.approx(ladder["refined"], rel=1e-12)
    parts = ladder["refined"] + ladder["bias"] + ladder["temperature"] + ladder["rest"]
    assert parts == pytest.approx(ladder["log_loss"], rel=1e-14)
    assert abs(ladder["rest"]) < 1e-12
    assert ladder["information"] > -1e-12
    assert found["gain"]["value"] == pytest.approx(ladder["bias"] + ladder["temperature"], rel=1e-9)
    assert (found["reason"] is None) == (task != "soft")


def test_a_report_has_the_fit_of_its_rows_with_their_chance() -> None:
    p, codes = shares_of(3, 400)
    found = of_report(evaluate(p.T, codes, calibration=True))
    expected = fit(np.log(p), codes)
    assert found["temperature"] == pytest.approx(1 / expected.slope_alone, rel=1e-6)
    assert found["temperature_with_biases"] == pytest.approx(1 / expected.slope, rel=1e-6)
    assert list(found["biases"].values()) == pytest.approx(list(expected.biases or ()), abs=1e-7)
    gain = expected.plain - expected.refined
    assert found["gain"] == {
        "value": pytest.approx(gain, rel=1e-10),
        "debiased": pytest.approx(gain - 3 / (2 * 400), rel=1e-10),
        "p_value": pytest.approx(chi2.sf(2 * 400 * gain, 3), rel=1e-6),
        "parameters": 3,
    }
    alone = expected.plain - expected.tempered
    assert found["temperature_gain"]["p_value"] == pytest.approx(chi2.sf(2 * 400 * alone, 1), rel=1e-6)
    bias = expected.tempered - expected.refined
    assert found["bias_gain"]["p_value"] == pytest.approx(chi2.sf(2 * 400 * bias, 2), rel=1e-6)


def test_weights_and_class_weights_weigh_rows() -> None:
    p, codes = shares_of(3, 300)
    weights = np.random.default_rng(14).integers(0, 4, 300).astype(float)
    report = evaluate(p.T, codes, weights=weights, class_weights={"0": 2.0, "1": 0.5}, calibration=True)
    of_rows = weights * np.array([2.0, 0.5, 1.0])[codes]
    kept = of_rows > 0
    expected = fit(np.log(p[:, kept]), codes[kept], of_rows[kept])
    found = of_report(report)
    assert found["rows"] == kept.sum()
    assert found["effective_rows"] == pytest.approx(of_rows.sum() ** 2 / (of_rows**2).sum(), rel=1e-12)
    assert found["ladder"]["refined"] == pytest.approx(expected.refined, rel=1e-11)


def test_what_rows_lack_to_one_is_the_rest() -> None:
    p, codes = shares_of(3, 200)
    report = evaluate(0.9995 * p.T, codes, calibration=True)
    assert of_report(report)["ladder"]["rest"] == pytest.approx(-math.log(0.9995), rel=1e-9)
    assert "+ rest" in table.render(report)


def test_a_report_has_none_unless_it_is_asked_for() -> None:
    p, codes = shares_of(3, 200)
    report = evaluate(p.T, codes)
    assert report.recalibration is None
    assert "ladder" not in table.render(report)


@pytest.mark.parametrize("task", ["binary", "multiclass", "soft"])
def test_no_bit_depends_on_batches_memory_or_the_order_of_rows(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    predictions, labels, options = random_pair(task, rows=300)

    def document(left: pa.Table, batch_rows: int) -> dict[str, Any]:
        return of_report(evaluate(left, labels, weights="w", calibration=True, batch_rows=batch_rows, **options))

    expected = document(predictions, 65536)
    shuffled = predictions.take(pa.array(np.random.default_rng(15).permutation(300)))
    assert document(predictions, 1) == document(predictions, 7) == document(shuffled, 50) == expected
    # Read again for every step.
    monkeypatch.setattr(recalibration, "MOST_KEPT", 1000)
    assert document(shuffled, 64) == expected


def test_rows_of_a_cluster_and_few_rows_have_no_chance_that_is_known() -> None:
    predictions, labels, options = random_pair("multiclass", rows=200)
    labels = labels.append_column("patient", pa.array([str(row % 40) for row in range(200)]))
    found = of_report(evaluate(predictions, labels, cluster="patient", calibration=True, **options))
    assert found["reason"] == "rows of one cluster are not independent"
    assert found["gain"]["p_value"] is found["gain"]["debiased"] is None
    p, codes = shares_of(3, 40)
    assert of_report(evaluate(p.T, codes, calibration=True))["reason"] == "there are too few rows"


def test_what_is_found_is_said_in_words() -> None:
    p, codes = shares_of(3, 2000)
    text = " ".join(table.render(evaluate(p.T, codes, calibration=True)).split())
    found = fit(np.log(p), codes)
    assert f"Fixable by T = {1 / found.slope_alone:.3g}, worth {found.plain - found.tempered:.6f} nats, p = " in text
    assert "the probabilities are too sure" in text
    chance = np.random.default_rng(16)
    honest = chance.dirichlet([1.0, 1.0, 1.0], 500)
    labels = (honest.cumsum(axis=1) < chance.random((500, 1))).sum(axis=1).clip(0, 2)
    text = " ".join(table.render(evaluate(honest, labels, calibration=True)).split())
    assert "Nothing is to be gained: T = " in text


def with_a_class_that_never_occurs() -> tuple[Floats, NDArray[np.intp], Floats]:
    """Honest forecasts of two classes, of which each gives 0.4 to a third one instead; labels; the honest forecasts."""
    chance = np.random.default_rng(18)
    q = chance.uniform(0.1, 0.9, 2000)
    codes = (chance.random(2000) < q).astype(np.intp)
    return np.stack([0.6 * (1.0 - q), 0.6 * q, np.full(2000, 0.4)]), codes, q


def test_what_a_class_takes_that_never_occurs_is_neither_tested_nor_called_too_sure() -> None:
    p, codes, q = with_a_class_that_never_occurs()
    report = evaluate(p.T, np.array(["a", "b"])[codes], classes=["a", "b", "never"], calibration=True)
    found = of_report(report)
    honest, whole = fit(two(q), codes), fit(np.log(p), codes)
    assert found["absent_gain"] == pytest.approx(whole.tempered - honest.tempered, rel=1e-9)
    assert found["bias_gain"]["p_value"] == pytest.approx(chi2.sf(4000 * (honest.tempered - honest.refined), 1), rel=1e-6)
    tested = whole.plain - whole.tempered + honest.tempered - honest.refined
    assert found["gain"]["p_value"] == pytest.approx(chi2.sf(4000 * tested, 2), rel=1e-6)
    assert found["gain"]["value"] == pytest.approx(whole.plain - honest.refined, rel=1e-9)
    assert found["ladder"]["information"] == pytest.approx(honest.base_rate - honest.refined, rel=1e-9)
    assert (found["biases"]["never"], json.loads(report.to_json())["non_finite"]["/recalibration/biases/never"]) == (
        None,
        "-Infinity",
    )
    text = " ".join(table.render(report).split())
    assert "Fixable" not in text
    assert f"To rule out never, which no label has, would remove {found['absent_gain']:.6f} nats; whether it can occur" in text
    alone = found["temperature"]
    assert f"these rows do not tell. A temperature alone, T = {alone:.3g}, is worth {whole.plain - whole.tempered:.6f}" in text
    assert f"; beside biases T = {1 / honest.slope:.3g}. Class biases would add no more than chance gives" in text
    assert [note.code for note in report.notes] == ["N3", "N26"]


def test_a_class_that_nothing_was_given_to_is_no_matter() -> None:
    _, codes, q = with_a_class_that_never_occurs()
    report = evaluate(np.stack([1.0 - q, q, np.zeros(2000)]).T, codes, calibration=True)
    of_two = evaluate(np.stack([1.0 - q, q]).T, codes, calibration=True)
    assert report.recalibration is not None
    assert of_two.recalibration is not None
    # At p = 0 the floor of 2e-16 stands.
    assert report.recalibration.absent_gain < 1e-7
    assert report.recalibration.gain.value == pytest.approx(of_two.recalibration.gain.value, rel=1e-4)
    assert "rule out" not in table.render(report)


def ladder_of(report: Report) -> dict[str, str]:
    return {name: value for name, value, _ in ladder(report)}


def test_the_numbers_of_the_ladder_have_six_decimals_whatever_their_size() -> None:
    p = np.random.default_rng(6).uniform(0.05, 0.95, 200)
    shown = ladder_of(evaluate(p, (p > 0.3).astype(int), calibration=True))
    assert shown["refined"] == "0.000000"
    # The forecasts of the label frequencies know nothing, but for a rounding.
    codes = np.array([0] * 7 + [1] * 13)
    shown = ladder_of(evaluate(np.tile([0.35, 0.65], (20, 1)), codes, calibration=True))
    assert (shown["− information"], shown["+ bias"], shown["+ temperature"]) == ("0.000000",) * 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.968, "p = 0.97"),
        (0.347, "p = 0.35"),
        (0.996, "p > 0.99"),
        (1.0, "p = 1"),
        (6.38e-20, "p = 6.4e-20"),
        (0.0, "p < 1e-300"),
    ],
)
def test_a_p_value_has_two_digits(value: float, text: str) -> None:
    p, codes = shares_of(3, 400)
    report = evaluate(p.T, codes, calibration=True)
    found = report.recalibration
    assert found is not None
    gains = {name: replace(gain, p_value=value) for name in GAINS if (gain := getattr(found, name)) is not None}
    sentence = " ".join(sentences(replace(report, recalibration=replace(found, **gains))))
    assert re.search(rf"{re.escape(text)}[ :).]", sentence)


def test_independent_labels_are_refused() -> None:
    predictions, labels, options = random_pair("multilabel")
    with pytest.raises(CelossError, match="E610"):
        evaluate(predictions, labels, calibration=True, **options)


def test_a_fit_is_a_value() -> None:
    log_p, codes, _ = drawn(3, 50, seed=17)
    found = fit(log_p, codes)
    assert isinstance(found, Fit)
    assert found == fit(log_p, codes)
