"""Owns keys: one text per row, orders that prove them unique, and the table in which labels are looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from celoss.bridge import ndarray, ndarray_or
from celoss.checks import Batch, Flags, checked_batch, empty_keys, label_codes, readable
from celoss.errors import NO_FAULTS, SHOWN_PLACES, Fault, Faults
from celoss.kernels import Codes
from celoss.plan import Plan
from celoss.sources import Chunk

# Up to here Arrow's hash table, which is built anew for every chunk, costs less than the import of pandas.
FEW_LABELS = 1 << 17
SEPARATOR = "\x1f"

Rows = NDArray[np.intp]


def joined(chunk: Chunk, count: int) -> Any:
    """One text per row for its first `count` text columns. Several are joined with their lengths, so that none collide."""
    if count == 1:
        return chunk.texts[0]
    columns = list(chunk.texts[:count])
    lengths = [pc.binary_length(column).cast(pa.string()) for column in columns[:-1]]
    return pc.binary_join_element_wise(*columns, *lengths, SEPARATOR)


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
    """The labels of all rows by key, in memory, and which prediction has used each."""

    def __init__(self, plan: Plan, chunks: Iterable[Chunk], role: str) -> None:
        self._plan = plan
        self._role = role
        self._faults = NO_FAULTS
        parts = [self._part(chunk) for chunk in chunks if chunk.rows]
        self._keys = pa.concat_arrays([keys for keys, _, _, _ in parts])
        self._codes = np.concatenate([codes for _, codes, _, _ in parts])
        self._known = np.concatenate([known for _, _, known, _ in parts])
        self._readable = np.concatenate([read for _, _, _, read in parts]) & _filled(self._keys)
        encoded = self._keys.dictionary_encode()
        codes = ndarray(encoded.indices)
        _, first = np.unique(codes, return_index=True)
        self._again, repeats = self._repeats(codes, first)
        self._faults = self._faults + repeats
        self._used = np.full(len(self._codes), -1, dtype=np.int64)
        self._positions = _look_up(encoded.dictionary, first)

    def _part(self, chunk: Chunk) -> tuple[Any, Codes, Flags, Flags]:
        """Keys, class indices, whether they are known, and whether the row could be read: all that is kept of a chunk."""
        codes, known, faults = label_codes(self._plan, chunk)
        empty = empty_keys(chunk, self._role, [theirs for _, theirs in self._plan.keys])
        self._faults = self._faults + faults + empty + Faults.of(chunk.faults)
        return joined(chunk, len(self._plan.keys)), codes, known, readable(chunk)

    def _repeats(self, codes: Rows, first: Rows) -> tuple[Rows, Faults]:
        """Positions of labels whose key stood before, and their faults (E304), from key numbers and first positions."""
        repeated = self._readable.copy()
        repeated[first] = False
        again = np.flatnonzero(repeated)
        shown = [
            Fault(row, None, _shown(self._keys[row]), "E304", self._role, int(first[codes[row]]))
            for row in again[:SHOWN_PLACES].tolist()
        ]
        return again, Faults.of(shown, {("E304", self._role): len(again)})

    def match(self, chunk: Chunk) -> Batch:
        """The batch of a chunk of predictions, with the labels that its keys have."""
        keys = joined(chunk, len(self._plan.keys))
        found = self._positions(keys)
        filled = _filled(keys)
        has_label = (found >= 0) & filled
        missing = np.flatnonzero((found < 0) & filled)
        again = self._use(found, has_label, chunk.start)
        shown = [
            Fault(chunk.start + row, None, _shown(keys[row]), "E303", "predictions") for row in missing[:SHOWN_PLACES].tolist()
        ]
        repeated = [
            Fault(chunk.start + row, None, _shown(keys[row]), "E304", "predictions", int(self._used[found[row]]))
            for row in again[:SHOWN_PLACES].tolist()
        ]
        counts = {("E303", "predictions"): len(missing), ("E304", "predictions"): len(again)}
        has_label[again] = False
        codes = np.zeros(chunk.rows, dtype=np.intp)
        codes[has_label] = self._codes[found[has_label]]
        has_label[has_label] = self._known[found[has_label]]
        batch = checked_batch(self._plan, chunk, codes, has_label)
        empty = empty_keys(chunk, "predictions", [mine for mine, _ in self._plan.keys])
        return replace(batch, faults=batch.faults + empty + Faults.of([*shown, *repeated], counts))

    def _use(self, found: Codes, has_label: Flags, start: int) -> Rows:
        """Marks labels as used; returns the positions of rows whose label another prediction has used before."""
        at = np.flatnonzero(has_label)
        labels = found[at]
        _, first = np.unique(labels, return_index=True)
        fresh = np.zeros(len(at), dtype=np.bool_)
        fresh[first] = self._used[labels[first]] < 0
        self._used[labels[fresh]] = start + at[fresh]
        return at[~fresh]

    def leftover(self) -> Faults:
        """The labels' own faults, and those that no prediction has used (E302)."""
        left = (self._used < 0) & self._readable
        left[self._again] = False
        rows = np.flatnonzero(left)
        shown = [Fault(row, None, _shown(self._keys[row]), "E302", self._role) for row in rows[:SHOWN_PLACES].tolist()]
        return self._faults + Faults.of(shown, {("E302", self._role): len(rows)})


def _look_up(keys: Any, first: Rows) -> Callable[[Any], Codes]:
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


def _filled(keys: Any) -> Flags:
    """Whether each key is not the empty text."""
    filled: Flags = ndarray(pc.binary_length(keys)) > 0
    return filled


def _shown(key: Any) -> str:
    """A key as text; of several columns, those joined by commas."""
    parts = str(key.as_py()).split(SEPARATOR)
    return ", ".join(parts[: (len(parts) + 1) // 2])
