"""Owns the formulas of one row: arrays in, arrays out.

Probabilities travel as planes: (k, n) C-contiguous float64, one plane per class, because reductions over planes are several
times faster than over rows. No function here depends on how many rows it is given: the same row gives the same bits alone
and among a million, so reductions over classes are written as a loop over planes (`ndarray.sum(axis=0)` changes its order
of additions when n is 1). Logarithms are in nats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

DEFAULT_EPS = 2.220446049250313e-16


@dataclass(frozen=True)
class RowScores:
    """Scores of n rows with hard labels; every array is (n,).

    loss: −ln max(probability, eps), nats, ≥ 0, or +inf when eps is 0.
    unfloored_loss: −ln probability, +inf where the probability is 0; the same array as `loss` when no row is floored.
    probability: of the true class.
    brier: Σ_c (p_c − t_c)², 0 … 2.
    at_top: how many classes share the largest probability.
    correct: whether the true class is among those.
    """

    loss: Floats
    unfloored_loss: Floats
    probability: Floats
    brier: Floats
    at_top: Codes
    correct: NDArray[np.bool_]


def score_multiclass(p: Floats, y: Codes, eps: float = DEFAULT_EPS) -> RowScores:
    """Scores rows whose k classes all have a plane.

    p: (k, n) probabilities in 0..1. y: (n,) index of the true class. eps: floor of the true class's probability.
    """
    rows = np.arange(p.shape[1])
    true = p[y, rows]
    distance = p.copy()
    distance[y, rows] -= 1.0
    brier = np.zeros(p.shape[1])
    for plane in distance:
        brier += plane * plane
    largest = p[0].copy()
    for plane in p[1:]:
        np.maximum(largest, plane, out=largest)
    at_top = np.zeros(p.shape[1], dtype=np.intp)
    for plane in p:
        at_top += plane == largest
    unfloored = _minus_log(true)
    return RowScores(_floor(unfloored, true, eps), unfloored, true, brier, at_top, true == largest)


def score_binary(p: Floats, positive: NDArray[np.bool_], eps: float = DEFAULT_EPS) -> RowScores:
    """Scores rows of two classes from the probability of the positive one.

    p: (n,) in 0..1. positive: (n,) whether the positive class is the true one. The loss of a negative row is
    −log1p(−p) below one half, where 1 − p would lose digits, and −ln(1 − p) from there on, where 1 − p is exact.
    """
    true = np.where(positive, p, 1.0 - p)
    unfloored = _minus_log(true)
    inexact = np.flatnonzero(~positive & (p < 0.5))
    unfloored[inexact] = 0.0 - np.log1p(-p[inexact])
    half = np.where(positive, 1.0 - p, p)
    tied = p == 0.5
    correct = ((p > 0.5) == positive) | tied
    return RowScores(
        _floor(unfloored, true, eps),
        unfloored,
        true,
        2.0 * (half * half),
        np.where(tied, 2, 1).astype(np.intp),
        correct,
    )


def _minus_log(p: Floats) -> Floats:
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


def floored_loss(eps: float) -> float:
    """−ln eps: what a row costs whose true class got less than `eps`; by the logarithm that the rows use."""
    return float(_minus_log(np.array([eps]))[0])


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
    total: Floats = np.array(p[0])
    for plane in p[1:]:
        total += plane
    return total
