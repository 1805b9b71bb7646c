"""Owns the formulas of one row: arrays in, arrays out.

Probabilities travel as planes: (k, n) C-contiguous float64, one plane per class, because reductions over planes are several
times faster than over rows. No function here depends on how many rows it is given: the same row gives the same bits alone
and among a million, so reductions over classes are written as a loop over planes (`ndarray.sum(axis=0)` changes its order
of additions when n is 1). Logarithms are in nats. A surprisal is −ln of a probability, +inf where that is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from celoss.records import dataclass

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Mask = NDArray[np.bool_]
# Integers of any size, down to those of one byte, which a cache holds eight times as many of.
Counts = NDArray[Any]

DEFAULT_EPS = 2.220446049250313e-16
LN2 = 0.6931471805599453


@dataclass(frozen=True)
class Credit:
    """What each of n rows earns for its ranking: numerator / denominator, 0 … 1. Both are (n,); a numerator may be a mask."""

    numerator: Counts
    denominator: Counts

    def shares(self) -> Floats:
        """The quotients (n,)."""
        quotients: Floats = np.divide(self.numerator, self.denominator, dtype=np.float64)
        return quotients


@dataclass(frozen=True)
class RowScores:
    """Scores of n rows; every array is (n,) unless a shape is given.

    loss: Σ_c t_c · −ln max(p_c, eps), nats, ≥ 0, or +inf where eps is 0; t has one 1 for a hard label. Of independent
    labels the mean over the labels.
    unfloored_loss: the same without the floor; of shares without the classes with p = 0, which `zero_share` tells.
    probability: of the true class; None without one true class.
    brier: Σ_c (p_c − t_c)², 0 … 2; of independent labels one term each.
    p: (k, n) probabilities, or (1, n) of the second of two classes. largest: of each row, only where it was needed.
    at_top: how many classes share the largest probability; of independent labels how many are at 0.5.
    correct: the credit of accuracy. top: those of top-k accuracy.
    entropy: −Σ t ln t, nats; kl: Σ t ln(t / max(p, eps)), nats; both None where each label is one class: 0 and `loss`.
    targets: (k, n) the label shares of the loss, smoothed if asked for, only where it is taken over all classes.
    by_class: (k, n) what each class adds to the loss, likewise. zero_share: Σ of t over classes with
    p = 0, likewise. class_credit: (k, n) of independent labels: 1 right, 0 wrong, 0.5 undecided.
    """

    loss: Floats
    unfloored_loss: Floats
    probability: Floats | None
    brier: Floats
    at_top: Counts
    correct: Credit
    p: Floats
    largest: Floats | None = None
    top: tuple[Credit, ...] = ()
    entropy: Floats | None = None
    kl: Floats | None = None
    targets: Floats | None = None
    by_class: Floats | None = None
    zero_share: Floats | None = None
    class_credit: Floats | None = None


@dataclass(frozen=True)
class Forecasts:
    """Probabilities (k, n) and their surprisals (k, n), which keep the digits that −ln p of a rounded p would lose."""

    p: Floats
    surprisal: Floats


def forecasts(values: Floats, scale: str, one_column: bool = False) -> Forecasts:
    """Probabilities and surprisals of the classes from what a file holds, without overflow or lost digits.

    values: (k, n); with `one_column` (1, n) of the positive of two classes, and the result is (2, n): negative, positive.
    scale: `probs`, `logits` (natural log-odds up to a constant per row; sigmoid for one column, softmax for several) or
    `logprobs` (natural logarithms).
    """
    if one_column:
        negative, positive = binary_surprisals(values, scale)
        return _of_both(values, scale, negative, positive)
    if scale == "logits":
        return _softmax(values)
    if scale == "logprobs":
        return Forecasts(np.exp(values), 0.0 - values)
    return Forecasts(values, minus_log(values))


def binary_surprisals(values: Floats, scale: str) -> tuple[Floats, Floats]:
    """−ln(1 − p) and −ln p, each of the shape of `values`, which hold p, its logit or its logarithm.

    Logits: ln(1 + e^±z) by the branch that cannot overflow. Logarithms: ln(1 − e^x) by M. Mächler 2012, Accurately
    Computing log(1 − exp(−|a|)), https://CRAN.R-project.org/package=Rmpfr (vignette).
    """
    if scale == "logits":
        return np.logaddexp(0.0, values), np.logaddexp(0.0, 0.0 - values)
    if scale == "logprobs":
        with np.errstate(divide="ignore"):
            near_one = values > -LN2
            inner = np.where(near_one, values, -LN2)
            outer = np.where(near_one, -LN2, values)
            negative = np.where(near_one, np.log(0.0 - np.expm1(inner)), np.log1p(0.0 - np.exp(outer)))
        return 0.0 - negative, 0.0 - values
    with np.errstate(divide="ignore"):
        return 0.0 - np.log1p(0.0 - values), minus_log(values)


def probability_of(values: Floats, scale: str) -> tuple[Floats, Floats]:
    """1 − p and p of two classes from p, its logit or its logarithm: two arrays of the shape of `values`."""
    if scale == "logits":
        return _sigmoid(0.0 - values), _sigmoid(values)
    if scale == "logprobs":
        return 0.0 - np.expm1(values), np.exp(values)
    return 1.0 - values, values


def _of_both(values: Floats, scale: str, negative: Floats, positive: Floats) -> Forecasts:
    return Forecasts(np.concatenate(probability_of(values, scale)), np.concatenate([negative, positive]))


def _sigmoid(z: Floats) -> Floats:
    small = np.exp(0.0 - np.abs(z))
    return np.where(z >= 0.0, 1.0, small) / (1.0 + small)


def _softmax(z: Floats) -> Forecasts:
    """Softmax with the largest logit left out of the sum: ln(1 + rest) keeps the digits of a loss near 0."""
    best = predicted(z)
    largest = z[best, np.arange(z.shape[1])]
    rest = np.zeros(z.shape[1])
    exponentials = np.empty(z.shape)
    for index, plane in enumerate(z):
        np.exp(plane - largest, out=exponentials[index])
        rest += np.where(best == index, 0.0, exponentials[index])
    normaliser = np.log1p(rest)
    surprisal = np.empty(z.shape)
    for index, plane in enumerate(z):
        surprisal[index] = (largest - plane) + normaliser
        exponentials[index] /= 1.0 + rest
    return Forecasts(exponentials, surprisal)


def score_multiclass(p: Floats, y: Codes, eps: float = DEFAULT_EPS) -> RowScores:
    """Scores rows whose k classes all have a plane.

    p: (k, n) probabilities in 0..1. y: (n,) index of the true class. eps: floor of the true class's probability.
    """
    at = _places(p, y)
    true = p.take(at)
    unfloored = minus_log(true)
    at_top, correct, largest = _first_place(p, true)
    return RowScores(_floor(unfloored, true, eps), unfloored, true, _brier(p, true, at), at_top, correct, p, largest)


def score_binary(p: Floats, positive: Mask, eps: float = DEFAULT_EPS) -> RowScores:
    """Scores rows of two classes from the probability of the positive one.

    p: (n,) in 0..1. positive: (n,) whether the positive class is the true one. The loss of a negative row is −log1p(−p) below
    one half, where 1 − p would lose digits, and −ln(1 − p) from there on, where 1 − p is exact. (−ln q − δ/q, with q the
    rounded 1 − p and δ what it lost, needs no `log1p`, but is off by up to 1.7 units in the last place instead of 0.6.)
    """
    label = positive.astype(np.float64)
    # 1 − p of a negative row, −p of a positive one: `where` takes ten times as long.
    true = 1.0 - label
    true -= p
    np.abs(true, out=true)
    unfloored = minus_log(true)
    inexact = np.flatnonzero((p < 0.5) > positive)
    small = np.negative(p.take(inexact))
    np.log1p(small, out=small)
    unfloored[inexact] = np.subtract(0.0, small, out=small)
    label -= p
    label *= label
    brier = np.add(label, label, out=label)
    tied = p == 0.5
    at_top = tied.view(np.uint8) + np.uint8(1)
    correct = Credit(((p > 0.5) == positive) | tied, at_top)
    return RowScores(_floor(unfloored, true, eps), unfloored, true, brier, at_top, correct, p[np.newaxis])


def score_surprisals(forecast: Forecasts, y: Codes, eps: float) -> RowScores:
    """Scores rows with one true class from surprisals. y: (n,) index of the true class."""
    at = _places(forecast.p, y)
    true, unfloored = forecast.p.take(at), forecast.surprisal.take(at)
    at_top, correct, largest = _first_place(forecast.p, true)
    loss = _cut(unfloored, eps)
    return RowScores(loss, unfloored, true, _brier(forecast.p, true, at), at_top, correct, forecast.p, largest)


def score_soft(forecast: Forecasts, labels: Floats, eps: float, smoothing: float = 0.0) -> RowScores:
    """Scores rows whose label is a distribution. labels: (k, n), ≥ 0, rows sum to 1; smoothed for the losses alone.

    S. Kullback, R. A. Leibler 1951, On Information and Sufficiency, DOI 10.1214/aoms/1177729694.
    """
    t = smoothed(labels, smoothing)
    n = t.shape[1]
    loss, unfloored, entropy, kl, brier, zero = (np.zeros(n) for _ in range(6))
    by_class = np.zeros(t.shape)
    for index, share in enumerate(t):
        present = share > 0.0
        surprisal = np.where(present, forecast.surprisal[index], 0.0)
        floored = _cut(surprisal, eps)
        own = 0.0 - minus_log(np.where(present, share, 1.0))
        by_class[index] = share * floored
        loss += by_class[index]
        ruled_out = np.isinf(surprisal)
        unfloored += share * np.where(ruled_out, 0.0, surprisal)
        entropy -= share * own
        kl += share * (own + floored)
        zero += np.where(ruled_out, share, 0.0)
        brier += np.square(forecast.p[index] - labels[index])
    at_top, correct = _same_top(forecast.p, labels)
    return RowScores(
        loss,
        unfloored,
        None,
        brier,
        at_top,
        correct,
        forecast.p,
        entropy=entropy,
        kl=kl,
        targets=t,
        by_class=by_class,
        zero_share=zero,
    )


def score_labels(values: Floats, scale: str, labels: Floats, eps: float, smoothing: float = 0.0) -> RowScores:
    """Scores rows of k independent labels: the mean of their binary losses. values, labels: (k, n), labels in 0..1.

    Smoothing is for the losses alone: each label is a distribution over two classes of its own.
    """
    k, n = labels.shape
    loss, unfloored, entropy, kl, brier, zero = (np.zeros(n) for _ in range(6))
    by_class, credit, p = np.empty(labels.shape), np.empty(labels.shape), np.empty(labels.shape)
    at_top, right = np.zeros(n, dtype=np.intp), np.zeros(n, dtype=np.intp)
    for index in range(k):
        forecast = forecasts(values[index : index + 1], scale, one_column=True)
        row = score_soft(forecast, np.stack([1.0 - labels[index], labels[index]]), eps, smoothing)
        assert row.entropy is not None and row.kl is not None and row.zero_share is not None
        by_class[index], p[index] = row.loss, forecast.p[1]
        for total, added in (
            (loss, row.loss),
            (unfloored, row.unfloored_loss),
            (entropy, row.entropy),
            (kl, row.kl),
            (zero, row.zero_share),
        ):
            total += added
        brier += np.square(forecast.p[1] - labels[index])
        decided = (forecast.p[1] != 0.5) & (labels[index] != 0.5)
        same = (forecast.p[1] > 0.5) == (labels[index] > 0.5)
        credit[index] = np.where(decided, same, 0.5)
        right += np.where(decided, 2 * same, 1)
        at_top += forecast.p[1] == 0.5
    correct = Credit(right, np.full(n, 2 * k))
    return RowScores(
        loss / k,
        unfloored / k,
        None,
        brier,
        at_top,
        correct,
        p,
        entropy=entropy / k,
        kl=kl / k,
        targets=(1.0 - smoothing) * labels + smoothing / 2.0,
        by_class=by_class,
        zero_share=zero / k,
        class_credit=credit,
    )


def top_credit(p: Floats, y: Codes, size: int, ties: str) -> Credit:
    """The credit of each row for its true class being among the `size` largest: (n,) for p (k, n), y (n,).

    ties `fraction`: of e classes that share the true one's probability, g being larger, (size − g) / e fit (the mean over
    all orders of the tied, hypergeometric), 0 … 1. `first`: tied classes rank in the order of the classes.
    """
    true = p[y, np.arange(p.shape[1])]
    larger, equal, before = (np.zeros(p.shape[1], dtype=np.intp) for _ in range(3))
    for index, plane in enumerate(p):
        larger += plane > true
        same = plane == true
        equal += same
        before += same & (y > index)
    if ties == "first":
        return Credit((larger + before < size).astype(np.intp), np.ones_like(equal))
    return _reduced(np.clip(size - larger, 0, equal), equal)


def _reduced(numerator: Codes, denominator: Codes) -> Credit:
    common = np.gcd(numerator, denominator)
    return Credit(numerator // common, denominator // common)


def _first_place(p: Floats, true: Floats) -> tuple[Counts, Credit, Floats]:
    """How many classes share the largest probability, 1/m for the true class among m of them, else 0, and that probability."""
    largest = np.maximum.reduce(p)
    at_top: Counts = np.ones(p.shape[1], dtype=np.uint8 if len(p) < 256 else np.intp)
    at_largest = p == largest
    if np.count_nonzero(at_largest) > p.shape[1]:
        at_top = np.add.reduce(at_largest, axis=0, dtype=at_top.dtype)
    return at_top, Credit(true == largest, at_top), largest


def _same_top(p: Floats, t: Floats) -> tuple[Codes, Credit]:
    """Of the classes M at the top of p and L at that of t: |M|, and |L ∩ M| / (|L| |M|), which is 1/m for hard labels."""
    highest, most = p[0].copy(), t[0].copy()
    for mine, theirs in zip(p[1:], t[1:], strict=True):
        np.maximum(highest, mine, out=highest)
        np.maximum(most, theirs, out=most)
    ours, labels, both = (np.zeros(p.shape[1], dtype=np.intp) for _ in range(3))
    for mine, theirs in zip(p, t, strict=True):
        ours += mine == highest
        labels += theirs == most
        both += (mine == highest) & (theirs == most)
    return ours, _reduced(both, ours * labels)


def _places(p: Floats, y: Codes) -> Codes:
    """Where the cells of the true classes y (n,) are in the planes p (k, n), one after another: faster than two indices."""
    places: Codes = y * p.shape[1]
    places += np.arange(p.shape[1])
    return places


def _brier(p: Floats, true: Floats, at: Codes) -> Floats:
    """Σ_c (p_c − t_c)² of probabilities p (k, n), those of the true classes (n,), and their `_places`."""
    squares = p * p
    distance = true - 1.0
    squares.put(at, np.square(distance, out=distance))
    return plane_sum(squares)


def minus_log(p: Floats) -> Floats:
    """−ln p, with 0.0 and not −0.0 for p = 1, and +inf for p = 0."""
    loss: Floats = np.empty(p.shape)
    with np.errstate(divide="ignore"):
        np.log(p, out=loss)
    np.subtract(0.0, loss, out=loss)
    return loss


def _floor(unfloored: Floats, true: Floats, eps: float) -> Floats:
    below = np.flatnonzero(true < eps)
    if not below.size:
        return unfloored
    loss = unfloored.copy()
    loss[below] = floored_loss(eps)
    return loss


def _cut(unfloored: Floats, eps: float) -> Floats:
    """The surprisals, none larger than that of eps; the same array when none is."""
    highest = floored_loss(eps)
    return unfloored if unfloored.max(initial=0.0) <= highest else np.minimum(unfloored, highest)


def smoothed(t: Floats, amount: float) -> Floats:
    """(1 − a) t + a / k: label smoothing of targets t (k, n). C. Szegedy et al. 2016, DOI 10.1109/CVPR.2016.308."""
    return (1.0 - amount) * t + amount / len(t) if amount else t


def one_hot(y: Codes, k: int) -> Floats:
    """Targets (k, n) of true classes (n,)."""
    t = np.zeros((k, len(y)))
    t[y, np.arange(len(y))] = 1.0
    return t


def floored_loss(eps: float) -> float:
    """−ln eps: what a row costs whose true class got less than `eps`; by the logarithm that the rows use."""
    return float(minus_log(np.array([eps]))[0])


def predicted(p: Floats) -> Codes:
    """Index of the largest probability of each row, the first one on ties. p: (k, n); returns (n,)."""
    best = np.zeros(p.shape[1], dtype=np.intp)
    largest = p[0].copy()
    for index, plane in enumerate(p[1:], start=1):
        higher = plane > largest
        best[higher] = index
        np.maximum(largest, plane, out=largest)
    return best


def plane_sum(p: Floats) -> Floats:
    """Σ_c p_c of each row, added in the order of the planes. p: (k, n); returns (n,)."""
    total: Floats
    if p.flags.c_contiguous and p.shape[1] > 1:
        total = np.add.reduce(p, axis=0)
        return total
    # Where the numbers of a row follow one another in memory NumPy adds several runs of them at a time.
    total = np.array(p[0])
    for plane in p[1:]:
        total += plane
    return total
