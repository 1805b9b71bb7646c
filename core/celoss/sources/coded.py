"""Owns columns whose texts are not made for every row: dictionaries of the few different ones, and keys that are integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from celoss import compute as pc
from celoss.bridge import from_ndarray, from_texts, ndarray, ndarray_or
from celoss.sources.base import as_text

# A dictionary of all integers of a range, or one that a table keeps for many chunks, pays where it is short or much shorter
# than the chunk.
LEAST_ENTRIES = 256
RANGE_SHARE = 16
ENTRY_SHARE = 4


def key_integers(values: Any) -> Any:
    """An Arrow array of a plain type as int64, or uint64 where that is too small; None unless all are integers.

    The decimal digits of an integer are its canonical text, so these can be compared in its place.
    """
    kind = values.type
    if not pa.types.is_integer(kind) or values.null_count:
        return None
    if pa.types.is_uint64(kind) and len(values) and int(ndarray(values).max()) > np.iinfo(np.int64).max:
        return values
    return values if pa.types.is_int64(kind) else pc.cast(values, pa.int64())


def coded(values: Any) -> Any:
    """A dictionary array with the canonical texts of an Arrow array, each once; None where plain texts are made as fast.

    An entry of the dictionary need not occur.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        few = len(values.dictionary) <= max(LEAST_ENTRIES, len(values) // ENTRY_SHARE)
        return _with_texts(values) if few else None
    if pa.types.is_boolean(kind) and not values.null_count:
        return pa.DictionaryArray.from_arrays(pc.cast(values, pa.int32()), from_texts(["False", "True"]))
    integers = key_integers(values)
    if integers is not None and len(integers):
        numbers = ndarray(integers)
        low, high = int(numbers.min()), int(numbers.max())
        if high - low < max(LEAST_ENTRIES, len(values) // RANGE_SHARE):
            places = from_ndarray((numbers - low).astype(np.int32))
            texts = from_texts([str(number) for number in range(low, high + 1)])
            return pa.DictionaryArray.from_arrays(places, texts)
    if any(test(kind) for test in _ENCODED):
        try:
            return _with_texts(pc.dictionary_encode(values))
        except pa.ArrowNotImplementedError:
            # Decimals of 32 and 64 bits.
            return None
    return _characters(values) if pa.types.is_string(kind) and not values.null_count else None


def _characters(values: Any) -> Any:
    """Texts of which each is one ASCII character, as a dictionary array; None for other texts."""
    _, ends, data = values.buffers()
    if not len(values):
        return None
    offsets = np.frombuffer(ends, dtype=np.int32, count=len(values) + 1, offset=4 * values.offset)
    first, last = int(offsets[0]), int(offsets[-1])
    if last - first != len(values) or not (np.diff(offsets) == 1).all():
        return None
    characters = np.frombuffer(data, dtype=np.uint8, count=len(values), offset=first)
    low, high = int(characters.min()), int(characters.max())
    if high >= _ASCII:
        return None
    places = from_ndarray((characters - low).astype(np.int32))
    return pa.DictionaryArray.from_arrays(places, from_texts([chr(one) for one in range(low, high + 1)]))


_ASCII = 128


_ENCODED = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_temporal)


def _with_texts(values: Any) -> Any:
    """A dictionary array of any values as one of canonical texts; None where an entry is not UTF-8."""
    try:
        texts = as_text(values.dictionary)
        texts.validate(full=True)
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    places = pc.cast(values.indices, pa.int32())
    if places.null_count:
        places = from_ndarray(ndarray_or(places, len(texts)))
        texts = pa.concat_arrays([texts, from_texts([""])])
    # Several values can have one text: missing ones and the empty text, 0.0 and -0.0.
    distinct = pc.dictionary_encode(texts)
    if len(distinct.dictionary) < len(texts):
        places, texts = pc.take(distinct.indices, places), distinct.dictionary
    return pa.DictionaryArray.from_arrays(places, texts)
