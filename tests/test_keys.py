"""Keys of any type: where each stands, and whether none occurs twice; a dict of Python's texts is the witness."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from celoss import codings, keys
from celoss.keys import Distinct, KeyTable, are_same
from celoss.lookup import mixed

INT, UINT, TEXT = pa.int64(), pa.uint64(), pa.string()


def arrays(*parts):
    """Chunks of keys: (type, keys)."""
    return [pa.array([str(key) for key in part] if kind == TEXT else part, kind) for kind, part in parts]


def places(table, wanted):
    """Where each key that is wanted stood first."""
    return [-1 if slot < 0 else table.rows[slot] for slot in table.find(wanted).tolist()]


def check(chunks, others):
    """Looks up the keys of the chunks themselves and others, and compares with a dict of their texts."""
    texts = [str(key) for chunk in chunks for key in chunk.to_pylist()]
    first = {}
    for place, text in enumerate(texts):
        first.setdefault(text, place)
    again = [place for place, text in enumerate(texts) if first[text] != place]
    table = KeyTable(iter(chunks))
    assert sorted(table.rows.tolist()) == sorted(first.values())
    assert table.again.tolist() == again
    assert table.first.tolist() == [first[texts[place]] for place in again]
    assert [str(key) for key in table.at(np.arange(len(texts))).to_pylist()] == texts
    for wanted in [*chunks, *others]:
        assert places(table, wanted) == [first.get(str(key), -1) for key in wanted.to_pylist()]
    return table


LARGE = 2**63
OTHERS = arrays(
    (INT, [-1, 0, 1, 5, 7, 70, 10**12, -(2**63)]),
    (UINT, [0, 5, 7, LARGE, LARGE + 5, 2**64 - 1]),
    (TEXT, ["", "5", "05", "7", "-1", "case-5", "case-05", "case-5x", "a", str(LARGE + 5), "9" * 25, "x" * 100]),
)
TABLES = {
    "integers": [(INT, [5, 3, 7, -1])],
    "integers that repeat": [(INT, [5, 3, 5]), (INT, [3, 3, 9])],
    "integers far apart": [(INT, [5, 10**12, -(2**63), 2**63 - 1])],
    "large integers": [(UINT, [LARGE + 5, LARGE, 2**64 - 1]), (INT, [5, 0])],
    "integers that become large": [(INT, [5, 0]), (UINT, [LARGE + 5, 7])],
    "negative and large integers": [(INT, [-1, 5]), (UINT, [LARGE + 5, 7])],
    "large and negative integers": [(UINT, [LARGE + 5, 7]), (INT, [-1, 5])],
    "integers, then texts": [(INT, [5, 7]), (TEXT, ["70", "", "a"])],
    "texts, then integers": [(TEXT, ["70", "05"]), (INT, [5, 7])],
    "digits": [(TEXT, ["5", "7", "05", "5"])],
    "numbered": [(TEXT, ["case-5", "case-7"]), (TEXT, ["case-05", "case-5"])],
    "numbered, then not": [(TEXT, ["case-5", "case-7"]), (TEXT, ["case-05", "case-5", "a", "case-7x"])],
    "names": [(TEXT, ["a", "b", "a", "c" * 99]), (TEXT, ["c" * 98, "c" * 99])],
    "empty ones": [(TEXT, ["", "a", ""])],
    "an odd first one": [(TEXT, ["", "5", "7"]), (INT, [7])],
}


@pytest.mark.parametrize("chunks", TABLES.values(), ids=TABLES)
def test_each_key_is_found_where_its_text_stood_first_whatever_the_types(chunks):
    check(arrays(*chunks), OTHERS)


def test_which_keys_are_empty_is_known():
    assert KeyTable(arrays((TEXT, ["", "a", "b", ""]))).filled.tolist() == [False, True, True, False]
    for kind, some in ((TEXT, ["a", "b"]), (TEXT, ["n1", "n2"]), (INT, [1, 2])):
        assert KeyTable(arrays((kind, some))).filled is None


def test_a_table_of_no_keys_finds_none():
    assert KeyTable([]).find(pa.array(["a", ""])).tolist() == [-1, -1]


def test_many_keys_of_any_kind_are_found():
    rng = np.random.default_rng(1)
    for texts in ([f"{one:032x}" for one in range(20_000)], [f"row {one} of all" for one in range(20_000)]):
        order = rng.permutation(len(texts))
        shuffled = pa.array([texts[index] for index in order])
        table = KeyTable([shuffled.slice(0, 12_345), shuffled.slice(12_345)])
        expected = np.empty(len(texts), dtype=np.intp)
        expected[order] = np.arange(len(texts))
        assert (table.rows[table.find(pa.array(texts))] == expected).all()
        assert table.again.size == 0


def weak(texts, seed=0):
    """A hash of which two values are left, until the third seed."""
    words = codings.hashes(texts, seed)
    return words if seed >= 2 else mixed(words % np.uint64(2))


def test_texts_with_one_hash_are_told_apart(monkeypatch):
    monkeypatch.setattr(keys, "hashes", weak)
    check(arrays(*TABLES["names"]), OTHERS)
    check(arrays((TEXT, ["a"]), (TEXT, ["a"])), OTHERS)
    table = KeyTable(arrays((TEXT, ["a", "a"])))
    assert places(table, pa.array(["a", "b", "c", "d", "e", "f"])) == [0, -1, -1, -1, -1, -1]


def is_distinct(chunks):
    distinct = Distinct()
    return all(distinct.still_hold(chunk) for chunk in chunks) and distinct.hold()


def cut(whole, size):
    return [whole.slice(start, size) for start in range(0, len(whole), size)]


DISTINCT = {
    "rising": (INT, [1, 2, 30, 400], True),
    "falling": (INT, [400, 30, 2, -1], True),
    "large": (UINT, [LARGE + 1, LARGE + 2], True),
    "a repeat in a rising order": (INT, [1, 2, 2, 3], False),
    "a repeat in a falling order": (INT, [3, 2, 2, 1], False),
    "no order": (INT, [3, 1, 2, 10**15], True),
    "no order, with a repeat": (INT, [3, 1, 2, 3], False),
    "an order at first": (INT, [1, 2, 3, 4, 0], True),
    "an order at first, with a repeat": (INT, [1, 2, 3, 4, 1], False),
    "texts of one length": (TEXT, ["a1", "a2", "b0"], True),
    "texts by length": (TEXT, ["9", "10", "11"], True),
    "texts falling by length": (TEXT, ["11", "10", "9"], True),
    "texts in no order": (TEXT, ["b", "c", "a", "bb"], True),
    "texts in no order, with a repeat": (TEXT, ["b", "c", "a", "bb", "b"], False),
    "one": (TEXT, ["a"], True),
}


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(("kind", "texts", "expected"), DISTINCT.values(), ids=DISTINCT)
def test_keys_in_any_order_are_distinct_unless_one_repeats(kind, texts, expected, size):
    assert is_distinct(cut(pa.array(texts, kind), size)) is expected


@pytest.mark.parametrize("kept", [0, 1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("name", [name for name, (*_, expected) in DISTINCT.items() if not expected])
def test_a_repeat_is_seen_however_few_keys_in_an_order_are_kept(monkeypatch, name, size, kept):
    monkeypatch.setattr(keys, "FEW_KEYS", kept)
    kind, texts, _ = DISTINCT[name]
    assert not is_distinct(cut(pa.array(texts, kind), size))


def test_of_keys_in_an_order_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(keys, "FEW_KEYS", 2)
    distinct = Distinct()
    assert all(distinct.still_hold(chunk) for chunk in cut(pa.array(range(50)), 5))
    assert distinct._words is None
    assert not distinct.still_hold(pa.array([5]))


@pytest.mark.parametrize("kinds", [(INT, TEXT), (TEXT, INT), (INT, UINT)])
def test_keys_that_change_their_type_in_no_order_are_not_known_to_be_distinct(kinds):
    assert not is_distinct(arrays((kinds[0], [3, 1]), (kinds[1], [LARGE + 3 if UINT in kinds else 5])))


def test_texts_with_one_hash_are_not_known_to_be_distinct(monkeypatch):
    monkeypatch.setattr(keys, "hashes", weak)
    assert not is_distinct(arrays((TEXT, ["b", "a", "c"])))


def test_key_columns_are_the_same_when_their_texts_are():
    same = arrays((INT, [5, 7]), (UINT, [5, 7]), (TEXT, ["5", "7"]))
    for left in same:
        for right in same:
            assert are_same([left, left], [right, right])
            assert not are_same([left, left], [right, pa.array(["5", "07"])])
            assert not are_same([left, pa.array([5, -7])], [right, pa.array([5, 2**64 - 7], UINT)])


def test_random_keys_are_found_as_a_dict_finds_them():
    rng = random.Random(5)
    for _ in range(60):
        pool = [rng.choice(["", "a", "id-"]) + str(rng.randrange(30)) for _ in range(20)]
        chunks = [pa.array(rng.choices(pool, k=rng.randint(1, 9))) for _ in range(rng.randint(1, 4))]
        check(chunks, [pa.array(pool), *OTHERS])
