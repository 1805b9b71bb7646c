"""Owns what one file scores under every other tool's rule, and which rows make the gap to celoss's own number."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from celoss.checks import Batch
from celoss.conventions import CONVENTIONS, Convention
from celoss.exact import Groups, units
from celoss.explaining.reading import Entry, Largest, Reading, ScoredRow
from celoss.kernels import Floats, RowScores
from celoss.metrics import Number, Tally, class_weights, in_unit
from celoss.plan import Plan
from celoss.quantities import cell_codes, differs
from celoss.records import dataclass
from celoss.scoring import convention_losses
from celoss.spread import Exact
from celoss.state import State

MOST_ROWS = 3


@dataclass(frozen=True, kw_only=True)
class ChangedRow(ScoredRow):
    """A row with another loss under a rule: loss_there. share: of the gap; shares of rows that cancel out are negative or
    above 1, None where the gap is infinite or 0."""

    loss_there: float
    share: Number


@dataclass(frozen=True)
class RuleLoss:
    """The mean loss by another tool's rule.

    reason: why the rule cannot be used here, in which case there are no numbers; else empty. gap: log_loss less celoss's
    own, rounded once; None where both are infinite. rows: how many have another loss, beyond what float widths explain.
    largest: of these the rows that change the sum most, at most three.
    """

    name: str
    rule: str
    source: str
    reason: str
    log_loss: Number = None
    gap: Number = None
    rows: int | None = None
    largest: tuple[ChangedRow, ...] = ()


class _Sums:
    """Exact sums of weight · loss by cell, as a State has them, infinite losses counted apart."""

    def __init__(self, plan: Plan) -> None:
        self._cells = len(plan.classes)
        self._loss = [0] * self._cells
        self._infinite = np.zeros(self._cells, np.int64)

    def add(self, block: Batch, losses: Floats) -> None:
        codes = cell_codes(block)
        weights = np.ones(len(codes)) if block.weights is None else block.weights
        infinite = np.isinf(losses)
        sums = Groups(codes, self._cells).sums(weights * np.where(infinite, 0.0, losses))
        self._loss = list(map(int.__add__, self._loss, sums))
        self._infinite += np.bincount(codes[infinite & (weights > 0.0)], minlength=self._cells)

    def tally(self, plan: Plan, state: State) -> Tally:
        """The metrics of these losses, with the weights of the state of the same rows."""
        sums = {name: state.sums[name] for name in ("rows", "weight") if name in state.sums}
        added = {"loss": tuple(self._loss), "infinite": tuple(self._infinite.tolist())}
        return Tally(plan, range(self._cells), sums | added, class_weights(plan, state))


class _Rule:
    """Takes all rows under one rule."""

    def __init__(self, reading: Reading, convention: Convention) -> None:
        self._reading = reading
        self._name = convention.name
        self.sums = _Sums(reading.plan)
        self.rows = 0
        self.largest = Largest(reading, MOST_ROWS)

    def add(self, block: Batch, own: Floats) -> None:
        losses, _ = convention_losses(self._reading.plan, block, self._name)
        self.sums.add(block, losses)
        # Of an infinite and a finite loss the finite one says what counts as near.
        others = differs(own, losses)
        self.rows += int(others.sum())
        with np.errstate(invalid="ignore"):
            changes = np.where(others, np.abs(losses - own), 0.0)
        self.largest.add(block, self._reading.weighted(block, changes), losses)


class _Rules:
    """Takes all rows under all rules that can be used."""

    def __init__(self, reading: Reading) -> None:
        self.own = _Sums(reading.plan)
        self.rules = {name: _Rule(reading, one) for name, one in CONVENTIONS.items() if not reason(reading.plan, one)}

    def __call__(self, block: Batch, row: RowScores) -> None:
        self.own.add(block, row.loss)
        for rule in self.rules.values():
            rule.add(block, row.loss)


def reason(plan: Plan, convention: Convention) -> str:
    """Why a rule is not for what the plan scores; empty when it is."""
    return "" if plan.task in convention.tasks else f"not for {plan.task} labels"


def rule_losses(reading: Reading) -> tuple[State, tuple[RuleLoss, ...]]:
    """The state of all rows, and what each rule makes of them. Raises CelossError with all faults."""
    state, taken = reading.into(lambda: _Rules(reading))
    own = taken.own.tally(reading.plan, state)
    return state, tuple(
        _finished(reading.plan, state, own, one, taken.rules[name])
        if name in taken.rules
        else RuleLoss(name, one.rule, one.source, reason(reading.plan, one))
        for name, one in CONVENTIONS.items()
    )


def _finished(plan: Plan, state: State, own: Tally, convention: Convention, rule: _Rule) -> RuleLoss:
    there = rule.sums.tally(plan, state)
    value, before = there.loss("loss"), own.loss("loss")
    change: Exact = there.total("loss") - own.total("loss")
    gap = there.in_unit(change, there.weight)
    if own.infinite or there.infinite:
        change, gap = 0, None if own.infinite and there.infinite else (value or 0.0) - (before or 0.0)
    return RuleLoss(
        name=convention.name,
        rule=convention.rule,
        source=convention.source,
        reason="",
        log_loss=value,
        gap=gap,
        rows=rule.rows,
        largest=tuple(_changed(plan, one, change) for one in rule.largest.entries if one.size),
    )


def _changed(plan: Plan, entry: Entry, change: Exact) -> ChangedRow:
    """A row and its share of the `change` of the sum, in units; 0 for one that is infinite."""
    there = in_unit(plan, 1.0) * entry.beside
    sign = 1 if there > entry.scored.loss else -1
    share = float(Fraction(sign * units(entry.size)) / change) if change else None
    return ChangedRow(**vars(entry.scored), loss_there=there, share=share)
