"""Owns looking 64-bit words up among millions: which of them each is, and which of them stood before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from celoss.kernels import Codes

Words = NDArray[np.uint64]

# Work arrays of this length stay in cache.
BLOCK = 1 << 16
# A table by number is made where the numbers take at most so many places for each of them.
SPREAD = 4


class WordList:
    """Words that are added bit by bit, in one array that grows where it is: memory is taken once, not copied."""

    def __init__(self) -> None:
        self._words = np.empty(BLOCK, dtype=np.uint64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, words: Words) -> None:
        """Adds a copy of these words."""
        after = self._count + len(words)
        if after > len(self._words):
            # No view of the array is ever given away while it grows.
            self._words.resize(max(after, len(self._words) * 5 // 4), refcheck=False)
        self._words[self._count : after] = words
        self._count = after

    def are_positive(self) -> bool:
        """Whether all are the same numbers with a sign and without."""
        return bool((self._words[: self._count].view(np.int64) >= 0).all())

    def whole(self) -> Words:
        """All words. Nothing is added any more."""
        self._words.resize(self._count, refcheck=False)
        return self._words


class Index(Protocol):
    """Slots of the different ones of words (n,), in an order of the index's own.

    rows: where the word of each slot stood first. again: where words stood that had stood before, in order. first: where each
    of these stood first.
    """

    rows: Codes
    again: Codes
    first: Codes

    def find(self, words: Words) -> Codes:
        """The slot of each word (m,), -1 for one that does not occur. Changes nothing, so that threads can share it."""

    def words(self) -> Words:
        """The word of each slot."""


def index(words: Words) -> Index:
    """The index of these words: a table by number where they are dense as int64, else one by hash."""
    if len(words):
        signed = words.view(np.int64)
        low, span = int(signed.min()), int(signed.max()) - int(signed.min())
        if span <= max(SPREAD * len(words), BLOCK):
            return _Dense(words, low, span)
    return _Hashed(words)


def mixed(words: Words) -> Words:
    """Each word as another one, all bits of which depend on all of its own: SplitMix64's finalizer, which is one to one.

    Steele, Lea, Flood 2014, DOI 10.1145/2660193.2660195.
    """
    words = words ^ (words >> np.uint64(30))
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def all_differ(words: Words) -> bool:
    """Whether no word occurs twice; sorts them in place."""
    words.sort()
    pairs = ((words[start + 1 : stop + 1], words[start:stop]) for start, stop in _blocks(len(words)))
    return not any((after == before[: len(after)]).any() for after, before in pairs)


class _Dense:
    """Slots in the order of the numbers. Where each number from the lowest to the highest occurs, they are its distances."""

    def __init__(self, words: Words, low: int, span: int) -> None:
        self._low = np.uint64(low % 2**64)
        self._span = np.uint64(span)
        kind = _positions(len(words))
        rows = np.full(span + 1, -1, dtype=kind)
        # Of several values for one place the last one stays, so from the end on.
        for start, stop in reversed(list(_blocks(len(words)))):
            rows[self._distances(words[start:stop])[::-1]] = np.arange(start, stop, dtype=kind)[::-1]
        self._slots: Codes | None = None
        self._numbers = np.flatnonzero(rows >= 0) if (rows < 0).any() else None
        count = len(rows) if self._numbers is None else len(self._numbers)
        again: list[Any] = []
        if count < len(words):
            for start, stop in _blocks(len(words)):
                first = rows[self._distances(words[start:stop])]
                again.append(np.flatnonzero(first != np.arange(start, stop)) + start)
        self.again = _joined(again)
        self.first = rows[self._distances(words[self.again])].astype(np.intp)
        self.rows = rows
        if self._numbers is not None:
            self.rows = rows[self._numbers]
            rows[self._numbers] = np.arange(count, dtype=kind)
            self._slots = rows

    def _distances(self, words: Words) -> Codes:
        return (words - self._low).view(np.int64)

    def find(self, words: Words) -> Codes:
        found = words - self._low
        inside = found <= self._span
        outside = None if inside.all() else ~inside
        if outside is not None:
            found[outside] = 0
        slots = found.view(np.int64)
        if self._slots is not None:
            slots = self._slots.take(slots).astype(np.intp)
        if outside is not None:
            slots[outside] = -1
        return slots

    def words(self) -> Words:
        numbers = np.arange(len(self.rows)) if self._numbers is None else self._numbers
        return numbers.view(np.uint64) + self._low


class _Hashed:
    """Slots in the order of the words' hashes; where those with the same first bits start is told by a second array."""

    def __init__(self, words: Words) -> None:
        count = len(words)
        # The high bits of each hash, and in the low bits where its word stands.
        self._low = np.uint64((1 << count.bit_length()) - 1)
        ordered = np.empty(count, dtype=np.uint64)
        for start, stop in _blocks(count):
            ordered[start:stop] = (mixed(words[start:stop]) & ~self._low) | np.arange(start, stop, dtype=np.uint64)
        ordered.sort()
        ordered, self.again, self.first = self._without_repeats(words, ordered)
        self._shift = np.uint64(64 - count.bit_length())
        self._starts = self._where_buckets_start(1 << count.bit_length(), ordered)
        self.rows = np.empty(len(ordered), dtype=_positions(count))
        for start, stop in _blocks(len(ordered)):
            self.rows[start:stop] = ordered[start:stop] & self._low
            # In the memory that is there already.
            ordered[start:stop] = words.take(self.rows[start:stop])
        self._words = ordered

    def words(self) -> Words:
        return self._words

    def _without_repeats(self, words: Words, ordered: Words) -> tuple[Words, Codes, Codes]:
        """The sorted array without words that stood before; where these stand, and where each stood first."""
        close = []
        for start, stop in _blocks(len(ordered)):
            after = ordered[start + 1 : stop + 1]
            close.append(np.flatnonzero((after ^ ordered[start : start + len(after)]) <= self._low) + start)
        pairs = _joined(close)
        # All whose high bits are shared, with their words: by these, and by place within equal ones.
        shared = np.zeros(len(ordered), dtype=np.bool_)
        shared[pairs] = shared[pairs + 1] = True
        at = np.flatnonzero(shared)
        places = (ordered[at] & self._low).astype(np.intp)
        order = np.lexsort((places, words[places]))
        places = places[order]
        new = np.ones(len(places), dtype=np.bool_)
        new[1:] = words[places[1:]] != words[places[:-1]]
        again = places[~new]
        if not again.size:
            return ordered, again, again
        first = places[np.flatnonzero(new)[np.cumsum(new) - 1]][~new]
        keep = np.ones(len(ordered), dtype=np.bool_)
        keep[at[order[~new]]] = False
        order = np.argsort(again)
        return ordered[keep], again[order], first[order]

    def _where_buckets_start(self, buckets: int, ordered: Words) -> Codes:
        starts = np.zeros(buckets + 1, dtype=_positions(len(ordered)))
        for start, stop in _blocks(len(ordered)):
            # The last of equal buckets stays, which is where the next one starts.
            starts[self._buckets(ordered[start:stop]) + 1] = np.arange(start + 1, stop + 1, dtype=starts.dtype)
        np.maximum.accumulate(starts, out=starts)
        return starts

    def _buckets(self, hashes: Words) -> Codes:
        return (hashes >> self._shift).view(np.int64)

    def find(self, words: Words) -> Codes:
        if not len(self._words):
            return np.full(len(words), -1, dtype=np.intp)
        buckets = self._buckets(mixed(words))
        found = self._starts.take(buckets).astype(np.intp)
        rows = np.flatnonzero(self._words.take(found, mode="clip") != words)
        at, ends, words = found[rows], self._starts.take(buckets[rows] + 1), words[rows]
        found[rows] = -1
        while rows.size:
            at += 1
            on = np.flatnonzero(at < ends)
            rows, at, ends, words = rows[on], at[on], ends[on], words[on]
            same = self._words.take(at) == words
            found[rows[same]] = at[same]
            on = np.flatnonzero(~same)
            rows, at, ends, words = rows[on], at[on], ends[on], words[on]
        return found


def _positions(count: int) -> Any:
    """The integer type for positions below `count`, and -1."""
    return np.int32 if count < 1 << 31 else np.int64


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))


def _joined(parts: list[Any]) -> Codes:
    return np.concatenate([*parts, np.empty(0, dtype=np.intp)]).astype(np.intp)
