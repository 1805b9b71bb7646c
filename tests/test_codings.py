"""Keys as 64-bit words: Python's int and str say which texts have one, and which."""

from __future__ import annotations

import random
import re

import numpy as np
import pyarrow as pa
import pytest

from celoss import codings
from celoss.codings import Integers, Numbered, hashes

EDGES = [
    *[
        "0",
        "-0",
        "00",
        "-1",
        "1",
        "9",
        "10",
        "-10",
        "+1",
        "1.0",
        " 1",
        "1 ",
        "-",
        "--1",
        "",
        "1e3",
        "\u0663",
        "\u00e9",
        "0x1",
        "1\x00",
    ],
    *["9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809"],
    *["18446744073709551615", "18446744073709551616", "18446744073709551614", "18500000000000000000"],
    *["99999999999999999999", "100000000000000000000", "-99999999999999999999", "099", "1" * 24, "1" * 25, "9" * 40],
]


def words_of(coding, texts):
    """The word of each text, None for those without one; also of the texts inside a longer array."""
    whole = pa.array(["17", *texts, "18"])
    words, fits = coding.words(whole.slice(1, len(texts)))
    which = np.ones(len(texts), dtype=bool) if fits is None else fits
    return [word if good else None for word, good in zip(words.tolist(), which.tolist(), strict=True)]


def integer(text, unsigned):
    """The word of a text that is the canonical decimal of an integer of 64 bits."""
    if not re.fullmatch("-?[0-9]+", text, re.ASCII) or str(int(text)) != text:
        return None
    low, high = (0, 2**64) if unsigned else (-(2**63), 2**63)
    return int(text) % 2**64 if low <= int(text) < high else None


def random_texts(rng, length=None):
    sizes = (0, 1, 2, 7, 8, 9, 15, 16, 17, 18, 19, 20, 23, 24, 25)
    return ["".join(rng.choices("0123456789-a", k=rng.choice(sizes) if length is None else length)) for _ in range(30)]


@pytest.mark.parametrize("unsigned", [False, True])
def test_only_canonical_decimals_are_integers(unsigned):
    rng = random.Random(1)
    assert words_of(Integers(unsigned), EDGES) == [integer(text, unsigned) for text in EDGES]
    for text in EDGES:
        assert words_of(Integers(unsigned), [text]) == [integer(text, unsigned)], text
    for length in (None, None, 1, 2, 8, 19, 20):
        texts = [
            *random_texts(rng, length),
            *(str(rng.randrange(-(10 ** (length or 9)), 10 ** (length or 9))) for _ in range(30)),
        ]
        assert words_of(Integers(unsigned), texts) == [integer(text, unsigned) for text in texts]


@pytest.mark.parametrize("unsigned", [False, True])
def test_integers_of_either_type_are_the_same_where_both_have_them(unsigned):
    numbers = [0, 1, 2**63 - 1]
    expected = [number % 2**64 for number in numbers]
    for kind in (pa.int64(), pa.uint64()):
        words, fits = Integers(unsigned).words(pa.array(numbers, kind))
        assert (words.tolist(), fits) == (expected, None)
    words, fits = Integers(unsigned=True).words(pa.array([-1, 5], pa.int64()))
    assert (fits.tolist(), words[1]) == ([False, True], 5)
    words, fits = Integers(unsigned=False).words(pa.array([2**63, 5], pa.uint64()))
    assert (fits.tolist(), words[1]) == ([False, True], 5)


def numbered(text, prefix, suffix):
    digits = text[len(prefix) : len(text) - len(suffix)]
    whole = text.startswith(prefix) and text.endswith(suffix) and len(text) >= len(prefix) + len(suffix)
    return int("1" + digits) if whole and re.fullmatch("[0-9]{1,18}", digits, re.ASCII) else None


@pytest.mark.parametrize("suffix", ["", ".jpg", "-" * 9])
@pytest.mark.parametrize("prefix", ["", "a", "case-", "p" * 8, "q" * 17, "\u00e91-"])
def test_texts_that_differ_in_digits_have_the_number_with_a_one_before_it(prefix, suffix):
    rng = random.Random(2)
    digits = ["".join(rng.choices("0123456789", k=rng.randint(1, 20))) for _ in range(30)]
    fixed = ["".join(rng.choices("0123456789", k=11)) for _ in range(10)]
    odd = [prefix, suffix, prefix + suffix, prefix + "1" + suffix + "1", suffix + "1" + prefix, prefix + "1a" + suffix, ""]
    for middle in (digits, fixed, ["0"], ["00", "0", "7", "07", "007"]):
        texts = [prefix + one + suffix for one in middle]
        for these in (texts, [*texts, *odd], [*texts, *random_texts(rng)]):
            assert words_of(Numbered(prefix, suffix), these) == [numbered(text, prefix, suffix) for text in these]


def test_numbered_texts_and_integers_come_back_from_their_words():
    texts = pa.array(["x-7.png", "x-007.png", "x-0.png", "x-123456789012345678.png"])
    coding = Numbered.like("x-7.png")
    assert coding == Numbered("x-", ".png")
    assert coding.keys(coding.words(texts)[0]).equals(texts)
    for kind, numbers in ((pa.int64(), [-(2**63), -1, 2**63 - 1]), (pa.uint64(), [0, 2**64 - 1])):
        coding = Integers(unsigned=kind == pa.uint64())
        assert coding.keys(coding.words(pa.array(numbers, kind))[0]).to_pylist() == numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("case-0001", ("case-", "")),
        ("a1b22c", ("a1b", "c")),
        ("2024-01-05", ("2024-01-", "")),
        ("1" * 25, ("1" * 7, "")),
        ("7", ("", "")),
        ("a\n5\n", ("a\n", "\n")),
        ("\u0663x", None),
        ("abc", None),
        ("", None),
    ],
)
def test_the_last_digits_of_a_text_are_its_number(text, expected):
    assert Numbered.like(text) == (expected and Numbered(*expected))


def test_the_hash_of_a_text_does_not_depend_on_the_texts_beside_it():
    rng = random.Random(3)
    texts = [*random_texts(rng), "", "a", "a\x00", "a\x00\x00", "\x00", "x" * 300, "x" * 301, "y" * 5000, "\u00e9" * 9]
    together = hashes(pa.array(texts))
    assert together.tolist() == [int(hashes(pa.array([text]))[0]) for text in texts]
    equal = [f"{index:040}" for index in range(50)]
    assert hashes(pa.array([*equal, "short"])).tolist()[:-1] == hashes(pa.array(equal)).tolist()


def test_different_texts_have_different_hashes_and_others_from_another_seed():
    texts = sorted(
        {*random_texts(random.Random(4)), "", "\x00", "\x00" * 8, "a", "a\x00", "a" * 8, "a" * 16, "ab" * 4, "ba" * 4}
    )
    swapped = ["12345678" + "abcdefgh", "abcdefgh" + "12345678"]
    found = [hashes(pa.array([*texts, *swapped]), seed) for seed in range(3)]
    assert len({word for words in found for word in words.tolist()}) == 3 * (len(texts) + 2)


@pytest.mark.parametrize("name", ["PART_ROWS", "BLOCK_WORDS"])
def test_hashes_and_words_are_the_same_in_parts_of_any_size(monkeypatch, name):
    texts = pa.array(["x" * (37 * index % 400) + str(index) for index in range(100)])
    numbers = pa.array([f"n{index**3}" for index in range(100)])
    before = hashes(texts).tolist(), Numbered("n", "").words(numbers)[0].tolist()
    monkeypatch.setattr(codings, name, 7)
    assert (hashes(texts).tolist(), Numbered("n", "").words(numbers)[0].tolist()) == before


def test_no_keys_have_no_words():
    none = pa.array([], pa.string())
    assert hashes(none).tolist() == []
    assert Numbered("a", "").words(none)[0].tolist() == []
