"""Owns how people see the verdict of a gate: one line that says it, and one for each limit."""

from __future__ import annotations

from collections.abc import Mapping

from celoss.gates import FAIL, INSIDE, MAX, PASS, Check, Gate, keeps, shortest
from celoss.intervals import Interval
from celoss_cli.render import shown


def render(gate: Gate, intervals: Mapping[str, Interval], confidence: float, units: str = "rows") -> str:
    """The text for standard error. confidence: of the intervals. units: of what more would settle a limit."""
    names = max(len(check.metric) for check in gate.checks)
    values = max(len(_value(check)) for check in gate.checks)
    lines = []
    for check in gate.checks:
        words = _words(check, intervals.get(check.metric) if gate.confident else None, confidence, units)
        lines.append(f"  {check.metric:<{names}}  {_value(check):>{values}}  {words}")
    return "\n".join([f"gate: {'met' if gate.passed else 'not met' if gate.failed else 'undecided'}", *lines]) + "\n"


def _value(check: Check) -> str:
    """The metric in six decimals, or all its digits where those would show the limit itself."""
    if check.value is None:
        return shown.number(None)
    text, limit = _number(check.value), _number(check.limit)
    return repr(check.value) if text == limit and check.value != check.limit else text


def _number(value: float) -> str:
    return f"{'-' if value < 0 else ''}{shown.number(abs(value))}"


def _words(check: Check, interval: Interval | None, confidence: float, units: str) -> str:
    most = check.op == MAX
    limit = shortest(check.limit)
    option = f"   (--{check.op} {check.metric}={limit})"
    bounds = None if interval is None else f"{_number(interval.low)} … {_number(interval.high)}"
    ends = "" if bounds is None else f": {100.0 * confidence:g} % interval {bounds}"
    if check.verdict == PASS:
        return f"ok, at {'most' if most else 'least'} {limit}{ends}"
    if check.reason is None:
        return f"is {'above' if most else 'below'} {limit}{ends}{option}"
    if check.verdict == FAIL:
        return f"{check.reason}{option}"
    if check.reason != INSIDE:
        return f"undecided: {check.reason}{option}"
    settled = f"; about {check.rows_needed:,} {units} would settle it" if check.rows_needed else ""
    beyond, within = ("above", "below") if most else ("below", "above")
    if check.value is None or keeps(check.op, check.value, check.limit):
        return f"may be {beyond} {limit}{ends}{settled}{option}"
    return f"is {beyond} {limit}, but its interval reaches {within}{ends}{settled}{option}"
