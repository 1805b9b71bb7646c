"""Owns decimal commas: which text files write `0,31`, and such numbers with a point."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celoss.naming import MISSING_LABELS
from celoss.sources.base import BLANKS, NOT_FINITE, SWAPPED, THOUSANDS, is_number

# Between fields that are separated by commas none can be a decimal comma without quotes, which no program writes.
DELIMITERS = (";", "\t")


def decimal_mark(columns: Iterable[Sequence[str]], delimiter: str) -> str:
    """`,` where some column of these texts is of numbers with decimal commas and none of numbers with points, else `.`."""
    if delimiter not in DELIMITERS:
        return "."
    present = [_present(texts) for texts in columns]
    return "," if any(map(_all_have_commas, present)) and not any(map(_some_have_points, present)) else "."


def with_points(texts: Sequence[str]) -> tuple[str, ...]:
    """The texts of a column, with a point for the decimal comma where at least half of them are numbers that way."""
    present = _present(texts)
    if sum(is_number(text.translate(SWAPPED)) for text in present) * 2 < len(present):
        return tuple(texts)
    return tuple(text.translate(SWAPPED) if is_number(text.translate(SWAPPED)) else text for text in texts)


def _present(texts: Sequence[str]) -> list[str]:
    """The texts that are not a way to write that a value is missing: empty, NA, NaN, …."""
    stripped = (text.strip(BLANKS) for text in texts)
    return [text for text in stripped if text and text.casefold() not in MISSING_LABELS and not NOT_FINITE.fullmatch(text)]


def _all_have_commas(texts: Sequence[str]) -> bool:
    """Whether all are numbers when a comma is read as a point, of which some cannot be thousands."""
    shows = any("," in text and not THOUSANDS.fullmatch(text) for text in texts)
    return shows and all(is_number(text.translate(SWAPPED)) for text in texts)


def _some_have_points(texts: Sequence[str]) -> bool:
    """Whether a column of numbers, which may have a few other cells, has some with a decimal point."""
    pointed = [is_number(text) and "." in text for text in texts]
    numbers = sum(is_number(text) or is_number(text.translate(SWAPPED)) for text in texts)
    return any(pointed) and numbers * 2 >= len(texts)
