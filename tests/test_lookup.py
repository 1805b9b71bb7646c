"""Places of 64-bit words among others: a dict of Python says where each stands."""

from __future__ import annotations

import numpy as np
import pytest

from celoss import lookup
from celoss.lookup import all_differ, index, mixed


def words(numbers):
    return np.array([number % 2**64 for number in numbers], dtype=np.uint64)


def expected(numbers):
    """The first place of each number, the places of repeats, and where these stood first."""
    first = {}
    for place, number in enumerate(numbers):
        first.setdefault(number, place)
    again = [place for place, number in enumerate(numbers) if first[number] != place]
    return first, again, [first[numbers[place]] for place in again]


def places(table, wanted):
    """Where each word that is wanted stood first."""
    return [-1 if slot < 0 else table.rows[slot] for slot in table.find(wanted).tolist()]


def check(numbers, others):
    first, again, before = expected(numbers)
    table = index(words(numbers))
    assert table.again.tolist() == again
    assert table.first.tolist() == before
    assert sorted(table.rows.tolist()) == sorted(first.values())
    assert (table.words() == words(numbers)[table.rows]).all()
    wanted = [*others, *numbers]
    assert places(table, words(wanted)) == [first.get(number, -1) for number in wanted]
    return type(table).__name__


@pytest.mark.parametrize("block", [1, 3, 1 << 16])
@pytest.mark.parametrize("span", [2, 40, 10**9, 2**62], ids=["repeats", "dense", "sparse", "wide"])
def test_each_word_is_found_where_it_stood_first(monkeypatch, span, block):
    monkeypatch.setattr(lookup, "BLOCK", block)
    rng = np.random.default_rng(span % 1000)
    for count in (0, 1, 2, 3, 31, 32, 33, 100):
        numbers = rng.integers(-span, span, count).tolist()
        others = rng.integers(-span - 5, span + 5, 20).tolist()
        check(numbers, others)
        check([*numbers, *reversed(numbers)], others)


def test_numbers_close_together_are_looked_up_by_number_and_others_by_hash():
    close = range(-5, 5)
    assert check(close, [-6, 5, 2**63, -(2**63), 2**64 - 6]) == "_Dense"
    apart = [one * 10**12 for one in close]
    assert check(apart, [1, 10**12 + 1, 2**63]) == "_Hashed"


@pytest.mark.parametrize("base", [0, -(2**63), 2**63 - 50, 2**63 - 25, 2**64 - 50])
def test_words_at_either_end_of_the_integers_are_found(base):
    numbers = [(base + one) % 2**64 for one in range(50)]
    check(numbers, [(base - 1) % 2**64, (base + 50) % 2**64, 0, 2**63, 2**64 - 1])


def same_hash(words):
    """A hash that is one for all."""
    return np.zeros_like(words)


def few_hashes(words):
    """A hash with the same high bits for many, so that words of one bucket are told apart by themselves."""
    return (words % np.uint64(3)) << np.uint64(62)


@pytest.mark.parametrize("hashes", [same_hash, few_hashes])
def test_words_whose_hashes_begin_alike_are_told_apart(monkeypatch, hashes):
    monkeypatch.setattr(lookup, "mixed", hashes)
    rng = np.random.default_rng(7)
    numbers = (rng.permutation(60) * 10**15).tolist()
    assert check(numbers, [1, 5, 10**15 + 1]) == "_Hashed"
    assert check([*numbers, *numbers[::2], *numbers[::3]], [1, 5, 10**15 + 1]) == "_Hashed"


def test_many_words_of_a_large_table_are_found():
    rng = np.random.default_rng(8)
    for numbers in (rng.permutation(300_000), rng.integers(-(2**63), 2**63, 300_000)):
        table = index(numbers.view(np.uint64))
        order = rng.permutation(len(numbers))
        assert table.again.size == 0
        assert (table.rows[table.find(numbers[order].view(np.uint64))] == order).all()


def test_the_hash_of_words_is_the_published_one():
    """SplitMix64 from seed 1234567: the finalizer of 1234567 + the golden gamma, first number of the reference program."""
    assert mixed(words([1234567 + 0x9E3779B97F4A7C15])).tolist() == [6457827717110365317]


@pytest.mark.parametrize("block", [1, 2, 1 << 16])
@pytest.mark.parametrize(
    ("numbers", "differ"), [([], True), ([5], True), ([5, 3, 4], True), ([5, 3, 5], False), ([1, 2, 3, 4, 1], False)]
)
def test_words_that_differ_are_told_from_words_that_repeat(monkeypatch, numbers, differ, block):
    monkeypatch.setattr(lookup, "BLOCK", block)
    assert all_differ(words(numbers)) is differ
