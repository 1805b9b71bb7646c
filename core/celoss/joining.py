"""Owns the labels of all rows in memory by key, and which row of a file of predictions has used each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celoss import compute as pc
from celoss.bridge import from_ndarray
from celoss.checks import Batch, Labels, checked_batch, empty_batch, empty_keys, read_labels, row_faults
from celoss.errors import NO_FAULTS, Fault, Faults
from celoss.kernels import Codes, Mask
from celoss.keys import KeyTable, filled, keys_of, shown
from celoss.lookup import BLOCK
from celoss.plan import PREDICTIONS, Plan
from celoss.sources import Chunk


class LabelTable:
    """The labels of all rows by key, in memory. Nothing changes it, so that several files of predictions can share it.

    wanted: the keys that predictions have, where only common rows count: what is wrong with other labels is then told to
    nobody. None where every label must have a prediction. faults: of the labels alone.
    """

    def __init__(self, plan: Plan, chunks: Iterable[Chunk], role: str, wanted: KeyTable | None = None) -> None:
        self.plan = plan
        self.role = role
        self.wanted = wanted
        parts: list[Labels] = []
        self.keys = KeyTable(self._keys(chunks, parts))
        labels = Labels.concatenated(parts)
        told = self._is_repeat()
        self._others = self.keys.again[~told]
        self.faults = labels.faults + self._repeats(self.keys.again[told], self.keys.first[told])
        # From here on by slot; shares row by row, as those of one row are taken at a time.
        self._codes = self._by_slot(labels.codes)
        self._targets = None if labels.targets is None else self._by_slot(np.ascontiguousarray(labels.targets.T))
        self._weights = self._by_slot(labels.weights)
        self._by = tuple(pc.take(column, from_ndarray(self.keys.rows)) for column in labels.by)
        all_good = bool(labels.good.all())
        self._good = None if all_good else self._by_slot(labels.good)
        self._missing = None if all_good else self._by_slot(labels.missing)

    def _by_slot(self, values: Any) -> Any:
        """Values by row as values by slot. Block by block, as NumPy makes other integers of all numbers of rows at once."""
        if values is None:
            return None
        rows = self.keys.rows
        result = np.empty((len(rows), *values.shape[1:]), dtype=values.dtype)
        for start in range(0, len(rows), BLOCK):
            result[start : start + BLOCK] = values.take(rows[start : start + BLOCK], axis=0)
        return result

    def _keys(self, chunks: Iterable[Chunk], parts: list[Labels]) -> Iterator[Any]:
        """The keys of each chunk, whose labels are added to `parts`."""
        count = len(self.plan.keys)
        codes = np.min_scalar_type(-len(self.plan.classes))
        for chunk in chunks:
            if chunk.rows:
                keys = keys_of(chunk, count)
                labels = read_labels(
                    self.plan, chunk if self.wanted is None else chunk.only(self.wanted.find(keys) >= 0), count
                )
                parts.append(
                    replace(
                        labels,
                        codes=None if labels.codes is None else labels.codes.astype(codes),
                        faults=labels.faults + empty_keys(self.plan, chunk, self.role),
                    )
                )
                yield keys

    def _is_repeat(self) -> Mask:
        """Whether each key that stood before is told: those that are filled and wanted."""
        again = self.keys.again
        told = np.ones(len(again), dtype=np.bool_) if self.keys.filled is None else self.keys.filled[again]
        if self.wanted is not None and again.size:
            told &= self.wanted.find(self.keys.at(again)) >= 0
        return told

    def _repeats(self, again: Codes, first: Codes) -> Faults:
        """Faults (E304) for rows of labels whose key stood before."""
        text_of = self.texts(again[: self.plan.places])
        places = zip(again[: self.plan.places].tolist(), first.tolist(), strict=False)
        faults = [Fault(row, None, text_of(row), "E304", self.role, before) for row, before in places]
        return Faults.of(faults, {("E304", self.role): len(again)}, self.plan.places)

    def texts(self, rows: Codes) -> Callable[[int], str]:
        """A function that gives the key of each of these rows of labels as text; all are looked up at once."""
        return dict(zip(rows.tolist(), map(shown, self.keys.at(rows)), strict=True)).__getitem__

    def take(self, slots: Codes) -> Labels:
        """The labels of these slots, without the faults."""
        return Labels(
            None if self._codes is None else self._codes.take(slots).astype(np.intp),
            None if self._targets is None else np.ascontiguousarray(self._targets.take(slots, axis=0).T),
            None if self._weights is None else self._weights.take(slots),
            tuple(pc.take(column, from_ndarray(slots)) for column in self._by),
            np.ones(len(slots), dtype=np.bool_) if self._good is None else self._good.take(slots),
            np.zeros(len(slots), dtype=np.bool_) if self._missing is None else self._missing.take(slots),
        )

    def numbers(self, slots: Codes) -> Codes:
        """The row numbers of these slots in the labels."""
        return self.keys.rows.take(slots).astype(np.intp)

    def unused(self, plan: Plan, used: Mask) -> Batch:
        """A batch without rows: the labels' own faults, and the labels whose slots are not used though they could be (E302)."""
        rows = np.sort(np.concatenate([self.keys.rows[~used], self._others]))
        if self.keys.filled is not None:
            rows = rows[self.keys.filled[rows]]
        faults = self.faults + self.alone("E302", self.role, 0, rows, self.texts(rows[: plan.places]))
        return empty_batch(plan, faults, 0 if self.wanted is None else len(rows))

    def alone(self, code: str, role: str, start: int, rows: Codes, key: Callable[[int], str]) -> Faults:
        """Faults for rows whose key only one file has, unless only the common rows are asked for."""
        if self.wanted is not None:
            return NO_FAULTS
        return row_faults(self.plan, code, role, start, rows, None, key)


class Join:
    """The predictions of one file, chunk by chunk in any order and by any thread, with the labels of a table.

    Keeps up to 4 bytes of each prediction, 8 where others have no label. numbered: whether batches say which rows of the
    labels theirs are.
    """

    def __init__(self, table: LabelTable, plan: Plan, numbered: bool = False) -> None:
        self._table = table
        self._plan = plan
        self._numbered = numbered
        self._used = np.zeros(len(table.keys.rows), dtype=np.bool_)
        self._kind = np.min_scalar_type(-len(table.keys.rows) - 1)
        # Of each chunk its first row, which rows of it have a label (None for all), and these labels.
        self._uses: list[tuple[int, NDArray[Any] | None, NDArray[Any]]] = []
        self._has_repeats = False
        self._lock = Lock()

    def match(self, chunk: Chunk) -> Batch:
        """The batch of a chunk of predictions, with the labels that its keys have."""
        table, plan = self._table, self._plan
        keys = keys_of(chunk, len(plan.keys))
        found = table.keys.find(keys)
        has_label = found >= 0
        missing = ~has_label
        known = filled(keys)
        if known is not None:
            has_label &= known
            missing &= known
        alone = np.flatnonzero(missing)
        self._use(found, has_label, chunk.start)
        all_have = bool(has_label.all())
        slots = found if all_have else np.where(has_label, found, 0)
        labels = table.take(slots)
        if self._numbered:
            labels = replace(labels, numbers=table.numbers(slots))
        if not all_have:
            labels = replace(labels, good=labels.good & has_label, missing=labels.missing & has_label)
        batch = checked_batch(plan, chunk if table.wanted is None else chunk.only(has_label), labels)
        faults = batch.faults + empty_keys(plan, chunk, PREDICTIONS)
        faults = faults + table.alone("E303", PREDICTIONS, chunk.start, alone, lambda row: shown(keys[row]))
        return replace(batch, faults=faults, unmatched=len(alone))

    def _use(self, found: Codes, has_label: Mask, start: int) -> None:
        """Marks labels as used, and whether one of them has been before: by which row is found out at the end."""
        at = None if has_label.all() else np.flatnonzero(has_label).astype(np.int32)
        labels = (found if at is None else found[at]).astype(self._kind)
        ordered = np.sort(labels)
        repeats = bool((ordered[1:] == ordered[:-1]).any())
        with self._lock:
            self._has_repeats |= repeats or bool(self._used.take(labels).any())
            self._used[labels] = True
            self._uses.append((start, at, labels))

    def _repeats(self) -> Faults:
        """Faults (E304) for rows whose label an earlier row has used."""
        places = self._plan.places
        first = np.full(len(self._used), -1, dtype=np.int64)
        told: list[tuple[int, int]] = []
        count = 0
        for start, at, labels in sorted(self._uses, key=lambda use: use[0]):
            rows = start + (np.arange(len(labels)) if at is None else at)
            distinct, where = np.unique(labels, return_index=True)
            new = first[distinct] < 0
            first[distinct[new]] = rows[where[new]]
            again = np.flatnonzero(rows != first[labels])
            count += len(again)
            some = again[: places - len(told)]
            told += zip(rows[some].tolist(), labels[some].tolist(), strict=True)
        label_rows = self._table.keys.rows[[slot for _, slot in told]]
        text_of = self._table.texts(label_rows)
        faults = [
            Fault(row, None, text_of(label_row), "E304", PREDICTIONS, int(first[slot]))
            for (row, slot), label_row in zip(told, label_rows.tolist(), strict=True)
        ]
        return Faults.of(faults, {("E304", PREDICTIONS): count}, places)

    def leftover(self) -> Batch:
        """A batch without rows: the labels' own faults, labels that no prediction has used (E302) or several have (E304)."""
        batch = self._table.unused(self._plan, self._used)
        return replace(batch, faults=batch.faults + self._repeats()) if self._has_repeats else batch
