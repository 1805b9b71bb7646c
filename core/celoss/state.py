"""Owns `State`: the mergeable accumulator. It holds integers (and faults, as data), so adding never rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from celoss.checks import Batch
from celoss.errors import NO_FAULTS, Faults
from celoss.exact import BLOCK_ROWS, Groups, total, units
from celoss.kernels import Codes, RowScores, score_binary, score_multiclass
from celoss.plan import Plan

# Blocks of many classes hold fewer rows, so that their planes still fit the cache.
BLOCK_CELLS = 1 << 19
SUMS = ("loss", "loss_squared", "brier", "brier_squared")
COUNTS = ("rows", "clipped", "zero")

Integers = tuple[int, ...]


@dataclass(frozen=True)
class State:
    """Sums over rows, each a tuple with one integer per class of the true label.

    Laws, with ==: a + empty == a; a + b == b + a; (a + b) + c == a + (b + c); one batch or many, in any order, the
    same. `loss`, `loss_squared`, `brier`, `brier_squared` are in units of 2^-1074; the loss of a row with infinite loss
    (eps 0) is left out of them and counted by `zero`. `brier` is Σ_c (p_c − t_c)², before it is halved for two classes.

    clipped: rows whose true class got less than eps. zero: exactly 0. unfloored: Σ −ln p, in units, over clipped rows
    that are not zero. credits: (class, m, rows): rows whose true class is among m that share the top. ties: rows with
    m > 1, right or wrong. certain: rows whose true class got exactly 0 or 1. noted, deviation: as in Batch, the latter
    in units.
    """

    plan: str
    rows: Integers
    loss: Integers
    loss_squared: Integers
    brier: Integers
    brier_squared: Integers
    clipped: Integers
    zero: Integers
    credits: tuple[tuple[int, int, int], ...] = ()
    unfloored: int = 0
    ties: int = 0
    certain: int = 0
    noted: int = 0
    deviation: int = 0
    faults: Faults = NO_FAULTS

    @classmethod
    def empty(cls, plan: Plan) -> State:
        """The state of no rows."""
        none = (0,) * len(plan.classes)
        return cls(plan.identity(), none, none, none, none, none, none, none)

    @classmethod
    def of(cls, plan: Plan, batch: Batch) -> State:
        """The state of one batch."""
        state = cls.noticed(plan, batch)
        for block in blocks(batch):
            state = state + cls.scored(plan, block, scores(plan, block))
        return state

    @classmethod
    def scored(cls, plan: Plan, block: Batch, row: RowScores) -> State:
        """The sums over the row scores of a block."""
        k = len(plan.classes)
        groups = Groups(block.codes, k)
        loss = np.where(np.isinf(row.loss), 0.0, row.loss) if plan.eps == 0.0 else row.loss
        zero = row.probability == 0.0
        below = zero | (row.probability < plan.eps)
        unfloored = row.unfloored_loss[below & ~zero]
        tied = row.at_top > 1
        return cls(
            plan.identity(),
            rows=_count(block.codes, k),
            loss=tuple(groups.sums(loss)),
            loss_squared=tuple(groups.square_sums(loss)),
            brier=tuple(groups.sums(row.brier)),
            brier_squared=tuple(groups.square_sums(row.brier)),
            clipped=_count(block.codes[below], k),
            zero=_count(block.codes[zero], k),
            credits=_credits(block.codes[row.correct], row.at_top[row.correct], k),
            unfloored=total(unfloored),
            ties=int(tied.sum()),
            certain=int((zero | (row.probability == 1.0)).sum()),
        )

    @classmethod
    def noticed(cls, plan: Plan, batch: Batch) -> State:
        """What the checks of a batch found: faults, and sums that are off; no rows."""
        return replace(cls.empty(plan), noted=batch.noted, deviation=units(batch.deviation), faults=batch.faults)

    def update(self, plan: Plan, batch: Batch) -> State:
        """The state of these rows and those of the batch; this one stays as it is."""
        return self + State.of(plan, batch)

    def __add__(self, other: State) -> State:
        if self.plan != other.plan:
            raise ValueError("states of different plans cannot be added")
        merged: dict[str, Any] = {
            name: tuple(map(int.__add__, getattr(self, name), getattr(other, name))) for name in (*SUMS, *COUNTS)
        }
        for name in ("unfloored", "ties", "certain", "noted"):
            merged[name] = getattr(self, name) + getattr(other, name)
        merged["credits"] = _added_credits(self.credits, other.credits)
        merged["deviation"] = max(self.deviation, other.deviation)
        return State(self.plan, faults=self.faults + other.faults, **merged)

    @cached_property
    def count(self) -> int:
        """Rows scored."""
        return sum(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """The state as JSON values; integers are hexadecimal texts, since they can be longer than a double."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: value if name == "plan" else value.to_list() if name == "faults" else _hexadecimal(value)
            for name, value in values.items()
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> State:
        """The state that `to_dict` wrote."""
        read: dict[str, Any] = {name: _integers(value) for name, value in values.items() if name not in ("plan", "faults")}
        return cls(plan=values["plan"], faults=Faults.from_list(values["faults"]), **read)


def blocks(batch: Batch) -> Iterator[Batch]:
    """The batch in pieces whose planes fit the cache; without its faults."""
    k, n = batch.probabilities.shape
    size = max(1, min(BLOCK_ROWS, BLOCK_CELLS // k))
    for start in range(0, n, size):
        part = slice(start, start + size)
        keys = tuple(column.slice(start, size) for column in batch.keys)
        yield Batch(batch.rows[part], np.ascontiguousarray(batch.probabilities[:, part]), batch.codes[part], keys)


def scores(plan: Plan, block: Batch) -> RowScores:
    """The row scores of a block."""
    if plan.one_column:
        return score_binary(block.probabilities[0], block.codes == 1, plan.eps)
    return score_multiclass(block.probabilities, block.codes, plan.eps)


def _count(codes: Codes, k: int) -> Integers:
    return tuple(np.bincount(codes, minlength=k).tolist())


def _credits(codes: Codes, at_top: Codes, k: int) -> tuple[tuple[int, int, int], ...]:
    """(class, m, rows) for the class codes of correct rows and how many classes share their top."""
    alone = at_top == 1
    counts = {(c, 1): rows for c, rows in enumerate(_count(codes[alone], k)) if rows}
    # Few rows are tied: only these pay for the sort that `unique` makes (which took two thirds of the time for all rows).
    pairs, rows = np.unique(np.stack([codes[~alone], at_top[~alone]]), axis=1, return_counts=True)
    counts |= dict(zip(zip(*pairs.tolist(), strict=True), rows.tolist(), strict=True))
    return tuple(sorted((c, m, rows) for (c, m), rows in counts.items()))


def _added_credits(
    left: tuple[tuple[int, int, int], ...], right: tuple[tuple[int, int, int], ...]
) -> tuple[tuple[int, int, int], ...]:
    counts: Counter[tuple[int, int]] = Counter()
    for c, m, count in (*left, *right):
        counts[c, m] += count
    return tuple(sorted((c, m, count) for (c, m), count in counts.items()))


def _hexadecimal(value: Any) -> Any:
    return [_hexadecimal(one) for one in value] if isinstance(value, tuple) else hex(value)


def _integers(value: Any) -> Any:
    return tuple(_integers(one) for one in value) if isinstance(value, list) else int(value, 16)
