"""Owns the checks of every row against the plan: cells, sums and labels; bad rows become faults, which are data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from celoss.bridge import from_ndarray, ndarray
from celoss.errors import NO_FAULTS, SHOWN_PLACES, Fault, Faults
from celoss.kernels import Codes, Floats, plane_sum
from celoss.naming import flag
from celoss.plan import Plan
from celoss.sources import Chunk

UNKNOWN = -1

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Batch:
    """Rows that can be scored without asking anything, and what was wrong with the others.

    rows: (n,) row numbers in the predictions. probabilities: (k, n) planes in the order of the classes, or (1, n) of
    P(classes[1]). codes: (n,) index of the true class. keys: the key columns of these rows. noted: rows whose sum is
    off 1 by more than rounding explains. deviation: the largest such |Σp − 1|.
    """

    rows: NDArray[np.intp]
    probabilities: Floats
    codes: Codes
    keys: tuple[Any, ...]
    faults: Faults = NO_FAULTS
    noted: int = 0
    deviation: float = 0.0


def empty_batch(plan: Plan, faults: Faults) -> Batch:
    """No rows, only faults."""
    none = np.empty(0, dtype=np.intp)
    return Batch(none, np.empty((len(plan.columns), 0)), none, (), faults)


def checked_batch(plan: Plan, chunk: Chunk, codes: Codes, known: Flags) -> Batch:
    """Checks every probability and row sum; leaves out rows that are not good, or not `known` (n,)."""
    inside, faults = _check_cells(plan, chunk)
    good = known & inside
    noted, deviation = 0, 0.0
    if len(chunk.numbers) > 1:
        off = np.abs(plane_sum(chunk.numbers) - 1.0)
        unexplained = inside & (off > plan.stored_deviation)
        rounded = np.flatnonzero(unexplained & (off <= plan.rounded_deviation + plan.stored_deviation))
        if rounded.size:
            unexplained[rounded] = ~_is_rounded(chunk.numbers[:, rounded], plan.decimals)
        beyond = unexplained & (off > plan.largest_deviation)
        note = unexplained & ~beyond
        noted, deviation = int(note.sum()), float(off[note].max(initial=0.0))
        faults, good = faults + _bad_sums(chunk, beyond), good & ~beyond
    rows = np.arange(chunk.start, chunk.start + chunk.rows)
    if good.all():
        return Batch(rows, chunk.numbers, codes, chunk.texts, faults, noted, deviation)
    kept = np.flatnonzero(good)
    keys = tuple(column.take(from_ndarray(kept)) for column in chunk.texts)
    probabilities = np.ascontiguousarray(chunk.numbers[:, kept])
    return Batch(rows[kept], probabilities, codes[kept], keys, faults, noted, deviation)


def checked_pair(plan: Plan, left: Chunk, right: Chunk) -> Batch:
    """The batch of predictions and labels that belong together row by row."""
    codes, known, faults = label_codes(plan, right)
    faults = faults + empty_keys(left, "predictions", [mine for mine, _ in plan.keys])
    if not plan.labels_in_predictions:
        faults = faults + Faults.of(right.faults)
    batch = checked_batch(plan, left, codes, known)
    return replace(batch, faults=batch.faults + faults)


def readable(chunk: Chunk) -> Flags:
    """Whether each row (n,) could be read as a whole."""
    read = np.ones(chunk.rows, dtype=np.bool_)
    read[[fault.row - chunk.start for fault in chunk.faults]] = False
    return read


# --- probabilities --------------------------------------------------------------------------------------------------------


def _check_cells(plan: Plan, chunk: Chunk) -> tuple[Flags, Faults]:
    """Whether each row's cells are all in 0..1, and faults for those that are missing (E502) or outside (E503)."""
    p = chunk.numbers
    read = readable(chunk)
    if not chunk.faults and p.min() >= 0.0 and p.max() <= 1.0:
        return read, NO_FAULTS
    missing = np.isnan(p) & read
    outside = ((p < 0.0) | (p > 1.0)) & read
    faults = Faults.of(chunk.faults)
    for code, cells in (("E502", missing), ("E503", outside)):
        shown = [
            Fault(chunk.start + int(row), plan.columns[column], number_text(p[column, row]), code, "predictions")
            for row, column in np.argwhere(cells.T)[:SHOWN_PLACES].tolist()
        ]
        faults = faults + Faults.of(shown, {(code, "predictions"): int(cells.sum())})
    read[np.flatnonzero((missing | outside).any(axis=0))] = False
    return read, faults


def _is_rounded(p: Floats, decimals: int) -> Flags:
    """Whether all numbers of each row are printed with at most so many decimals: (n,) for (k, n)."""
    scaled = p * 10.0**decimals
    near: Flags = np.logical_and.reduce(np.abs(scaled - np.rint(scaled)) <= 1e-6 + 1e-15 * scaled)
    return near


def _bad_sums(chunk: Chunk, beyond: Flags) -> Faults:
    rows = np.flatnonzero(beyond)
    shown = [
        Fault(chunk.start + row, None, number_text(plane_sum(chunk.numbers[:, row : row + 1])[0]), "E504", "predictions")
        for row in rows[:SHOWN_PLACES].tolist()
    ]
    return Faults.of(shown, {("E504", "predictions"): len(rows)})


def number_text(value: float) -> str:
    """A number as a fault's value: the shortest text, "" for a missing one."""
    return repr(float(value)) if value == value else ""


# --- keys and labels ------------------------------------------------------------------------------------------------------


def empty_keys(chunk: Chunk, role: str, names: Sequence[str]) -> Faults:
    """Faults (E307) for rows whose key columns, the first texts of the chunk, are not all filled."""
    faults = NO_FAULTS
    for name, column in zip(names, chunk.texts, strict=False):
        lengths = pc.binary_length(column)
        if pc.min(lengths).as_py() == 0:
            empty = ndarray(lengths) == 0
            rows = chunk.start + np.flatnonzero(empty & readable(chunk))
            shown = [Fault(row, name, "", "E307", role) for row in rows[:SHOWN_PLACES].tolist()]
            faults = faults + Faults.of(shown, {("E307", role): len(rows)})
    return faults


def label_codes(plan: Plan, chunk: Chunk) -> tuple[Codes, Flags, Faults]:
    """Class index of each label (n,), whether it is known (n,), and the faults: E402, E403, E411."""
    role = "predictions" if plan.labels_in_predictions else "labels"
    codes, faults = _one_hot_codes(plan, chunk, role) if plan.one_hot else _named_codes(plan, chunk, role)
    known = (codes != UNKNOWN) & readable(chunk)
    return np.maximum(codes, 0), known, faults


def _named_codes(plan: Plan, chunk: Chunk, role: str) -> tuple[Codes, Faults]:
    encoded = chunk.texts[-1].dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    places = ndarray(encoded.indices)
    known = plan.codes()
    table = np.array([plan.code(text, known) for text in texts], dtype=np.intp)
    codes = table[places]
    faults = NO_FAULTS
    if (table == UNKNOWN).any():
        empty = np.array([not text.strip() for text in texts])[places]
        wrong = (codes == UNKNOWN) & readable(chunk)
        for code, rows in (("E403", np.flatnonzero(wrong & empty)), ("E402", np.flatnonzero(wrong & ~empty))):
            shown = [
                Fault(chunk.start + row, plan.label_columns[0], texts[places[row]], code, role)
                for row in rows[:SHOWN_PLACES].tolist()
            ]
            faults = faults + Faults.of(shown, {(code, role): len(rows)})
    return codes, faults


def _one_hot_codes(plan: Plan, chunk: Chunk, role: str) -> tuple[Codes, Faults]:
    columns = chunk.texts[-len(plan.label_columns) :]
    codes = np.full(chunk.rows, UNKNOWN, dtype=np.intp)
    ones = np.zeros(chunk.rows, dtype=np.intp)
    clean = np.ones(chunk.rows, dtype=np.bool_)
    for index, column in enumerate(columns):
        encoded = column.dictionary_encode()
        meanings = [flag(text) for text in encoded.dictionary.to_pylist()]
        places = ndarray(encoded.indices)
        one = np.array([meaning is True for meaning in meanings])[places]
        clean &= np.array([meaning is not None for meaning in meanings])[places]
        codes[one] = index
        ones += one
    good = clean & (ones == 1)
    codes[~good] = UNKNOWN
    rows = np.flatnonzero(~good & readable(chunk))
    shown = [
        Fault(chunk.start + row, None, " ".join(column[row].as_py() or '""' for column in columns), "E411", role)
        for row in rows[:SHOWN_PLACES].tolist()
    ]
    return codes, Faults.of(shown, {("E411", role): len(rows)})
