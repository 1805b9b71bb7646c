"""What the gain of recalibration reads where there is nothing to gain, and where there is; and the ECE beside it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from benchmarks.results import Table
from benchmarks.statistics.models import CALIBRATED, DEEP, Floats, Model, Sample, Truths, softplus
from benchmarks.statistics.trials import CONFIDENCE, Effort, generator, percent, shown

from celoss.recalibration_fit import fit
from celoss.significance import chi_squared_p

SIZES = (200, 1_000, 10_000)
BINS = 15
LEVEL = 1.0 - CONFIDENCE
# Logits times this: what a de-biased gain and a test must find.
SLOPES = (1.05, 1.1, 1.2, 1.5, 2.0)


def tables(effort: Effort) -> Iterator[Table]:
    """All tables of this section."""
    calm = (CALIBRATED, Model("calibrated, 3 % errors", DEEP.mean, DEEP.deviation, turned=True))
    note = (
        "The rejections of a test at 5 % must be 5 % here. The raw gains are what chance fits: 1/(2n) for a temperature and "
        "2/(2n) with a bias, which the de-biased ones are without. ECE: 15 bins of equally many rows."
    )
    yield _table("1-nothing-to-gain", "Calibrated models: all that is read is noise", calm, effort, note)
    sharp = [Model(f"logits × {slope}", CALIBRATED.mean, CALIBRATED.deviation, slope) for slope in SLOPES]
    note = "The true gain is what the temperature that is best for all rows takes off the mean loss."
    yield _table("2-power", "Over-confident models: gains, and how often they are found", sharp, effort, note)
    yield _many_classes(effort)


def equal_mass_ece(p: Floats, positive: Truths) -> float:
    """Σ n_b / n · |observed − mean forecast| over 15 bins of equally many rows."""
    order = np.argsort(p)
    parts = zip(np.array_split(p[order], BINS), np.array_split(positive[order], BINS), strict=True)
    return sum(abs(float(np.sum(forecast) - np.sum(true))) for forecast, true in parts) / len(p)


def _table(name: str, title: str, models: list[Model] | tuple[Model, ...], effort: Effort, note: str) -> Table:
    rows = []
    for place, model in enumerate(models):
        for n in SIZES:
            random = generator(14, len(name), place, n)
            drawn = (model.draw(random, 1, n) for _ in range(effort.repetitions(n, 1_000)))
            found = np.array([_read(one) for one in drawn])
            raw, debiased, p, whole, whole_debiased, whole_p, ece = found.T
            rows.append(
                (
                    model.name,
                    n,
                    f"{_true_gain(model):.5f}",
                    f"{raw.mean():.5f}",
                    f"{debiased.mean():.5f}",
                    shown(percent(p < LEVEL)),
                    f"{whole.mean():.5f}",
                    f"{whole_debiased.mean():.5f}",
                    shown(percent(whole_p < LEVEL)),
                    f"{ece.mean():.4f}",
                )
            )
    columns = (
        "forecasts", "n", "true gain", "temperature", "de-biased", "p < 5 %", "with bias", "de-biased", "p < 5 %", "ECE",
    )  # fmt: skip
    return Table(name, title, columns, rows, note)


def _read(sample: Sample) -> tuple[float, ...]:
    """Gains in nats by the temperature and with a bias, raw and de-biased, their p; and the ECE."""
    logit, positive = sample.logit[0], sample.positive[0]
    n = len(logit)
    found = fit(np.stack([-softplus(logit), -softplus(-logit)]), positive.astype(np.intp))
    gains = ((found.plain - found.tempered, found.slope_parameters), (found.plain - found.refined, found.parameters))
    read = [number for gain, free in gains for number in (gain, gain - free / (2 * n), chi_squared_p(2 * n * gain, free))]
    return (*read, equal_mass_ece(sample.p[0], positive))


def _true_gain(model: Model) -> float:
    """The mean loss less that of the true logits, which a temperature leads to here."""
    return _loss(model, model.slope) - _loss(model, 1.0) if model.slope != 1.0 else 0.0


def _loss(model: Model, slope: float) -> float:
    return Model(model.name, model.mean, model.deviation, slope).expected(lambda x: (softplus(-x), softplus(x)))


def _many_classes(effort: Effort) -> Table:
    """Calibrated forecasts of k classes: k parameters are fitted."""
    rows = []
    for k in (3, 10):
        for n in SIZES[:2]:
            random = generator(15, k, n)
            gains, p = [], []
            for _ in range(effort.repetitions(n, 400)):
                logits = 1.5 * random.standard_normal((k, n))
                log_p = logits - np.logaddexp.reduce(logits, axis=0)
                codes = np.sum(random.random(n) > np.cumsum(np.exp(log_p), axis=0), axis=0).clip(max=k - 1)
                found = fit(log_p, codes.astype(np.intp))
                gains.append(found.plain - found.refined)
                p.append(chi_squared_p(2 * n * gains[-1], found.parameters))
            raw = float(np.mean(gains))
            rows.append((k, n, f"{raw:.5f}", f"{k / (2 * n):.5f}", shown(percent(np.array(p) < LEVEL))))
    columns = ("classes", "n", "gain with biases", "k/(2n)", "p < 5 %")
    note = "Temperature and biases have k parameters together. All is noise; 5 % are promised."
    return Table("3-classes", "Calibrated models of more classes", columns, rows, note)
