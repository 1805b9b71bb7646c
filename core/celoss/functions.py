"""Owns the quantities of distributions as plain functions on arrays: entropy, cross-entropy, Kullback-Leibler divergence."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from celoss.errors import CelossError, Diagnostic, Place, listed
from celoss.kernels import DEFAULT_EPS, Floats, Mask, minus_log

Base = Literal["e", "2", "10", 2, 10]

LARGEST_DEVIATION = 1e-3

_NATS = {"e": 1.0, "2": math.log(2.0), "10": math.log(10.0)}


def entropy(p: Any, *, base: Base = "e", axis: int = -1) -> float | Floats:
    """Entropy H(p) = −Σ_c p_c log p_c: the mean surprise at an outcome that is drawn from p itself, ≥ 0.

    It is the loss that no forecast of p can fall below, 0 when one class is certain, and log k when all k are equal: in
    nats with base "e", in bits with 2, in decimal digits (hartleys) with 10. 0 · log 0 = 0.

    p: probabilities, anything that NumPy makes an array of; they sum to 1, within 0.001, along `axis`. Returns a float
    for one distribution, else an array of the shape of p without that axis.

    Raises CelossError where a probability is missing (E502) or outside 0 to 1 (E503), or a row does not sum to 1 (E504);
    ValueError for another base.

    C. E. Shannon 1948, A Mathematical Theory of Communication, DOI 10.1002/j.1538-7305.1948.tb01338.x.

    >>> from celoss.functions import entropy
    >>> entropy([0.5, 0.25, 0.25], base=2)
    1.5
    >>> entropy([[0.5, 0.5], [1.0, 0.0]], base=2)
    array([1., 0.])
    """
    unit = _unit(base)
    planes = _distributions("p", np.moveaxis(_array("p", p), axis, 0))
    return _answer(_weighted(planes, _surprisal_of_labels(planes)), unit)


def cross_entropy(t: Any, p: Any, *, eps: float = DEFAULT_EPS, base: Base = "e") -> float | Floats:
    """Cross-entropy CE(t, p) = −Σ_c t_c log max(p_c, eps): the mean surprise of who expects p when t is true, ≥ 0.

    It is the log loss of a forecast p for a label that is itself a distribution (annotators who disagree, a teacher's
    probabilities, smoothed labels); with a single 1 in t it is the log loss −log p of that class. It splits into what
    lies in the label and what lies in the forecast: cross_entropy(t, p) = entropy(t) + kl_divergence(t, p).

    In nats with base "e", in bits with 2, in decimal digits with 10. 0 · log 0 = 0.

    t, p: label and forecast, both (k,) or both (n, k), anything that NumPy makes an array of; each row sums to 1, within
    0.001. eps: floor of p, 0 to 1; with 0 the value is infinite where t is not 0 and p is. Returns a float for (k,), an
    array (n,) for (n, k), with the same bits for a row alone and among many.

    Raises CelossError where the shapes differ (E209), a probability is missing (E502) or outside 0 to 1 (E503), or a row
    does not sum to 1 (E504); ValueError for another base or eps.

    I. J. Good 1952, Rational Decisions, DOI 10.1111/j.2517-6161.1952.tb00104.x.

    >>> from celoss.functions import cross_entropy
    >>> round(cross_entropy([0.5, 0.5], [0.25, 0.75], base=2), 6)
    1.207519
    >>> cross_entropy([[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.75, 0.25]], base=2)
    array([1., 2.])
    """
    unit = _unit(base)
    labels, forecast = _pair(t, p)
    return _answer(_weighted(labels, _surprisal_of_forecast(forecast, eps)), unit)


def kl_divergence(t: Any, p: Any, *, eps: float = DEFAULT_EPS, base: Base = "e") -> float | Floats:
    """Kullback-Leibler divergence KL(t ‖ p) = Σ_c t_c log(t_c / max(p_c, eps)): what expecting p costs when t is true.

    The first argument is the reference, the label; the order matters. It is 0 where p is t, positive elsewhere, and not
    bounded. (A sum that is off 1, eps, or rounding can make it less than 0 by as much.) It is what is left of the
    cross-entropy without the label's own entropy: cross_entropy(t, p) = entropy(t) + kl_divergence(t, p).

    In nats with base "e", in bits with 2, in decimal digits with 10. 0 · log 0 = 0.

    t, p, eps, what is returned and what is raised: as in `cross_entropy`.

    S. Kullback, R. A. Leibler 1951, On Information and Sufficiency, DOI 10.1214/aoms/1177729694.

    >>> from celoss.functions import kl_divergence
    >>> round(kl_divergence([0.5, 0.5], [0.25, 0.75], base=2), 6)
    0.207519
    >>> kl_divergence([0.5, 0.5], [1.0, 0.0], eps=0)
    inf
    """
    unit = _unit(base)
    labels, forecast = _pair(t, p)
    return _answer(_weighted(labels, _surprisal_of_forecast(forecast, eps) - _surprisal_of_labels(labels)), unit)


def _surprisal_of_labels(t: Floats) -> Floats:
    """−ln t, and 0 where t is 0: those classes weigh nothing."""
    return minus_log(np.where(t > 0.0, t, 1.0))


def _surprisal_of_forecast(p: Floats, eps: float) -> Floats:
    if not 0.0 <= eps <= 1.0:
        raise ValueError(f"eps is a probability, 0 to 1, not {eps}")
    return minus_log(np.maximum(p, eps))


def _weighted(t: Floats, values: Floats) -> Floats:
    """Σ_c t_c · value_c over the first axis, class by class in their order, so that other rows never change a bit.

    0 · inf is 0. `ndarray.sum` would add in an order that depends on how many rows there are.
    """
    total = np.zeros(t.shape[1:])
    for share, plane in zip(t, values, strict=True):
        total += share * np.where(share > 0.0, plane, 0.0)
    return total


def _answer(nats: Floats, unit: float) -> float | Floats:
    scaled = nats / unit
    return float(scaled) if scaled.ndim == 0 else scaled


def _unit(base: Base) -> float:
    """How many nats one unit has: 1, ln 2 or ln 10."""
    unit = _NATS.get(str(base))
    if unit is None:
        raise ValueError(f'base is "e", 2 or 10, not {base!r}')
    return unit


def _array(name: str, values: Any) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        raise CelossError(Diagnostic("E209", f"{name} is a single number", help="give one probability per class"))
    return array


def _in_order_of(t: Any, p: Any) -> Any:
    """p with its classes in the order of t, where both are labelled (pandas): columns of frames, the index of series.

    Raises CelossError (E209) where the names are not the same.
    """
    mine, theirs = _class_names(t), _class_names(p)
    if not mine or not theirs or mine == theirs:
        return p
    if set(mine) != set(theirs) or len(set(mine)) < len(mine):
        found = f"t has the classes {listed(list(map(str, mine)))}, p {listed(list(map(str, theirs)))}"
        raise CelossError(Diagnostic("E209", found, help="give both the same classes, or arrays without names"))
    return p[mine]


def _class_names(labelled: Any) -> list[Any]:
    """The columns of a frame, the index of a series; nothing of what has no names."""
    names = getattr(labelled, "columns", getattr(labelled, "index", None))
    return [] if names is None or callable(names) else list(names)


def _pair(t: Any, p: Any) -> tuple[Floats, Floats]:
    """Label and forecast with the classes first: (k,) or (k, n) each."""
    labels, forecast = _array("t", t), _array("p", _in_order_of(t, p))
    if labels.shape != forecast.shape or labels.ndim > 2:
        found = f"t has the shape {labels.shape} and p the shape {forecast.shape}"
        raise CelossError(Diagnostic("E209", found, help="give both one row per case: (rows, classes), or (classes,) for one"))
    return _distributions("t", labels.T), _distributions("p", forecast.T)


def _distributions(name: str, planes: Floats) -> Floats:
    """The planes (k, …), in the memory order in which sums over classes are fast. Raises CelossError: E502, E503, E504."""
    planes = np.ascontiguousarray(planes)
    _refuse(name, planes, np.isnan(planes), "E502", ("probability is missing", "probabilities are missing"))
    outside = (planes < 0.0) | (planes > 1.0)
    _refuse(name, planes, outside, "E503", ("probability is outside 0 to 1", "probabilities are outside 0 to 1"))
    sums = _weighted(np.ones_like(planes), planes)[np.newaxis]
    off = np.abs(sums - 1.0) > LARGEST_DEVIATION
    found = f"a sum of {{!r}}; expected 1 within {LARGEST_DEVIATION:g}"
    _refuse(name, sums, off, "E504", ("row does not sum to 1", "rows do not sum to 1"), found)
    return planes


def _refuse(name: str, planes: Floats, wrong: Mask, code: str, what: tuple[str, str], found: str = "{!r}") -> None:
    """Raises CelossError where any value is wrong, naming the first in the order of the rows.

    planes, wrong: (k, …). what: the fault of one value and of several. found: how the value is told. Rows are counted
    from 1, in the order of the array; a single distribution has no row number.
    """
    count = int(wrong.sum())
    if not count:
        return
    first = int(np.flatnonzero(np.moveaxis(wrong, 0, -1))[0])
    value = float(np.moveaxis(planes, 0, -1).reshape(-1)[first])
    row = first // len(planes) + 1 if wrong.ndim > 1 else None
    place = Place(f"argument {name}", row=row, value=repr(value))
    message = f"{count:,} {what[count > 1]}"
    raise CelossError(Diagnostic(code, message, (place,), count, (f"found {found.format(value)}",)))
