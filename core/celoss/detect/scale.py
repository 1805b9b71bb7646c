"""Owns which scale the predictions are on: probabilities, logits or log-probabilities, decided once for the whole file."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from celoss.detect.heads import MOST_ROWS, NOTED_DEVIATION, printed_tolerance
from celoss.detect.inputs import Inputs
from celoss.errors import CelossError, Diagnostic, quoted
from celoss.plan import Finding

LOGITS_NAME = re.compile(r"logits?(?![a-z])|rawformulaval", re.IGNORECASE)
LOGPROBS_NAME = re.compile(r"log[ _.-]?p(?:rob)?s?(?![a-z])", re.IGNORECASE)
# Hardly a row of logits sums to 1 by chance: where more than this share does, the others are faults of probabilities.
FEW_ROWS = 0.1
WHAT = {"probs": "probabilities", "logits": "logits", "logprobs": "log-probabilities"}


def choose_scale(inputs: Inputs, columns: Sequence[str], *, whole: bool) -> tuple[str, Finding]:
    """The scale of the prediction columns, by their values and names; every row is checked against it later.

    whole: whether the columns of a row are the shares of one whole. Raises CelossError (E508) when two scales fit.
    """
    if inputs.flags.scale is not None:
        return inputs.flags.scale, Finding("scale", inputs.flags.scale, "--from")
    rows = [row for row in zip(*(inputs.head.column(name).numbers for name in columns), strict=True) if not _missing(row)]
    scale, because = _of_whole(inputs, columns, rows) if whole else _of_each(inputs, columns, rows)
    return scale, Finding("scale", scale, because)


def named_scale(columns: Sequence[str]) -> str | None:
    """The scale that the columns' names speak of, if they do."""
    for scale, pattern in (("logits", LOGITS_NAME), ("logprobs", LOGPROBS_NAME)):
        if all(pattern.search(name) for name in columns):
            return scale
    return None


def _missing(row: Sequence[float]) -> bool:
    return any(value != value for value in row)


def _share(rows: Sequence[Sequence[float]], good: Sequence[bool]) -> bool:
    """Whether more than half of the rows are good."""
    return bool(rows) and sum(good) / len(rows) > MOST_ROWS


def _several(rows: Sequence[Sequence[float]]) -> bool:
    """Whether at least two columns leave 0..1. A single one among probabilities is a fault, not another scale."""
    outside: list[bool] = [min(column) < 0.0 or max(column) > 1.0 for column in zip(*rows, strict=True)]
    return sum(outside) > 1


def _of_whole(inputs: Inputs, columns: Sequence[str], rows: Sequence[Sequence[float]]) -> tuple[str, str]:
    """The scale of several columns that are the classes of one distribution."""
    said = named_scale(columns)
    tolerance = NOTED_DEVIATION + printed_tolerance([inputs.head.column(name) for name in columns])
    sums = [abs(sum(row) - 1.0) <= tolerance and min(row) >= 0.0 for row in rows]
    if _share(rows, sums):
        if said is not None:
            raise CelossError(_two_scales(inputs, columns, rows, ("probs", said)))
        return "probs", "between 0 and 1, and rows sum to 1"
    below = [max(row) <= 0.0 for row in rows]
    totals = [math.fsum(map(math.exp, row)) if low else math.inf for row, low in zip(rows, below, strict=True)]
    if _share(rows, [abs(total - 1.0) <= tolerance for total in totals]):
        return "logprobs", "none above 0, and their exponentials sum to 1"
    outside = [min(row) < 0.0 or max(row) > 1.0 for row in rows]
    if said is not None and (said == "logits" or all(below)):
        return said, "the columns' names"
    believed = _share(rows, outside) and sum(sums) <= FEW_ROWS * len(rows) and _several(rows)
    if not (believed and any(min(row) < 0.0 for row in rows)):
        return "probs", "neither the values nor the columns' names say otherwise"
    # Logarithms that miss a class still make up most of the whole.
    if all(below) and _share(rows, [MOST_ROWS < total <= 1.0 + tolerance for total in totals]):
        raise CelossError(_two_scales(inputs, columns, rows, ("logits", "logprobs")))
    return "logits", "values on both sides of 0 to 1" if max(map(max, rows)) > 1.0 else "values below 0 that are no logarithms"


def _of_each(inputs: Inputs, columns: Sequence[str], rows: Sequence[Sequence[float]]) -> tuple[str, str]:
    """The scale of columns that each stand for themselves: one of two classes, or independent labels."""
    said = named_scale(columns)
    values = [(value,) for row in rows for value in row]
    outside = [not 0.0 <= value <= 1.0 for (value,) in values]
    if not any(outside):
        if said is not None and values:
            raise CelossError(_two_scales(inputs, columns, rows, ("probs", said)))
        return "probs", "between 0 and 1"
    if said is not None and (said == "logits" or max(values) <= (0.0,)):
        return said, "the columns' names"
    if not _share(values, outside) or min(values) >= (0.0,):
        return "probs", "neither the values nor the columns' names say otherwise"
    if max(values) <= (0.0,):
        raise CelossError(_two_scales(inputs, columns, rows, ("logits", "logprobs")))
    return "logits", "values below 0 and above it"


def _two_scales(
    inputs: Inputs, columns: Sequence[str], rows: Sequence[Sequence[float]], fitting: tuple[str, str]
) -> Diagnostic:
    low, high = min(map(min, rows)), max(map(max, rows))
    first, second = fitting
    return Diagnostic(
        "E508",
        f"are these {WHAT[first]} or {WHAT[second]}?",
        (inputs.prediction_header(columns[0]),),
        details=(f"found {quoted(columns, 4)} with values from {low:.6g} to {high:.6g}, which fit both",),
        help=f"say which: --from {first}   or --from {second}",
    )
