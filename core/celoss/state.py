"""Owns `State`: the mergeable accumulator. It holds integers (and faults, as data), so adding never rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from functools import cached_property
from typing import Any, TypeVar

from celoss.checks import Batch
from celoss.errors import NO_FAULTS, Faults
from celoss.exact import units
from celoss.forecasts import merged as merged_forecasts
from celoss.plan import Plan
from celoss.records import dataclass
from celoss.tails import Tail

COUNTS = ("dropped", "filled", "unmatched", "unmatched_labels", "noted")

Integers = tuple[int, ...]
Key = TypeVar("Key")
Sums = Mapping[str, Integers]


@dataclass(frozen=True)
class GroupSums:
    """The sums of the rows with one value of a --by or --cluster column: by name one integer per cell, of `cells` in order."""

    cells: Integers
    sums: Sums


@dataclass(frozen=True)
class State:
    """Sums over rows: `sums[name]` has one integer per cell, names whose integers are all 0 are left out.

    Laws, with ==: a + empty == a; a + b == b + a; (a + b) + c == a + (b + c); one batch or many, in any order, the same;
    the groups of a --by column, and the clusters, add up to the whole.

    A cell is a class: that of the true label where each row has one. Otherwise what belongs to a class (`share`,
    `class_…`) stands in its cell, what belongs to a row in cell 0; so do squares, and scores other than the loss, where
    neither weights of classes nor groups ask for those of each class. Counts (`rows`, `clipped`, `zero`, `ties`,
    `certain`, `class_rows` …) are numbers of rows; all else is in units of 2^-1074. With v = weight · x, rounded once per
    row:

    rows, weight, weight_squared: rows, Σ w, Σ w²; weightless: rows with w = 0. loss, brier, entropy, kl: Σ v;
    `…_squared`: Σ v²; `…_cubed`: Σ v³; `…_weight`: Σ v·w; `…_squared_weight`: Σ v²·w; `…_weight_squared`: Σ v·w²;
    weight_cubed: Σ w³; the cubes of `shorts.shortened` products. Without weights (w = 1) the sums that only weights need are
    left out. An infinite loss counts as 0 in them; infinite: rows that have one, and a weight.
    clipped: rows some of whose probabilities were floored, or came under another tool's rule; clipped_loss: Σ of their v.
    unfloored: Σ v of the same rows without the floor, classes with p = 0 left out; unfloored_zero: of those with such a
    class. zero, zero_weight: rows with such a class; zero_share: Σ w t over these classes, where labels are shares.
    `accuracy j/m`, `top_K_accuracy j/m`: rows (Σ w) that earn j/m; `… squared`: Σ w². accuracy: of independent labels
    Σ v of twice the labels that are right. ties: rows with several classes at the top. certain: rows whose true class got
    exactly 0 or 1. share: Σ w t_c, t smoothed as in the loss. class_loss, class_credit, class_positive, class_hits: Σ w of
    a class's loss, credit, labels above 0.5, credit among these.

    clusters: as groups, of what their errors need. forecasts: as in ForecastCells, without class weights. tail: of the
    contributions v; not under class weights.

    dropped, filled, unmatched, unmatched_labels, noted, deviation: as in Batch, the last in units.
    """

    plan: str
    sums: Sums = field(default_factory=dict)
    groups: Mapping[tuple[int, str], GroupSums] = field(default_factory=dict)
    clusters: Mapping[str, GroupSums] = field(default_factory=dict)
    forecasts: Mapping[int, Integers] = field(default_factory=dict)
    tail: Tail = Tail()
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
            _merged_groups(self.clusters, other.clusters),
            merged_forecasts(self.forecasts, other.forecasts),
            self.tail + other.tail,
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
        values["clusters"] = [
            [one, list(group.cells), _hexadecimal(group.sums)] for one, group in sorted(self.clusters.items())
        ]
        values["forecasts"] = [[cell, *map(hex, sums)] for cell, sums in sorted(self.forecasts.items())]
        values["tail"] = [[*map(hex, self.tail.largest)], sorted(self.tail.sizes.items())]
        values["deviation"] = hex(self.deviation)
        values["faults"] = self.faults.to_list()
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> State:
        """The state that `to_dict` wrote."""
        read = dict(values)
        read["sums"] = _integers(values["sums"])
        read["groups"] = {(by, value): GroupSums(tuple(cells), _integers(sums)) for by, value, cells, sums in values["groups"]}
        read["clusters"] = {one: GroupSums(tuple(cells), _integers(sums)) for one, cells, sums in values["clusters"]}
        read["forecasts"] = {cell: tuple(int(one, 16) for one in sums) for cell, *sums in values["forecasts"]}
        largest, sizes = values["tail"]
        read["tail"] = Tail(tuple(int(one, 16) for one in largest), dict(sizes))
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


def _merged_groups(left: Mapping[Key, GroupSums], right: Mapping[Key, GroupSums]) -> Mapping[Key, GroupSums]:
    if not left or not right:
        return left or right
    merged = {**left, **right}
    for name in left.keys() & right.keys():
        merged[name] = _merged_group(left[name], right[name])
    return merged


def _merged_group(left: GroupSums, right: GroupSums) -> GroupSums:
    cells = left.cells if left.cells == right.cells else tuple(sorted({*left.cells, *right.cells}))
    return GroupSums(cells, _merged(_spread(left, cells), _spread(right, cells)))


def _spread(group: GroupSums, wanted: Integers) -> Sums:
    """The sums of a group with an integer for each of the wanted cells."""
    if group.cells == wanted:
        return group.sums
    of = {cell: at for at, cell in enumerate(group.cells)}
    # The last one is 0.
    places = [of.get(cell, -1) for cell in wanted]
    return {name: tuple([(*total, 0)[place] for place in places]) for name, total in group.sums.items()}


def _hexadecimal(sums: Sums) -> dict[str, list[str]]:
    return {name: [hex(one) for one in sums[name]] for name in sorted(sums)}


def _integers(sums: Mapping[str, list[str]]) -> Sums:
    return {name: tuple(int(one, 16) for one in values) for name, values in sums.items()}
