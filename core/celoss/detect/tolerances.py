"""Owns how far a row's sum may be off 1, as the numbers of a file explain it."""

from __future__ import annotations

from collections.abc import Sequence

from celoss.detect.heads import NOTED_DEVIATION, decimals, printed_tolerance, stored_tolerance
from celoss.detect.inputs import Inputs
from celoss.errors import plural
from celoss.plan import Finding
from celoss.records import dataclass


@dataclass(frozen=True)
class Tolerances:
    """Deviations that stored and rounded numbers explain, the decimals of the latter, the largest one, and why."""

    stored: float
    rounded: float
    decimals: int
    largest: float
    finding: Finding


def tolerances(inputs: Inputs, names: Sequence[str], scale: str) -> Tolerances:
    """The tolerances of prediction columns on a scale."""
    columns = [inputs.head.column(name) for name in names]
    stored, rounded, largest = stored_tolerance(columns), printed_tolerance(columns), NOTED_DEVIATION
    why = "the precision of the stored numbers"
    if scale == "logprobs":
        # Half a unit of the last decimal of every logarithm changes the sum of the probabilities by as much.
        stored, rounded = max(stored, 0.5 * 10.0 ** -decimals(columns) if decimals(columns) else 0.0), 0.0
    if rounded > stored:
        why = f"{len(columns)} columns printed with {plural(decimals(columns), 'decimal')}"
    given = inputs.flags.sum_tolerance
    if given is not None:
        stored, rounded, largest, why = min(stored, given), min(rounded, given), given, "--sum-tolerance"
    silent = max(stored, rounded)
    value = f"{silent:.2g}" + (f", noted up to {largest:.2g}" if largest > silent else "")
    return Tolerances(stored, rounded, decimals(columns), largest, Finding("sum tolerance", value, why))


def spacing(inputs: Inputs, names: Sequence[str]) -> float:
    """The relative distance of neighbouring stored numbers of prediction columns."""
    return max(inputs.head.column(name).spacing for name in names)


def label_deviation(inputs: Inputs, names: Sequence[str]) -> float:
    """Beyond what a sum of label shares is an error: what the precision of the stored or printed numbers explains."""
    if inputs.flags.sum_tolerance is not None:
        return inputs.flags.sum_tolerance
    columns = [inputs.label_head.column(name) for name in names]
    return max(stored_tolerance(columns), printed_tolerance(columns))
