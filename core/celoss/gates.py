"""Owns the gate: limits that metrics must keep, and the verdict on each of them."""

from __future__ import annotations

import math
from typing import Any

from celoss.intervals import Interval
from celoss.metrics import CHANGE, Number
from celoss.records import dataclass

MAX, MIN = "max", "min"
PASS, FAIL, UNDECIDED = "pass", "fail", "undecided"

UNDEFINED = "the metric is undefined here"
NO_CHANGE = "the metric is undefined here or in the baseline"
NO_INTERVAL = "there is no interval of the metric"
NOT_PAIRED = "its rows are not paired with those of the baseline; celoss compare pairs them"
INSIDE = "the limit is inside the interval"
DOUBTFUL = "the interval is not to be trusted: see note"


@dataclass(frozen=True)
class Limit:
    """What a metric must keep: at most (op `max`) or at least (`min`) this finite number."""

    metric: str
    op: str
    value: float

    @property
    def text(self) -> str:
        """The value with all its digits, and without a `.0`."""
        return shortest(self.value)


def shortest(value: float) -> str:
    """The shortest text that reads back as the number: 1 for 1.0."""
    return repr(value).removesuffix(".0")


@dataclass(frozen=True)
class Check:
    """The verdict on one limit: pass, fail or undecided.

    value: the metric, None where it is undefined, which never passes. reason: what is not seen from value and limit, None
    if that is nothing. rows_needed: how many rows (with --cluster: clusters) would decide it, if the estimate stays the same;
    None where not known.
    """

    metric: str
    op: str
    limit: float
    value: Number
    verdict: str
    reason: str | None = None
    rows_needed: int | None = None


@dataclass(frozen=True)
class Gate:
    """The verdicts on all limits of one report. confident: whether whole intervals had to keep them."""

    confident: bool
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every limit is kept, without a doubt."""
        return all(check.verdict == PASS for check in self.checks)

    @property
    def failed(self) -> bool:
        """Whether some limit is not kept, without a doubt."""
        return any(check.verdict == FAIL for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """The gate as JSON values."""
        return {"passed": self.passed, "confident": self.confident, "checks": [dict(vars(check)) for check in self.checks]}


def judge(
    limit: Limit, value: Number, interval: Interval | None, rows: int, confident: bool, doubt: str | None = None
) -> Check:
    """The verdict on a metric of so many rows, or clusters, by its interval if the gate is to be confident.

    doubt: why the interval is not to be trusted: then it lets nothing pass.
    """

    def verdict(found: str, reason: str | None = None, rows_needed: int | None = None) -> Check:
        return Check(limit.metric, limit.op, limit.value, value, found, reason, rows_needed)

    change = limit.metric.endswith(CHANGE)
    if value is None:
        return verdict(FAIL, NO_CHANGE if change else UNDEFINED)
    # A mean that is infinite in the rows is infinite in all that they stand for: no interval makes it less sure.
    if not confident or math.isinf(value):
        return verdict(PASS if keeps(limit.op, value, limit.value) else FAIL)
    if interval is None:
        return verdict(UNDECIDED, NOT_PAIRED if change else NO_INTERVAL)
    ends = {keeps(limit.op, end, limit.value) for end in (interval.low, interval.high)}
    if ends == {False}:
        return verdict(FAIL)
    if ends == {True}:
        return verdict(PASS) if doubt is None else verdict(UNDECIDED, doubt)
    return verdict(UNDECIDED, INSIDE, rows_to_decide(value, limit.value, interval, rows))


def keeps(op: str, value: float, limit: float) -> bool:
    """Whether a value is at most (op `max`) or at least (`min`) a limit."""
    return value <= limit if op == MAX else value >= limit


def rows_to_decide(value: float, limit: float, interval: Interval, rows: int) -> int | None:
    """How many rows would have an interval that ends at the limit, rounded up to two significant digits.

    n (h / |value − limit|)², h being the half of the interval on the side of the limit, which shrinks as 1/√n. None where
    no number of rows is enough, as value and limit are equal, or h is infinite, nor one that fits a double.
    """
    half = interval.high - value if limit > value else value - interval.low
    distance = abs(value - limit)
    if not distance or not 0.0 < half < math.inf:
        return None
    ratio = half / distance
    exact = rows * ratio * ratio
    if math.isinf(exact):
        return None
    # Twelve digits: a product that is off by a rounding must not add a whole step.
    needed = math.ceil(float(f"{exact:.12g}"))
    step: int = 10 ** max(0, len(str(needed)) - 2)
    return -(-needed // step) * step
