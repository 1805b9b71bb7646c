"""Which sign tells of an interval that can't be trusted: signs in the losses, or in what the forecasts would cost if wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from benchmarks.results import Cell, Table
from benchmarks.statistics.coverage import hall, samples
from benchmarks.statistics.models import MODELS, Model, Sample, log_loss
from benchmarks.statistics.trials import SIZES, Effort, generator, percent, shown, spread_of
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
MOST_ERRORS = 3.0
TAKEN = "D/n > 3 errors"


@dataclass(frozen=True)
class Judged:
    """Of some samples (R,): whether the interval of each holds the truth, and whether each sign is seen."""

    covered: Flags
    signs: dict[str, Flags]


def tables(effort: Effort) -> Iterator[Table]:
    """All tables of this section."""
    yield _cells(effort)
    yield _any_model(effort)


def judged(sample: Sample, truth: float) -> Judged:
    """The intervals of samples and the signs beside them.

    D is the mean logit of the likelier class, by which the loss of a row grows if its label is the other one; F is the mean
    loss of a row whose label is the other one.
    """
    n = sample.losses.shape[1]
    spreads = [spread_of(one) for one in sample.losses]
    bounds = np.array([(one.low, one.high) for one in map(hall, spreads)])
    error = np.array([one.error for one in spreads])
    tilt = np.abs([one.skewness for one in spreads]) / np.sqrt(n)
    worst = sample.losses.max(axis=1) / sample.losses.sum(axis=1)
    more = np.abs(sample.logit).mean(axis=1) / n
    wrong = sample.if_wrong.mean(axis=1) / n
    half = (bounds[:, 1] - bounds[:, 0]) / 2
    signs = {
        TAKEN: more > MOST_ERRORS * error,
        "D/n > 2 errors": more > 2.0 * error,
        "D/n > half of the interval": more > half,
        "F/n > half of the interval": wrong > half,
        "max/sum > 0.2": worst > 0.2,
        "max/sum > 0.5": worst > 0.5,
        "skewness/√n > 0.25": tilt > 0.25,
        "skewness/√n > 0.5": tilt > 0.5,
        f"{TAKEN}, or skewness/√n > 0.8": (more > MOST_ERRORS * error) | (tilt > 0.8),
    }
    return Judged((bounds[:, 0] <= truth) & (truth <= bounds[:, 1]), signs)


def joined(parts: list[Judged]) -> Judged:
    """All samples of several parts."""
    signs = {name: np.concatenate([one.signs[name] for one in parts]) for name in parts[0].signs}
    return Judged(np.concatenate([one.covered for one in parts]), signs)


def _cells(effort: Effort) -> Table:
    rows: list[tuple[Cell, ...]] = []
    names: list[str] = []
    for model in MODELS:
        truth = model.expected(log_loss)
        for n in SIZES:
            found = joined([judged(one, truth) for one in samples(model, n, effort.repetitions(n, 1_000), 1)])
            names = [*found.signs]
            shares = (
                f"{shown(percent(flags[found.covered]), 0)} / {shown(percent(flags[~found.covered]), 0)}"
                for flags in found.signs.values()
            )
            rows.append((model.name, n, shown(percent(found.covered)), *shares))
    note = "Share of samples in % that each sign flags, of those whose interval holds the true mean / of those whose does not."
    return Table("1-signs", "Signs, by model", ("losses", "n", "Hall covers", *names), rows, note)


def _any_model(effort: Effort) -> Table:
    random = generator(11)
    parts = []
    for _ in range(max(20, round(600 * effort.part))):
        n = round(float(np.exp(random.uniform(np.log(20), np.log(5_000)))))
        model = _drawn(random)
        parts.append(judged(model.draw(random, 100, n), model.expected(log_loss)))
    found = joined(parts)
    rows = [
        (name, shown(percent(found.covered[flags])), shown(percent(found.covered[~flags])), shown(percent(flags)))
        for name, flags in found.signs.items()
    ]
    rows.append(("none", "–", shown(percent(found.covered)), shown(0.0)))
    columns = ("sign", "coverage of the flagged, %", "of the others, %", "flagged, %")
    note = (
        "100 samples of each of 600 models: 20 to 5000 rows, mean of the true logits −6 to 6, deviation 0.3 to 6, forecast "
        "logits × 0.5 to 2.7, in a third of the models 0.01 to 10 % of the labels flipped, in a quarter labels known for sure. "
        "The others of a good sign are covered in 95 %."
    )
    return Table("2-any-model", "Signs, over all sorts of models", columns, rows, note)


def _drawn(random: np.random.Generator) -> Model:
    flips = float(10.0 ** random.uniform(-4.0, -1.0)) if random.random() < 1 / 3 else 0.0
    known = bool(random.random() < 0.25)
    mean, deviation, slope = random.uniform(-6.0, 6.0), random.uniform(0.3, 6.0), np.exp(random.uniform(-0.7, 1.0))
    return Model("any", float(mean), float(deviation), float(slope), flips, known=known)
