"""Owns what the texts of a head show: numbers, their decimals, their sums, distinct values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from celoss.naming import class_text, flag, is_integer
from celoss.sources import Column, Head
from celoss.sources.base import BLANKS

# Columns are believed to be distributions when more than this share of the head's rows sums to 1: a few bad rows are
# for the check of every row to find, not a reason to read the columns otherwise.
MOST_ROWS = 0.5
LEAST_TOLERANCE = 1e-9
NOTED_DEVIATION = 1e-3
FLOAT32_SPACING = 2.0**-23


def distinct(column: Column) -> list[str]:
    """The distinct values as class names, in order of appearance, without missing ones."""
    return list(dict.fromkeys(class_text(text) for text in column.texts if text))


def counts_something(column: Column) -> bool:
    """Whether a column holds integers beyond 0 and 1: an id, an age, but no probability."""
    values = distinct(column)
    return all(map(is_integer, values)) and not within_unit(column)


def tells_apart(column: Column) -> bool:
    """Whether no value repeats among several, none is missing, and they are no fractions: as ids are."""
    texts = column.texts
    distinct_texts = len(texts) > 1 and len(set(texts)) == len(texts) and "" not in texts
    return distinct_texts and not (column.looks_numeric and not all(map(is_integer, distinct(column))))


def within_unit(column: Column) -> bool:
    """Whether every number of the column is in 0..1."""
    return all(0.0 <= number <= 1.0 for number in column.numbers if math.isfinite(number))


def share_of_sums(head: Head, names: Sequence[str]) -> float:
    """The share of rows of these columns that are distributions, as far as their printed decimals can tell."""
    tolerance = NOTED_DEVIATION + printed_tolerance([head.column(name) for name in names])
    return _share_of_sums(head, names, tolerance)


def is_flag(column: Column) -> bool:
    """Whether every value that is there says yes or no: 0, 1, True, False."""
    return column.kind != "other" and all(flag(text) is not None for text in column.texts if text)


def one_hot(head: Head, names: Sequence[str]) -> bool:
    """Whether every row of these 0/1 columns has one 1."""
    rows = zip(*(head.column(name).texts for name in names), strict=True)
    return all(sum(flag(text) is True for text in row) == 1 for row in rows)


def printed_tolerance(columns: Sequence[Column]) -> float:
    """How far a row's sum is off 1 when every number was rounded to the decimals that are printed.

    At most k · 0.5 · 10^-d. For many classes that is much more than ever happens, and would let rows of zeros pass: there
    it is six standard deviations of a sum of k uniform errors, 6 · √(k/12) · 10^-d. 0 without decimals: 0 and 1 are exact.
    """
    places, k = decimals(columns), len(columns)
    return min(k * 0.5, 6.0 * math.sqrt(k / 12.0)) * 10.0**-places if places else 0.0


def stored_tolerance(columns: Sequence[Column]) -> float:
    """How far a row's sum is off 1 by the width of the numbers: k · 8 units in the last place, at least 1e-9.

    Texts of at most nine significant digits may have been 32-bit numbers.
    """
    short = all(column.kind == "text" for column in columns) and all(
        _digits(one) <= 9 for column in columns for one in column.numerals
    )
    spacing = FLOAT32_SPACING if short else max(column.spacing for column in columns)
    return max(LEAST_TOLERANCE, len(columns) * 8 * spacing / 2)


def _digits(text: str) -> int:
    """Significant digits: 3 for 0.00123."""
    return len(text.strip(BLANKS).lower().partition("e")[0].replace(".", "").lstrip("+-0"))


def decimals(columns: Sequence[Column]) -> int:
    """The most digits after the decimal point in any of the columns."""
    return max((column.decimals for column in columns), default=0)


def _share_of_sums(head: Head, names: Sequence[str], tolerance: float) -> float:
    """The share of rows whose numbers are all in 0..1 and sum to 1 within the tolerance."""
    rows = list(zip(*(head.column(name).numbers for name in names), strict=True))
    good = sum(abs(sum(row) - 1.0) <= tolerance and all(0.0 <= one <= 1.0 for one in row) for row in rows)
    return good / len(rows) if rows else 0.0
