"""Owns the forecasters that the simulations score: logits of forecasts and labels, many samples at once, and the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

# A normal distribution as 20,001 points from −9 to 9 standard deviations: the trapezoidal rule has all digits there.
NODES = np.linspace(-9.0, 9.0, 20_001)
DENSITY = np.exp(-0.5 * NODES**2)
DENSITY /= DENSITY.sum()


def softplus(x: Floats) -> Floats:
    """ln(1 + e^x), which is −ln of the probability of what has logit −x."""
    result: Floats = np.logaddexp(0.0, x)
    return result


@dataclass(frozen=True)
class Sample:
    """R samples of n rows: `logit` (R, n) of the forecast and whether the label is positive (R, n); `z` (R, n) is the
    standard normal number that the row's true logit comes from."""

    logit: Floats
    positive: Truths
    z: Floats

    @cached_property
    def losses(self) -> Floats:
        """The log loss of each row (R, n)."""
        return softplus(np.where(self.positive, -self.logit, self.logit))

    @cached_property
    def if_wrong(self) -> Floats:
        """What each row (R, n) would cost if the class that is held for the likelier were wrong: −ln(1 − max p)."""
        return softplus(np.abs(self.logit))

    @cached_property
    def p(self) -> Floats:
        """The forecast probability (R, n) of positive."""
        result: Floats = expit(self.logit)
        return result


@dataclass(frozen=True)
class Model:
    """A forecaster. The true logit of positive is normal with `mean` and `deviation`; the forecast's logit is `slope` times it.

    flips: the share of labels that are wrong, at random. turned: in half of the rows the classes change places, so that both
    are equally frequent. known: the label is the likelier class for sure, but for flips.
    """

    name: str
    mean: float
    deviation: float
    slope: float = 1.0
    flips: float = 0.0
    turned: bool = False
    known: bool = False

    def draw(self, random: np.random.Generator, repetitions: int, n: int, cluster: int = 1, shared: float = 0.0) -> Sample:
        """Samples; rows in blocks of `cluster` share this part of the variance of what their logits and labels come from."""
        z, u = (_correlated(random, repetitions, n, cluster, shared) for _ in range(2))
        logit = self.mean + self.deviation * z
        positive = ndtr(u) < self._chance(logit)
        logit = self.slope * logit
        if self.turned:
            turn = random.random((repetitions, n)) < 0.5
            logit, positive = np.where(turn, -logit, logit), positive ^ turn
        return Sample(logit, positive, z)

    def expected(
        self, loss: Callable[[Floats], tuple[Floats, Floats]], weight: float | NDArray[np.floating[Any]] = 1.0
    ) -> float:
        """The mean over all rows there could be of a loss, given for a forecast's logit as that of a positive and a negative
        label; weighted by the `weight` at each of NODES."""
        logit = self.mean + self.deviation * NODES
        chance = self._chance(logit)
        if_positive, if_negative = loss(self.slope * logit)
        mass = DENSITY * weight
        return float(np.sum(mass * (chance * if_positive + (1.0 - chance) * if_negative)) / np.sum(mass))

    @cached_property
    def base_rate(self) -> float:
        """The probability of a positive label."""
        return 0.5 if self.turned else self.expected(lambda x: (np.ones_like(x), np.zeros_like(x)))

    def _chance(self, logit: Floats) -> Floats:
        chance: Floats = (logit > 0.0).astype(np.float64) if self.known else expit(logit)
        return chance + self.flips * (1.0 - 2.0 * chance)


def _correlated(random: np.random.Generator, repetitions: int, n: int, cluster: int, shared: float) -> Floats:
    """Standard normal numbers (R, n); blocks of `cluster` of them have the correlation `shared`."""
    own: Floats = random.standard_normal((repetitions, n))
    if cluster > 1:
        common = np.repeat(random.standard_normal((repetitions, -(-n // cluster))), cluster, axis=1)[:, :n]
        own = np.sqrt(shared) * common + np.sqrt(1.0 - shared) * own
    return own


def log_loss(logit: Floats) -> tuple[Floats, Floats]:
    """The log loss of a positive and of a negative label."""
    return softplus(-logit), softplus(logit)


def brier(logit: Floats) -> tuple[Floats, Floats]:
    """The Brier score (p − y)² of a positive and of a negative label."""
    p: Floats = expit(logit)
    return (1.0 - p) ** 2, p**2


def accuracy(logit: Floats) -> tuple[Floats, Floats]:
    """Whether the likelier class is a positive and a negative label."""
    return (logit > 0.0).astype(np.float64), (logit <= 0.0).astype(np.float64)


CALIBRATED = Model("calibrated binary", 0.0, 1.5)
OVERCONFIDENT = Model("over-confident, logits × 2", 0.0, 1.5, slope=2.0)
DEEP = Model("like a deep net, 3 % errors", 5.0, 2.0, slope=1.5, turned=True)
RARE = Model("rare event, 1 %", -4.77, 0.6)
WRONG = Model("0.3 % wrong labels", 7.0, 0.7, flips=0.003, turned=True, known=True)
MODELS = (CALIBRATED, OVERCONFIDENT, DEEP, RARE, WRONG)
