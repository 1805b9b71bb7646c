"""Owns keys as 64-bit words: integers and numbered texts one to one, other texts as hashes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from celoss import compute as pc
from celoss.bridge import from_ndarray, ndarray
from celoss.kernels import Codes, Mask
from celoss.lookup import Words, mixed
from celoss.records import dataclass
from celoss.sources.base import as_text

# Digits of a numbered text, so that a one before them still is an int64.
MOST_DIGITS = 18
NUMBERED = re.compile(r"(.*?)([0-9]{1,18})([^0-9]*)", re.DOTALL)
# Of texts of about one length so many words are hashed one after another, of others all at once.
MOST_WORDS = 32

# And these in blocks of so many words, so that work arrays stay small.
BLOCK_WORDS = 1 << 17

# Work arrays of larger parts fall out of cache, and are given back to the system and taken anew each time.
PART_ROWS = 1 << 15

NO_WORDS = np.empty(0, dtype=np.uint64)
EIGHT = 8
BEFORE = 3 * EIGHT
ALL = np.uint64(2**64 - 1)
SIGN = np.uint64(1 << 63)
# Of eight digits the high halves of all bytes are 3, also when 6 is added.
ZEROS, SIXES, HIGH_HALVES = np.uint64(0x3030303030303030), np.uint64(0x0606060606060606), np.uint64(0xF0F0F0F0F0F0F0F0)
POWERS = np.uint64(10) ** np.arange(MOST_DIGITS + 1, dtype=np.uint64)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def is_integers(keys: Any) -> bool:
    """Whether an Arrow array of keys holds integers instead of texts."""
    return bool(pa.types.is_integer(keys.type))


def is_unsigned(keys: Any) -> bool:
    """Whether an Arrow array of keys holds integers that may not fit an int64."""
    return bool(pa.types.is_unsigned_integer(keys.type))


@dataclass(frozen=True)
class Integers:
    """Integers as themselves; texts that are the decimal digits of one, as `as_text` writes them, are the same."""

    unsigned: bool

    def words(self, keys: Any) -> tuple[Words, Mask | None]:
        """The word of each key (n,), and which keys have one; None for all."""
        if not is_integers(keys):
            return _by_part(self._of_texts, keys)
        words = ndarray(keys).view(np.uint64)
        if is_unsigned(keys) == self.unsigned:
            return words, None
        fits = words < SIGN
        return words, None if fits.all() else fits

    def _of_texts(self, texts: _Bytes) -> tuple[Words, Mask]:
        first = texts.word(0)
        negative = (first & np.uint64(0xFF)) == ord("-")
        count = texts.lengths - negative
        high, low, fits = texts.digits(count, 0)
        leading = np.where(negative, first >> np.uint64(8), first) & np.uint64(0xFF)
        fits &= (count <= 20) & ((leading != ord("0")) | ((count == 1) & ~negative))
        words = high * np.uint64(10**16) + low
        # 2^64 is 1844 6744073709551616.
        fits &= (high < 1844) | ((high == 1844) & (low <= np.uint64(6744073709551615)))
        if self.unsigned:
            return words, fits & ~negative
        fits &= words <= np.where(negative, SIGN, SIGN - np.uint64(1))
        return np.where(negative, ~words + np.uint64(1), words), fits

    def keys(self, words: Words) -> Any:
        """The integers of these words."""
        return from_ndarray(words if self.unsigned else words.view(np.int64))


@dataclass(frozen=True)
class Numbered:
    """Texts that differ in up to 18 digits between a prefix and a suffix: the number that has these digits after a one."""

    prefix: str
    suffix: str

    @classmethod
    def like(cls, text: str) -> Numbered | None:
        """The coding of texts that differ from this one in its last digits; None when it has none."""
        parts = NUMBERED.fullmatch(text)
        return parts and cls(parts[1], parts[3])

    def words(self, keys: Any) -> tuple[Words, Mask | None]:
        """The word of each key (n,), and which keys have one; None for all."""
        return _by_part(self._of_texts, keys)

    def _of_texts(self, texts: _Bytes) -> tuple[Words, Mask]:
        prefix, suffix = self.prefix.encode(), self.suffix.encode()
        count = texts.lengths - (len(prefix) + len(suffix))
        high, low, fits = texts.digits(count, len(suffix))
        fits &= count <= MOST_DIGITS
        fits &= texts.starts_with(prefix)
        fits &= texts.ends_with(suffix)
        low += high * np.uint64(10**16)
        low += POWERS[np.clip(count, 0, MOST_DIGITS)]
        return low, fits

    def keys(self, words: Words) -> Any:
        """The texts of these words."""
        digits = pc.utf8_slice_codeunits(pc.cast(from_ndarray(words), pa.string()), 1)
        return pc.binary_join_element_wise(self.prefix, digits, self.suffix, "")


def hashes(keys: Any, seed: int = 0) -> Words:
    """A hash of the bytes of each text (n,); other seeds give others."""
    return np.concatenate([NO_WORDS, *(texts.hashes(seed) for texts in _parts(keys))])


def _by_part(words_of: Callable[[_Bytes], tuple[Words, Mask]], keys: Any) -> tuple[Words, Mask | None]:
    """The words of texts, and which have one, None for all, from a function that gives these of some."""
    words, fits = zip((NO_WORDS, np.empty(0, dtype=np.bool_)), *map(words_of, _parts(keys)), strict=True)
    which: Mask = np.concatenate(fits)
    return np.concatenate(words), None if which.all() else which


def _parts(keys: Any) -> Iterator[_Bytes]:
    texts = as_text(keys)
    return (_Bytes(texts.slice(start, PART_ROWS)) for start in range(0, len(texts), PART_ROWS))


class _Bytes:
    """The bytes of the texts (n,) of an Arrow array, eight at a time.

    lengths: of each text in bytes: (n,), or one number where all are equal.
    """

    def __init__(self, texts: Any) -> None:
        _, offsets, data = texts.buffers()
        self.rows = len(texts)
        bounds = np.frombuffer(offsets, dtype=np.int32, count=self.rows + 1, offset=4 * texts.offset)
        first, size = int(bounds[0]), int(bounds[-1] - bounds[0])
        # A word may begin before the first text or end after the last one.
        self._data = np.zeros(BEFORE + size + EIGHT, dtype=np.uint8)
        if size:
            self._data[BEFORE:-EIGHT] = np.frombuffer(data, dtype=np.uint8, count=size, offset=first)
        lengths = np.diff(bounds)
        self._equal = bool((lengths == lengths[:1]).all()) and self.rows > 0
        self.lengths: Any = int(lengths[0]) if self._equal else lengths.astype(np.intp)
        self._starts = bounds[:-1].astype(np.intp) - (first - BEFORE)

    def word(self, offset: Any) -> Words:
        """The eight bytes (n,) from `offset` on, of which the first are the lowest bits; nothing of use where these are not
        in or about the text."""
        if self._equal:
            if not -BEFORE <= offset <= self.lengths:
                return np.zeros(self.rows, dtype=np.uint64)
            return np.ndarray((self.rows,), "<u8", self._data, BEFORE + offset, (self.lengths,)).copy()
        return self._anywhere(self._starts + offset)

    def _anywhere(self, places: Codes) -> Words:
        last = len(self._data) - EIGHT
        words: Words = np.ndarray((last + 1,), "<u8", self._data, 0, (1,))[np.clip(places, 0, last)]
        return words

    def digits(self, count: Any, end: int) -> tuple[Words, Words, Mask]:
        """The number of `count` digits, (n,) or one number, that end `end` bytes before the end of the texts.

        Its digits but the last 16, its last 16 digits, and whether all are digits, 1 to 24 of them.
        """
        fits = self._all((count > 0) & (count <= 3 * EIGHT))
        parts = [np.zeros(self.rows, dtype=np.uint64) for _ in range(3)]
        for place in range(min(3, -(-int(np.max(count, initial=0)) // EIGHT))):
            word = self.word(self.lengths - (end + EIGHT * (place + 1)))
            others = _low_bytes(EIGHT * (place + 1) - count)
            word = (word & ~others) | (ZEROS & others)
            fits &= (word & (word + SIXES) & HIGH_HALVES) == ZEROS
            parts[place] = _number(word)
        return parts[2], parts[1] * np.uint64(10**8) + parts[0], fits

    def starts_with(self, prefix: bytes) -> Mask:
        """Whether each text begins with these bytes."""
        return self._has(prefix, 0)

    def ends_with(self, suffix: bytes) -> Mask:
        """Whether each text ends with these bytes."""
        return self._has(suffix, self.lengths - len(suffix))

    def _has(self, part: bytes, offset: Any) -> Mask:
        same = self._all(self.lengths >= len(part))
        for start in range(0, len(part), EIGHT):
            piece = part[start : start + EIGHT]
            same &= (self.word(offset + start) & _low_bytes(len(piece))) == np.uint64(int.from_bytes(piece, "little"))
        return same

    def _all(self, condition: Any) -> Mask:
        return np.full(self.rows, condition, dtype=np.bool_)

    def hashes(self, seed: int) -> Words:
        """A hash of each text (n,): of the sum of the hashes of its words with their places, and its length."""
        lengths = np.broadcast_to(self.lengths, (self.rows,))
        # An empty text has one word as well, without bytes, so that no sum is empty.
        counts = np.maximum(-(-lengths // EIGHT), 1)
        most = int(counts.max(initial=0))
        if most <= MOST_WORDS and most * self.rows <= 2 * counts.sum():
            total = np.zeros(self.rows, dtype=np.uint64)
            for place in range(most):
                word = self.word(EIGHT * place) & _low_bytes(self.lengths - EIGHT * place)
                total += mixed(word ^ _salts(np.array([place]), seed)) * (True if self._equal else counts > place)
        else:
            total = np.concatenate([self._sums(rows, seed) for rows in _cut(counts)])
        return mixed(total ^ _salts(lengths, ~seed))

    def _sums(self, rows: slice, seed: int) -> Words:
        lengths = np.broadcast_to(self.lengths, (self.rows,))[rows]
        counts = np.maximum(-(-lengths // EIGHT), 1)
        firsts = np.cumsum(counts) - counts
        places = np.arange(int(counts.sum())) - np.repeat(firsts, counts)
        words = self._anywhere(np.repeat(self._starts[rows], counts) + EIGHT * places)
        words &= _low_bytes(np.repeat(lengths, counts) - EIGHT * places)
        sums: Words = np.add.reduceat(mixed(words ^ _salts(places, seed)), firsts)
        return sums


def _cut(counts: Codes) -> Iterator[slice]:
    """Cuts rows with so many words each into blocks of few words, or of one row."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(ends):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + BLOCK_WORDS, side="right")))
        yield slice(start, stop)
        start = stop


def _low_bytes(count: Any) -> Any:
    """The bits of the lowest `count` bytes of a word, of none below 0 and all above 8: for (n,) or one number."""
    # NumPy shifts 64 bits and more out of a word, other than processors.
    return ALL >> np.asarray(8 * (EIGHT - np.clip(count, 0, EIGHT)), dtype=np.uint64)


def _number(word: Words) -> Words:
    """The number of eight digits, the first of which is the lowest byte: of neighbours two, four, then eight at once."""
    word = word ^ ZEROS
    for ten, bits, kept in ((10, 8, 0x00FF00FF00FF00FF), (100, 16, 0x0000FFFF0000FFFF), (10000, 32, 0x00000000FFFFFFFF)):
        word *= np.uint64((ten << bits) + 1)
        word >>= np.uint64(bits)
        word &= np.uint64(kept)
    return word


def _salts(places: Codes, seed: int) -> Words:
    """A word (n,) for each place of a text."""
    return (places.astype(np.uint64) + np.uint64(seed % 2**32 << 32)) * GOLDEN
