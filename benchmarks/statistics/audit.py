"""Owns the simulation of the audit: how often it finds what was planted, speaks without cause, and reads the rows again.

python -m benchmarks.statistics.audit           # writes results/audit.md, in two minutes
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from celoss.kernels import DEFAULT_EPS, floored_loss
from celoss.shifts import Rows, Shifts
from celoss.standing import Standing
from celoss.swaps import Cycle, Differences, LossTable, candidates, next_of, proven

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

SEED = 20261123
REPETITIONS = 200
CLASSES = (2, 3, 10)
ROWS = (50, 200, 2000)
RESULT = Path(__file__).parent / "results" / "audit.md"
HIGHEST = floored_loss(DEFAULT_EPS)

Forecasts = tuple[Floats, Codes]
Model = Callable[[np.random.Generator, int, int], Forecasts]


def draw(
    random: np.random.Generator, k: int, n: int, deviation: float, slope: float = 1.0, first: float = 0.0, bias: float = 0.0
) -> Forecasts:
    """Losses (k, n) by each class and labels (n,).

    True logits are normal with this deviation, around the logarithms of the shares where that of the first class is given;
    the forecast's are `slope` times them, and `bias` more for the first class.
    """
    centre = np.zeros(k)
    if first:
        centre[:] = np.log((1.0 - first) / (k - 1))
        centre[0] = np.log(first)
    logits = centre[:, np.newaxis] + deviation * random.standard_normal((k, n))
    codes = (np.cumsum(_softmax(logits), axis=0) < random.random(n)).sum(axis=0).clip(max=k - 1)
    forecast = slope * logits
    forecast[0] += bias
    with np.errstate(divide="ignore"):
        return np.minimum(0.0 - np.log(_softmax(forecast)), HIGHEST), codes


def _softmax(logits: Floats) -> Floats:
    p = np.exp(logits - logits.max(axis=0))
    result: Floats = p / p.sum(axis=0)
    return result


def useless(random: np.random.Generator, k: int, n: int) -> Forecasts:
    """Confident forecasts that know nothing of the labels."""
    losses, codes = draw(random, k, n, 2.0)
    return losses, random.permutation(codes)


def constant(random: np.random.Generator, k: int, n: int) -> Forecasts:
    """The same forecast for all rows, of shares that are not those of the labels: 0.4 and the rest alike, instead of 1/k."""
    codes = random.integers(0, k, n)
    p = np.full((k, n), 0.6 / (k - 1))
    p[0] = 0.4
    return 0.0 - np.log(p), codes


def model(deviation: float, slope: float = 1.0, first: float = 0.0, bias: float = 0.0) -> Model:
    return lambda random, k, n: draw(random, k, n, deviation, slope, first, bias)


HONEST: dict[str, Model] = {
    "strong": model(3.0),
    "calibrated": model(1.0),
    "weak": model(0.3),
    "over-confident ×2.5": model(1.0, slope=2.5),
    "over-confident ×2.5, weak": model(0.3, slope=2.5),
    "under-confident ×0.4": model(1.0, slope=0.4),
    "one class rare, 2 %": model(1.0, first=0.02),
    "rare, its odds ×50": model(1.0, first=0.02, bias=float(np.log(50.0))),
    "rare, its odds ×500": model(1.0, first=0.02, bias=float(np.log(500.0))),
    "rare, its odds ×500, weak": model(0.3, first=0.02, bias=float(np.log(500.0))),
    "useless and confident": useless,
    "constant, wrong shares": constant,
}
PLANTED: dict[str, Model] = {
    name: HONEST[name]
    for name in ("strong", "calibrated", "weak", "over-confident ×2.5", "under-confident ×0.4", "one class rare, 2 %")
}


@dataclass(frozen=True)
class Change:
    """Something that is done to honest forecasts: which losses come of it, and what has to be found."""

    name: str
    least: int
    of: Callable[[Floats], Floats]
    cycle: Cycle | None = None
    shift: int | None = None


CHANGES = (
    Change("two columns swapped (two classes: flipped)", 2, lambda losses: losses[_moved(len(losses), (0, 1))], cycle=(0, 1)),
    Change("three columns rotated", 3, lambda losses: losses[_moved(len(losses), (0, 1, 2))], cycle=(0, 1, 2)),
    Change("rows shifted by one", 2, lambda losses: np.roll(losses, -1, axis=1), shift=1),
)


def _moved(k: int, cycle: Cycle) -> Codes:
    """For each place the column that stands there, where the column of each class of a cycle stands at the next one's."""
    there = np.arange(k)
    there[next_of([cycle], k)] = np.arange(k)
    return there


@dataclass(frozen=True)
class Verdict:
    """What the audit says: cycles of columns, a shift; and whether it read the rows again."""

    cycles: Sequence[Cycle]
    shift: int | None
    again: bool


def audited(losses: Floats, codes: Codes) -> Verdict:
    """The audit of losses (k, n) by each class and of labels (n,), matched by position."""
    k, n = losses.shape
    rows = np.bincount(codes, minlength=k).astype(np.int64)
    weight = rows.astype(np.float64)
    own = losses[codes, np.arange(n)]
    sums = np.bincount(codes, weights=own, minlength=k).astype(np.float64)
    standing = Standing.of(rows, weight, weight, sums, float((own**2).sum()))
    cycles: Sequence[Cycle] = ()
    shift = None
    if standing.may_be_swapped:
        table = LossTable(k)
        table.add(losses, codes, None)
        likely = candidates(standing, table.sums())
        if likely:
            differences = Differences(next_of(likely, k))
            differences.add(losses, codes, None)
            cycles = proven(likely, standing, table.sums(), differences.by_class)
    if standing.may_be_shifted:
        shifts = Shifts()
        shifts.add(Rows(np.arange(n), losses, codes, np.ones(n)))
        best = shifts.best(float(standing.base.sum()) / n)
        shift = best.shift if best else None
    return Verdict(cycles, shift, standing.may_be_swapped or standing.may_be_shifted)


def percent(shares: Sequence[bool]) -> str:
    value = 100.0 * sum(shares) / len(shares)
    return "0" if value == 0.0 else f"{value:.1f}" if value < 99.95 else "100"


def verdicts(name: str, made: Model, k: int, n: int, change: Change | None, repetitions: int) -> list[Verdict]:
    # Each cell has random numbers of its own, so that one more changes no other.
    key = [SEED, k, n, *f"{name} {change.name if change else ''}".encode()]
    random = np.random.default_rng(key)
    found = []
    for _ in range(repetitions):
        losses, codes = made(random, k, n)
        found.append(audited(losses if change is None else change.of(losses), codes))
    return found


def honest(repetitions: int) -> Iterator[str]:
    yield "| forecaster | k | " + " | ".join(f"n = {n}" for n in ROWS) + " |"
    yield "| --- | --- |" + " --- |" * len(ROWS)
    for name, made in HONEST.items():
        for k in CLASSES:
            cells = []
            for n in ROWS:
                found = verdicts(name, made, k, n, None, repetitions)
                swaps, shifts = percent([bool(one.cycles) for one in found]), percent([one.shift is not None for one in found])
                cells.append(f"{swaps} / {shifts} / {percent([one.again for one in found])}")
            yield f"| {name} | {k} | " + " | ".join(cells) + " |"


def planted(repetitions: int) -> Iterator[str]:
    yield "| what | forecaster | k | " + " | ".join(f"n = {n}" for n in ROWS) + " |"
    yield "| --- | --- | --- |" + " --- |" * len(ROWS)
    for change in CHANGES:
        for name, made in PLANTED.items():
            for k in CLASSES:
                if k < change.least:
                    continue
                cells = []
                for n in ROWS:
                    found = verdicts(name, made, k, n, change, repetitions)
                    right = [
                        one.shift == change.shift
                        if change.shift
                        else any(set(change.cycle or ()) == set(cycle) for cycle in one.cycles)
                        for one in found
                    ]
                    other = [bool(one.cycles) or one.shift is not None for one in found]
                    cells.append(f"{percent(right)} / {percent([b and not a for a, b in zip(right, other, strict=True)])}")
                yield f"| {change.name} | {name} | {k} | " + " | ".join(cells) + " |"


TITLE = """# The audit: false alarms, detections, second readings

Written by `python -m benchmarks.statistics.audit`: {} samples a cell, seed {}. k classes, n rows matched by position.

True logits are normal with a standard deviation of 3 (strong), 1 (calibrated, and all that say nothing else) or 0.3 (weak); a
forecaster that is over- or under-confident states a multiple of them. A class whose odds are ×50 or ×500 is overrated, as after
training with more weight on it. Useless: forecasts of other rows. Constant: 0.4 for the first of equally frequent classes.

## Honest forecasters

Samples in percent: columns said to be swapped / rows said to be shifted / rows read a second time.
"""
PLANTED_TITLE = """
## Planted

Samples in percent: what was done is found / only something else is said. A forecaster that is always wrong is a flipped one: it
is found as often.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--output", type=Path, default=RESULT)
    given = parser.parse_args()
    honest_lines, planted_lines = honest(given.repetitions), planted(given.repetitions)
    parts = [TITLE.format(given.repetitions, SEED), *honest_lines, PLANTED_TITLE, *planted_lines]
    text = "\n".join(parts) + "\n"
    given.output.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
