"""Owns Arrow's functions by name, as `pyarrow.compute` has them, without the 17 ms that it takes to make wrappers of all.

Arrays have methods that load it too: `cast`, `take`, `filter`, `unique`, `dictionary_encode`, `dictionary_decode`. Where every
run passes, the functions of those names stand here instead.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa

try:
    from pyarrow._compute import CastOptions, SetLookupOptions, get_function
except ImportError:
    from pyarrow.compute import CastOptions, SetLookupOptions, get_function


def cast(values: Any, kind: pa.DataType, *, safe: bool = True) -> Any:
    """Values as another type; where it is to be safe, raises ArrowInvalid if one would not be the same."""
    return get_function("cast").call([values], CastOptions.safe(kind) if safe else CastOptions.unsafe(kind))


def dictionary_decode(values: pa.DictionaryArray) -> Any:
    return get_function("take").call([values.dictionary, values.indices])


def index_in(values: Any, *, value_set: Any) -> Any:
    return get_function("index_in").call([values], SetLookupOptions(value_set=value_set))


def is_in(values: Any, *, value_set: Any) -> Any:
    return get_function("is_in").call([values], SetLookupOptions(value_set=value_set))


def __getattr__(name: str) -> Callable[..., Any]:
    """Any other function of Arrow."""
    if name.startswith("__"):
        raise AttributeError(name)
    return partial(_call, name)


def _call(name: str, *arguments: Any, **options: Any) -> Any:
    function = get_function(name.rstrip("_"))
    if options or (function.arity is not ... and len(arguments) > function.arity):
        import pyarrow.compute

        return getattr(pyarrow.compute, name)(*arguments, **options)
    return function.call(list(arguments))
