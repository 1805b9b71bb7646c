"""Owns keys, and rows that belong together: chunks of a long file, with a key as first text, turned into cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from celoss import compute as pc
from celoss.bridge import from_ndarray, from_texts, ndarray
from celoss.kernels import Floats, Mask
from celoss.naming import class_text
from celoss.records import dataclass
from celoss.sources.base import Chunk, as_text, joined

NO_ROW = -1
NO_CLASS = -1
SEPARATOR = "\x1f"

Rows = NDArray[np.int64]


def keyed(chunk: Chunk, ids: int) -> Chunk:
    """The chunk with one more text column before the others: the key made of the first `ids` of them."""
    return replace(chunk, texts=(key_of(chunk.texts[:ids]), *chunk.texts))


def key_of(texts: Sequence[Any]) -> Any:
    """One text per row for texts or keys (n,), at least one. Several are joined with their lengths, so that none collide."""
    texts = [as_text(column) for column in texts]
    if len(texts) == 1:
        return texts[0]
    lengths = [pc.cast(pc.binary_length(column), pa.string()) for column in texts[:-1]]
    return pc.binary_join_element_wise(*texts, *lengths, SEPARATOR)


def are_together(chunks: Iterable[Chunk]) -> bool:
    """Whether no key comes back after another one; keeps one key for each run of equal ones."""
    runs: list[Any] = []
    count = proven = 0
    last = None
    for chunk in chunks:
        keys = chunk.texts[0]
        if chunk.rows and last is None:
            runs.append(keys.slice(0, 1))
            count = 1
        before = keys if last is None else pa.concat_arrays([last, keys])
        after = before.slice(1)
        runs.append(pc.filter(after, pc.not_equal(after, before.slice(0, len(after)))))
        count += len(runs[-1])
        last = before.slice(max(0, len(before) - 1))
        # The set of keys is made anew each time, so only when there are twice as many.
        if count > 2 * proven:
            if not _all_differ(runs, count):
                return False
            proven = count
    return _all_differ(runs, count)


def _all_differ(runs: list[Any], count: int) -> bool:
    return bool(pc.count_distinct(pa.chunked_array(runs, pa.string())).as_py() == count)


def whole_cases(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """The same rows cut only where the key changes; holds the rows of one chunk and one case."""
    waiting: list[Chunk] = []
    for chunk in chunks:
        if not chunk.rows:
            continue
        rows = concatenated([*waiting, chunk])
        cut = _last_run(rows.texts[0])
        if cut:
            yield rows.part(0, cut)
        waiting = [rows.part(cut, rows.rows - cut)]
    yield from waiting


def _last_run(keys: Any) -> int:
    """Where the run of equal keys begins with which the array ends."""
    others = np.flatnonzero(ndarray(pc.cast(pc.not_equal(keys, keys[-1]), pa.uint8())))
    return int(others[-1]) + 1 if others.size else 0


def in_memory(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """All rows as one chunk, with each different text only once; nothing when there are no rows."""
    encoded = [
        replace(chunk, texts=tuple(pc.dictionary_encode(text) for text in chunk.texts)) for chunk in chunks if chunk.rows
    ]
    if encoded:
        yield concatenated(encoded)


def concatenated(chunks: Sequence[Chunk]) -> Chunk:
    """Chunks that follow each other as one."""
    if len(chunks) == 1:
        return chunks[0]
    return Chunk(
        chunks[0].start,
        sum(chunk.rows for chunk in chunks),
        tuple(joined(texts) for texts in zip(*(chunk.texts for chunk in chunks), strict=True)),
        np.concatenate([chunk.numbers for chunk in chunks], axis=1),
        tuple(fault for chunk in chunks for fault in chunk.faults),
    )


def first_cases(chunks: Iterable[Chunk], count: int) -> Chunk:
    """All rows of the first `count` cases, without faults. There is at least one row."""
    wanted: Any = None
    parts = []
    for chunk in chunks:
        if wanted is None and chunk.rows:
            wanted = pc.unique(chunk.texts[0]).slice(0, count)
        if wanted is not None:
            parts.append(_only(chunk, wanted))
    return concatenated(parts)


def _only(chunk: Chunk, keys: Any) -> Chunk:
    kept = pc.is_in(chunk.texts[0], value_set=keys)
    rows = np.flatnonzero(ndarray(pc.cast(kept, pa.uint8())))
    texts = tuple(pc.filter(text, kept) for text in chunk.texts)
    return Chunk(chunk.start, len(rows), texts, np.ascontiguousarray(chunk.numbers[:, rows]))


@dataclass(frozen=True)
class Turn:
    """How n rows, one for each case and class, become m cases of k classes.

    cases: (n,) number of each row's case, in the order in which they first appear. codes: (n,) index of each row's class,
    NO_CLASS where it is none. classes: how many there are.
    """

    cases: Rows
    codes: Rows
    classes: int

    @classmethod
    def of(cls, keys: Any, cells: Any, classes: Sequence[str]) -> Turn:
        """From the texts of keys (n,) and of classes (n,), both plain or each different text once."""
        encoded = pc.dictionary_encode(cells)
        known = {name: code for code, name in enumerate(classes)}
        table = np.array([known.get(class_text(text), NO_CLASS) for text in encoded.dictionary.to_pylist()], dtype=np.int64)
        return cls(ndarray(pc.dictionary_encode(keys).indices).astype(np.int64), table[ndarray(encoded.indices)], len(classes))

    @cached_property
    def first(self) -> Rows:
        """The first row of each case: (m,)."""
        result = np.empty(int(self.cases.max(initial=-1)) + 1, dtype=np.int64)
        # Of several values for one place the last one stays.
        result[self.cases[::-1]] = np.arange(len(self.cases))[::-1]
        return result

    @cached_property
    def at(self) -> Rows:
        """The first row of each class of each case, NO_ROW where there is none: (k, m)."""
        result = np.full((self.classes, len(self.first)), NO_ROW, dtype=np.int64)
        rows = np.flatnonzero(self.codes != NO_CLASS)[::-1]
        result[self.codes[rows], self.cases[rows]] = rows
        return result

    @property
    def lacking(self) -> Mask:
        """Whether a case has no row for some class: (m,)."""
        lacking: Mask = (self.at == NO_ROW).any(axis=0)
        return lacking

    @property
    def repeated(self) -> Mask:
        """Whether a row's class has stood before in its case: (n,)."""
        repeated: Mask = (self.codes != NO_CLASS) & (self.at[self.codes, self.cases] != np.arange(len(self.cases)))
        return repeated

    def class_numbers(self, values: Floats, codes: Sequence[int]) -> Floats:
        """The values (n,) of some classes by case, NaN where a case has none: (len(codes), m)."""
        numbers: Floats = np.append(values, np.nan)[self.at[list(codes)]]
        return numbers

    def class_texts(self, values: Any, codes: Sequence[int]) -> list[Any]:
        """The texts (n,) of some classes by case, "" where a case has none: an array (m,) for each."""
        padded = pa.concat_arrays([pc.dictionary_encode(values), pc.dictionary_encode(from_texts([""]))])
        rows = np.where(self.at == NO_ROW, len(values), self.at)
        return [pc.dictionary_decode(pc.take(padded, from_ndarray(rows[code]))) for code in codes]

    def shared_numbers(self, values: Floats) -> tuple[Floats, Rows]:
        """The value (n,) of each case's first row: (m,), and the rows that have another one."""
        result = values[self.first]
        expected = result[self.cases]
        return result, np.flatnonzero((values != expected) & ~(np.isnan(values) & np.isnan(expected)))

    def shared_texts(self, values: Any) -> tuple[Any, Rows]:
        """The text (n,) of each case's first row: (m,), and the rows that have another one."""
        encoded = pc.dictionary_encode(values)
        codes = ndarray(encoded.indices)
        others = np.flatnonzero(codes != codes[self.first][self.cases])
        return pc.dictionary_decode(pc.take(encoded, from_ndarray(self.first))), others
