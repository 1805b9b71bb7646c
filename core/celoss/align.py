"""Owns bringing predictions and labels together row by row, and checking every row against the plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from celoss.errors import NO_FAULTS, SHOWN_PLACES, CelossError, Diagnostic, Fault, Faults, escape
from celoss.kernels import Codes, Floats, plane_sum
from celoss.plan import Plan
from celoss.sources import Chunk, Source

UNKNOWN = -1
# Up to here Arrow's hash table, which is built anew for every chunk, costs less than the import of pandas.
FEW_LABELS = 1 << 17
KEY_SEPARATOR = "\x1f"


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


class OrderDiffersError(Exception):
    """The keys of the two files are not provably in one order without repeats: match them by look-up instead."""


def by_position(plan: Plan, predictions: Source, labels: Source | None, careful: bool, rows: int) -> Iterator[Batch]:
    """Pairs the n-th prediction with the n-th label, in batches of at most `rows` rows. Raises CelossError (E301)."""
    if labels is None:
        for both in _cut(_whole_rows(plan, predictions, careful), rows):
            yield _checked(plan, *_split(plan, both))
        return
    seen = [0, 0]
    for left, right in _zip(*_readers(plan, predictions, labels, careful, keyed=False), rows):
        seen[0] += left.rows if left else 0
        seen[1] += right.rows if right else 0
        if left is not None and right is not None and seen[0] == seen[1]:
            yield _checked(plan, left, right)
    if seen[0] != seen[1]:
        raise CelossError(_unequal(plan, predictions, labels, seen[0], seen[1]))


def in_order(plan: Plan, predictions: Source, labels: Source, careful: bool, rows: int) -> Iterator[Batch]:
    """Pairs rows whose keys come in the same, strictly monotone order in both files; holds one batch in memory.

    A monotone order proves that no key repeats. Raises OrderDiffersError as soon as that cannot be shown.
    """
    orders = _Orders()
    for left, right in _zip(*_readers(plan, predictions, labels, careful, keyed=True), rows):
        if left is None or right is None or left.rows != right.rows:
            raise OrderDiffersError
        keys = _key(left, len(plan.keys))
        if not keys.equals(_key(right, len(plan.keys))) or not orders.still_hold(keys):
            raise OrderDiffersError
        yield _checked(plan, left, right)


def by_key(plan: Plan, predictions: Source, labels: Source, careful: bool, rows: int) -> Iterator[Batch]:
    """Looks each prediction's key up among the labels. Keys and codes of the labels are in memory, predictions stream."""
    _, label_chunks = _readers(plan, predictions, labels, careful, keyed=True)
    table = _LabelTable(plan, list(label_chunks), labels)
    for chunk in _cut(_prediction_chunks(plan, predictions, careful), rows):
        yield table.match(chunk)
    yield replace(_empty(plan), faults=table.leftover())


# --- reading ------------------------------------------------------------------------------------------------------------


def _prediction_chunks(plan: Plan, predictions: Source, careful: bool) -> Iterator[Chunk]:
    return predictions.batches([mine for mine, _ in plan.keys], plan.columns, careful)


def _readers(
    plan: Plan, predictions: Source, labels: Source, careful: bool, *, keyed: bool
) -> tuple[Iterator[Chunk], Iterator[Chunk]]:
    keys = [theirs for _, theirs in plan.keys] if keyed else []
    texts = keys if plan.one_hot else [*keys, *plan.label_columns]
    return (
        _prediction_chunks(plan, predictions, careful),
        labels.batches(texts, plan.label_columns if plan.one_hot else [], careful),
    )


def _whole_rows(plan: Plan, predictions: Source, careful: bool) -> Iterator[Chunk]:
    """Chunks of a file that holds both: key and label texts, probability planes, then 0/1 label planes."""
    keys = [mine for mine, _ in plan.keys]
    texts = keys if plan.one_hot else [*keys, *plan.label_columns]
    return predictions.batches(texts, [*plan.columns, *(plan.label_columns if plan.one_hot else ())], careful)


def _split(plan: Plan, both: Chunk) -> tuple[Chunk, Chunk]:
    """A chunk of a file that holds both, as one of predictions and one of labels."""
    keys, k = len(plan.keys), len(plan.columns)
    left = replace(both, texts=both.texts[:keys], numbers=both.numbers[:k])
    return left, replace(both, texts=both.texts[keys:], numbers=both.numbers[k:], faults=())


def _cut(chunks: Iterator[Chunk], rows: int) -> Iterator[Chunk]:
    """The same rows in chunks of at most `rows` rows."""
    for chunk in chunks:
        for offset in range(0, chunk.rows, rows):
            yield chunk.part(offset, min(rows, chunk.rows - offset))


def _zip(lefts: Iterator[Chunk], rights: Iterator[Chunk], rows: int) -> Iterator[tuple[Chunk | None, Chunk | None]]:
    """Chunks of two streams cut to equal lengths; once one has ended, what is left of the other with None."""
    left, right = _next(lefts), _next(rights)
    while left is not None and right is not None:
        common = min(left.rows, right.rows, rows)
        yield left.part(0, common), right.part(0, common)
        left = left.part(common, left.rows - common) if left.rows > common else _next(lefts)
        right = right.part(common, right.rows - common) if right.rows > common else _next(rights)
    while left is not None:
        yield left, None
        left = _next(lefts)
    while right is not None:
        yield None, right
        right = _next(rights)


def _next(chunks: Iterator[Chunk]) -> Chunk | None:
    """The next chunk that has rows."""
    return next((chunk for chunk in chunks if chunk.rows), None)


def _unequal(plan: Plan, predictions: Source, labels: Source, left: int, right: int) -> Diagnostic:
    asked = any(finding.because == "--id '#'" for finding in plan.findings)
    because = "rows are matched by position (--id '#')" if asked else "no column in common, so rows are matched by position"
    return Diagnostic(
        "E301",
        f"{escape(predictions.name)} has {left:,} rows, {escape(labels.name)} has {right:,}",
        details=(f"found: {because}",),
        help="put the same id column in both files, or name it: --id NAME (--id A=B where the names differ)",
    )


# --- keys ---------------------------------------------------------------------------------------------------------------


def _key(chunk: Chunk, count: int) -> Any:
    """One text per row that stands for its key columns. Several are joined with their lengths, so that none collide."""
    if count == 1:
        return chunk.texts[0]
    columns = list(chunk.texts[:count])
    lengths = [pc.binary_length(column).cast(pa.string()) for column in columns[:-1]]
    return pc.binary_join_element_wise(*columns, *lengths, KEY_SEPARATOR)


class _Orders:
    """Which strict orders hold for all keys so far: by text or by length and text (as for 9, 10), up or down."""

    def __init__(self) -> None:
        self._holding = {(by_length, up) for by_length in (False, True) for up in (False, True)}
        self._last: Any = None

    def still_hold(self, keys: Any) -> bool:
        """Whether some order holds with these keys added."""
        if self._last is not None:
            keys = pa.concat_arrays([self._last, keys])
        before, after = keys.slice(0, len(keys) - 1), keys.slice(1)
        shorter = pc.less(pc.binary_length(before), pc.binary_length(after))
        longer = pc.greater(pc.binary_length(before), pc.binary_length(after))
        less, greater = pc.less(before, after), pc.greater(before, after)
        rising = {
            (False, True): less,
            (False, False): greater,
            (True, True): pc.or_(shorter, pc.and_not(less, longer)),
            (True, False): pc.or_(longer, pc.and_not(greater, shorter)),
        }
        self._holding = {order for order in self._holding if len(before) == 0 or pc.all(rising[order]).as_py()}
        self._last = keys.slice(len(keys) - 1)
        return bool(self._holding)


class _LabelTable:
    """The labels of all rows by key, and which prediction has used each."""

    def __init__(self, plan: Plan, chunks: Sequence[Chunk], labels: Source) -> None:
        self._plan = plan
        self._role = labels.role
        count = len(plan.keys)
        parts = [chunk for chunk in chunks if chunk.rows]
        coded = [_coded(plan, chunk) for chunk in parts]
        self.faults = Faults()
        for _, _, faults in coded:
            self.faults = self.faults + faults
        self._codes = np.concatenate([codes for codes, _, _ in coded]) if coded else np.empty(0, dtype=np.intp)
        self._known = np.concatenate([known for _, known, _ in coded]) if coded else np.empty(0, dtype=np.bool_)
        keys = pa.chunked_array([_key(chunk, count) for chunk in parts], pa.string())
        unread = {fault.row for chunk in parts for fault in chunk.faults}
        self._keys = keys.combine_chunks() if keys.num_chunks else pa.array([], pa.string())
        self.faults = self.faults + _empty_keys(parts, plan, self._role, [theirs for _, theirs in plan.keys])
        self._unread = np.fromiter(unread, np.intp, len(unread))
        self._check_repeats()
        self._used = np.full(len(self._codes), -1, dtype=np.int64)
        self._positions = _look_up(self._keys)

    def _check_repeats(self) -> None:
        self._repeats = np.empty(0, dtype=np.intp)
        encoded = self._keys.dictionary_encode()
        if len(encoded.dictionary) == len(self._keys):
            return
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        _, first = np.unique(codes, return_index=True)
        again = np.setdiff1d(np.arange(len(codes)), first)
        again = again[~np.isin(again, self._unread) & (pc.binary_length(self._keys.take(pa.array(again))).to_numpy() > 0)]
        self._repeats = again
        firsts = dict(zip(codes[first].tolist(), first.tolist(), strict=True))
        shown = [
            Fault(int(row), None, _shown(self._keys[int(row)]), "E304", self._role, firsts[int(codes[row])])
            for row in again[:SHOWN_PLACES]
        ]
        self.faults = self.faults + Faults.of(shown, {("E304", self._role): len(again)})

    def match(self, chunk: Chunk) -> Batch:
        """The batch of a chunk of predictions, with the labels that its keys have."""
        keys = _key(chunk, len(self._plan.keys))
        found = self._positions(keys)
        rows = np.arange(chunk.start, chunk.start + chunk.rows)
        empty = _empty_keys([chunk], self._plan, "predictions", [mine for mine, _ in self._plan.keys])
        known = (found >= 0) & (pc.binary_length(keys).to_numpy(zero_copy_only=False) > 0)
        unread = {fault.row for fault in chunk.faults}
        readable = ~np.isin(rows, np.fromiter(unread, np.int64, len(unread)))
        again = self._repeated(found, known & readable, rows)
        missing = np.flatnonzero(readable & (found < 0) & (pc.binary_length(keys).to_numpy(zero_copy_only=False) > 0))
        faults = [Fault(int(rows[i]), None, _shown(keys[int(i)]), "E303", "predictions") for i in missing[:SHOWN_PLACES]]
        repeats = [
            Fault(int(rows[i]), None, _shown(keys[int(i)]), "E304", "predictions", int(self._used[found[i]]))
            for i in again[:SHOWN_PLACES]
        ]
        counts = {("E303", "predictions"): len(missing), ("E304", "predictions"): len(again)}
        scored = known & readable
        scored[again] = False
        scored[known] &= self._known[found[known]]
        codes = np.where(found >= 0, self._codes[np.maximum(found, 0)] if len(self._codes) else 0, 0)
        batch = _probabilities(self._plan, chunk, codes, scored)
        return replace(batch, faults=batch.faults + empty + Faults.of([*faults, *repeats], counts))

    def _repeated(self, found: Codes, known: NDArray[np.bool_], rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Marks the labels as used by these rows; returns the positions of rows that come after another of the same key."""
        at = np.flatnonzero(known)
        labels = found[at]
        _, first = np.unique(labels, return_index=True)
        fresh = np.zeros(len(at), dtype=np.bool_)
        fresh[first] = self._used[labels[first]] < 0
        self._used[labels[fresh]] = rows[at[fresh]]
        return at[~fresh]

    def leftover(self) -> Faults:
        """The faults of the labels: their own, and those that no prediction has used."""
        unused = np.flatnonzero((self._used < 0) & (pc.binary_length(self._keys).to_numpy(zero_copy_only=False) > 0))
        unused = unused[~np.isin(unused, self._unread) & ~np.isin(unused, self._repeats)]
        shown = [Fault(int(row), None, _shown(self._keys[int(row)]), "E302", self._role) for row in unused[:SHOWN_PLACES]]
        return self.faults + Faults.of(shown, {("E302", self._role): len(unused)})


def _look_up(keys: Any) -> Any:
    """A function from an array of keys to their positions (n,) in `keys`, -1 where they are not."""
    if len(keys) <= FEW_LABELS:
        return lambda wanted: pc.fill_null(pc.index_in(wanted, value_set=keys), -1).to_numpy().astype(np.intp)
    import pandas as pd

    kind = pd.StringDtype("pyarrow")
    encoded = keys.dictionary_encode()
    _, first = np.unique(encoded.indices.to_numpy(), return_index=True)
    index = pd.Index(pd.array(encoded.dictionary, dtype=kind))

    def positions(wanted: Any) -> Codes:
        found = index.get_indexer(pd.Index(pd.array(wanted, dtype=kind)))
        return np.where(found >= 0, first[found], -1).astype(np.intp)

    return positions


def _empty_keys(chunks: Sequence[Chunk], plan: Plan, role: str, names: Sequence[str]) -> Faults:
    faults: list[Fault] = []
    count = 0
    for chunk in chunks:
        unread = {fault.row for fault in chunk.faults}
        for name, column in zip(names, chunk.texts[: len(plan.keys)], strict=True):
            if pc.min(pc.binary_length(column)).as_py() == 0:
                empty = np.flatnonzero(pc.binary_length(column).to_numpy(zero_copy_only=False) == 0)
                rows = [int(row) for row in empty + chunk.start if row not in unread]
                count += len(rows)
                faults.extend(Fault(row, name, "", "E307", role) for row in rows[:SHOWN_PLACES])
    return Faults.of(faults, {("E307", role): count})


def _shown(key: Any) -> str:
    return str(key.as_py()).split(KEY_SEPARATOR, 1)[0]


# --- checks -------------------------------------------------------------------------------------------------------------


def _checked(plan: Plan, left: Chunk, right: Chunk) -> Batch:
    """The batch of two chunks of equal length."""
    codes, known, faults = _coded(plan, right)
    if plan.keys:
        names = [mine for mine, _ in plan.keys]
        faults = faults + _empty_keys([left], plan, "predictions", names)
    batch = _probabilities(plan, left, codes, known)
    return replace(batch, faults=batch.faults + faults)


def _coded(plan: Plan, chunk: Chunk) -> tuple[Codes, NDArray[np.bool_], Faults]:
    """Class index of each label (n,), whether it is known (n,), and the faults."""
    role = "predictions" if plan.labels_in_predictions else "labels"
    unread = {fault.row - chunk.start for fault in chunk.faults}
    if plan.one_hot:
        codes, wrong = _one_hot_codes(plan, chunk, role, unread)
    else:
        codes, wrong = _named_codes(plan, chunk, role, unread)
    known = codes >= 0
    known[list(unread)] = False
    return np.maximum(codes, 0), known, Faults.of(chunk.faults) + wrong


def _named_codes(plan: Plan, chunk: Chunk, role: str, unread: set[int]) -> tuple[Codes, Faults]:
    encoded = chunk.texts[-1].dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    known = plan.codes()
    found = [plan.code(text, known) for text in texts]
    table = np.array([UNKNOWN if code is None else code for code in found], dtype=np.intp)
    codes = table[encoded.indices.to_numpy(zero_copy_only=False)] if texts else np.empty(0, dtype=np.intp)
    if not (table < 0).any():
        return codes, Faults()
    faults = Faults()
    indices = encoded.indices.to_numpy(zero_copy_only=False)
    bad = np.array([row for row in np.flatnonzero(codes < 0) if row not in unread], dtype=np.intp)
    for code, empty in (("E403", True), ("E402", False)):
        rows = [row for row in bad if (not texts[indices[row]].strip()) == empty]
        shown = [
            Fault(chunk.start + int(row), plan.label_columns[0], texts[indices[row]], code, role) for row in rows[:SHOWN_PLACES]
        ]
        faults = faults + Faults.of(shown, {(code, role): len(rows)})
    return codes, faults


def _one_hot_codes(plan: Plan, chunk: Chunk, role: str, unread: set[int]) -> tuple[Codes, Faults]:
    flags = chunk.numbers
    codes = np.zeros(chunk.rows, dtype=np.intp)
    ones = np.zeros(chunk.rows)
    clean = np.ones(chunk.rows, dtype=np.bool_)
    for index, plane in enumerate(flags):
        one = plane == 1.0
        codes[one] = index
        ones += one
        clean &= one | (plane == 0.0)
    good = clean & (ones == 1.0)
    if good.all():
        return codes, Faults()
    bad = [row for row in np.flatnonzero(~good) if row not in unread]
    shown = [
        Fault(chunk.start + int(row), None, " ".join(_number(flags[c, row]) for c in range(len(flags))), "E411", role)
        for row in bad[:SHOWN_PLACES]
    ]
    codes[~good] = UNKNOWN
    return codes, Faults.of(shown, {("E411", role): len(bad)})


def _probabilities(plan: Plan, chunk: Chunk, codes: Codes, known: NDArray[np.bool_]) -> Batch:
    """Checks every probability and row sum; rows that are not known or not good are left out."""
    p = chunk.numbers
    faults = Faults.of(chunk.faults)
    good = known
    if not (p.min() >= 0.0 and p.max() <= 1.0):
        inside, wrong = _check_cells(plan, chunk)
        faults, good = faults + wrong, good & inside
    noted, deviation = 0, 0.0
    if len(p) > 1:
        with np.errstate(invalid="ignore"):
            off = np.abs(plane_sum(p) - 1.0)
        readable = ~np.isnan(off)
        if faults:
            readable &= _cells_inside(chunk)
        beyond = readable & (off > plan.largest_deviation)
        if beyond.any():
            rows = np.flatnonzero(beyond)
            shown = [
                Fault(chunk.start + int(row), None, _number(plane_sum(p[:, row : row + 1])[0]), "E504", "predictions")
                for row in rows[:SHOWN_PLACES]
            ]
            faults, good = faults + Faults.of(shown, {("E504", "predictions"): len(rows)}), good & ~beyond
        note = readable & ~beyond & (off > plan.silent_deviation)
        noted, deviation = int(note.sum()), float(off[note].max(initial=0.0))
    rows = np.arange(chunk.start, chunk.start + chunk.rows)
    if good.all():
        return Batch(rows, p, codes, chunk.texts, faults, noted, deviation)
    kept = np.flatnonzero(good)
    keys = tuple(column.take(pa.array(kept)) for column in chunk.texts)
    return Batch(rows[kept], np.ascontiguousarray(p[:, kept]), codes[kept], keys, faults, noted, deviation)


def _cells_inside(chunk: Chunk) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        inside = ((chunk.numbers >= 0.0) & (chunk.numbers <= 1.0)).all(axis=0)
    inside[[fault.row - chunk.start for fault in chunk.faults]] = False
    return np.asarray(inside)


def _check_cells(plan: Plan, chunk: Chunk) -> tuple[NDArray[np.bool_], Faults]:
    """Whether each row's cells are all in 0..1, and faults for those that are missing (E502) or outside (E503)."""
    p = chunk.numbers
    read = np.ones(chunk.rows, dtype=np.bool_)
    read[[fault.row - chunk.start for fault in chunk.faults]] = False
    missing = np.isnan(p) & read
    with np.errstate(invalid="ignore"):
        outside = ((p < 0.0) | (p > 1.0)) & read
    faults = Faults()
    for code, cells in (("E502", missing), ("E503", outside)):
        places = np.argwhere(cells.T)[:SHOWN_PLACES]
        shown = [
            Fault(
                chunk.start + int(row),
                plan.columns[int(column)],
                "" if code == "E502" else _number(p[column, row]),
                code,
                "predictions",
            )
            for row, column in places
        ]
        faults = faults + Faults.of(shown, {(code, "predictions"): int(cells.sum())})
    return ~(missing | outside).any(axis=0) & read, faults


def _number(value: float) -> str:
    return repr(float(value)) if value == value else "NaN"


def _empty(plan: Plan) -> Batch:
    none = np.empty(0, dtype=np.intp)
    return Batch(none, np.empty((len(plan.columns), 0)), none, ())
