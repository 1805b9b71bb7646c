"""Owns by what rows are matched: key columns, or their position."""

from __future__ import annotations

from collections.abc import Collection

from celoss.detect.inputs import BY_POSITION, Inputs
from celoss.errors import CelossError, Diagnostic, listed, quoted
from celoss.naming import INDEX_NAMES
from celoss.plan import Finding

Keys = tuple[tuple[str, str], ...]
WHAT = "rows matched by"


def choose_keys(inputs: Inputs, label_columns: Collection[str]) -> tuple[Keys, Finding]:
    """(prediction column, label column) pairs, empty for position. Raises CelossError (E306) when several columns could be."""
    if inputs.flags.id == (BY_POSITION,):
        return (), Finding(WHAT, "position", f"--id '{BY_POSITION}'")
    if inputs.flags.id:
        return inputs.flags.keys, Finding(WHAT, listed([mine for mine, _ in inputs.flags.keys]), "--id")
    if not inputs.separate:
        return (), Finding(WHAT, "row", "the label is in the same file")
    shared = [name for name in inputs.shared if name not in label_columns and name not in inputs.flags.pred]
    # The row names that pandas and R write count only when nothing else is in both files.
    shared = [name for name in shared if name not in INDEX_NAMES] or shared
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
    if not shared:
        return (), Finding(WHAT, "position", "no column in common")
    shown = shared[0] or "the unnamed first column"
    return ((shared[0], shared[0]),), Finding(WHAT, shown, "the column that both files share")
