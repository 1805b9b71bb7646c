"""Owns how one row's loss comes about: the formula with its numbers put in, and the softmax of its logits."""

from __future__ import annotations

import math
from collections.abc import Sequence

from celoss.conventions import CONVENTIONS
from celoss.kernels import Floats
from celoss.metrics import in_unit
from celoss.plan import Plan
from celoss.records import dataclass

MOST_TERMS = 8
# Between the two parts of a loss from logits.
SUM = " + ln "


@dataclass(frozen=True)
class Softmax:
    """The softmax of logits z, with the largest one subtracted so that no exponential overflows; nats.

    largest: m, that of `largest_class`. exponential_sum: Σ exp(z − m), 1 … k. log_sum_exp: ln Σ exp(z) = m + ln of that.
    The loss of class c is log_sum_exp − z_c.
    """

    largest: float
    largest_class: str
    exponential_sum: float
    log_sum_exp: float


@dataclass(frozen=True)
class ClassShare:
    """One class, or independent label, of a row.

    value: as the file has it; None for the class without a column. probability: 0 … 1. target: what the loss is taken
    against, 0 … 1, smoothed as asked for. loss: what the class adds to that of the row, which is their sum, of
    independent labels their mean (or sum, by --reduce-labels). loss_if_true: the loss of the row if this were its class; of
    an independent label its own loss if it were set. gradient: of the row's loss −Σ t ln p, without a floor or another
    tool's rule, with respect to the logit of the class: p − t, for the mean over k labels (p − t) / k. Losses and
    gradients are in the unit of the report.
    """

    name: str
    value: float | None
    probability: float
    target: float
    loss: float
    loss_if_true: float
    gradient: float


def softmax_of(plan: Plan, values: Floats) -> Softmax | None:
    """The softmax of the one row of `values` (k, 1); None where it has no logits of classes that exclude each other."""
    if plan.scale != "logits" or plan.one_column or plan.task == "multilabel":
        return None
    z = values[:, 0].tolist()
    largest = max(z)
    best = z.index(largest)
    # Without the largest one the sum keeps the digits of a loss near 0.
    rest = math.fsum(math.exp(one - largest) for index, one in enumerate(z) if index != best)
    return Softmax(largest, plan.classes[best], 1.0 + rest, largest + math.log1p(rest))


def formula(plan: Plan, values: Floats, code: int | None, classes: Sequence[ClassShare], nats: float) -> str:
    """The formula of a row's loss with its numbers, such as `−ln 0.02356 = 3.748192`; inputs have eight digits.

    values: (k, 1) of the row, as in a Batch. code: its true class; None without one. nats: its loss.
    """
    if plan.task == "multilabel":
        how = _over_labels(plan, classes)
    elif code is None or plan.options.smoothing:
        how = _summed([(one.loss, f"{_given(one.target)} · {_result(one.loss / one.target)}") for one in classes if one.target])
    else:
        how = _of_true_class(plan, values, code, classes[code].probability, nats)
        if plan.options.base != "e":
            how = f"{f'({how})' if SUM in how else how} / ln {plan.options.base}"
    return f"{how} = {_result(in_unit(plan, 1.0) * nats)}"


def _of_true_class(plan: Plan, values: Floats, code: int, probability: float, nats: float) -> str:
    if plan.options.convention is not None:
        largest = CONVENTIONS[plan.options.convention].largest
        # What a rule takes the logarithm of is not kept anywhere; its exponential agrees with it in the digits shown.
        return f"min(−ln {_given(probability)}, {largest:g})" if nats == largest else f"−ln {_given(math.exp(-nats))}"
    if probability < plan.eps:
        return f"−ln max({_given(probability)}, {_given(plan.eps)})"
    if plan.one_column:
        return _of_one_column(plan.scale, float(values[0, 0]), positive=code == 1)
    true, z = float(values[code, 0]), softmax_of(plan, values)
    if z is not None:
        return f"({_given(z.largest)} − {_operand(true)}){SUM}{_given(z.exponential_sum)}"
    return f"−ln {_given(true)}" if plan.scale == "probs" else f"−{_operand(true)}"


def _of_one_column(scale: str, value: float, *, positive: bool) -> str:
    if scale == "logits":
        return f"ln(1 + exp({_given(-value if positive else value)}))"
    if scale == "logprobs":
        return f"−{_operand(value)}" if positive else f"−ln(1 − exp({_given(value)}))"
    return f"−ln {_given(value)}" if positive else f"−ln(1 − {_given(value)})"


def _over_labels(plan: Plan, classes: Sequence[ClassShare]) -> str:
    total = _summed([(one.loss, _result(one.loss)) for one in classes])
    return total if plan.reduction > 1 else f"({total}) / {len(classes)}"


def _summed(terms: Sequence[tuple[float, str]]) -> str:
    """The terms, each with its size, joined by +; of many the largest, in their order."""
    shown = sorted(sorted(range(len(terms)), key=lambda place: -terms[place][0])[:MOST_TERMS])
    texts = [terms[place][1] for place in shown]
    rest = len(terms) - len(shown)
    return " + ".join([*texts, f"… ({rest} more)"] if rest else texts)


def _given(value: float) -> str:
    return f"{value:.8g}".replace("-", "−", 1) if value < 0 else f"{value + 0.0:.8g}"


def _operand(value: float) -> str:
    return f"({_given(value)})" if value < 0 else _given(value)


def _result(value: float) -> str:
    """Six decimals, or six significant digits where those would show nothing."""
    return f"{value:.6g}" if 0.0 < value < 1e-3 else f"{value:.6f}"
