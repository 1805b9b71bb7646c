"""Owns keys: one per row, proofs that none occurs twice, and tables that tell where each stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from celoss import compute as pc
from celoss.bridge import from_ndarray, from_texts, ndarray
from celoss.codings import Integers, Numbered, hashes, is_integers, is_unsigned
from celoss.kernels import Codes, Mask
from celoss.lookup import Index, WordList, Words, all_differ, index
from celoss.sources import Chunk
from celoss.sources.base import as_text
from celoss.sources.cases import SEPARATOR, key_of

Coding = Integers | Numbered

# What is kept of keys that come in an order, in case the next ones do not.
FEW_KEYS = 1 << 16
# As many texts as are made at once.
MANY_KEYS = 1 << 24


def keys_of(chunk: Chunk, count: int) -> Any:
    """The keys (n,) of a chunk whose first `count` texts make them: integers where one column has these, else texts."""
    columns = chunk.texts[:count]
    return columns[0] if count == 1 and is_integers(columns[0]) else key_of(columns)


def filled(keys: Any) -> Mask | None:
    """Whether each key (n,) is not the empty text; None when all are."""
    if is_integers(keys):
        return None
    lengths = ndarray(pc.binary_length(keys))
    return None if lengths.all() else lengths > 0


def shown(key: Any) -> str:
    """A key as text; of several columns, those joined by commas."""
    parts = str(key.as_py()).split(SEPARATOR)
    return ", ".join(parts[: (len(parts) + 1) // 2])


def are_same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Whether key columns of as many rows are the same row by row, whatever their types."""
    return all(map(_is_same, left, right))


def _is_same(left: Any, right: Any) -> bool:
    if left.type == right.type:
        return bool(left.equals(right))
    return bool(as_text(left).equals(as_text(right)))


class Distinct:
    """A proof that no key occurs twice, of chunks in turn.

    Keys in a strict order need no memory; where already the first ones have none, eight bytes of each are kept.
    """

    def __init__(self) -> None:
        self._orders = Orders()
        self._ordered = True
        self._coding: Coding | None = None
        self._words: WordList | None = WordList()
        self._count = 0

    def still_hold(self, keys: Any) -> bool:
        """Whether with these keys added no key is known to occur twice."""
        self._ordered = self._ordered and self._orders.still_hold(keys)
        if self._ordered and self._count > FEW_KEYS:
            self._words = None
        if self._words is not None and not self._kept(keys):
            self._words = None
        self._count += len(keys)
        return self._ordered or self._words is not None

    def _kept(self, keys: Any) -> bool:
        """Keeps words for keys; False when keys of this type have none beside those before."""
        assert self._words is not None
        if not len(self._words):
            self._coding = Integers(is_unsigned(keys)) if is_integers(keys) else None
        if is_integers(keys) != (self._coding is not None):
            return False
        words, fits = self._coding.words(keys) if self._coding else (hashes(keys), None)
        self._words.add(words)
        return fits is None

    def hold(self) -> bool:
        """Whether no key occurs twice, now that all were added; where texts have one hash that is not known, and False."""
        if self._ordered:
            return True
        assert self._words is not None
        return all_differ(self._words.whole())


class Orders:
    """Which strict orders hold for all keys so far: up or down, of texts by themselves or by length first (as for 9, 10)."""

    def __init__(self) -> None:
        self._holding = {(by_length, up) for by_length in (False, True) for up in (False, True)}
        self._last: Any = None

    def still_hold(self, keys: Any) -> bool:
        """Whether some order holds with these keys added."""
        last = self._last
        if last is not None and last.type != keys.type:
            return False
        if is_integers(keys):
            numbers = ndarray(keys)
            self._hold_for(numbers[:-1], numbers[1:], _rising_numbers)
            if last is not None:
                self._hold_for(ndarray(last), numbers[:1], _rising_numbers)
        else:
            both = keys if last is None else pa.concat_arrays([last, keys])
            self._hold_for(both.slice(0, len(both) - 1), both.slice(1), _rising_texts)
        self._last = keys.slice(len(keys) - 1)
        return bool(self._holding)

    def _hold_for(self, before: Any, after: Any, rising: Callable[[Any, Any], set[bool]]) -> None:
        if len(before):
            ups = {up for _, up in self._holding}
            found = {(by_length, up) for up in ups for by_length in (rising(before, after) if up else rising(after, before))}
            self._holding &= found


def _rising_numbers(before: Any, after: Any) -> set[bool]:
    """How numbers rise: never by length."""
    return {False} if (before < after).all() else set()


def _rising_texts(before: Any, after: Any) -> set[bool]:
    """How texts rise: by themselves (False), by their lengths first (True)."""
    rising = pc.less(before, after)
    by_text = bool(pc.all(rising).as_py())
    left, right = pc.binary_length(before), pc.binary_length(after)
    if left.equals(right):
        return {False, True} if by_text else set()
    by_length = pc.or_(pc.less(left, right), pc.and_(pc.equal(left, right), rising))
    return {order for order, holds in ((False, by_text), (True, bool(pc.all(by_length).as_py()))) if holds}


class KeyTable:
    """Slots of the different ones of many keys, in an order of the table's own; of integers and numbered texts no text is kept.

    rows: where the key of each slot stood first. again: where keys stood that had stood before. first: where each of these
    stood first. filled: (n,) whether a key is not the empty text, None when all are.
    """

    def __init__(self, chunks: Iterable[Any]) -> None:
        self._coding, coded, texts = _coded(chunks)
        self._keys: Any = None
        self._seed = 0
        self.filled: Mask | None = None
        if self._coding is None:
            self._keys = _all_texts(texts)
            self.filled = filled(self._keys)
            self._index = self._of_hashes()
        else:
            self._index = index(coded.whole())
        self.rows, self.again, self.first = self._index.rows, self._index.again, self._index.first

    def _of_hashes(self) -> Index:
        """The index of hashes by which no two different keys are the same."""
        while True:
            found = index(hashes(self._keys, self._seed))
            if self._texts_at(found.again).equals(self._texts_at(found.first)):
                return found
            self._seed += 1

    def find(self, keys: Any) -> Codes:
        """The slot of each key (m,), -1 for one that does not occur. Changes nothing, so that threads can share it."""
        if self._coding is not None:
            words, fits = self._coding.words(keys)
            found = self._index.find(words)
            if fits is not None:
                found[~fits] = -1
            return found
        found = self._index.find(hashes(keys, self._seed))
        rows = np.flatnonzero(found >= 0)
        there, here = self._texts_at(self.rows[found[rows]]), as_text(keys)
        if len(rows) < len(keys):
            here = pc.take(here, from_ndarray(rows))
        if not there.equals(here):
            found[rows[~ndarray(pc.cast(pc.equal(there, here), pa.uint8())).view(np.bool_)]] = -1
        return found

    def at(self, rows: Codes) -> Any:
        """The keys that stand there."""
        if self._coding is None:
            return self._texts_at(rows)
        slots = np.empty(len(self.rows) + len(self.again), dtype=np.intp)
        slots[self.rows] = np.arange(len(self.rows))
        slots[self.again] = slots[self.first]
        return self._coding.keys(self._index.words()[slots[rows]])

    def _texts_at(self, rows: Codes) -> Any:
        return pc.cast(pc.take(self._keys, from_ndarray(rows)), pa.string())


def _coded(chunks: Iterable[Any]) -> tuple[Coding | None, WordList, list[Any]]:
    """The coding of keys and their words; None, no words, and the texts by chunk where there is no coding for all."""
    coding: Coding | None = None
    coded = WordList()
    texts: list[Any] = []
    for keys in chunks:
        if not len(coded) and not texts:
            coding = _coding_like(keys)
        if coding is not None:
            words, fits = coding.words(keys)
            if fits is not None and is_unsigned(keys) and coding == Integers(unsigned=False) and coded.are_positive():
                coding = Integers(unsigned=True)
                words, fits = coding.words(keys)
            if fits is None:
                coded.add(words)
                continue
            texts = _texts_of(coding, coded.whole())
            coding, coded = None, WordList()
        texts.append(as_text(keys))
    return coding, coded, texts


def _texts_of(coding: Coding, words: Words) -> list[Any]:
    """The texts of words, some at a time, as one array has no room for more than 2 GB of them."""
    return [as_text(coding.keys(words[start : start + MANY_KEYS])) for start in range(0, len(words), MANY_KEYS)]


def _coding_like(keys: Any) -> Coding | None:
    """The coding that the first keys may have."""
    if is_integers(keys):
        return Integers(is_unsigned(keys))
    return Numbered.like(str(keys[0].as_py()))


def _all_texts(parts: list[Any]) -> Any:
    """Texts of chunks as one array, also where they are longer than 2 GB together."""
    if sum(part.nbytes for part in parts) >= 1 << 31:
        parts = [pc.cast(part, pa.large_string()) for part in parts]
    return pa.concat_arrays(parts) if parts else from_texts([])
