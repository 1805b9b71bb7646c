"""Owns moving columns between Arrow and NumPy (and Python texts) without pandas.

pyarrow's own conversions (`to_numpy`, `pa.array`, `pa.scalar`) import pandas when it is installed, which costs a small run
more than all its work. DLPack and plain buffers do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from celoss import compute as pc


def ndarray(values: Any) -> NDArray[Any]:
    """A read-only view (n,) of an Arrow array of numbers without nulls."""
    return np.from_dlpack(values)


def ndarray_or(values: Any, missing: float) -> NDArray[Any]:
    """An array (n,) of an Arrow array of numbers, with `missing` where it is null."""
    if values.null_count:
        filler = np.full(len(values), missing, dtype=values.type.to_pandas_dtype())
        values = pc.coalesce(values, from_ndarray(filler))
    return ndarray(values)


def from_ndarray(values: NDArray[Any]) -> Any:
    """An Arrow array of the same numbers (n,), not copied when contiguous."""
    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def dictionary(values: Any) -> Any:
    """An Arrow array as a dictionary array, which it may be already."""
    return values if pa.types.is_dictionary(values.type) else pc.dictionary_encode(values)


def from_texts(texts: Sequence[str]) -> Any:
    """An Arrow array of texts. Raises UnicodeEncodeError for a text that is not Unicode (a lone surrogate)."""
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int32)
    np.cumsum([len(one) for one in encoded], out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)
