"""Plants wrong labels in data sets, and counts how many of them `celoss explain --suspects` lists, beside plain lists."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from benchmarks.results import Table, skipped
from benchmarks.statistics.trials import SEED, Effort, Floats

from celoss import explain
from celoss.kernels import Codes, Mask
from celoss.recalibration import Fit, fit
from celoss.recalibration_sums import recalibrated

RATES = (0.02, 0.05)
REPETITIONS = 3
LEAST = 1e-15
NOTE = (
    "Each model forecasts each row by 3-fold cross-validation on the labels with the planted faults, the neural network first. "
    "A cell is the precision among as many rows as there are faults, then the average precision. With one model recalibration "
    "changes little of the order; its use is what it says about chance. By the largest p′ all models must contradict a label, "
    "and the weakest decides; in a mean of losses the surest one does."
)
BEYOND = (
    "How many rows `explain` calls beyond chance (q ≤ 0.05), and which share of them is a planted fault. It names few: the "
    "faults count in the recalibration, too."
)


def tables(effort: Effort) -> Iterator[Table]:
    """The tables of the section."""
    try:
        import sklearn  # noqa: F401
    except ImportError:
        yield skipped("suspects", "Planted faults among the first rows", "scikit-learn is not installed")
        return
    repetitions = max(1, round(REPETITIONS * effort.part))
    ranked: list[list[Any]] = []
    beyond: list[list[Any]] = []
    names: list[str] = []
    failures: list[str] = []
    sums: dict[str, list[float]] = defaultdict(list)
    for name, load in _data().items():
        for rate in RATES:
            found, listed = _trial(*load(), rate, repetitions)
            names = list(found)
            for rule, (precision, _) in found.items():
                sums[rule].append(precision)
            ranked.append(
                [f"{name}, {rate:.0%} wrong", *(f"{100 * one:.0f} / {100 * other:.0f}" for one, other in found.values())]
            )
            beyond.append([f"{name}, {rate:.0%} wrong", *listed])
    means = {rule: sum(one) / len(one) for rule, one in sums.items()}
    ranked.append(["mean", *(f"{100 * means[rule]:.1f}" for rule in names)])
    if means["explain, 4 models"] < means["mean loss, 4 models"]:
        failures.append("suspects of several models are worse than their mean loss")
    yield Table("suspects", "Planted faults among the first rows, in percent", ("data", *names), ranked, NOTE, failures)
    columns = ("data", "one model: rows", "faults", "four models: rows", "faults", "planted")
    yield Table("beyond", "Labels beyond chance", columns, beyond, BEYOND)


def _data() -> dict[str, Callable[[], tuple[Floats, Codes]]]:
    from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification

    def scaled(load: Any) -> tuple[Floats, Codes]:
        x, y = load(return_X_y=True)
        return (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9), y

    def made(k: int, n: int, separation: float) -> tuple[Floats, Codes]:
        x, y = make_classification(
            n, 20, n_informative=12, n_classes=k, class_sep=separation, n_clusters_per_class=2, random_state=k, flip_y=0
        )
        return x, y

    return {
        "digits, 10 classes": lambda: scaled(load_digits),
        "breast cancer, 2 classes": lambda: scaled(load_breast_cancer),
        "wine, 3 classes": lambda: scaled(load_wine),
        "made, 2 classes": lambda: made(2, 2000, 1.0),
        "made, 3 classes": lambda: made(3, 2000, 1.0),
        "made, 10 classes": lambda: made(10, 3000, 1.5),
    }


def _trial(x: Floats, y: Codes, rate: float, repetitions: int) -> tuple[dict[str, tuple[float, float]], list[str]]:
    """(precision, average precision) by rule, and what is beyond chance: means over the repetitions."""
    precisions: dict[str, list[tuple[float, float]]] = defaultdict(list)
    counts = np.zeros((2, 2))
    k, n = int(y.max()) + 1, len(y)
    planted = int(rate * n)
    for repetition in range(repetitions):
        chance = np.random.default_rng([SEED, n, k, planted, repetition])
        faulty = np.zeros(n, bool)
        faulty[chance.permutation(n)[:planted]] = True
        codes = np.where(faulty, (y + chance.integers(1, k, n)) % k, y)
        forecasts = _forecasts(x, codes, repetition)
        orders = _plain_orders(forecasts, codes)
        for at, also in enumerate(([], forecasts[1:])):
            found = explain(forecasts[0], codes, suspects=n, also=also).suspects
            assert found is not None
            order = np.array([one.row - 1 for one in found.rows])
            orders[f"explain, {'4 models' if also else 'one'}"] = order
            counts[at] += found.beyond_chance, sum(faulty[one.row - 1] for one in found.rows if one.q <= found.level)
        for rule, order in orders.items():
            precisions[rule].append(_precision(faulty[order], planted))
    means = {
        rule: (float(one[0]), float(one[1])) for rule, one in ((rule, np.mean(of, axis=0)) for rule, of in precisions.items())
    }
    shown = [text for rows, hits in counts for text in (f"{rows / repetitions:.1f}", f"{hits / rows:.0%}" if rows else "")]
    return means, [*shown, str(planted)]


def _forecasts(x: Floats, codes: Codes, seed: int) -> list[Floats]:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neural_network import MLPClassifier

    models = (
        MLPClassifier((50,), max_iter=60, random_state=seed),
        RandomForestClassifier(50, random_state=seed),
        LogisticRegression(max_iter=200),
        GaussianNB(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [cross_val_predict(one, x, codes, cv=3, method="predict_proba") for one in models]
    floored = [np.clip(one, LEAST, 1.0) for one in found]
    return [one / one.sum(axis=1, keepdims=True) for one in floored]


def _plain_orders(forecasts: list[Floats], codes: Codes) -> dict[str, Codes]:
    """Rows by the simple rules, and by others that were tried; the most suspected first."""
    rows = np.arange(len(codes))
    losses = [-np.log(one[rows, codes]) for one in forecasts]
    pairs = [_calibrated(np.log(one.T), codes) for one in forecasts]
    logs = [np.log(np.maximum(p, 1e-300)) for p, _ in pairs]
    known = np.array([max(0.0, found.base_rate - found.refined) for _, found in pairs])
    scores = {
        "worst loss, one": -losses[0],
        "mean loss, 4 models": -np.mean(losses, axis=0),
        "largest p′": np.max([p[codes, rows] for p, _ in pairs], axis=0),
        "equal weights": _pooled(logs, np.ones(len(logs)), codes),
        "weights by nats": _pooled(logs, known, codes),
    }
    return {rule: np.argsort(score, kind="stable") for rule, score in scores.items()}


def _calibrated(log_p: Floats, codes: Codes) -> tuple[Floats, Fit]:
    found = fit(log_p, codes)
    x = log_p - log_p.max(axis=0)
    return recalibrated(x, found.slope, None if found.biases is None else np.array(found.biases)), found


def _pooled(logs: list[Floats], weights: Floats, codes: Codes) -> Floats:
    pool = sum((weight * one for weight, one in zip(weights / weights.sum(), logs, strict=True)), np.zeros_like(logs[0]))
    p, _ = _calibrated(pool, codes)
    chances: Floats = p[codes, np.arange(len(codes))]
    return chances


def _precision(faulty: Mask, planted: int) -> tuple[float, float]:
    """The share of faults among as many rows as were planted, and the mean of the precisions down to each fault."""
    running = np.cumsum(faulty) / np.arange(1, len(faulty) + 1)
    return float(faulty[:planted].mean()), float(running[faulty].mean())
