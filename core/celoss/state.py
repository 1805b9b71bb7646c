"""Owns `State`: the mergeable accumulator. It holds integers (and faults, as data), so adding never rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from functools import cached_property
from typing import Any

from celoss.checks import Batch
from celoss.errors import NO_FAULTS, Faults
from celoss.exact import units
from celoss.plan import Plan
from celoss.records import dataclass

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
    `class_…`) stands in its cell, what belongs to a row in cell 0; so do squares, and scores other than the loss, where
    neither weights of classes nor groups ask for those of each class. Counts (`rows`, `clipped`, `zero`, `ties`,
    `certain`, `class_rows` …) are numbers of rows; all else is in units of 2^-1074. With v = weight · x, rounded once per
    row:

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


def _hexadecimal(sums: Sums) -> dict[str, list[str]]:
    return {name: [hex(one) for one in sums[name]] for name in sorted(sums)}


def _integers(sums: Mapping[str, list[str]]) -> Sums:
    return {name: tuple(int(one, 16) for one in values) for name, values in sums.items()}
