"""Owns what is made no use of: columns that are left out, and the note where they could have told rows apart."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

from celoss.detect.heads import tells_apart
from celoss.detect.inputs import Inputs
from celoss.detect.matching import UNNAMED_FIRST, Keys
from celoss.errors import Diagnostic, listed, plural, quoted
from celoss.plan import Finding


def left_out(inputs: Inputs, columns: Sequence[str], keys: Keys, label_columns: Sequence[str]) -> list[Finding]:
    """The findings of columns that have no role."""
    used = {*columns, *(mine for mine, _ in keys), *(() if inputs.separate else label_columns), *inputs.reserved}
    left = _unused(inputs.head.names, used)
    found = [Finding("left out", listed(left), "not an id, a label or a probability")] if left else []
    if inputs.separate:
        used = {*label_columns, *(theirs for _, theirs in keys), *inputs.reserved}
        rest = _unused(inputs.label_head.names, used)
        found += [Finding("left out of the labels", listed(rest), "not an id or a label")] if rest else []
    return found


def _unused(names: Sequence[str], used: Collection[str]) -> list[str]:
    """The names that are not used, with words for columns that have none."""
    unnamed = sum(not name for name in names[1:]) if "" not in used else 0
    left = [name or UNNAMED_FIRST for at, name in enumerate(names) if name not in used and (name or at == 0)]
    return [*left, f"{plural(unnamed, 'column')} without a name"] if unnamed else left


def position_note(inputs: Inputs, keys: Keys, columns: Sequence[str], label_columns: Sequence[str]) -> tuple[Diagnostic, ...]:
    """A note when rows are paired by position although columns that tell rows apart are left out."""
    if keys or not inputs.separate or inputs.flags.id:
        return ()
    mine = [one.name for one in inputs.head.columns if one.name not in columns and tells_apart(one)]
    theirs = [one.name for one in inputs.label_head.columns if one.name not in label_columns and tells_apart(one)]
    if not (inputs.head.named and mine) and not (inputs.label_head.named and theirs):
        return ()
    sides = ((mine, inputs.predictions), (theirs, inputs.labels))
    found = [f"{quoted(names[:1]) if names[0] else UNNAMED_FIRST} of {source.name}" for names, source in sides if names]
    verbs = "are" if len(found) > 1 else "is"
    message = f"rows are matched by position; {' and '.join(found)} could tell them apart but {verbs} not used"
    advice = (
        f"to match by them: --id {shlex.quote(f'{mine[0]}={theirs[0]}')}"
        if mine and theirs
        else "if the order is the same in both: --id '#'"
    )
    return (Diagnostic("N6", message, help=advice),)
