"""Owns how people see a recalibration: the ladder from the base rate to the log loss, and in words what is to be gained."""

from __future__ import annotations

import math
from collections.abc import Iterator

from celoss.errors import shorten
from celoss.recalibration import Gain, Ladder, Recalibration
from celoss.report import Report
from celoss_cli.render import shown

LADDER_CELLS = 30
SIGNIFICANT = 0.05
# What six decimals do not show.
NEGLIGIBLE = 5e-7
MOST_BIASES = 5


def ladder(report: Report) -> list[tuple[str, str, str]]:
    """(name, value, a bar of it) of each step, from the base rate down to what is known best, and up to the log loss."""
    found = report.recalibration
    if found is None:
        return []
    steps = found.ladder
    with_bias = steps.refined + steps.bias
    tempered = with_bias + steps.temperature
    rows = [
        ("base rate", _fixed(steps.base_rate), (0.0, steps.base_rate)),
        ("− information", _fixed(steps.information), (steps.refined, steps.base_rate)),
        ("refined", _fixed(steps.refined), (0.0, steps.refined)),
        *([] if found.bias_gain is None else [("+ bias", _fixed(steps.bias), (steps.refined, with_bias))]),
        ("+ temperature", _fixed(steps.temperature), (with_bias, tempered)),
        ("+ rest", _fixed(steps.rest), (tempered, steps.log_loss)),
        ("log loss", _fixed(steps.log_loss), (0.0, steps.log_loss)),
    ]
    shows_rest = abs(steps.rest) >= NEGLIGIBLE
    largest = _largest(steps)
    return [(name, value, _bar(*ends, largest)) for name, value, ends in rows if name != "+ rest" or shows_rest]


def _fixed(value: float) -> str:
    """Six decimals, so that the numbers of the ladder stand below each other; never a −0."""
    return f"{value:.6f}".replace("-", "" if abs(value) < NEGLIGIBLE else "−")


def _largest(steps: Ladder) -> float:
    return max(steps.base_rate, steps.log_loss, steps.refined) or 1.0


def _bar(one: float, other: float, largest: float) -> str:
    """A bar from the lower to the higher end; at least a thin line."""
    low, high = sorted((one, other))
    start, end = (round(LADDER_CELLS * value / largest) for value in (low, high))
    return " " * start + ("█" * (end - start) or "▏")


def sentences(report: Report) -> list[str]:
    """What is to be gained, and whether it is more than chance gives."""
    found = report.recalibration
    return [] if found is None else [" ".join(_parts(report, found))]


def _parts(report: Report, found: Recalibration) -> Iterator[str]:
    temperature, bias = found.temperature_gain, found.bias_gain
    value = _temperature(found.temperature)
    absent = found.absent_gain
    if absent >= NEGLIGIBLE:
        yield _about_absent(report, found)
    if found.reason is not None:
        worth = f"{value} is worth {_worth(report, temperature.value)}"
        worth += "" if bias is None else f", class biases {_worth(report, bias.value - absent)} more"
        yield f"{worth}. Whether that is more than chance gives is not tested: {found.reason}."
        return
    by_temperature, by_bias = _is_significant(temperature), bias is not None and _is_significant(bias)
    if not by_temperature and not by_bias:
        fix = value if bias is None else f"{value} with class biases"
        tested = "" if found.gain.p_value is None else f" ({_p(found.gain.p_value)})"
        worth, what = _worth(report, found.gain.value - absent), "Nothing else" if absent >= NEGLIGIBLE else "Nothing"
        yield f"{what} is to be gained: {fix} would remove {worth}, no more than chance gives{tested}."
        return
    if by_temperature and absent > temperature.value:
        # Too much was given to a class, not too much to the most probable one: T with and without it may say opposite things.
        beside = _temperature(found.temperature_with_biases or 0.0)
        yield f"A temperature alone, {value}, is worth {_tested(report, temperature)}; beside biases {beside}."
    elif by_temperature:
        yield f"Fixable by {value}, worth {_tested(report, temperature)}: the probabilities are {_how(found.temperature)}."
    else:
        yield f"A temperature gains no more than chance gives ({value}, {_tested(report, temperature)})."
    if bias is not None and by_bias:
        among = f"with {_temperature(found.temperature_with_biases or 0.0)}: {_biases(found)}"
        yield f"Class biases {'add' if by_temperature else 'are worth'} {_tested(report, bias, absent)} ({among})."
    elif bias is not None and bias.parameters:
        yield f"Class biases would add no more than chance gives ({_tested(report, bias, absent)})."
    both = "All are" if absent >= NEGLIGIBLE else "Both are" if bias is not None else "It is"
    they = "they are" if bias is not None else "it is"
    yield f"{both} fitted to these rows; without what chance gives {they} worth {_debiased(report, found)}."


def _about_absent(report: Report, found: Recalibration) -> str:
    """What ruling out the classes is worth that no label has."""
    absent = [shorten(name) for name, value in (found.biases or {}).items() if math.isinf(value)]
    names = ", ".join(absent[:MOST_BIASES]) + (f" and {len(absent) - MOST_BIASES} more" if len(absent) > MOST_BIASES else "")
    worth = _worth(report, found.absent_gain)
    it = "it" if len(absent) == 1 else "they"
    return f"To rule out {names}, which no label has, would remove {worth}; whether {it} can occur, these rows do not tell."


def _is_significant(gain: Gain) -> bool:
    return gain.p_value is not None and gain.p_value < SIGNIFICANT


def _temperature(value: float) -> str:
    return "T = ∞" if math.isinf(value) else f"T = {value:.3g}"


def _how(temperature: float) -> str:
    return "too sure" if temperature > 1.0 else "not sure enough"


def _worth(report: Report, value: float) -> str:
    return f"{shown.number(value)} {report.unit}"


def _tested(report: Report, gain: Gain, absent: float = 0.0) -> str:
    worth = _worth(report, gain.value - absent)
    return worth if gain.p_value is None else f"{worth}, {_p(gain.p_value)}"


def _p(value: float) -> str:
    """Two digits: more say nothing of a p-value. Only 1 itself is 1."""
    if value <= 1e-300:
        return "p < 1e-300"
    return "p > 0.99" if 0.99 < value < 1.0 else f"p = {value:.2g}"


def _debiased(report: Report, found: Recalibration) -> str:
    value = found.gain.debiased
    return f"{shown.number(None if value is None else max(value, 0.0))} {report.unit}"


def _biases(found: Recalibration) -> str:
    """The largest biases, in the order of the classes."""
    biases = {name: value for name, value in (found.biases or {}).items() if value and math.isfinite(value)}
    largest = sorted(biases, key=lambda name: -abs(biases[name]))[:MOST_BIASES]
    rest = len(biases) - len(largest)
    texts = [f"{shorten(name)} {_signed(biases[name])}" for name in biases if name in largest]
    return ", ".join([*texts, *([f"{rest} more in the JSON"] if rest else [])])


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
