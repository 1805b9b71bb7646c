"""Owns keys: one text per row, orders that prove them unique, and the table in which labels are looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from celoss.bridge import ndarray, ndarray_or
from celoss.checks import Batch, Labels, checked_batch, empty_batch, empty_keys, read_labels, row_faults
from celoss.errors import NO_FAULTS, Fault, Faults
from celoss.kernels import Codes, Mask
from celoss.plan import PREDICTIONS, Plan
from celoss.sources import Chunk
from celoss.sources.cases import SEPARATOR, key_of

# Up to here Arrow's hash table, which is built anew for every chunk, costs less than the import of pandas.
FEW_LABELS = 1 << 17


class Orders:
    """Which strict orders hold for all keys so far: by text or by length and text (as for 9, 10), up or down."""

    def __init__(self) -> None:
        self._holding = {(by_length, up) for by_length in (False, True) for up in (False, True)}
        self._last: Any = None

    def still_hold(self, keys: Any) -> bool:
        """Whether some order holds with these keys added."""
        if self._last is not None:
            keys = pa.concat_arrays([self._last, keys])
        before, after = keys.slice(0, len(keys) - 1), keys.slice(1)
        self._holding = {order for order in self._holding if _holds(before, after, *order)}
        self._last = keys.slice(len(keys) - 1)
        return bool(self._holding)


def _holds(before: Any, after: Any, by_length: bool, up: bool) -> bool:
    if not up:
        before, after = after, before
    rising = pc.less(before, after)
    if by_length:
        left, right = pc.binary_length(before), pc.binary_length(after)
        rising = pc.or_(pc.less(left, right), pc.and_(pc.equal(left, right), rising))
    return len(before) == 0 or bool(pc.all(rising).as_py())


class LabelTable:
    """The labels of all rows by key, in memory, and which prediction has used each.

    wanted: an Arrow array of the keys that predictions have, where only common rows count: what is wrong with other labels
    is then told to nobody. None where every label must have a prediction.
    """

    def __init__(self, plan: Plan, chunks: Iterable[Chunk], role: str, wanted: Any = None) -> None:
        self._plan = plan
        self._role = role
        self._wanted = wanted
        parts = [(key_of(chunk.texts[: len(plan.keys)]), self._labels(chunk)) for chunk in chunks if chunk.rows]
        self._keys = pa.concat_arrays([keys for keys, _ in parts])
        self._labels_of = Labels.concatenated([labels for _, labels in parts])
        self._faults = self._labels_of.faults
        self._filled = _filled(self._keys)
        encoded = self._keys.dictionary_encode()
        codes = ndarray(encoded.indices)
        _, first = np.unique(codes, return_index=True)
        self._again, repeats = self._repeats(codes, first)
        self._faults = self._faults + repeats
        self._used = np.full(len(codes), -1, dtype=np.int64)
        self._positions = _look_up(encoded.dictionary, first)

    def _labels(self, chunk: Chunk) -> Labels:
        count = len(self._plan.keys)
        read = chunk if self._wanted is None else chunk.only(self._is_wanted(key_of(chunk.texts[:count])))
        labels = read_labels(self._plan, read, count)
        empty = empty_keys(self._plan, chunk, self._role)
        return replace(labels, faults=labels.faults + empty)

    def _is_wanted(self, keys: Any) -> Mask:
        wanted: Mask = ndarray_or(pc.index_in(keys, value_set=self._wanted), -1) >= 0
        return wanted

    def _repeats(self, codes: Codes, first: Codes) -> tuple[Codes, Faults]:
        """Positions of labels whose key stood before, and their faults (E304), from key numbers and first positions."""
        repeated = self._filled.copy() if self._wanted is None else self._filled & self._is_wanted(self._keys)
        repeated[first] = False
        again = np.flatnonzero(repeated)
        shown = [
            Fault(row, None, _shown(self._keys[row]), "E304", self._role, int(first[codes[row]]))
            for row in again[: self._plan.places].tolist()
        ]
        return again, Faults.of(shown, {("E304", self._role): len(again)}, self._plan.places)

    def match(self, chunk: Chunk) -> Batch:
        """The batch of a chunk of predictions, with the labels that its keys have."""
        keys = key_of(chunk.texts[: len(self._plan.keys)])
        found = self._positions(keys)
        filled = _filled(keys)
        has_label = (found >= 0) & filled
        missing = np.flatnonzero((found < 0) & filled)
        again = self._use(found, has_label, chunk.start)
        repeated = [
            Fault(chunk.start + row, None, _shown(keys[row]), "E304", PREDICTIONS, int(self._used[found[row]]))
            for row in again[: self._plan.places].tolist()
        ]
        faults = Faults.of(repeated, {("E304", PREDICTIONS): len(again)}, self._plan.places)
        has_label[again] = False
        labels = self._labels_of.take(np.where(has_label, found, 0))
        read = chunk if self._wanted is None else chunk.only(has_label)
        batch = checked_batch(
            self._plan, read, replace(labels, good=labels.good & has_label, missing=labels.missing & has_label)
        )
        faults = batch.faults + empty_keys(self._plan, chunk, PREDICTIONS) + faults
        return replace(
            batch, faults=faults + self._alone("E303", PREDICTIONS, chunk.start, missing, keys), unmatched=len(missing)
        )

    def _alone(self, code: str, role: str, start: int, rows: Codes, keys: Any) -> Faults:
        """Faults for rows whose key only one file has, unless only the common rows are asked for."""
        if self._wanted is not None:
            return NO_FAULTS
        return row_faults(self._plan, code, role, start, rows, None, lambda row: _shown(keys[row]))

    def _use(self, found: Codes, has_label: Mask, start: int) -> Codes:
        """Marks labels as used; returns the positions of rows whose label another prediction has used before."""
        at = np.flatnonzero(has_label)
        labels = found[at]
        _, first = np.unique(labels, return_index=True)
        fresh = np.zeros(len(at), dtype=np.bool_)
        fresh[first] = self._used[labels[first]] < 0
        self._used[labels[fresh]] = start + at[fresh]
        return at[~fresh]

    def leftover(self) -> Batch:
        """A batch without rows: the labels' own faults, and the labels that no prediction has used (E302)."""
        left = (self._used < 0) & self._filled
        left[self._again] = False
        rows = np.flatnonzero(left)
        faults = self._faults + self._alone("E302", self._role, 0, rows, self._keys)
        return empty_batch(self._plan, faults, 0 if self._wanted is None else len(rows))


def _look_up(keys: Any, first: Codes) -> Callable[[Any], Codes]:
    """A function from an array of keys to the positions (n,) in `first` of the same ones in `keys`, -1 where they are not."""
    if len(keys) <= FEW_LABELS:

        def found_in(wanted: Any) -> Codes:
            return ndarray_or(pc.index_in(wanted, value_set=keys), -1)

    else:
        import pandas as pd

        kind = pd.StringDtype("pyarrow")
        index = pd.Index(pd.array(keys, dtype=kind))

        def found_in(wanted: Any) -> Codes:
            return np.asarray(index.get_indexer(pd.Index(pd.array(wanted, dtype=kind))))

    def positions(wanted: Any) -> Codes:
        found = found_in(wanted)
        return np.where(found >= 0, first[np.maximum(found, 0)], -1).astype(np.intp)

    return positions


def _filled(keys: Any) -> Mask:
    """Whether each key is not the empty text."""
    filled: Mask = ndarray(pc.binary_length(keys)) > 0
    return filled


def _shown(key: Any) -> str:
    """A key as text; of several columns, those joined by commas."""
    parts = str(key.as_py()).split(SEPARATOR)
    return ", ".join(parts[: (len(parts) + 1) // 2])
