"""Owns by what rows are matched: key columns, or their position."""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from celoss.detect.inputs import BY_POSITION, Inputs, header
from celoss.errors import CelossError, Diagnostic, escape, listed, quoted, shorten
from celoss.lookalikes import difference, ids_difference, is_invisible, same_in_other_form
from celoss.naming import INDEX_NAMES, is_integer, plain_name
from celoss.plan import Finding
from celoss.sources import Column, Head, Source, read_all
from celoss.sources.long import LongSource

Keys = tuple[tuple[str, str], ...]
WHAT = "rows matched by"
UNNAMED_FIRST = "the unnamed first column"


def choose_keys(inputs: Inputs, label_columns: Collection[str]) -> tuple[Keys, Finding]:
    """(prediction column, label column) pairs, empty for position. Raises CelossError (E306) when several columns could be."""
    if inputs.flags.id == (BY_POSITION,):
        return (), Finding(WHAT, "position", f"--id '{BY_POSITION}'")
    if inputs.flags.id:
        because = "--id" if inputs.separate else "--id; it names the rows of the one file, repeats are not looked for"
        return inputs.flags.keys, Finding(WHAT, listed([mine for mine, _ in inputs.flags.keys]), because)
    if isinstance(inputs.predictions, LongSource) and not inputs.separate:
        ids = inputs.predictions.id_columns
        return tuple((name, name) for name in ids), Finding(WHAT, listed(ids), "the id of the long form")
    if not inputs.separate:
        return (), Finding(WHAT, "row", "the label is in the same file")
    shared = [name for name in inputs.shared if name not in label_columns and name not in inputs.flags.pred]
    # The row names that pandas and R write count only when nothing else is in both files.
    shared = [name for name in shared if name not in INDEX_NAMES] or shared
    # Fractions are measured, not given: probabilities and shares of the same names in both files match no rows.
    shared = [name for name in shared if not holds_fractions(inputs, name)] or shared
    if len(shared) > 1:
        given = [f"--id {shlex.quote(name)}" for name in shared]
        raise CelossError(
            Diagnostic(
                "E306",
                "which column matches the rows?",
                (inputs.label_header(),),
                details=(f"found {quoted(shared)} in both files",),
                help=f"choose one: {given[0]}   or all of them together: {' '.join(given)}",
            )
        )
    if not shared and inputs.head.named and inputs.label_head.named:
        mine = [name for name in inputs.head.names if name in INDEX_NAMES]
        theirs = [name for name in inputs.label_head.names if name in INDEX_NAMES]
        if len(mine) == len(theirs) == 1:
            return ((mine[0], theirs[0]),), Finding(WHAT, "the row names", "both files have them, in a column without a name")
    if not shared:
        _check_no_other_ids(inputs, label_columns)
        for source, head, other in (
            (inputs.predictions, inputs.head, inputs.labels),
            (inputs.labels, inputs.label_head, inputs.predictions),
        ):
            _check_row_names(source, head, other)
        return (), Finding(WHAT, "position", "no column in common")
    shown = shared[0] or UNNAMED_FIRST
    return ((shared[0], shared[0]),), Finding(WHAT, shown, "the column that both files share")


def _check_no_other_ids(inputs: Inputs, label_columns: Collection[str]) -> None:
    """Raises CelossError (E306) when columns of different names look like the ids of the same rows."""
    if not (inputs.head.named and inputs.label_head.named):
        return
    theirs = [column for column in inputs.label_head.columns if column.name not in label_columns]
    for mine in inputs.head.columns:
        for other in theirs:
            named_alike = plain_name(mine.name) == plain_name(other.name) != ""
            if named_alike or _same_values(mine, other):
                advice = f"if they are ids: --id {_pair(mine, other)}; to match by the order of rows: --id '{BY_POSITION}'"
                if any(map(is_invisible, mine.name + other.name)):
                    # What is not seen cannot be typed.
                    advice = f"the names differ in {difference(mine.name, other.name)}; write both alike"
                raise CelossError(_look_alike(inputs, mine, other, advice))
            if _may_be_ids(mine) and _may_be_ids(other) and same_in_other_form(mine.texts, other.texts):
                what = ids_difference(mine.texts, other.texts, escape(inputs.predictions.name), escape(inputs.labels.name))
                advice = f"{what}, then --id {_pair(mine, other)}; to match by the order of rows: --id '{BY_POSITION}'"
                raise CelossError(_look_alike(inputs, mine, other, advice))


def _pair(mine: Column, other: Column) -> str:
    return shlex.quote(f"{mine.name}={other.name}")


def _look_alike(inputs: Inputs, mine: Column, other: Column, advice: str) -> Diagnostic:
    return Diagnostic(
        "E306",
        "which column matches the rows?",
        (inputs.label_header(),),
        details=(
            f'found "{shorten(mine.name)}" in {escape(inputs.predictions.name)} and '
            f'"{shorten(other.name)}" in {escape(inputs.labels.name)}, which look alike',
        ),
        help=advice,
    )


def _check_row_names(source: Source, head: Head, other: Source) -> None:
    """Raises CelossError (E306) when one file alone has row names, and these show that its rows are in another order."""
    names = [column for column in head.columns if head.named and column.name in INDEX_NAMES]
    for column in names:
        if _is_shuffled(source, head, column):
            raise CelossError(
                Diagnostic(
                    "E306",
                    "which column matches the rows?",
                    (header(source),),
                    details=(
                        f"found: the rows of {escape(source.name)} are numbered {listed(column.texts, 4)}; "
                        f"{escape(other.name)} has no such numbers",
                    ),
                    help=f"write the row names to both files, or sort {escape(source.name)} by them; "
                    f"to match by the order of rows: --id '{BY_POSITION}'",
                )
            )


def _is_shuffled(source: Source, head: Head, column: Column) -> bool:
    """Whether a column numbers all rows from 0 or 1 on, but not in this order."""
    if not all(map(is_integer, column.texts)):
        return False
    shown = list(column.numbers)
    if shown == sorted(shown) or len(set(shown)) < len(shown):
        return False
    numbers = np.array(shown) if head.complete else read_all(lambda careful: _numbers(source, column.name, careful))
    low = numbers.min()
    return low in (0.0, 1.0) and np.array_equal(np.sort(numbers), np.arange(low, low + len(numbers)))


def _numbers(source: Source, column: str, careful: bool) -> NDArray[np.float64]:
    return np.concatenate([chunk.numbers[0] for chunk in source.batches([], [column], careful)])


def _may_be_ids(column: Column) -> bool:
    """Whether hardly a value of a column repeats, and the values are texts or whole numbers."""
    return not _repeats(column) and (not column.looks_numeric or all(map(str.isdecimal, column.texts)))


def _repeats(column: Column) -> bool:
    """Whether values of a column repeat more than now and then."""
    return len(column.texts) < 2 or len(set(column.texts)) < 0.9 * len(column.texts)


def _same_values(mine: Column, other: Column) -> bool:
    """Whether two columns, in which hardly a value repeats, have values in common."""
    if _repeats(mine) or _repeats(other):
        return False
    if mine.looks_numeric or other.looks_numeric:
        # Numbers can be equal by chance (ages, counts): only the same set of integers says that they are ids.
        return set(mine.texts) == set(other.texts) and all(map(is_integer, mine.texts))
    return bool(set(filter(None, mine.texts)) & set(other.texts))


def holds_fractions(inputs: Inputs, name: str) -> bool:
    """Whether a column that both files have holds numbers that are no integers in one of them."""
    columns = (inputs.head.column(name), inputs.label_head.column(name))
    return any(math.isfinite(one) and one % 1.0 != 0.0 for column in columns for one in column.numbers)
