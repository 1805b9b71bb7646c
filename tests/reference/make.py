"""Write values.json: what scikit-learn, SciPy and mpmath say about inputs that celoss is tested on.

Run `python tests/reference/make.py` with those three installed. celoss itself is never imported. Wherever two witnesses
cover the same number they are compared here, and the file is not written when they disagree.
"""

import json
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import scipy
import sklearn
from grid import VARIANTS, Floats, Integers, draw, fingerprint
from mpmath import mp
from scipy.special import rel_entr, xlogy
from scipy.stats import entropy
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, recall_score

TARGET = Path(__file__).with_name("values.json")

EPS = float(np.finfo(np.float64).eps)
TINY = 5e-324
RELATIVE = 1e-12
# Per row: scikit-learn clips at 1 - eps (2.23e-16) and forms 1 - p in doubles for one column (1.2e-16).
SKLEARN_ABSOLUTE = 3.5e-16
DPS = 50
FIRST_SEED = 41_000

ROWS = (1, 2, 7, 100, 1000)
SHAPES = (("binary", 2), ("multiclass", 2), ("multiclass", 3), ("multiclass", 10), ("multiclass", 100))

NOTES = [
    "sklearn_grid.log_loss: scikit-learn clips every probability to [eps, 1 - eps], eps = 2.220446049250313e-16. "
    "The lower end is the floor of celoss; the upper end makes scikit-learn larger, at most 2.3e-16 per row of p = 1. "
    "From one binary column it also rounds 1 - p to a double. Compare with tolerances.relative and "
    "tolerances.sklearn_absolute together. log_loss_exact (mpmath, -ln max(p_true, eps)) has neither effect.",
    "Brier: scikit-learn's default, the unhalved sum over classes from three columns on, and half of it, (p - y)^2, "
    "for one or two columns. brier_sum is never halved.",
    "The double nearest to 1 - 1e-16 is 1 - 2^-53: the cases of both names hold the same input.",
    "skill is null where the reference log loss is 0 (labels of one class only).",
]

Case = dict[str, Any]


def main() -> None:
    """Compute every block and write the file."""
    mp.dps = DPS
    values = {
        "versions": versions(),
        "notes": NOTES,
        "tolerances": {"relative": RELATIVE, "sklearn_absolute": SKLEARN_ABSOLUTE},
        "sklearn_grid": {"eps": EPS, "cases": grid_cases()},
        "mpmath": {"dps": DPS, "cases": mpmath_cases()},
        "general": general(),
    }
    text = json.dumps(values, indent=1, allow_nan=False) + "\n"
    TARGET.write_text(text, encoding="utf-8", newline="\n")
    print(f"{TARGET.name}: {len(text):,} characters")


def versions() -> dict[str, str]:
    """Return the versions of the programs that the numbers come from."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": str(sklearn.__version__),
        "scipy": str(scipy.__version__),
        "mpmath": str(mpmath.__version__),
    }


def agree(what: str, left: float, right: float, absolute: float = 0.0) -> None:
    """Raise unless two witnesses give the same number."""
    if not abs(left - right) <= RELATIVE * abs(right) + absolute:
        raise ValueError(f"{what}: the witnesses disagree, {left!r} and {right!r}")


# --- mpmath: the formulas, at 50 digits ---


def nearest(value: Any) -> float:
    """Return the double nearest to an mpmath number: Python's own decimal conversion rounds correctly."""
    return float(mp.nstr(value, DPS - 5))


def number(value: Any) -> dict[str, Any]:
    """Return an mpmath number as the nearest double and as 30 digits."""
    return {"double": nearest(value), "digits": mp.nstr(value, 30)}


def mean(values: Sequence[Any]) -> Any:
    """Return the mean in mpmath."""
    return mp.fsum(values) / len(values)


def true_probability(p: Any, label: int) -> Any:
    """Return the true class's probability, 1 - p taken without rounding (5e-324 needs some 330 digits)."""
    if not isinstance(p, float):
        return mp.mpf(float(p[label]))
    with mp.workdps(400):
        return mp.mpf(p) if label == 1 else 1 - mp.mpf(p)


def row_loss(p: Any, label: int, eps: float) -> Any:
    """Return -ln max(p_true, eps), by log1p where p_true is 1 - p."""
    if true_probability(p, label) < eps:
        return -mp.log(mp.mpf(eps))
    if isinstance(p, float):
        return -mp.log(mp.mpf(p)) if label == 1 else -mp.log1p(-mp.mpf(p))
    return -mp.log(mp.mpf(float(p[label])))


def row_divergence(p: Any, label: int, eps: float) -> Any:
    """Return 1 · ln(1 / max(p_true, eps)) by another route than `row_loss`: no log1p, 400 digits instead."""
    with mp.workdps(400):
        value = mp.log(1 / max(true_probability(p, label), mp.mpf(eps)))
    return +value


def row_brier(p: Any, label: int) -> Any:
    """Return (p - y)^2 for one column, half the sum over two columns, the sum over classes for more."""
    if isinstance(p, float):
        return (mp.mpf(p) - label) ** 2
    total = mp.fsum((mp.mpf(float(v)) - (c == label)) ** 2 for c, v in enumerate(p))
    return total / 2 if len(p) == 2 else total


def label_frequency_entropy(labels: Iterable[int]) -> Any:
    """Return the log loss of the best constant prediction: the entropy of the label frequencies."""
    counts = np.unique(np.asarray(list(labels)), return_counts=True)[1]
    n = int(counts.sum())
    value = -mp.fsum(mp.mpf(int(c)) / n * mp.log(mp.mpf(int(c)) / n) for c in counts)
    agree("reference log loss, SciPy and mpmath", float(entropy(counts)), nearest(value))
    return value


# --- b) scikit-learn on a grid of shapes ---


def grid_cases() -> list[Case]:
    """Return every shape in every variant, each with a seed of its own."""
    plan = [(kind, variant, n, k) for kind, k in SHAPES for variant in VARIANTS for n in ROWS]
    return [grid_case(*shape, FIRST_SEED + i) for i, shape in enumerate(plan)]


def grid_case(kind: str, variant: str, n: int, k: int, seed: int) -> Case:
    """Return one seeded case: the recipe, a fingerprint of the inputs, and the expected values."""
    p, labels = draw(kind, variant, n, k, seed)
    at_truth = np.where(labels == 1, p, 1.0 - p) if kind == "binary" else p[np.arange(n), labels]
    return {
        **{"kind": kind, "variant": variant, "n": n, "k": k, "seed": seed},
        "sha256": fingerprint(p, labels),
        "rows_zero": int(np.count_nonzero(at_truth == 0.0)),
        "rows_below_eps": int(np.count_nonzero(at_truth < EPS)),
        "rows_one": int(np.count_nonzero(p == labels if kind == "binary" else at_truth == 1.0)),
        **losses(p, labels, k),
        **briers(p, labels, k),
        **decisions(p, labels, k),
        **per_class_losses(p, labels, k),
    }


def sklearn_loss(p: Floats, labels: Integers, k: int) -> float:
    """Return `sklearn.metrics.log_loss`; one column is P(label 1)."""
    return float(log_loss(labels, p, labels=list(range(k))))


def exact_loss(p: Floats, labels: Integers) -> float:
    """Return the mean of -ln max(p_true, eps) from mpmath, as the nearest double."""
    return nearest(mean([row_loss(row, y, EPS) for row, y in zip(rows_of(p), labels.tolist(), strict=True)]))


def rows_of(p: Floats) -> list[Any]:
    """Return the rows as Python numbers: a float for one column, a list of floats otherwise."""
    return list(p.tolist())


def losses(p: Floats, labels: Integers, k: int) -> Case:
    """Return the mean loss from scikit-learn and from mpmath, compared."""
    ours = {"log_loss": sklearn_loss(p, labels, k), "log_loss_exact": exact_loss(p, labels)}
    agree("log loss, scikit-learn and mpmath", ours["log_loss"], ours["log_loss_exact"], SKLEARN_ABSOLUTE)
    return ours


def sklearn_brier(p: Floats, labels: Integers, k: int, scale: bool | str = "auto") -> float:
    """Return `sklearn.metrics.brier_score_loss`."""
    which = {"pos_label": 1} if p.ndim == 1 else {"labels": list(range(k))}
    return float(brier_score_loss(labels, p, scale_by_half=scale, **which))


def briers(p: Floats, labels: Integers, k: int) -> Case:
    """Return scikit-learn's Brier score, as it comes and unhalved, compared with mpmath."""
    value = sklearn_brier(p, labels, k)
    exact = mean([row_brier(row, y) for row, y in zip(rows_of(p), labels.tolist(), strict=True)])
    agree("Brier score, scikit-learn and mpmath", value, nearest(exact), SKLEARN_ABSOLUTE)
    return {"brier": value, "brier_sum": sklearn_brier(p, labels, k, False)}


def decisions(p: Floats, labels: Integers, k: int) -> Case:
    """Return scikit-learn's accuracy and recall per class; null where ties at the top make them a convention."""
    columns = np.column_stack([1.0 - p, p]) if p.ndim == 1 else p
    top = columns.max(axis=1)
    if np.any(np.count_nonzero(columns == top[:, np.newaxis], axis=1) > 1):
        return {"accuracy": None, "recall": None}
    predicted = columns.argmax(axis=1)
    recall = recall_score(labels, predicted, labels=list(range(k)), average=None, zero_division=np.nan)
    return {
        "accuracy": float(accuracy_score(labels, predicted)),
        "recall": [None if np.isnan(r) else float(r) for r in recall],
    }


def per_class_losses(p: Floats, labels: Integers, k: int) -> Case:
    """Return rows and mean loss by true class: `sklearn.metrics.log_loss` of the rows of that class; null if none."""
    found: list[float | None] = []
    for c in range(k):
        mine = labels == c
        if not mine.any():
            found.append(None)
            continue
        found.append(sklearn_loss(p[mine], labels[mine], k))
        agree(f"log loss of class {c}", found[-1] or 0.0, exact_loss(p[mine], labels[mine]), SKLEARN_ABSOLUTE)
    return {"class_rows": np.bincount(labels, minlength=k).tolist(), "class_log_loss": found}


# --- c) mpmath on adversarial inputs ---

POINTS = {
    "zero": 0.0,
    "5e-324": 5e-324,
    "1e-300": 1e-300,
    "1e-17": 1e-17,
    "0.1": 0.1,
    "0.5": 0.5,
    "1-1e-16": 1 - 1e-16,
    "1-2^-53": 1 - 2**-53,
    "one": 1.0,
}

TRIPLES = {
    "zero": [0.0, 0.25, 0.75],
    "5e-324": [5e-324, 0.25, 0.75],
    "1e-300": [1e-300, 0.25, 0.75],
    "0.1": [0.1, 0.3, 0.6],
    "0.5": [0.5, 0.125, 0.375],
    "1-2^-53": [1 - 2**-53, 2**-53, 0.0],
    "one": [1.0, 0.0, 0.0],
}

MIXED = [1e-300, 1e-17, 0.1, 0.5, 1 - 1e-12, 1 - 2**-53]


def mpmath_cases() -> list[Case]:
    """Return single rows at the extremes, then small files."""
    cases = [mpmath_case(f"binary p={name} label={y}", [v], [y], 2) for name, v in POINTS.items() for y in (1, 0)]
    cases += [mpmath_case(f"three classes p_true={name}", [row], [0], 3) for name, row in TRIPLES.items()]
    cases += [
        seeded_case("1000 classes, one row", "plain", 1, 1000, 1),
        seeded_case("three classes, seven rows", "skewed", 7, 3, 2),
        mpmath_case("binary, one class only: 1", [0.9, 0.8, 0.99, 1e-5], [1, 1, 1, 1], 2),
        mpmath_case("binary, one class only: 0", [0.9, 0.8, 0.99, 1e-5], [0, 0, 0, 0], 2),
        mpmath_case("three classes, one class only", [[0.2, 0.3, 0.5], [0.125, 0.125, 0.75]], [2, 2], 3),
        mpmath_case("binary, three rows", [0.7311, 0.5, 0.7311], [1, 0, 1], 2),
        mpmath_case("binary, twelve rows, both labels", MIXED + MIXED, [1] * 6 + [0] * 6, 2),
    ]
    return cases


def seeded_case(name: str, variant: str, n: int, k: int, seed: int) -> Case:
    """Return a case whose inputs are drawn; they are stored in full all the same."""
    p, labels = draw("multiclass", variant, n, k, seed)
    return mpmath_case(name, rows_of(p), labels.tolist(), k)


def mpmath_case(name: str, p: list[Any], labels: list[int], k: int) -> Case:
    """Return one case: exact inputs, then the expected values for both floors."""
    compare_with_sklearn(name, p, labels, k)
    reference = label_frequency_entropy(labels)
    return {
        "name": name,
        "kind": "binary" if isinstance(p[0], float) else "multiclass",
        **{"n": len(p), "k": k},
        "p": [v.hex() if isinstance(v, float) else [x.hex() for x in v] for v in p],
        "labels": labels,
        "brier": number(mean([row_brier(row, y) for row, y in zip(p, labels, strict=True)])),
        "label_entropy": 0.0,
        "reference_log_loss": number(reference),
        "results": [floored(p, labels, eps, reference) for eps in (EPS, TINY)],
    }


def floored(p: list[Any], labels: list[int], eps: float, reference: Any) -> Case:
    """Return the losses with one floor."""
    pairs = list(zip(p, labels, strict=True))
    rows = [row_loss(row, y, eps) for row, y in pairs]
    for (row, y), value in zip(pairs, rows, strict=True):
        agree("row loss by log1p and by 400 digits", nearest(row_divergence(row, y, eps)), nearest(value))
    loss = mean(rows)
    return {
        "eps": eps,
        "rows_below_eps": sum(1 for row, y in pairs if true_probability(row, y) < eps),
        "row_loss": {"double": [nearest(v) for v in rows], "digits": [mp.nstr(v, 30) for v in rows]},
        "log_loss": number(loss),
        "kl_divergence": number(mean([row_divergence(row, y, eps) for row, y in pairs])),
        "skill": number(1 - loss / reference) if reference else None,
    }


def compare_with_sklearn(name: str, p: list[Any], labels: list[int], k: int) -> None:
    """Raise unless scikit-learn agrees on the default floor and on the Brier score."""
    array, y = np.asarray(p, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    agree(f"{name}: log loss", sklearn_loss(array, y, k), exact_loss(array, y), SKLEARN_ABSOLUTE)
    briers(array, y, k)


# --- d) SciPy on soft labels ---

# name: (target distribution, predicted probabilities); every row sums to 1 within one rounding.
SOFT = {
    "all positive": ([0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.25, 0.25]),
    "zeros in the target": ([0.75, 0.25, 0.0, 0.0], [0.5, 0.25, 0.125, 0.125]),
    "zeros in both": ([0.5, 0.5, 0.0, 0.0], [0.875, 0.125, 0.0, 0.0]),
    "one-hot": ([0.0, 0.0, 1.0, 0.0], [0.1, 0.2, 0.3, 0.4]),
    "equal to the prediction": ([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]),
    "uniform target": ([0.25, 0.25, 0.25, 0.25], [0.97, 0.01, 0.01, 0.01]),
    "small probability": ([0.9, 0.05, 0.03, 0.02], [1e-12, 0.5, 0.25, 0.25 - 1e-12]),
}
SOFT_FLOORED = {
    "zero under a positive target": ([0.5, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]),
    "below eps under a positive target": ([0.25, 0.25, 0.25, 0.25], [1e-300, 0.25, 0.25, 0.5]),
}


def general() -> Case:
    """Return two files of soft-label rows, without and with probabilities below the floor."""
    return {"eps": EPS, "k": 4, "unfloored": soft_file(SOFT), "floored": soft_file(SOFT_FLOORED)}


def soft_file(rows: dict[str, tuple[list[float], list[float]]]) -> Case:
    """Return the rows and the means of their values."""
    found = [soft_row(name, t, p) for name, (t, p) in rows.items()]
    names = [key for key in found[0] if key not in ("name", "t", "p")]
    return {"rows": found, "mean": {key: float(np.mean([row[key] for row in found])) for key in names}}


def soft_row(name: str, t: list[float], p: list[float]) -> Case:
    """Return one row: xlogy and `scipy.stats.entropy`, compared with mpmath.

    `entropy(t, p)` is infinite where p is 0 under a positive t: such rows take `rel_entr` of the floored p.
    """
    target, floor = np.asarray(t), np.maximum(np.asarray(p), EPS)
    below = bool(np.any((np.asarray(p) < EPS) & (target > 0)))
    row = {
        **{"name": name, "t": t, "p": p},
        "cross_entropy": float(-np.sum(xlogy(target, floor))),
        "entropy": float(entropy(target)),
        "kl_divergence": float(np.sum(rel_entr(target, floor)) if below else entropy(target, np.asarray(p))),
        "prediction_entropy": float(entropy(np.asarray(p))),
        "brier": float(np.sum((np.asarray(p) - target) ** 2)),
    }
    compare_soft(row)
    return row


def compare_soft(row: Case) -> None:
    """Raise unless mpmath, which does not normalise as `scipy.stats.entropy` does, agrees."""
    t, p = [mp.mpf(v) for v in row["t"]], [mp.mpf(v) for v in row["p"]]
    pairs = [(a, max(b, mp.mpf(EPS))) for a, b in zip(t, p, strict=True) if a]
    exact = {
        "cross_entropy": -mp.fsum(a * mp.log(b) for a, b in pairs),
        "entropy": -mp.fsum(a * mp.log(a) for a in t if a),
        "kl_divergence": mp.fsum(a * mp.log(a / b) for a, b in pairs),
        "prediction_entropy": -mp.fsum(b * mp.log(b) for b in p if b),
        "brier": mp.fsum((b - a) ** 2 for a, b in zip(t, p, strict=True)),
    }
    for key, value in exact.items():
        agree(f"{row['name']}: {key}", row[key], nearest(value), 1e-15)


if __name__ == "__main__":
    main()
