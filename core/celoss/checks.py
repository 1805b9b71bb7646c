"""Owns the checks of every row against the plan: cells, sums, labels, weights; bad rows become faults, which are data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from celoss import compute as pc
from celoss.bridge import dictionary, from_ndarray, ndarray
from celoss.errors import NO_FAULTS, Fault, Faults
from celoss.kernels import Codes, Floats, Mask, plane_sum
from celoss.naming import flag, means_missing
from celoss.plan import LABELS, PREDICTIONS, Plan
from celoss.records import dataclass
from celoss.sources import Chunk
from celoss.sources.base import joined

UNKNOWN, MISSING = -1, -2
# Weights whose products with losses have squares that keep all their bits, and cubes that can be summed exactly.
SMALLEST_WEIGHT, LARGEST_WEIGHT = 1e-60, 1e60
# A loss of 1e30 times such a weight still has such a cube.
LARGEST_LOGIT = 1e30
# What --missing can fill or leave out: cells without a value, and cases of the long form without a row for a class.
ABSENT = ("E501", "E509")
# Faults of one cell, beside which the others of the row still mean something.
OF_CELLS = ("E501", "E208")


@dataclass(frozen=True)
class Labels:
    """What the rows of a chunk say about the truth; every array is over the same n rows.

    codes: (n,) index of the true class, or None. targets: (k, n) label shares, or None. weights: (n,) or None. by: one
    array of texts, as in `Chunk`, for each --by column of this side. good: (n,) whether the row can be used. missing: (n,)
    whether it was left out because its label is missing. numbers: (n,) of the rows of the labels, where they are asked for
    and are not those of the predictions.
    """

    codes: Codes | None
    targets: Floats | None
    weights: Floats | None
    by: tuple[Any, ...]
    good: Mask
    missing: Mask
    faults: Faults = NO_FAULTS
    numbers: Codes | None = None

    def take(self, rows: Codes) -> Labels:
        """The labels at these positions, without the faults."""
        return Labels(
            None if self.codes is None else self.codes[rows],
            None if self.targets is None else np.ascontiguousarray(self.targets[:, rows]),
            None if self.weights is None else self.weights[rows],
            tuple(pc.take(column, from_ndarray(rows)) for column in self.by),
            self.good[rows],
            self.missing[rows],
        )

    @classmethod
    def concatenated(cls, parts: Sequence[Labels]) -> Labels:
        """The labels of several chunks, one after another."""
        first = parts[0]
        return cls(
            None if first.codes is None else np.concatenate([one.codes for one in parts if one.codes is not None]),
            None
            if first.targets is None
            else np.concatenate([one.targets for one in parts if one.targets is not None], axis=1),
            None if first.weights is None else np.concatenate([one.weights for one in parts if one.weights is not None]),
            tuple(joined(columns) for columns in zip(*(one.by for one in parts), strict=True)),
            np.concatenate([one.good for one in parts]),
            np.concatenate([one.missing for one in parts]),
            sum((one.faults for one in parts), NO_FAULTS),
        )


@dataclass(frozen=True)
class Batch:
    """Rows that can be scored without asking anything, and what was wrong with the others.

    rows: (n,) row numbers in the predictions. label_rows: (n,) those in the labels, None for the same. values: (k, n)
    planes in the order of the classes as the plan's scale has them, or (1, n) of classes[1]. codes, targets, weights: as in
    `Labels`; label shares are always (k, n). keys, by: the key columns and those of --by, in the order of the plan. noted:
    rows whose sum is off 1 by more than rounding explains. deviation: the largest such |Σp − 1|. read: rows of the
    predictions that were looked at. dropped, filled: rows left out, or made uniform, for a missing value. unmatched: rows
    of the predictions without a label; unmatched_labels: the reverse.
    """

    rows: Codes
    values: Floats
    codes: Codes | None
    keys: tuple[Any, ...] = ()
    targets: Floats | None = None
    weights: Floats | None = None
    by: tuple[Any, ...] = ()
    faults: Faults = NO_FAULTS
    noted: int = 0
    deviation: float = 0.0
    read: int = 0
    dropped: int = 0
    filled: int = 0
    unmatched: int = 0
    unmatched_labels: int = 0
    label_rows: Codes | None = None

    def part(self, rows: slice) -> Batch:
        """The rows of a slice, without faults and counts."""
        size = len(self.rows[rows])
        return Batch(
            self.rows[rows],
            np.ascontiguousarray(self.values[:, rows]),
            None if self.codes is None else self.codes[rows],
            tuple(column.slice(rows.start, size) for column in self.keys),
            None if self.targets is None else np.ascontiguousarray(self.targets[:, rows]),
            None if self.weights is None else self.weights[rows],
            tuple(column.slice(rows.start, size) for column in self.by),
            label_rows=None if self.label_rows is None else self.label_rows[rows],
        )

    def take(self, rows: Codes) -> Batch:
        """The rows at these positions; faults and counts stay."""
        return replace(
            self,
            rows=self.rows[rows],
            values=np.ascontiguousarray(self.values[:, rows]),
            codes=None if self.codes is None else self.codes[rows],
            keys=tuple(pc.take(column, from_ndarray(rows)) for column in self.keys),
            targets=None if self.targets is None else np.ascontiguousarray(self.targets[:, rows]),
            weights=None if self.weights is None else self.weights[rows],
            by=tuple(pc.take(column, from_ndarray(rows)) for column in self.by),
            label_rows=None if self.label_rows is None else self.label_rows[rows],
        )


@dataclass(frozen=True)
class Pending:
    """A batch that is still to be made, in any thread. rows: of the predictions. after_all: whether all others come first."""

    make: Callable[[], Batch]
    rows: int = 0
    after_all: bool = False


def empty_batch(plan: Plan, faults: Faults, unmatched_labels: int = 0, dropped: int = 0) -> Batch:
    """No rows, only faults and counts."""
    none = np.empty(0, dtype=np.intp)
    return Batch(
        none, np.empty((len(plan.columns), 0)), none, faults=faults, unmatched_labels=unmatched_labels, dropped=dropped
    )


def checked_batch(plan: Plan, chunk: Chunk, labels: Labels) -> Batch:
    """Checks every prediction and row sum; leaves out rows that are not good, or whose labels are not.

    chunk: predictions; labels: of the same rows.
    """
    cells = _check_cells(plan, chunk)
    values, inside, faults = cells.values, cells.good, cells.faults
    is_whole = _sums_count(plan)
    if is_whole:
        values, beyond, note, off = _check_sums(plan, values, inside & ~cells.filled)
        faults, inside = faults + _bad_sums(plan, chunk, values, beyond), inside & ~beyond
    weights, keys = labels.weights, len(plan.keys)
    if plan.weights and plan.weights[0] == PREDICTIONS:
        weights, fine, wrong = _check_weights(plan, chunk, PREDICTIONS)
        inside, faults = inside & fine, faults + wrong
    mine = iter(chunk.texts[keys:])
    theirs = iter(labels.by)
    by = tuple(next(mine if side == PREDICTIONS else theirs) for side, _ in plan.grouping)
    good = labels.good & inside
    usable = labels.good | labels.missing
    noted = off[note & good] if is_whole else np.empty(0)
    batch = Batch(
        np.arange(chunk.start, chunk.start + chunk.rows),
        values,
        labels.codes,
        chunk.texts[:keys],
        labels.targets,
        weights,
        by,
        faults,
        len(noted),
        float(noted.max(initial=0.0)),
        chunk.rows,
        dropped=int((usable & (labels.missing | cells.missing)).sum()),
        filled=int((good & cells.filled).sum()),
        label_rows=labels.numbers,
    )
    return batch if good.all() else batch.take(np.flatnonzero(good))


def checked_pair(plan: Plan, left: Chunk, right: Chunk) -> Batch:
    """The batch of predictions and labels that belong together row by row."""
    keyed = len(right.texts) > len(plan.texts(LABELS))
    labels = read_labels(plan, right, len(plan.keys) if keyed else 0)
    faults = labels.faults + empty_keys(plan, left, PREDICTIONS)
    faults = faults + empty_keys(plan, right, LABELS) if keyed else faults
    batch = checked_batch(plan, left, labels)
    return replace(batch, faults=batch.faults + faults)


def forgiving(plan: Plan, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The chunks, with what --missing leaves out or fills as missing values and not as faults.

    A missing weight is never forgiven. What comes after sees the same faults everywhere, so that no row gets lost.
    """
    if plan.options.missing == "error":
        return chunks
    return (replace(chunk, faults=tuple(one for one in chunk.faults if not _is_absent(plan, one))) for chunk in chunks)


def _is_absent(plan: Plan, fault: Fault) -> bool:
    """Whether a fault is a cell or a row of a case without a value, other than a weight."""
    if fault.code not in ABSENT or plan.is_weight(fault.file, fault.column):
        return False
    return fault.code != "E501" or means_missing(fault.value or "")


def readable(chunk: Chunk) -> Mask:
    """Whether each row (n,) is wanted and was cut into cells rightly, though some of these may be bad."""
    read = np.ones(chunk.rows, dtype=np.bool_) if chunk.wanted is None else chunk.wanted.copy()
    read[[fault.table_row - chunk.start for fault in chunk.faults if fault.code not in OF_CELLS]] = False
    return read


def _spoiled(chunk: Chunk, columns: Sequence[str]) -> Mask:
    """Cells (k, n) of these columns that could not be read: their faults are told already."""
    spoiled = np.zeros((len(columns), chunk.rows), dtype=np.bool_)
    # A fault of the list `p` is one of all its places: `p[0]`, `p[1]`, ….
    places: dict[str, list[int]] = {}
    for index, name in enumerate(columns):
        for stored in {name, name.rpartition("[")[0]}:
            places.setdefault(stored, []).append(index)
    for fault in chunk.faults:
        spoiled[places.get(fault.column or "", []), fault.table_row - chunk.start] = True
    return spoiled


# --- predictions ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cells:
    """Checked cells: the planes, whether each row is good, was filled, is to be left out as missing, and the faults."""

    values: Floats
    good: Mask
    filled: Mask
    missing: Mask
    faults: Faults


def _check_cells(plan: Plan, chunk: Chunk) -> _Cells:
    """Whether each row's cells are within the scale, and faults for those that are missing (E502) or outside (E503)."""
    values = chunk.numbers[: len(plan.columns)]
    lenient = plan.options.missing != "error"
    read = readable(chunk)
    nothing = np.zeros(chunk.rows, dtype=np.bool_)
    low, high = _range(plan)
    inside = values.min(initial=low) >= low and values.max(initial=min(high, 0.0)) <= high
    if not chunk.faults and inside and (high == 1.0 or not _impossible(plan, values).any()):
        return _Cells(values, read, nothing, nothing, NO_FAULTS)
    spoiled = _spoiled(chunk, plan.columns)
    absent = np.isnan(values) & read & ~spoiled
    outside = ((values < low) | (values > high) | _impossible(plan, values)) & read
    missing: Mask = np.logical_or.reduce(absent)
    faults = Faults.of(chunk.faults, most=plan.places)
    for code, cells in (("E502", nothing & absent if lenient else absent), ("E503", outside)):
        faults = faults + _cell_faults(plan, code, PREDICTIONS, chunk.start, cells, plan.columns, values)
    good = read & ~(outside | spoiled).any(axis=0)
    if plan.options.missing == "uniform":
        values = values.copy()
        # Independent labels are missing one by one; of one distribution a missing class leaves the others without meaning.
        values[absent if plan.task == "multilabel" else np.broadcast_to(missing, values.shape)] = _uniform(plan)
        return _Cells(values, good, missing, nothing, faults)
    return _Cells(values, good & ~missing, nothing, (missing & good) if lenient else nothing, faults)


def _range(plan: Plan) -> tuple[float, float]:
    if plan.scale == "logits":
        return -np.inf, np.inf
    if plan.scale == "logprobs":
        return -np.inf, 0.0
    return 0.0, np.inf if plan.options.renormalize else 1.0


def _impossible(plan: Plan, values: Floats) -> Mask:
    """Cells within the range that still mean nothing: (k, n).

    Infinite numbers to be rescaled; logits and logarithms so large that their losses could not be summed exactly. A logit of
    −inf rules a class out, unless it does so to all; of a single column both infinities are certainties.
    """
    if plan.scale == "probs":
        return np.isposinf(values)
    huge: Mask = (np.abs(values) > LARGEST_LOGIT) & np.isfinite(values)
    if plan.scale == "logprobs" or plan.one_column or plan.task == "multilabel":
        return huge
    return huge | np.isposinf(values) | np.isneginf(values).all(axis=0)


def _uniform(plan: Plan) -> float:
    k = 2 if len(plan.columns) == 1 or plan.task == "multilabel" else len(plan.columns)
    if plan.scale == "logits":
        return 0.0
    return 1.0 / k if plan.scale == "probs" else float(np.log(1.0 / k))


def _sums_count(plan: Plan) -> bool:
    """Whether the predictions of a row are shares of one whole."""
    return len(plan.columns) > 1 and plan.task != "multilabel" and plan.scale != "logits"


# Rows whose cells are faults (infinite, above 0) take part in the sums as well, which then mean nothing.
@np.errstate(invalid="ignore", divide="ignore", over="ignore")
def _check_sums(plan: Plan, values: Floats, inside: Mask) -> tuple[Floats, Mask, Mask, Floats]:
    """The planes (renormalised if asked for), and whether each row's sum is an error or a note, and how far it is off 1."""
    none = np.zeros(values.shape[1], dtype=np.bool_)
    if plan.scale == "logprobs":
        largest = np.maximum.reduce(values)
        whole = plane_sum(np.exp(values - largest))
        if plan.options.renormalize:
            empty = inside & np.isneginf(largest)
            return np.where(empty, values, values - (largest + np.log(whole))), empty, none, np.zeros(len(whole))
        # Where every class is ruled out, −inf − −inf is NaN; its sum is 0.
        total = np.where(np.isneginf(largest), 0.0, whole * np.exp(largest))
    else:
        total = plane_sum(values)
    if plan.options.renormalize:
        empty = inside & ~((total > 0.0) & (total < np.inf))
        return np.where(empty, values, values / total), empty, none, np.zeros(len(total))
    off = np.abs(total - 1.0)
    unexplained = inside & (off > plan.stored_deviation)
    rounded = np.flatnonzero(unexplained & (off <= plan.rounded_deviation + plan.stored_deviation))
    if rounded.size:
        unexplained[rounded] = ~_is_rounded(values[:, rounded], plan.decimals)
    beyond = unexplained & (off > plan.largest_deviation)
    return values, beyond, unexplained & ~beyond, off


def _is_rounded(p: Floats, decimals: int) -> Mask:
    """Whether all numbers of each row are printed with at most so many decimals: (n,) for (k, n)."""
    scaled = p * 10.0**decimals
    near: Mask = np.logical_and.reduce(np.abs(scaled - np.rint(scaled)) <= 1e-6 + 1e-15 * scaled)
    return near


def _bad_sums(plan: Plan, chunk: Chunk, values: Floats, beyond: Mask) -> Faults:
    def total(row: int) -> str:
        cells = values[:, row : row + 1]
        logs = plan.scale == "logprobs"
        whole = float(plane_sum(np.exp(cells) if logs else cells)[0])
        # The last digits of exponentials depend on the processor.
        return f"{whole:.12g}" if logs else number_text(whole)

    return row_faults(plan, "E504", PREDICTIONS, chunk.start, np.flatnonzero(beyond), None, total)


def number_text(value: float) -> str:
    """A number as a fault's value: the shortest text, "" for a missing one."""
    return repr(float(value)) if value == value else ""


def row_faults(
    plan: Plan, code: str, role: str, start: int, rows: Codes, column: str | None, value: Callable[[int], str]
) -> Faults:
    """Faults of one kind at these positions of a chunk that starts at row `start`; `value` tells what stands there."""
    shown = [Fault(start + row, column, value(row), code, role) for row in rows[: plan.places].tolist()]
    return Faults.of(shown, {(code, role): len(rows)}, plan.places)


def _first_cells(cells: Mask, order: Sequence[int], most: int) -> list[tuple[int, int]]:
    """(row, place in `order`) of the first cells (k, n), row by row."""
    rows = np.flatnonzero(np.logical_or.reduce(cells))[:most]
    return [(int(rows[at]), place) for at, place in np.argwhere(cells[order][:, rows].T)[:most].tolist()]


def _cell_faults(plan: Plan, code: str, role: str, start: int, cells: Mask, columns: Sequence[str], values: Any) -> Faults:
    """Faults of one kind at cells (k, n) of these columns, whose numbers or texts are `values`."""
    # By name, as faults of one row are sorted: which are the first must not depend on how many are kept.
    order = sorted(range(len(columns)), key=columns.__getitem__)
    shown = [
        Fault(start + row, columns[order[at]], _cell_text(values[order[at]], row), code, role)
        for row, at in _first_cells(cells, order, plan.places)
    ]
    return Faults.of(shown, {(code, role): int(cells.sum())}, plan.places)


# --- keys, labels, weights ------------------------------------------------------------------------------------------------


def empty_keys(plan: Plan, chunk: Chunk, role: str) -> Faults:
    """Faults (E307) for rows whose key columns, the first texts of the chunk, are not all filled."""
    faults = NO_FAULTS
    for name, column in zip(plan.key_columns(role), chunk.texts, strict=False):
        if pa.types.is_integer(column.type):
            continue
        lengths = pc.binary_length(column)
        if pc.min(lengths).as_py() == 0:
            rows = np.flatnonzero((ndarray(lengths) == 0) & readable(chunk))
            faults = faults + row_faults(plan, "E307", role, chunk.start, rows, name, lambda row: "")
    return faults


def read_labels(plan: Plan, chunk: Chunk, keys: int) -> Labels:
    """The labels, weights and groups of a chunk whose first `keys` texts are keys, with their faults.

    E402, E403 (names), E411 (one-hot), E412, E413 (shares), E506 (weights).
    """
    role = PREDICTIONS if plan.labels_in_predictions else LABELS
    # In one file the faults of the cells are told with the predictions.
    faults = NO_FAULTS if plan.labels_in_predictions else Faults.of(chunk.faults, most=plan.places)
    read = readable(chunk)
    by = sum(side == LABELS for side, _ in plan.grouping)
    groups = chunk.texts[keys : keys + by]
    codes: Codes | None = None
    targets: Floats | None = None
    if plan.numeric_labels:
        targets, state, wrong = _shares(plan, chunk, role, read)
    elif not plan.hard:
        targets, state, wrong = _flags(plan, chunk, role, read)
    elif plan.one_hot:
        codes, state, wrong = _one_hot_codes(plan, chunk, role, read)
    else:
        codes, state, wrong = _named_codes(plan, chunk, role, read)
    missing = (state == MISSING) & read
    good = (state >= 0) & read
    weights: Floats | None = None
    if plan.weights and plan.weights[0] == LABELS:
        weights, fine, bad = _check_weights(plan, chunk, role)
        good, wrong = good & fine, wrong + bad
    codes = codes if codes is None or good.all() else np.maximum(codes, 0)
    return Labels(codes, targets, weights, groups, good, missing, faults + wrong)


def _named_codes(plan: Plan, chunk: Chunk, role: str, read: Mask) -> tuple[Codes, Codes, Faults]:
    encoded = dictionary(chunk.texts[-1])
    texts = encoded.dictionary.to_pylist()
    places = ndarray(encoded.indices)
    known = plan.codes()
    table = np.array([plan.code(text, known) for text in texts], dtype=np.intp)
    if plan.options.missing == "drop":
        absent = np.array([means_missing(text) for text in texts], dtype=np.bool_)
        table[(table == UNKNOWN) & absent] = MISSING
    codes = np.take(table, places)
    faults = NO_FAULTS
    # Not those of the table: an entry of a dictionary need not occur.
    if (codes == UNKNOWN).any():
        empty = np.array([not text.strip() for text in texts])[places]
        wrong = (codes == UNKNOWN) & read
        for code, these in (("E403", wrong & empty), ("E402", wrong & ~empty)):
            rows, column = np.flatnonzero(these), plan.label_columns[0]
            faults = faults + row_faults(plan, code, role, chunk.start, rows, column, lambda row: texts[places[row]])
    return codes, codes, faults


def _one_hot_codes(plan: Plan, chunk: Chunk, role: str, read: Mask) -> tuple[Codes, Codes, Faults]:
    targets, absent = _flag_planes(plan, chunk)
    columns = chunk.texts[-len(plan.label_columns) :]
    codes = np.full(chunk.rows, UNKNOWN, dtype=np.intp)
    for index, plane in enumerate(targets):
        codes[plane == 1.0] = index
    good = plane_sum(targets) == 1.0
    codes[~good] = UNKNOWN
    if plan.options.missing == "drop":
        codes[~good & absent.any(axis=0)] = MISSING

    def written(row: int) -> str:
        return " ".join(column[row].as_py() or '""' for column in columns)

    rows = np.flatnonzero((codes == UNKNOWN) & read)
    return codes, codes, row_faults(plan, "E411", role, chunk.start, rows, None, written)


def _flags(plan: Plan, chunk: Chunk, role: str, read: Mask) -> tuple[Floats, Codes, Faults]:
    """0/1 columns as planes (k, n): independent labels, or several classes of one row to be normalised."""
    targets, absent = _flag_planes(plan, chunk)
    columns = chunk.texts[-len(plan.label_columns) :]
    state, faults = _label_faults(plan, chunk, np.isnan(targets), absent, role, read, columns)
    return _one_whole(plan, chunk, targets, state, faults, role, read) if plan.task == "soft" else (targets, state, faults)


def _flag_planes(plan: Plan, chunk: Chunk) -> tuple[Floats, Mask]:
    """0/1 columns as planes (k, n), NaN for what is no flag, and which cells (k, n) are empty."""
    planes = np.empty((len(plan.label_columns), chunk.rows))
    absent = np.empty(planes.shape, dtype=np.bool_)
    for index, column in enumerate(chunk.texts[-len(planes) :]):
        encoded = dictionary(column)
        texts = encoded.dictionary.to_pylist()
        places = ndarray(encoded.indices)
        meanings = [flag(text) for text in texts]
        planes[index] = np.array([np.nan if meaning is None else float(meaning) for meaning in meanings])[places]
        absent[index] = np.array([means_missing(text) for text in texts], dtype=np.bool_)[places]
    return planes, absent


def _shares(plan: Plan, chunk: Chunk, role: str, read: Mask) -> tuple[Floats, Codes, Faults]:
    """Label shares (k, n) from number columns: in 0..1, summing to 1 when they are one distribution."""
    targets = chunk.numbers[: len(plan.label_columns)]
    absent = np.isnan(targets)
    counts = plan.options.normalize_labels
    wrong = (targets < 0.0) | (targets > (np.inf if counts else 1.0)) | np.isposinf(targets)
    if not plan.any_share:
        wrong |= ~absent & (targets != 0.0) & (targets != 1.0)
    state, faults = _label_faults(plan, chunk, wrong | absent, absent, role, read, targets)
    if plan.task == "multilabel":
        return targets, state, faults
    if len(targets) == 1:
        return np.concatenate([1.0 - targets, targets]), state, faults
    return _one_whole(plan, chunk, targets, state, faults, role, read)


@np.errstate(invalid="ignore", divide="ignore", over="ignore")
def _one_whole(
    plan: Plan, chunk: Chunk, targets: Floats, state: Codes, faults: Faults, role: str, read: Mask
) -> tuple[Floats, Codes, Faults]:
    """Label shares that sum to 1, normalised if asked for, and faults (E412) for rows that do not."""
    counts = plan.options.normalize_labels
    total = plane_sum(targets)
    off = ~(total > 0.0)
    if not counts:
        off |= np.abs(total - 1.0) > plan.label_deviation
    rows = np.flatnonzero(off & (state == 0) & read)
    state[rows] = UNKNOWN
    faults = faults + row_faults(plan, "E412", role, chunk.start, rows, None, lambda row: number_text(total[row]))
    return (targets / total if counts else targets), state, faults


def _label_faults(
    plan: Plan, chunk: Chunk, wrong: Mask, absent: Mask, role: str, read: Mask, cells: Any
) -> tuple[Codes, Faults]:
    """0 for each good row (n,), else UNKNOWN or MISSING, and faults (E403, E413) for cells (k, n) that are no labels."""
    state = np.where(wrong.any(axis=0), UNKNOWN, 0).astype(np.intp)
    if plan.options.missing == "drop":
        state[absent.any(axis=0)] = MISSING
    faults = NO_FAULTS
    bad = wrong & (read & (state == UNKNOWN)) & ~_spoiled(chunk, plan.label_columns)
    for code, these in (("E403", bad & absent), ("E413", bad & ~absent)):
        faults = faults + _cell_faults(plan, code, role, chunk.start, these, plan.label_columns, cells)
    return state, faults


def _cell_text(column: Any, row: int) -> str:
    value = column[row]
    return number_text(value) if isinstance(value, float) else str(value.as_py() or "")


def _check_weights(plan: Plan, chunk: Chunk, role: str) -> tuple[Floats, Mask, Faults]:
    """The weights (n,), the last number column; whether each can be used, and faults (E506) for those that cannot."""
    assert plan.weights is not None
    weights = chunk.numbers[-1]
    read = readable(chunk)
    fine = (weights == 0.0) | ((weights >= SMALLEST_WEIGHT) & (weights <= LARGEST_WEIGHT))
    if fine.all():
        return weights, fine, NO_FAULTS
    rows = np.flatnonzero(~fine & read & ~_spoiled(chunk, plan.weights[1:])[0])
    value = plan.weights[1]
    return weights, fine, row_faults(plan, "E506", role, chunk.start, rows, value, lambda row: number_text(weights[row]))
