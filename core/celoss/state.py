"""Owns `State`: the mergeable accumulator. It holds integers (and faults, as data), so adding never rounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from celoss.checks import Batch
from celoss.errors import NO_FAULTS, Faults
from celoss.exact import BLOCK_ROWS, Groups, units
from celoss.kernels import Codes, Floats, Mask, RowScores
from celoss.plan import Plan

# Blocks of many classes hold fewer rows, so that their planes still fit the cache.
BLOCK_CELLS = 1 << 19
# Another tool's loss that is this near, relative above 1 nat, is the same loss in its float width.
SMALLEST_DIFFERENCE = 1e-6
COUNTS = ("dropped", "filled", "unmatched", "unmatched_labels", "noted")

Integers = tuple[int, ...]
Sums = Mapping[str, Integers]


@dataclass(frozen=True)
class GroupSums:
    """The sums of the rows with one value of a --by column: for each name one integer per cell, of `cells` in order."""

    cells: Integers
    sums: Sums


@dataclass(frozen=True)
class State:
    """Sums over rows: `sums[name]` has one integer per cell, names whose integers are all 0 are left out.

    Laws, with ==: a + empty == a; a + b == b + a; (a + b) + c == a + (b + c); one batch or many, in any order, the same;
    the groups of a --by column add up to the whole.

    A cell is a class: that of the true label where each row has one. Otherwise what belongs to a class (`share`,
    `class_…`) stands in its cell, what belongs to a row in cell 0. Counts (`rows`, `clipped`, `zero`, `ties`, `certain`,
    `class_rows` …) are numbers of rows; all else is in units of 2^-1074. With v = weight · x, rounded once per row:

    rows, weight, weight_squared: rows, Σ w, Σ w²; weightless: rows with w = 0. loss, brier, entropy, kl: Σ v;
    `…_squared`: Σ v²; `…_weight`: Σ v·w. Without weights (w = 1) the sums that only weights need are left out. An infinite
    loss counts as 0 in them; infinite: rows that have one, and a weight.
    clipped: rows some of whose probabilities were floored, or came under another tool's rule; clipped_loss: Σ of their v.
    unfloored: Σ v of the same rows without the floor, classes with p = 0 left out; unfloored_zero: of those with such a
    class. zero, zero_weight: rows with such a class; zero_share: Σ w t over these classes, where labels are shares.
    `accuracy j/m`, `top_K_accuracy j/m`: rows (Σ w) that earn j/m; `… squared`: Σ w². accuracy: of independent labels
    Σ v of twice the labels that are right. ties: rows with several classes at the top. certain: rows whose true class got
    exactly 0 or 1. share: Σ w t_c, t smoothed as in the loss. class_loss, class_credit, class_positive, class_hits: Σ w of
    a class's loss, credit, labels above 0.5, credit among these.

    dropped, filled, unmatched, unmatched_labels, noted, deviation: as in Batch, the last in units.
    """

    plan: str
    sums: Sums = field(default_factory=dict)
    groups: Mapping[tuple[int, str], GroupSums] = field(default_factory=dict)
    dropped: int = 0
    filled: int = 0
    unmatched: int = 0
    unmatched_labels: int = 0
    noted: int = 0
    deviation: int = 0
    faults: Faults = NO_FAULTS

    @classmethod
    def empty(cls, plan: Plan) -> State:
        """The state of no rows."""
        return cls(plan.identity)

    @classmethod
    def scored(cls, plan: Plan, block: Batch, wanted: Iterable[Quantity]) -> State:
        """The sums of the `quantities` of a block."""
        k = len(plan.classes)
        codes = cell_codes(block)
        groups = Groups(codes, k) if block.codes is not None else Groups(codes, 1)
        sums: dict[str, list[int]] = {}
        for one in wanted:
            cells = sums.setdefault(one.name, [0] * k)
            if one.cell is not None:
                cells[one.cell] += _of_class(one, codes)
            else:
                sums[one.name] = list(map(int.__add__, cells, _added(one, groups, codes, k)))
        return cls(plan.identity, {name: tuple(cells) for name, cells in sums.items() if any(cells)})

    @classmethod
    def noticed(cls, plan: Plan, batch: Batch) -> State:
        """What the checks of a batch found: faults, and rows that were left out or are off; no rows."""
        counts = {name: getattr(batch, name) for name in COUNTS}
        return cls(plan.identity, deviation=units(batch.deviation), faults=batch.faults, **counts)

    def __add__(self, other: State) -> State:
        if self.plan != other.plan:
            raise ValueError("states of different plans cannot be added")
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return State(
            self.plan,
            _merged(self.sums, other.sums),
            _merged_groups(self.groups, other.groups),
            deviation=max(self.deviation, other.deviation),
            faults=self.faults + other.faults,
            **counts,
        )

    @cached_property
    def count(self) -> int:
        """Rows scored."""
        return sum(self.sums.get("rows", ()))

    def to_dict(self) -> dict[str, Any]:
        """The state as JSON values; integers are hexadecimal texts, since they can be longer than a double."""
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        values["sums"] = _hexadecimal(self.sums)
        values["groups"] = [
            [by, value, list(group.cells), _hexadecimal(group.sums)] for (by, value), group in sorted(self.groups.items())
        ]
        values["deviation"] = hex(self.deviation)
        values["faults"] = self.faults.to_list()
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> State:
        """The state that `to_dict` wrote."""
        read = dict(values)
        read["sums"] = _integers(values["sums"])
        read["groups"] = {(by, value): GroupSums(tuple(cells), _integers(sums)) for by, value, cells, sums in values["groups"]}
        read["deviation"] = int(values["deviation"], 16)
        read["faults"] = Faults.from_list(values["faults"])
        return cls(**read)


@dataclass(frozen=True)
class Quantity:
    """A sum to take: over `rows` (positions; None: all) of a · b, of a (b None), or of 1 (a None: a count).

    cell: the class to which all of it belongs; None: each row's own cell.
    """

    name: str
    a: Floats | None = None
    b: Floats | None = None
    rows: Codes | None = None
    cell: int | None = None


def cell_codes(block: Batch) -> Codes:
    """The cell of each row (n,): its true class, or 0 where it has none."""
    return np.zeros(len(block.rows), dtype=np.intp) if block.codes is None else block.codes


def quantities(plan: Plan, block: Batch, row: RowScores) -> Iterator[Quantity]:
    """All sums that a report needs of a block."""
    weights = block.weights
    yield Quantity("rows")
    if weights is not None:
        yield Quantity("weight", weights)
        yield Quantity("weightless", rows=np.flatnonzero(weights == 0.0))
        yield Quantity("weight_squared", weights, weights)
    loss = np.where(np.isinf(row.loss), 0.0, row.loss) if plan.eps == 0.0 else row.loss
    yield from _moments("loss", loss, weights)
    yield from _moments("brier", row.brier, weights)
    if row.entropy is not None and row.kl is not None:
        yield from _moments("entropy", row.entropy, weights)
        yield from _moments("kl", np.where(np.isinf(row.kl), 0.0, row.kl) if plan.eps == 0.0 else row.kl, weights)
    yield from _floored(plan, row, loss, weights)
    yield Quantity("ties", rows=np.flatnonzero(row.at_top > (0 if plan.task == "multilabel" else 1)))
    if row.probability is not None and plan.scale == "probs":
        yield Quantity("certain", rows=np.flatnonzero((row.probability == 0.0) | (row.probability == 1.0)))
    if plan.task == "multilabel":
        yield from _moments("accuracy", row.correct.numerator.astype(np.float64), weights)
    else:
        yield from _credits("accuracy", row.correct.numerator, row.correct.denominator, weights)
    for size, top in zip(plan.options.top_k, row.top, strict=True):
        yield from _credits(f"top_{size}_accuracy", top.numerator, top.denominator, weights)
    if not plan.hard:
        assert row.by_class is not None and row.targets is not None and block.targets is not None
        yield from _classes(plan, row, row.by_class, row.targets, block.targets, weights)


def _moments(name: str, values: Floats, weights: Floats | None) -> Iterator[Quantity]:
    if weights is None:
        yield Quantity(name, values)
        yield Quantity(f"{name}_squared", values, values)
        return
    # A weight of 0 takes the row out, whatever its value.
    weighted = weights * values
    yield Quantity(name, weighted)
    yield Quantity(f"{name}_squared", weighted, weighted)
    yield Quantity(f"{name}_weight", weighted, weights)


def _floored(plan: Plan, row: RowScores, loss: Floats, weights: Floats | None) -> Iterator[Quantity]:
    """The rows that the floor has changed, or those with a probability of 0, which are few."""
    shared = row.zero_share is not None
    zero = row.zero_share > 0.0 if row.zero_share is not None else np.isinf(row.unfloored_loss)
    # By another tool's rule a probability of 0 may cost what −ln p does: then the row is none that it changed.
    changed = _changed(plan, row) if plan.options.convention is not None else zero | _changed(plan, row)
    if not (changed | zero).any():
        return
    rows, zeros = np.flatnonzero(changed), np.flatnonzero(zero)
    ones = np.ones(len(zero)) if weights is None else weights
    finite = np.where(np.isinf(row.unfloored_loss), 0.0, row.unfloored_loss)
    yield Quantity("infinite", rows=np.flatnonzero(np.isinf(row.loss) & (ones > 0.0)))
    yield Quantity("clipped", rows=rows)
    yield Quantity("clipped_loss", (ones * loss)[rows], rows=rows)
    yield Quantity("unfloored", (ones * finite)[rows], rows=rows)
    yield Quantity("zero", rows=zeros)
    if weights is not None:
        yield Quantity("zero_weight", weights[zeros], rows=zeros)
    if shared and row.zero_share is not None:
        yield Quantity("unfloored_zero", (ones * finite)[zeros], rows=zeros)
        yield Quantity("zero_share", (ones * row.zero_share)[zeros], rows=zeros)


def differs(loss: Floats, other: Floats) -> Mask:
    """Whether losses (n,) are others by more than the float width of the tools explains; two infinite ones are the same."""
    with np.errstate(invalid="ignore"):
        near = np.abs(loss - other) <= SMALLEST_DIFFERENCE * np.maximum(1.0, np.minimum(loss, other))
    others: Mask = ~near & (loss != other)
    return others


def _changed(plan: Plan, row: RowScores) -> Mask:
    """Whether each row's loss (n,) is another one by the floor, or by another tool's rule."""
    if plan.options.convention is not None:
        return differs(row.loss, row.unfloored_loss)
    if row.probability is not None and not plan.shares:
        floored: Mask = row.probability < plan.eps
        return floored
    changed: Mask = row.loss != row.unfloored_loss
    return changed


def _credits(name: str, numerator: Codes, denominator: Codes, weights: Floats | None) -> Iterator[Quantity]:
    """Sums of weights of the rows that earn j/m, for each j/m that occurs."""
    whole = (denominator == 1) & (numerator == 1)
    parts = [(1, 1, np.flatnonzero(whole))]
    # Few rows are tied: only these pay for the sort that `unique` makes (which took two thirds of the time for all rows).
    others = np.flatnonzero(~whole & (numerator > 0))
    if others.size:
        pairs, which = np.unique(np.stack([numerator[others], denominator[others]]), axis=1, return_inverse=True)
        parts += [(int(j), int(m), others[which.ravel() == at]) for at, (j, m) in enumerate(pairs.T.tolist())]
    for j, m, rows in parts:
        if weights is None:
            yield Quantity(f"{name} {j}/{m}", rows=rows)
        else:
            yield Quantity(f"{name} {j}/{m}", weights[rows], rows=rows)
            yield Quantity(f"{name} {j}/{m} squared", weights[rows], weights[rows], rows)


def _classes(
    plan: Plan, row: RowScores, by_class: Floats, targets: Floats, labels: Floats, weights: Floats | None
) -> Iterator[Quantity]:
    """What belongs to each class where a row has several, in the cell of the class. targets: labels, smoothed or not."""
    multilabel = plan.task == "multilabel"
    for index, share in enumerate(targets):
        ones = np.ones(len(share)) if weights is None else weights
        infinite = np.isinf(by_class[index])
        present = labels[index] > (0.5 if multilabel else 0.0)
        yield Quantity("class_rows", rows=np.flatnonzero(present), cell=index)
        yield Quantity("share", ones * share, cell=index)
        yield Quantity("class_loss", ones * np.where(infinite, 0.0, by_class[index]), cell=index)
        if infinite.any():
            yield Quantity("class_infinite", rows=np.flatnonzero(infinite & (ones > 0.0)), cell=index)
        if multilabel and row.class_credit is not None:
            yield Quantity("class_credit", ones * row.class_credit[index], cell=index)
            yield Quantity("class_positive", np.where(present, ones, 0.0), cell=index)
            yield Quantity("class_hits", np.where(present, ones * row.class_credit[index], 0.0), cell=index)


def _of_class(one: Quantity, codes: Codes) -> int:
    if one.a is None:
        return len(codes if one.rows is None else one.rows)
    return _of(one, Groups(codes, 1))[0]


def _added(one: Quantity, groups: Groups, codes: Codes, k: int) -> Integers:
    """The sums of a quantity in each of k cells."""
    if one.rows is not None:
        if not one.rows.size:
            return (0,) * k
        codes = codes[one.rows]
        groups = Groups(codes, groups.count)
    if one.a is None:
        return tuple(np.bincount(codes, minlength=k).tolist())
    return (*_of(one, groups), *(0,) * (k - groups.count))


def _of(one: Quantity, groups: Groups) -> list[int]:
    assert one.a is not None
    if one.b is None:
        return groups.sums(one.a)
    return groups.square_sums(one.a) if one.b is one.a else groups.product_sums(one.a, one.b)


def _merged(left: Sums, right: Sums) -> Sums:
    if not left or not right:
        return left or right
    merged = {**left, **right}
    for name in left.keys() & right.keys():
        merged[name] = tuple(map(int.__add__, left[name], right[name]))
        # Sums that can be negative may cancel out; one batch of the same rows would leave the name out.
        if not any(merged[name]):
            del merged[name]
    return merged


def _merged_groups(
    left: Mapping[tuple[int, str], GroupSums], right: Mapping[tuple[int, str], GroupSums]
) -> Mapping[tuple[int, str], GroupSums]:
    if not left or not right:
        return left or right
    merged = {**left, **right}
    for name in left.keys() & right.keys():
        merged[name] = _merged_group(left[name], right[name])
    return merged


def _merged_group(left: GroupSums, right: GroupSums) -> GroupSums:
    cells = tuple(sorted({*left.cells, *right.cells}))
    spread = [{name: _spread(group.cells, total, cells) for name, total in group.sums.items()} for group in (left, right)]
    return GroupSums(cells, _merged(*spread))


def _spread(cells: Integers, total: Integers, wanted: Integers) -> Integers:
    of = dict(zip(cells, total, strict=True))
    return tuple(of.get(cell, 0) for cell in wanted)


def blocks(batch: Batch) -> Iterator[Batch]:
    """The batch in pieces whose planes fit the cache; without its faults."""
    k, n = batch.values.shape
    size = max(1, min(BLOCK_ROWS, BLOCK_CELLS // max(k, 1)))
    for start in range(0, n, size):
        yield batch.part(slice(start, start + size))


def _hexadecimal(sums: Sums) -> dict[str, list[str]]:
    return {name: [hex(one) for one in sums[name]] for name in sorted(sums)}


def _integers(sums: Mapping[str, list[str]]) -> Sums:
    return {name: tuple(int(one, 16) for one in values) for name, values in sums.items()}
