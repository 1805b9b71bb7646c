"""Write statistics.json: what SciPy, statsmodels, scikit-learn, netcal, torchmetrics, uncertainty-calibration, probmetrics and
mpmath say about intervals, tests, skill, calibration errors and recalibration.

Run `python tests/reference/make_statistics.py` with those installed. celoss itself is never imported. Wherever two witnesses
cover the same number they are compared here, and the file is not written when they disagree.
"""

import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import calibration as uncertainty_calibration
import numpy as np
import torch
from mpmath import mp
from netcal.metrics import ECE
from numpy.typing import NDArray
from probmetrics.calibrators import TemperatureScalingCalibrator
from scipy import optimize, special, stats
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import d2_log_loss_score
from statsmodels.stats.multitest import multipletests
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

TARGET = Path(__file__).with_name("statistics.json")
PACKAGES = (
    "mpmath", "netcal", "numpy", "probmetrics", "scikit-learn", "scipy", "statsmodels", "torch", "torchmetrics",
    "uncertainty-calibration",
)  # fmt: skip
BINS = 15
CONFIDENCE = 0.95
RESAMPLES = 9_999
SEED = 6_100
MIRRORED = "80 rows, symmetric"

NOTES = [
    "Rows of the calibration cases have top probabilities that differ by 0.005 and more, none on the edge of a bin, and their "
    "number is a multiple of 15: all ways to make 15 bins of equally many rows then make the same.",
    "ece_*: Σ n_b / n · |observed − mean forecast|. l2_debiased: uncertainty-calibration's root of the de-biased squares over "
    "bins of equally many rows. class_wise: the mean over classes of their equal-width ECE.",
    "recalibration: probmetrics fits the temperature by 30 bisections; the other numbers are scipy.optimize's on the "
    "loss written out, of which those of two classes are compared with scikit-learn's LogisticRegression without penalty.",
    "hall: mpmath, 50 digits; the bounds are found as roots of G, not by its inverse. bca: scipy.stats.bootstrap, seeded.",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Case = dict[str, Any]


def main() -> None:
    """Compute every block and write the file."""
    mp.dps = 50
    values = {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "notes": NOTES,
        "bins": BINS,
        "confidence": CONFIDENCE,
        "mean": {"cases": mean_cases()},
        "paired": {"cases": paired_cases()},
        "holm": {"cases": holm_cases()},
        "forecasts": {"cases": forecast_cases()},
    }
    text = json.dumps(values, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    TARGET.write_text(text, encoding="utf-8", newline="\n")
    print(f"{TARGET.name}: {len(text):,} characters")


def agree(what: str, *values: float, relative: float = 1e-9) -> float:
    """Return the first of several witnesses' numbers; raise unless all are equal but for this part of it."""
    if any(not abs(one - values[0]) <= relative * abs(values[0]) for one in values):
        raise ValueError(f"{what}: the witnesses disagree, {values}")
    return float(values[0])


# --- intervals and tests ---


def mean_cases() -> list[Case]:
    """Return samples of losses, with the t interval, Hall's and the bootstrap's, and their skewness."""
    random = np.random.default_rng(SEED)
    outlier = np.full(10, 0.01)
    outlier[3] = 4.0
    samples = {
        "exponential": random.exponential(0.4, 60),
        "symmetric": random.normal(1.0, 0.2, 40),
        "left tail": 2.0 - random.exponential(0.4, 40),
        "one outlier of 10": outlier,
        "lognormal": random.lognormal(-1.0, 1.0, 200),
    }
    return [{"name": name, **mean_case(values)} for name, values in samples.items()]


def mean_case(values: Floats) -> Case:
    """Return the intervals of one sample."""
    t = stats.ttest_1samp(values, 0.0).confidence_interval(CONFIDENCE)
    skewness = agree("skewness", float(stats.skew(values)), float(exact_skewness(values)))
    bca = stats.bootstrap(
        (values,), np.mean, confidence_level=CONFIDENCE, n_resamples=RESAMPLES, method="BCa", rng=np.random.default_rng(SEED)
    ).confidence_interval
    return {
        "values": values.tolist(),
        "mean": float(np.mean(values)),
        "error": float(stats.sem(values)),
        "skewness": skewness,
        "t": [float(t.low), float(t.high)],
        "hall": [float(hall_bound(values, sign)) for sign in (1, -1)],
        "bca": [float(bca.low), float(bca.high)],
    }


def exact_moment(values: Floats, power: int) -> Any:
    """Return a central moment in mpmath."""
    exact = [mp.mpf(float(one)) for one in values]
    mean = mp.fsum(exact) / len(exact)
    return mp.fsum((one - mean) ** power for one in exact) / len(exact)


def exact_skewness(values: Floats) -> Any:
    """Return the skewness in mpmath."""
    return exact_moment(values, 3) / exact_moment(values, 2) ** mp.mpf("1.5")


def hall_bound(values: Floats, sign: int) -> Any:
    """Return the mean m at which Hall's G((mean − m) / error) is ± the quantile of Student's t distribution."""
    n = len(values)
    mean = mp.fsum(map(mp.mpf, values.tolist())) / n
    error = mp.sqrt(exact_moment(values, 2) / (n - 1))
    c = exact_skewness(values) / mp.sqrt(n)
    t = sign * mp.mpf(float(special.stdtrit(n - 1, 0.5 + CONFIDENCE / 2)))

    def distance(m: Any) -> Any:
        T = (mean - m) / error  # noqa: N806
        return T + c * T**2 / 3 + c**2 * T**3 / 27 + c / 6 - t

    return mp.findroot(distance, (mean - 40 * error, mean + 40 * error), solver="anderson", tol=1e-40, maxsteps=500)


def paired_cases() -> list[Case]:
    """Return pairs of row losses with the paired t test, and for few rows all flips of signs."""
    random = np.random.default_rng(SEED + 1)
    cases = []
    for name, n, shift in (
        ("8 rows", 8, 0.4),
        ("14 rows", 14, 0.1),
        ("60 rows", 60, 0.15),
        ("400 rows", 400, 0.0),
        (MIRRORED, 80, 0.1),
    ):
        a = random.exponential(0.5, n)
        b = np.maximum(a - shift + random.normal(0.0, 0.3, n), 0.001)
        if name == MIRRORED:
            # Differences of shift ± the same numbers, in multiples of 1/1024 that do not round.
            steps = np.round(1024 * random.normal(0.0, 0.3, n // 2)) / 1024
            b = 3.0 + np.round(1024 * b) / 1024
            a = b + 0.125 + np.concatenate([steps, -steps])
        test = stats.ttest_rel(a, b)
        interval = test.confidence_interval(CONFIDENCE)
        case = {
            "name": name,
            "a": a.tolist(),
            "b": b.tolist(),
            "ttest_p": float(test.pvalue),
            "t": [float(interval.low), float(interval.high)],
            "skewness": float(stats.skew(a - b)),
            "wilcoxon_p": float(stats.wilcoxon(a - b).pvalue),
        }
        if n <= 14:
            flips = stats.permutation_test((a - b,), np.mean, permutation_type="samples", n_resamples=np.inf)
            case["all_flips_p"] = float(flips.pvalue)
        cases.append(case)
    return cases


def holm_cases() -> list[Case]:
    """Return lists of p with what statsmodels makes of them."""
    lists = [[0.03], [0.04, 0.01], [0.01, 0.04, 0.03, 0.005], [0.2, 0.2, 0.9, 1e-12, 0.0, 1.0, 0.04, 0.013]]
    lists.append(np.random.default_rng(SEED + 2).beta(0.3, 2.0, 40).tolist())
    return [{"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()} for p in lists]


# --- forecasts ---


def forecast_cases() -> list[Case]:
    """Return forecasts with labels, and what is said of their skill, calibration and recalibration."""
    random = np.random.default_rng(SEED + 3)
    n = 120
    spread_out = (np.arange(n) + 0.5) / n
    two = random.permutation(spread_out)
    true = (random.random(n) < two).astype(np.int64)
    over = (random.random(n) < special.expit(0.5 * special.logit(two))).astype(np.int64)
    off = (random.random(n) < special.expit(special.logit(two) - 1.0)).astype(np.int64)
    three = three_classes(random, 0.36 + 0.63 * spread_out)
    drawn = (random.random((n, 1)) > np.cumsum(three, axis=1)).sum(axis=1)
    tempered = special.softmax(0.6 * np.log(three) + [0.0, 0.3, -0.2], axis=1)
    tilted = (random.random((n, 1)) > np.cumsum(tempered, axis=1)).sum(axis=1)
    return [
        forecast_case("binary, calibrated", two, true),
        forecast_case("binary, over-confident", two, over),
        forecast_case("binary, too high", two, off),
        forecast_case("binary, weighted", two, over, random.integers(1, 5, n).astype(np.float64)),
        forecast_case("three classes", three, drawn),
        forecast_case("three classes, over-confident and biased", three, tilted),
    ]


def three_classes(random: np.random.Generator, largest: Floats) -> Floats:
    """Return rows of three probabilities with these largest ones, in any place; they add up to 1 but for rounding."""
    n = len(largest)
    rest = 1.0 - largest
    second = np.minimum(rest * random.uniform(0.5, 0.95, n), largest - 0.004)
    rows = np.stack([largest, second, 1.0 - largest - second], axis=1)
    return random.permuted(random.permutation(rows), axis=1)


def forecast_case(name: str, p: Floats, labels: Integers, weights: Floats | None = None) -> Case:
    """Return one case with all that its witnesses say."""
    case = {
        "name": name,
        "p": p.tolist(),
        "labels": labels.tolist(),
        "weights": None if weights is None else weights.tolist(),
        "d2_log_loss_score": float(d2_log_loss_score(labels, p, sample_weight=weights)),
    }
    if weights is None:
        case |= {"calibration": calibration_of(p, labels)}
    return case | {"recalibration": recalibration(p, labels, weights)}


def calibration_of(p: Floats, labels: Integers) -> Case:
    """Return the calibration errors; of three classes of the most probable one, and class by class."""
    binary = p.ndim == 1
    forecast = p if binary else p.max(axis=1)
    hit = labels if binary else (p.argmax(axis=1) == labels).astype(np.int64)
    tensors = torch.from_numpy(p), torch.from_numpy(labels)
    by_torch = (
        binary_calibration_error(*tensors, n_bins=BINS, norm="l1")
        if binary
        else multiclass_calibration_error(*tensors, num_classes=p.shape[1], n_bins=BINS, norm="l1")
    )
    equal_width = agree(
        "equal-width ECE",
        uncertainty_calibration.get_ece(forecast, hit, num_bins=BINS),
        float(by_torch),
        ece_of_netcal(forecast, hit),
        relative=1e-6,
    )
    equal_mass = uncertainty_calibration.get_ece_em(forecast, hit, num_bins=BINS)
    curves = {}
    for strategy in ("uniform", "quantile"):
        observed, mean_forecast = calibration_curve(hit, forecast, n_bins=BINS, strategy=strategy)
        curves[strategy] = {"observed": observed.tolist(), "mean_forecast": mean_forecast.tolist()}
    quantile = curves["quantile"]
    agree("equal-mass ECE", equal_mass, np.mean(np.abs(np.subtract(quantile["observed"], quantile["mean_forecast"]))))
    found = {
        "ece_equal_width": equal_width,
        "ece_equal_mass": float(equal_mass),
        "l2_debiased": float(uncertainty_calibration.lower_bound_scaling_ce(forecast, hit, num_bins=BINS)),
        "calibration_curve": curves,
    }
    if not binary:
        found["class_wise"] = float(
            np.mean([uncertainty_calibration.get_ece(one, (labels == c).astype(np.int64)) for c, one in enumerate(p.T)])
        )
    return found


def ece_of_netcal(forecast: Floats, hit: Integers) -> float:
    """Return netcal's ECE; it takes the probability of a positive."""
    return float(ECE(bins=BINS).measure(forecast, hit))


def recalibration(p: Floats, labels: Integers, weights: Floats | None) -> Case:
    """Return the least losses by a temperature, and by a temperature with biases, and the slopes b there."""
    log_p = np.log(np.stack([1.0 - p, p], axis=1) if p.ndim == 1 else p)
    w = np.full(len(labels), 1.0 / len(labels)) if weights is None else weights / weights.sum()

    def loss(x: Floats) -> float:
        logits = x[0] * log_p + np.append(0.0, x[1:] if len(x) > 1 else np.zeros(log_p.shape[1] - 1))
        return float(-w @ (logits - special.logsumexp(logits, axis=1, keepdims=True))[np.arange(len(labels)), labels])

    plain = loss(np.ones(1))
    alone = least(loss, np.ones(1))
    together = least(loss, np.append(alone[0], np.zeros(log_p.shape[1] - 1)))
    if weights is None:
        fitted = TemperatureScalingCalibrator()
        fitted.fit(np.exp(log_p), labels)
        agree("inverse temperature, probmetrics and scipy.optimize", fitted.invtemp_, alone[0][0], relative=1e-5)
        probmetrics_slope = float(fitted.invtemp_)
    else:
        probmetrics_slope = None
    if p.ndim == 1:
        cox = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
        cox.fit(special.logit(p)[:, np.newaxis], labels, sample_weight=weights)
        agree("slope with bias, scikit-learn and scipy.optimize", cox.coef_[0, 0], together[0][0], relative=1e-5)
    return {
        "plain": plain,
        "tempered": alone[1],
        "refined": together[1],
        "slope_alone": float(alone[0][0]),
        "slope": float(together[0][0]),
        "biases": [0.0, *together[0][1:].tolist()],
        "probmetrics_slope": probmetrics_slope,
    }


def least(loss: Callable[[Floats], float], start: Floats) -> tuple[Floats, float]:
    """Return where a loss is least, and how much it is there."""
    found = optimize.minimize(loss, start, method="BFGS", options={"gtol": 1e-10})
    found = optimize.minimize(loss, found.x, method="Nelder-Mead", options={"xatol": 1e-11, "fatol": 1e-16, "maxfev": 5000})
    return found.x, float(found.fun)


if __name__ == "__main__":
    main()
