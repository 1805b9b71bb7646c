"""Tests of whether one model's mean loss is lower than another's: how often they say so where it is not, and where it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from benchmarks.results import Table
from benchmarks.statistics.models import DEEP, Model, log_loss, softplus
from benchmarks.statistics.trials import CONFIDENCE, Effort, Floats, blocks, generator, percent, shown, spread_of
from scipy import optimize, stats
from scipy.special import expit

from celoss.significance import difference_p, hall_p, sign_flip_p

SIZES = (20, 50, 100, 500, 2_000)
LEVEL = 1.0 - CONFIDENCE
# In percent: what chance makes of 5 in 1000 samples.
MOST_ALARMS = 6.5
# The true logits, and those of an over-confident forecast.
TRUE = Model("true", 0.0, 1.5)
OVER = 1.8
FEW = 50

# p, and a number above 0 if the first one's losses are found to be larger.
Found = tuple[float, float]
Test = Callable[[Floats, Floats], Found]
# The logits of two forecasts, of random numbers and true logits (R, n).
Pair = Callable[[np.random.Generator, Floats], tuple[Floats, Floats]]


def tables(effort: Effort) -> Iterator[Table]:
    """All tables of this section."""
    yield _table("1-false-alarms", "Equal mean losses: rejections in %, of which 5 are promised", NULLS, effort, FALSE_ALARMS)
    yield _table("2-power", "Different mean losses: rejections in %", ALTERNATIVES, effort, POWER)


def expected(slope: float) -> float:
    """The mean loss of the true logits times a slope."""
    return Model("scaled", TRUE.mean, TRUE.deviation, slope).expected(log_loss)


def as_bad_as(slope: float) -> float:
    """The slope below 1, under-confident, that has the same mean loss as one above 1."""
    root: float = optimize.brentq(lambda x: expected(x) - expected(slope), 0.01, 1.0, xtol=1e-14)
    return root


UNDER = as_bad_as(OVER)


def _noisy(deviation: float, mistaken: float = 0.0) -> Pair:
    """Two forecasts with errors of their own; those of the first are larger by `mistaken`."""

    def pair(random: np.random.Generator, logit: Floats) -> tuple[Floats, Floats]:
        first, second = (random.standard_normal(logit.shape) for _ in range(2))
        return logit + (deviation + mistaken) * first, logit + deviation * second

    return pair


def _scaled(one: float, other: float) -> Pair:
    return lambda random, logit: (one * logit, other * logit)


def _sure(one: float, other: float) -> Pair:
    """Forecasts of a true logit that is 5 ± 2 by two models like deep nets, with these slopes and errors of their own."""

    def pair(random: np.random.Generator, logit: Floats) -> tuple[Floats, Floats]:
        first, second = (logit + random.standard_normal(logit.shape) for _ in range(2))
        return one * first, other * second

    return pair


NULLS = {
    "over- against under-confident": _scaled(OVER, UNDER),
    "two noisy models": _noisy(0.7),
    "two deep nets, few rows differ": _sure(1.5, 1.5),
}
ALTERNATIVES = {
    "over-confident against calibrated": _scaled(1.4, 1.0),
    "noisier": _noisy(0.5, 0.3),
    "two deep nets, one more over-confident": _sure(2.0, 1.2),
    "a little more over-confident than as bad as": _scaled(1.1 * OVER, UNDER),
}
FALSE_ALARMS = (
    f"Logits of the true model × {OVER} and × {UNDER:.3f} have the same mean loss, which the signed-rank test does not see: "
    "it asks whether the differences are symmetric around 0. Hall's t takes for skewed what has long tails on both sides; "
    "plain t and flips of signs doubt too little what is skewed. Largest p: of both, below 50 rows of all three."
)
POWER = (
    "The first model is the worse one; in brackets how often a test rejects and finds it the better one. The unpaired test "
    "adds the spread of the rows to that of the difference."
)


def _hall(one: Floats, other: Floats) -> Found:
    found = spread_of(one - other)
    p = hall_p(found.mean, found.error, found.skewness, found.n) if found.error else 1.0
    return p, found.mean


def _largest(one: Floats, other: Floats) -> Found:
    """The largest p of Hall's t and plain t, and below 50 rows of flips of signs."""
    found = spread_of(one - other)
    if not found.error:
        return 1.0, found.mean
    p = difference_p(found.mean, found.error, found.skewness, found.n)
    return (max(p, sign_flip_p(one - other)) if len(one) < FEW else p), found.mean


def _student(one: Floats, other: Floats) -> Found:
    test = stats.ttest_rel(one, other)
    return test.pvalue, test.statistic


def _flips(one: Floats, other: Floats) -> Found:
    return (sign_flip_p(one - other) if len(one) < FEW else math.nan), float(np.mean(one - other))


def _wilcoxon(one: Floats, other: Floats) -> Found:
    difference = one - other
    ranks = stats.rankdata(np.abs(difference)) * np.sign(difference)
    return stats.wilcoxon(difference, method="approx").pvalue, float(ranks.sum())


def _unpaired(one: Floats, other: Floats) -> Found:
    test = stats.ttest_ind(one, other, equal_var=False)
    return test.pvalue, test.statistic


TESTS: dict[str, Test] = {
    "**celoss, largest p**": _largest,
    "Hall's t": _hall,
    "plain t": _student,
    "flips of signs": _flips,
    "Wilcoxon signed rank": _wilcoxon,
    "unpaired t": _unpaired,
}


def _table(name: str, title: str, pairs: dict[str, Pair], effort: Effort, note: str) -> Table:
    rows: list[tuple[str | int, ...]] = []
    failures: list[str] = []
    for place, (called, pair) in enumerate(pairs.items()):
        true = DEEP if "nets" in called else TRUE
        for n in SIZES:
            random = generator(12, len(name), place, n)
            found = []
            for size in blocks(effort.repetitions(n, 1_000), n):
                logit = true.mean + true.deviation * random.standard_normal((size, n))
                positive = random.random((size, n)) < expit(logit)
                one, other = (softplus(np.where(positive, -each, each)) for each in pair(random, logit))
                found += [[test(*both) for test in TESTS.values()] for both in zip(one, other, strict=True)]
            cells = np.array(found).transpose(1, 2, 0)
            rows.append((called, n, *(_rejections(p, side, pairs is NULLS) for p, side in cells)))
            alarms = percent(cells[0, 0] < LEVEL)
            if pairs is NULLS and effort.part >= 1.0 and alarms > MOST_ALARMS:
                failures.append(f"{called}, n = {n}: {alarms} % false alarms")
    return Table(name, title, ("models", "n", *TESTS), rows, note, failures)


def _rejections(p: Floats, side: Floats, is_null: bool) -> str:
    """How many reject; where the first model is the worse one, how many say so, and in brackets how many say the opposite."""
    if np.isnan(p).all():
        return ""
    if is_null:
        return shown(percent(p < LEVEL))
    wrong = percent((p < LEVEL) & (side < 0.0))
    return shown(percent((p < LEVEL) & (side > 0.0))) + (f" ({shown(wrong)})" if wrong else "")
