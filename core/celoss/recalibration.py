"""Owns `Recalibration`: what another temperature and class biases would gain, and whether it is more than chance."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np

from celoss.checks import Batch
from celoss.errors import Diagnostic, Place, UsageError, plural
from celoss.kernels import Floats, RowScores, floored_loss, forecasts
from celoss.metrics import Number, class_weights, in_unit
from celoss.plan import Plan
from celoss.recalibration_fit import MOST_CLASSES, Fit, fit, fit_rows, of_blocks
from celoss.recalibration_sums import FactSums, Rows, Sums, centred
from celoss.records import dataclass
from celoss.scoring import targets_of
from celoss.significance import chi_squared_p
from celoss.state import State

__all__ = ["Fit", "Gain", "Ladder", "Recalibration", "check_task", "fit", "recalibrate"]

# What is needed of all rows is kept in memory up to this, else read again for each step.
MOST_KEPT = 512 << 20
# With fewer rows, or fewer for each parameter, 2 n gain is not yet distributed as χ²: of 20 rows of two classes with honest
# probabilities the test rejects 8 to 10 % at the level of 5 %.
FEWEST_ROWS, FEWEST_EACH = 50, 10
WITH_BIASES, ALONE = "temperature and class biases", "temperature"


@dataclass(frozen=True)
class Gain:
    """By how much the mean loss is less: in the unit of the report, ≥ 0.

    debiased: less parameters / (2 n), which chance gives in the mean to predictions that need no correction; it may be
    negative. p_value: of no gain but absent_gain, 2 n (value − absent_gain) ~ χ² with so many degrees (S. S. Wilks 1938, DOI
    10.1214/aoms/1177732360), n being the effective rows. Both None where `Recalibration.reason` says why, or without a
    parameter.
    """

    value: float
    debiased: Number
    p_value: Number
    parameters: int


@dataclass(frozen=True)
class Ladder:
    """From no forecast to the log loss, in the unit of the report: base_rate − information = refined, and
    refined + bias + temperature + rest = log_loss.

    base_rate: the reference log loss. refined: with the best temperature and biases. rest: what rows that do not sum to 1,
    and another tool's rule, make of the loss.
    """

    base_rate: float
    information: float
    refined: float
    bias: float
    temperature: float
    rest: float
    log_loss: float


@dataclass(frozen=True)
class Recalibration:
    """p' = softmax(ln p / T), and p' = softmax(ln p / T + a) with class biases a, fitted to the scored rows themselves.

    effective_rows: Kish's n of the tests, without weights the rows. temperature: T alone, > 1 for predictions that are too
    sure, infinite where no sharpness is best. temperature_with_biases, biases: T and a fitted together; the biases of the
    classes that occur have the mean 0, of two classes the first's is 0; a class that no label has is ruled out: −∞. Both None
    for more than 200 classes.
    bias_gain: what the biases add to temperature_gain; absent_gain: how much of it comes from ruling out the classes that no
    label has, which is not tested: the rows do not tell whether they can occur; gain: both. reason: why there are no p-values;
    None with them.
    separable, separable_with_biases: whether T alone, and T with biases, makes the class of every row the most probable one, so
    that the loss goes to 0 with this T, which was then stopped.
    """

    method: str
    rows: int
    effective_rows: float
    parameters: int
    temperature: float
    temperature_with_biases: Number
    biases: dict[str, float] | None
    temperature_gain: Gain
    bias_gain: Gain | None
    absent_gain: float
    gain: Gain
    reason: str | None
    separable: bool
    separable_with_biases: bool
    ladder: Ladder

    def to_dict(self) -> dict[str, Any]:
        """The values as they are in the JSON of a report."""
        records = ("temperature_gain", "bias_gain", "gain", "ladder")
        return {
            name: dict(vars(value)) if name in records and value is not None else value for name, value in vars(self).items()
        }


class RowSink(Protocol):
    """Takes scored rows block by block."""

    def __call__(self, block: Batch, row: RowScores) -> None: ...


S = TypeVar("S", bound=RowSink)


class Into(Protocol):
    """Reads all rows once, into what the function makes, and returns that."""

    def __call__(self, make: Callable[[], S], /) -> S: ...


def check_task(plan: Plan, option: str) -> None:
    """Raises UsageError (E610) for independent labels."""
    if plan.task == "multilabel":
        raise UsageError(
            Diagnostic(
                "E610",
                f"{option} is not for independent labels",
                (Place(f"option {option}"),),
                details=("each label has a probability of its own, and would need a temperature of its own",),
                help="score a label by itself: --pred COL --label COL",
            )
        )


def rows_of(plan: Plan, block: Batch, of_class: Floats | None, weightless: bool = False) -> Rows:
    """The rows of a block that have a weight, which is also by class (k,) if there are such weights; or all of them."""
    surprisal = forecasts(block.values, plan.scale, plan.one_column).surprisal
    if plan.eps > 0.0:
        surprisal = np.minimum(surprisal, floored_loss(plan.eps))
    shares = plan.shares or block.codes is None
    weights = block.weights
    if of_class is not None and block.codes is not None:
        weights = of_class[block.codes] if weights is None else weights * of_class[block.codes]
    codes, targets = (None, targets_of(plan, block)) if shares else (block.codes, None)
    rows = Rows(centred(surprisal), codes, targets, weights)
    return rows if weights is None or weightless or weights.all() else rows.take(np.flatnonzero(weights))


class _Keeper:
    """Gathers the facts of all rows, and the rows themselves while there is room."""

    def __init__(self, plan: Plan, of_class: Floats | None) -> None:
        self._plan, self._of_class = plan, of_class
        self.facts = FactSums(len(plan.classes))
        self.kept: list[Rows] | None = []
        self._bytes = 0

    def __call__(self, block: Batch, row: RowScores) -> None:
        for rows in rows_of(self._plan, block, self._of_class).blocks():
            self.facts.add(rows)
            self._bytes += rows.bytes
            if self._bytes > MOST_KEPT:
                self.kept = None
            if self.kept is not None:
                self.kept.append(rows)


class _Adder:
    """Gives the rows of each block to sums."""

    def __init__(self, plan: Plan, of_class: Floats | None, sums: Sums) -> None:
        self._plan, self._of_class = plan, of_class
        self.sums = sums

    def __call__(self, block: Batch, row: RowScores) -> None:
        of_blocks(rows_of(self._plan, block, self._of_class).blocks(), self.sums)


def fitted(plan: Plan, of_class: Floats | None, into: Into) -> Fit | str:
    """The fit of the scored rows, with weights by class (k,) if there are some, or why there is none."""
    keeper = into(lambda: _Keeper(plan, of_class))
    kept, facts = keeper.kept, keeper.facts.facts()
    if facts.impossible:
        return "the log loss is infinite, at every temperature"
    if len(facts.present) < 2:
        return "all labels are one class" if facts.rows else "no row has a weight"
    if kept is not None:
        return fit_rows(facts, lambda make: of_blocks(kept, make()))
    return fit_rows(facts, lambda make: into(lambda: _Adder(plan, of_class, make())).sums)


def recalibrate(
    plan: Plan, state: State, log_loss: Number, base_rate: Number, into: Into, reason: str | None = None
) -> tuple[Recalibration | None, list[Diagnostic]]:
    """What recalibration gains on the scored rows, and what is to be said of it. log_loss, base_rate: those of the report.

    reason: why there can be no p-values, if the caller knows one.
    """
    by_class = class_weights(plan, state)
    found = fitted(plan, None if by_class is None else np.array([float(one) for one in by_class]), into)
    if isinstance(found, str) or log_loss is None or base_rate is None:
        return None, [Diagnostic("N15", f"no recalibration: {found}", count=0)]
    made = _of_fit(plan, found, log_loss, base_rate, reason)
    return made, _notes(plan, made)


def _of_fit(plan: Plan, found: Fit, log_loss: float, base_rate: float, reason: str | None) -> Recalibration:
    if plan.shares:
        reason = "labels are shares, of which nobody knows how they vary"
    elif found.effective_rows < max(FEWEST_ROWS, FEWEST_EACH * found.parameters):
        reason = "there are too few rows"
    unit = in_unit(plan, 1.0)

    def gain(nats: float, parameters: int, absent: float = 0.0) -> Gain:
        if reason is not None or not parameters:
            return Gain(unit * nats, None, None, parameters)
        n = found.effective_rows
        p = chi_squared_p(2.0 * n * (nats - absent), parameters)
        return Gain(unit * nats, unit * (nats - parameters / (2.0 * n)), p, parameters)

    temperature, bias = found.plain - found.tempered, found.tempered - found.refined
    absent = found.tempered - found.ruled
    refined = unit * found.refined
    ladder = Ladder(
        base_rate, base_rate - refined, refined, unit * bias, unit * temperature, log_loss - unit * found.plain, log_loss
    )
    biased = found.biases is not None
    return Recalibration(
        WITH_BIASES if biased else ALONE,
        found.rows,
        found.effective_rows,
        found.parameters,
        _temperature(found.slope_alone),
        _temperature(found.slope) if biased else None,
        None if found.biases is None else dict(zip(plan.classes, found.biases, strict=True)),
        gain(temperature, found.slope_parameters),
        gain(bias, found.bias_parameters, absent) if biased else None,
        unit * absent,
        gain(temperature + bias, found.parameters, absent),
        reason,
        found.is_separated_alone,
        found.is_separated,
        ladder,
    )


def _temperature(slope: float) -> float:
    return 1.0 / slope if slope else math.inf


def _notes(plan: Plan, found: Recalibration) -> list[Diagnostic]:
    notes = []
    if found.separable or found.separable_with_biases:
        notes.append(_separation_note(found))
    if math.isinf(found.temperature):
        notes.append(no_temperature_note(found.rows))
    if len(plan.classes) > MOST_CLASSES:
        message = f"{len(plan.classes)} classes: the temperature alone is fitted; biases are for up to {MOST_CLASSES}"
        notes.append(Diagnostic("N18", message, count=found.rows))
    absent = sum(math.isinf(one) for one in (found.biases or {}).values())
    if absent and found.absent_gain:
        one = absent == 1
        message = (
            f"{plural(absent, 'class', 'classes')} that no label has {'is' if one else 'are'} ruled out beside class biases, "
            f"which alone would lower the log loss by {found.absent_gain:.3g}; whether {'it' if one else 'they'} can occur, "
            "these rows do not tell"
        )
        notes.append(Diagnostic("N26", message, count=found.rows))
    return notes


def _separation_note(found: Recalibration) -> Diagnostic:
    if found.separable:
        stopped = f"{found.temperature:.2g}"
        message = f"every label is the most probable class: the loss goes to 0 with T, which was stopped at {stopped}"
    else:
        alone = "∞" if math.isinf(found.temperature) else f"{found.temperature:.3g}"
        message = (
            "with class biases every label is the most probable class: the loss goes to 0 with their T, which was stopped at "
            f"{found.temperature_with_biases or 0.0:.2g}; without them T = {alone} is best"
        )
    return Diagnostic("N16", message, count=found.rows)


def no_temperature_note(rows: int) -> Diagnostic:
    """The note on predictions that point the wrong way."""
    message = "no temperature helps: uniform probabilities have a smaller loss; are columns swapped?"
    return Diagnostic("N17", message, count=rows)
