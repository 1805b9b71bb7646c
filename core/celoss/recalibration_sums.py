"""Owns the sums behind a recalibration p' = softmax(b ln p + a): its loss, slopes and curvature at one (b, a)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from celoss.exact import UNITS_PER_ONE, Groups, products, ratio, total
from celoss.kernels import Codes, Floats, forecasts
from celoss.records import dataclass

# Blocks of so many cells fit the cache; the products of 2^15 rows are exact integers.
BLOCK_CELLS, BLOCK_ROWS = 1 << 17, 1 << 15
# Of more classes the curvature off the diagonal is summed of rounded numbers, as a product of matrices of integers, which no
# order of additions changes: it decides how many steps are needed, not where they end. Probabilities go in steps of 2^-15,
# those times a weight in steps of 2^-10 of the mean weight, up to 2^18 of them.
MOST_EXACT = 8
STEPS, WEIGHTED_STEPS, MOST_STEPS = 2.0**15, 2.0**10, 2.0**18


@dataclass(frozen=True)
class Rows:
    """Rows to recalibrate. x: (k, n) ln p less the largest of each row, −inf for a class that is ruled out.

    codes: (n,) true classes, or None with targets: (k, n) label shares. weights: (n,) or None.
    """

    x: Floats
    codes: Codes | None
    targets: Floats | None = None
    weights: Floats | None = None

    @property
    def bytes(self) -> int:
        """What the arrays take in memory."""
        return sum(one.nbytes for one in (self.x, self.codes, self.targets, self.weights) if one is not None)

    def take(self, rows: Codes | slice) -> Rows:
        """The rows at these positions."""
        return Rows(
            np.ascontiguousarray(self.x[:, rows]),
            None if self.codes is None else self.codes[rows],
            None if self.targets is None else np.ascontiguousarray(self.targets[:, rows]),
            None if self.weights is None else self.weights[rows],
        )

    def blocks(self) -> Iterator[Rows]:
        """The same rows, a few at a time."""
        k, n = self.x.shape
        size = max(1, min(BLOCK_ROWS, BLOCK_CELLS // k))
        for start in range(0, n, size):
            yield self.take(slice(start, start + size)) if size < n else self


def centred(surprisals: Floats) -> Floats:
    """ln p less the largest of each row, from surprisals (k, n): differences, which keep their digits near 1."""
    x: Floats = np.minimum.reduce(surprisals) - surprisals
    return x


@dataclass(frozen=True)
class Facts:
    """What does not depend on the point: the number of rows, Σ w and Σ w² and each class's Σ w t, in units of 2^-1074.

    lowest, highest: (k,) of each class's x; the predictions are constant where they are equal. weighted: whether rows have
    weights. impossible: rows whose label was ruled out.
    """

    rows: int
    weight: int
    weight_squared: int
    class_weights: tuple[int, ...]
    lowest: Floats
    highest: Floats
    weighted: bool
    impossible: int

    @property
    def effective_rows(self) -> float:
        """(Σ w)² / Σ w². L. Kish 1965, Survey Sampling."""
        return self.weight**2 / (self.weight_squared * UNITS_PER_ONE)

    @property
    def base_rate(self) -> float:
        """The mean loss of always forecasting the label frequencies."""
        shares = [ratio(one, self.weight) for one in self.class_weights if one]
        return -math.fsum(share * math.log(share) for share in shares)

    @property
    def is_constant(self) -> bool:
        """Whether all rows have one prediction."""
        return bool((self.lowest == self.highest).all())

    @property
    def present(self) -> list[int]:
        """The classes that some label has."""
        return [place for place, weight in enumerate(self.class_weights) if weight]


class FactSums:
    """Gathers the facts of rows that come in any order and in any blocks. k: the number of classes."""

    def __init__(self, k: int) -> None:
        self._rows = self._weight = self._squared = 0
        self._of_class = [0] * k
        self._lowest, self._highest = np.full(k, np.inf), np.full(k, -np.inf)
        self._weighted = False
        self._impossible = 0

    def add(self, block: Rows) -> None:
        """Adds rows."""
        n = block.x.shape[1]
        if not n:
            return
        ones = np.ones(n) if block.weights is None else block.weights
        self._rows += n
        self._weighted = block.weights is not None
        self._weight += total(ones)
        self._squared += sum(map(total, products(ones, ones)))
        added = _class_sums(block, ones, len(self._of_class))
        self._of_class = [one + more for one, more in zip(self._of_class, added, strict=True)]
        self._impossible += _impossible(block)
        np.minimum(self._lowest, block.x.min(axis=1), out=self._lowest)
        np.maximum(self._highest, block.x.max(axis=1), out=self._highest)

    def facts(self) -> Facts:
        """The facts of what was added."""
        return Facts(
            self._rows,
            self._weight,
            self._squared,
            tuple(self._of_class),
            self._lowest,
            self._highest,
            self._weighted,
            self._impossible,
        )


def _class_sums(block: Rows, weights: Floats, k: int) -> list[int]:
    if block.codes is not None:
        return Groups(block.codes, k).sums(weights)
    assert block.targets is not None
    return [total(weights * share) for share in block.targets]


def _impossible(block: Rows) -> int:
    ruled_out = np.isneginf(block.x)
    if not ruled_out.any():
        return 0
    if block.codes is not None:
        return int(ruled_out[block.codes, np.arange(len(block.codes))].sum())
    assert block.targets is not None
    return int((ruled_out & (block.targets > 0.0)).any(axis=0).sum())


@dataclass(frozen=True)
class Point:
    """The mean loss in nats at one (b, a), its slopes and its curvature, for b and for the bias of each class.

    slopes: (1 + k,), b first; curvature: (1 + k, 1 + k). Without biases both are of b alone.
    """

    loss: float
    slopes: Floats
    curvature: Floats


class Sums:
    """Adds up the loss, slopes and curvature at one point; rows come in any order and blocks. biases: None for b alone."""

    def __init__(self, facts: Facts, slope: float, biases: Floats | None) -> None:
        k = len(facts.class_weights)
        self._facts, self._slope, self._biases = facts, slope, biases
        self._loss = self._first = self._second = 0
        self._of_class = [[0, 0, 0] for _ in range(k if biases is not None else 0)]
        self._pairs = dict.fromkeys(combinations(range(k), 2), 0) if biases is not None and k <= MOST_EXACT else {}
        self._products: NDArray[np.int64] = np.zeros((k, k) if biases is not None and k > MOST_EXACT else (0, 0), np.int64)

    def add(self, block: Rows) -> None:
        """Adds rows (at most 2^15)."""
        if not block.x.shape[1]:
            return
        ruled_out = np.isneginf(block.x)
        x = np.where(ruled_out, 0.0, block.x) if ruled_out.any() else block.x
        p, surprisal = _recalibrated(x, ruled_out, self._slope, self._biases)
        loss, of_label = _against_labels(block, surprisal, x)
        mean = np.zeros(x.shape[1])
        for share, plane in zip(p, x, strict=True):
            mean += share * plane
        apart = x - mean
        spread = np.zeros(x.shape[1])
        for share, plane in zip(p, apart, strict=True):
            spread += share * plane * plane
        weights = block.weights
        self._loss += _weighted(loss, weights)
        self._first += _weighted(mean - of_label, weights)
        self._second += _weighted(spread, weights)
        if self._biases is None:
            return
        for sums, share, plane in zip(self._of_class, p, apart, strict=True):
            sums[0] += _weighted(share, weights)
            sums[1] += _weighted(share * plane, weights)
            sums[2] += _weighted(share * (1.0 - share), weights)
        for left, right in self._pairs:
            self._pairs[left, right] += _weighted(p[left] * p[right], weights)
        if self._products.size:
            self._add_products(p, weights)

    def _add_products(self, p: Floats, weights: Floats | None) -> None:
        steps = np.rint(p * STEPS)
        weighed = steps
        if weights is not None:
            mean = self._facts.weight / (self._facts.rows * UNITS_PER_ONE)
            weighed = np.minimum(np.rint(p * (weights / mean * WEIGHTED_STEPS)), MOST_STEPS)
        self._products += np.rint(weighed @ steps.T).astype(np.int64)

    def point(self) -> Point:
        """The means of what was added."""
        weight = self._facts.weight

        def mean(value: int) -> float:
            return ratio(value, weight)

        size = 1 + len(self._of_class)
        slopes, curvature = np.zeros(size), np.zeros((size, size))
        slopes[0], curvature[0, 0] = mean(self._first), mean(self._second)
        if self._biases is not None:
            for (left, right), value in self._pairs.items():
                curvature[1 + left, 1 + right] = curvature[1 + right, 1 + left] = -mean(value)
            if self._products.size:
                scale = self._facts.rows * STEPS * (WEIGHTED_STEPS if self._facts.weighted else STEPS)
                shared = self._products / scale
                curvature[1:, 1:] = (shared + shared.T) / -2.0
            for place, (share, beside, own) in enumerate(self._of_class, start=1):
                slopes[place] = mean(share - self._facts.class_weights[place - 1])
                curvature[0, place] = curvature[place, 0] = mean(beside)
                curvature[place, place] = mean(own)
        return Point(mean(self._loss), slopes, curvature)


def recalibrated(x: Floats, slope: float, biases: Floats | None) -> Floats:
    """The probabilities p' (k, n) of rows with these centred logarithms (k, n)."""
    ruled_out = np.isneginf(x)
    return _recalibrated(np.where(ruled_out, 0.0, x), ruled_out, slope, biases)[0]


def _recalibrated(x: Floats, ruled_out: NDArray[np.bool_], slope: float, biases: Floats | None) -> tuple[Floats, Floats]:
    z = slope * x
    if biases is not None:
        z += biases[:, np.newaxis]
    z[ruled_out] = -np.inf
    forecast = forecasts(z, "logits")
    return forecast.p, forecast.surprisal


def _against_labels(block: Rows, surprisal: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Σ t · surprisal and Σ t · x of each row (n,)."""
    n = x.shape[1]
    if block.codes is not None:
        at = block.codes * n + np.arange(n)
        return surprisal.take(at), x.take(at)
    assert block.targets is not None
    loss, beside = np.zeros(n), np.zeros(n)
    for share, cost, plane in zip(block.targets, surprisal, x, strict=True):
        loss += share * np.where(share > 0.0, cost, 0.0)
        beside += share * plane
    return loss, beside


def _weighted(values: Floats, weights: Floats | None) -> int:
    return total(values if weights is None else weights * values)
