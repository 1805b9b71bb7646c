"""Owns by what rows are matched: key columns, or their position."""

from __future__ import annotations

import math
from collections.abc import Collection

from celoss.detect.heads import looks_numeric
from celoss.detect.inputs import BY_POSITION, Inputs
from celoss.errors import CelossError, Diagnostic, escape, listed, quoted, shorten
from celoss.naming import INDEX_NAMES, is_integer, plain_name
from celoss.plan import Finding
from celoss.sources import Column
from celoss.sources.long import LongSource

Keys = tuple[tuple[str, str], ...]
WHAT = "rows matched by"


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
        raise CelossError(
            Diagnostic(
                "E306",
                "which column matches the rows?",
                (inputs.label_header(),),
                details=(f"found {quoted(shared)} in both files",),
                help=f"choose one: --id {shared[0]}   or all of them together: " + " ".join(f"--id {name}" for name in shared),
            )
        )
    if not shared and inputs.head.named and inputs.label_head.named:
        mine = [name for name in inputs.head.names if name in INDEX_NAMES]
        theirs = [name for name in inputs.label_head.names if name in INDEX_NAMES]
        if len(mine) == len(theirs) == 1:
            return ((mine[0], theirs[0]),), Finding(WHAT, "the row names", "both files have them, in a column without a name")
    if not shared:
        _check_no_other_ids(inputs, label_columns)
        return (), Finding(WHAT, "position", "no column in common")
    shown = shared[0] or "the unnamed first column"
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
                raise CelossError(
                    Diagnostic(
                        "E306",
                        "which column matches the rows?",
                        (inputs.label_header(),),
                        details=(
                            f'found "{shorten(mine.name)}" in {escape(inputs.predictions.name)} and '
                            f'"{shorten(other.name)}" in {escape(inputs.labels.name)}, which look alike',
                        ),
                        help=f"if they are ids: --id '{mine.name}={other.name}'; to match by the order of rows: --id '#'",
                    )
                )


def _same_values(mine: Column, other: Column) -> bool:
    """Whether two columns, in which hardly a value repeats, have values in common."""
    if len(mine.texts) < 2 or any(len(set(one.texts)) < 0.9 * len(one.texts) for one in (mine, other)):
        return False
    if looks_numeric(mine) or looks_numeric(other):
        # Numbers can be equal by chance (ages, counts): only the same set of integers says that they are ids.
        return set(mine.texts) == set(other.texts) and all(map(is_integer, mine.texts))
    return bool(set(filter(None, mine.texts)) & set(other.texts))


def holds_fractions(inputs: Inputs, name: str) -> bool:
    """Whether a column that both files have holds numbers that are no integers in one of them."""
    columns = (inputs.head.column(name), inputs.label_head.column(name))
    return any(math.isfinite(one) and one % 1.0 != 0.0 for column in columns for one in column.numbers)
