"""Owns reading the inputs for an explanation, several times over: what a row weighs, and the rows that stand out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from celoss import compute as pc
from celoss.bridge import from_texts, ndarray_or
from celoss.checks import Batch
from celoss.exact import ratio, total
from celoss.kernels import Codes, Floats, Mask
from celoss.metrics import Number, class_weights
from celoss.pipeline import Evaluation, read_into, score
from celoss.plan import BALANCED, Plan
from celoss.records import dataclass
from celoss.rows import Sink, record_batch
from celoss.scoring import scores
from celoss.sources import Source
from celoss.sources.base import as_text
from celoss.sources.long import LongSource
from celoss.state import State

S = TypeVar("S", bound=Sink)


@dataclass(frozen=True)
class Reading:
    """Inputs that are read several times. class_weights: (k,) the weight of each class, or None."""

    evaluation: Evaluation
    batch_rows: int
    class_weights: Floats | None

    @classmethod
    def of(cls, evaluation: Evaluation, batch_rows: int) -> Reading:
        """The reading of inputs; of `balanced` classes the rows are counted first."""
        plan = evaluation.plan
        balanced = plan.options.class_weights == BALANCED
        state = score(evaluation, batch_rows=batch_rows) if balanced else State.empty(plan)
        weights = class_weights(plan, state)
        return cls(evaluation, batch_rows, None if weights is None else np.array([float(one) for one in weights]))

    @property
    def plan(self) -> Plan:
        """How the inputs are read."""
        return self.evaluation.plan

    def into(self, make: Callable[[], S]) -> tuple[State, S]:
        """Reads all rows once: their state, and what `make` made, which took them block by block.

        Raises CelossError with all faults.
        """
        return read_into(self.evaluation, make, self.batch_rows)

    def weights(self, block: Batch) -> Floats | None:
        """What each row (n,) weighs: its weight times that of its class; None where no row has one."""
        if self.class_weights is None or block.codes is None:
            return block.weights
        of_class = self.class_weights[block.codes]
        return of_class if block.weights is None else block.weights * of_class

    def weighted(self, block: Batch, values: Floats) -> Floats:
        """Weight · value of each row (n,), never −0.0; 0 for a row without weight, whatever its value."""
        weights = self.weights(block)
        if weights is None:
            return values + 0.0
        return np.multiply(weights, values, out=np.zeros(len(values)), where=weights > 0.0) + 0.0


class Total:
    """The exact sum of values ≥ 0 that come in blocks, in units of 2^-1074, and how many of them are infinite."""

    def __init__(self) -> None:
        self.units = 0
        self.infinite = 0

    def add(self, values: Floats) -> None:
        """Adds values (n,)."""
        infinite = np.isinf(values)
        count = int(infinite.sum())
        self.infinite += count
        self.units += total(np.where(infinite, 0.0, values) if count else values)

    def share(self, part: int) -> Number:
        """A part of the sum, in units, as a share of it; None where the sum is infinite or 0."""
        return ratio(part, self.units) if self.units and not self.infinite else None


@dataclass(frozen=True, kw_only=True)
class ScoredRow:
    """One row with its score.

    row: its number in the predictions, from 1. id: its key columns, several joined by commas; None without any.
    label, predicted: classes; of a soft label the one with the largest share, of independent labels those that are set,
    joined by `|`. probability: of the true class; None without one. loss: in the unit of the report, not weighted.
    weight: the row's times its class's; None where no row has one.
    """

    row: int
    id: str | None
    label: str
    predicted: str
    probability: float | None
    loss: float
    weight: float | None


def scored_rows(reading: Reading, block: Batch) -> list[ScoredRow]:
    """All rows of a block."""
    batch = record_batch(reading.plan, block, scores(reading.plan, block))
    columns = {name: batch.column(name).to_pylist() for name in ("row", "label", "predicted", "loss")}
    none = [None] * len(block.rows)
    names, weights = ids(block), reading.weights(block)
    columns["probability"] = batch.column("probability").to_pylist() if reading.plan.hard else none
    columns["id"] = none if names is None else names.to_pylist()
    columns["weight"] = none if weights is None else weights.tolist()
    return [ScoredRow(**dict(zip(columns, values, strict=True))) for values in zip(*columns.values(), strict=True)]


@dataclass(frozen=True)
class Entry:
    """A row among the largest: by what it was chosen, and the value beside it."""

    size: float
    beside: float
    scored: ScoredRow


class Largest:
    """The `count` rows with the largest sizes, of equal ones the first rows, whatever the blocks in which they come."""

    def __init__(self, reading: Reading, count: int) -> None:
        self._reading = reading
        self._count = count
        self.entries: list[Entry] = []

    def add(self, block: Batch, sizes: Floats, beside: Floats) -> None:
        """Takes the rows of a block with their sizes (n,), not NaN, and a value beside each (n,)."""
        full = len(self.entries) == self._count
        candidates = np.flatnonzero(sizes >= self.entries[-1].size) if full else np.arange(len(sizes))
        chosen = candidates[_largest(sizes[candidates], self._count)]
        if not chosen.size:
            return
        rows = scored_rows(self._reading, block.take(chosen))
        found = map(Entry, sizes[chosen].tolist(), beside[chosen].tolist(), rows)
        self.entries = sorted([*self.entries, *found], key=lambda one: (-one.size, one.scored.row))[: self._count]


def _largest(values: Floats, count: int) -> Codes:
    """Positions of the `count` largest of values (n,), in no order; of equal ones the first."""
    if len(values) <= count:
        return np.arange(len(values))
    smallest = np.partition(values, -count)[-count]
    above = np.flatnonzero(values > smallest)
    return np.concatenate([above, np.flatnonzero(values == smallest)[: count - len(above)]])


def ids(block: Batch) -> Any:
    """The ids of the rows as an Arrow array of texts (n,), several key columns joined by commas; None without any."""
    keys = [as_text(column) for column in block.keys]
    if len(keys) < 2:
        return keys[0] if keys else None
    return pc.binary_join_element_wise(*keys, ", ")


def same(texts: Any, wanted: str) -> Mask:
    """Whether each text of an Arrow array (n,) is the one wanted."""
    found: Mask = ndarray_or(pc.index_in(as_text(texts), value_set=from_texts([wanted])), -1) == 0
    return found


def line_numbers(source: Source, rows: Sequence[int]) -> dict[int, int]:
    """The line of each of these rows (from 0) in an editor; empty for files without lines.

    A case of the long form has several lines: it is found by its id.
    """
    if not rows or not source.has_lines or isinstance(source, LongSource):
        return {}
    return {row: line.number for row, line in source.lines(rows).items()}
