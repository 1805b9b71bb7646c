"""Functions of Arrow by name are those of `pyarrow.compute`."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute
import pytest

from celoss import compute as pc

TEXTS = pa.array(["a", "bb", None, "a", ""])
NUMBERS = pa.array([3, 1, None, 2, 3])
MASK = pa.array([True, False, None, True, True])
PLACES = pa.array([4, 0, None])


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("binary_length", (TEXTS,), {}),
        ("equal", (TEXTS, pa.scalar("a")), {}),
        ("and_", (MASK, MASK), {}),
        ("or_", (MASK, pa.scalar(True)), {}),
        ("max", (NUMBERS,), {}),
        ("any", (MASK,), {}),
        ("is_null", (TEXTS,), {}),
        ("if_else", (MASK, "yes", "no"), {}),
        ("coalesce", (TEXTS, "none"), {}),
        ("count_distinct", (TEXTS,), {}),
        ("binary_join_element_wise", (TEXTS, TEXTS, ", "), {}),
        ("index_in", (TEXTS,), {"value_set": pa.array(["a", "c"])}),
        ("is_in", (TEXTS,), {"value_set": pa.array(["a", "c"])}),
        ("cast", (NUMBERS, pa.string()), {}),
        ("cast", (pa.array([1.5, 2.0]), pa.int64()), {"safe": False}),
        ("take", (TEXTS, PLACES), {}),
        ("filter", (TEXTS, MASK), {}),
        ("unique", (TEXTS,), {}),
        ("dictionary_encode", (TEXTS,), {}),
        ("starts_with", (TEXTS, "b"), {}),
        ("starts_with", (TEXTS,), {"pattern": "b"}),
        ("replace_substring_regex", (TEXTS, "b+", "c"), {}),
        ("utf8_slice_codeunits", (TEXTS, 1), {}),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_function_gives_what_that_of_pyarrow_gives(name: str, arguments: Any, options: dict[str, Any], chunked: bool) -> None:
    if chunked:
        arguments = [
            pa.chunked_array([one, one[:2]]) if isinstance(one, pa.Array) and one is not PLACES else one for one in arguments
        ]
    ours, theirs = getattr(pc, name)(*arguments, **options), getattr(pyarrow.compute, name)(*arguments, **options)
    assert ours.equals(theirs)


def test_a_cast_that_would_change_a_value_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid, match="truncated"):
        pc.cast(pa.array([1.5]), pa.int64())


def test_a_dictionary_is_decoded_to_its_texts() -> None:
    assert pc.dictionary_decode(TEXTS.dictionary_encode()).equals(TEXTS)


def test_a_function_that_arrow_does_not_have_is_named() -> None:
    with pytest.raises(KeyError, match="no_such_function"):
        pc.no_such_function(TEXTS)
