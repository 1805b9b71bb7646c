"""Owns the fit of a recalibration: the temperature alone, then with class biases, by Newton's method on exact sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from celoss.kernels import Codes, Floats
from celoss.recalibration_sums import Facts, FactSums, Point, Rows, Sums, centred
from celoss.records import dataclass

# Of more classes the temperature alone is fitted.
MOST_CLASSES = 200
LARGEST_SLOPE = 1e6
MOST_STEPS = 100
# A step that promises less than this of the first loss changes nothing but its last digits.
TOLERANCE = 1e-14
# Where the curvature says so little that a step of b were longer than 1 + b, or one of a bias a longer than 10 + |a|, it is
# raised by so much that a step along one of them alone is not.
LONGEST_STEPS = 1.0, 10.0
# A row whose class is not the most probable costs ln 2 or more: if all cost less than this, there is none, and the best b is
# infinite.
SEPARATED = 1e-3
LEAST_PIVOT = 1e-13

# Gives all rows to the sums that the function makes, which it makes anew where a reading begins again.
Gather = Callable[[Callable[[], Sums]], Sums]


@dataclass(frozen=True)
class Fit:
    """The recalibration of least loss: softmax(b ln p), b ≥ 0, and softmax(b ln p + a). Losses are means in nats.

    slope_alone: b without biases. slope, biases: b and a together; the biases of the classes that occur have the mean 0, of
    two classes the first's is 0, and a class that no label has is ruled out: −∞. None for more than 200 classes.
    plain, tempered, ruled, refined: the losses of softmax(ln p), with the slope alone, with a slope and such classes ruled
    out, and with biases. base_rate: that of always forecasting the label frequencies.
    slope_parameters, bias_parameters: how many numbers the labels settle: none for b where all predictions are uniform.
    is_separated_alone, is_separated: whether the loss goes to 0 with slope_alone, and with the slope beside biases, which was
    then stopped on its way to infinity.
    """

    rows: int
    effective_rows: float
    slope_alone: float
    slope: float
    biases: tuple[float, ...] | None
    plain: float
    tempered: float
    ruled: float
    refined: float
    base_rate: float
    slope_parameters: int
    bias_parameters: int
    is_separated_alone: bool
    is_separated: bool

    @property
    def parameters(self) -> int:
        """Of both together."""
        return self.slope_parameters + self.bias_parameters


class _Ends(NamedTuple):
    """Where steps end: when they promise no more than `promised`, or when the loss is less than `loss`."""

    promised: float
    loss: float


def fit(log_p: Floats, codes: Codes | None, weights: Floats | None = None, targets: Floats | None = None) -> Fit:
    """The recalibration of predictions ln p (k, n), up to a constant for each row, with true classes (n,).

    weights: (n,) ≥ 0. targets: (k, n) label shares, instead of codes.

    C. Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599; of two classes with a bias D. R. Cox 1958,
    Two Further Applications of a Model for Binary Regression, DOI 10.1093/biomet/45.3-4.562.
    """
    rows = Rows(centred(0.0 - np.asarray(log_p, dtype=np.float64)), codes, targets, weights)
    blocks, facts = list(rows.blocks()), FactSums(len(log_p))
    for block in blocks:
        facts.add(block)
    return fit_rows(facts.facts(), lambda make: of_blocks(blocks, make()))


def of_blocks(blocks: Iterable[Rows], sums: Sums) -> Sums:
    """The sums, with all blocks added."""
    for block in blocks:
        sums.add(block)
    return sums


def fit_rows(facts: Facts, gather: Gather) -> Fit:
    """The recalibration of rows with these facts, of which some have a weight."""
    k, present = len(facts.class_weights), facts.present

    def at(slope: float, biases: Floats | None) -> Point:
        return gather(lambda: Sums(facts, slope, biases)).point()

    def alone(values: Floats) -> Point:
        return at(float(values[0]), None)

    def without_biases(values: Floats) -> Point:
        point = at(float(values[0]), _all_biases(np.zeros(len(present) - 1), present, k))
        return Point(point.loss, point.slopes[:1], point.curvature[:1, :1])

    def together(values: Floats) -> Point:
        return _of_free(at(float(values[0]), _all_biases(values[1:], present, k)), present)

    first = alone(np.ones(1))
    ends = _Ends(TOLERANCE * first.loss, SEPARATED**2 / facts.rows)
    slope_alone, tempered = _least(alone, np.ones(1), first, ends)
    slope_parameters = int(first.curvature[0, 0] > 0.0)
    values, ruled = slope_alone, tempered
    biased = len(present) > 1 and k <= MOST_CLASSES
    if biased and len(present) < k:
        values, ruled = _least(without_biases, slope_alone, without_biases(slope_alone), ends)
    refined = ruled
    if biased:
        # Of constant predictions the biases alone make every other one.
        hold = facts.is_constant
        start = np.concatenate([values, np.zeros(len(present) - 1)])
        values, refined = _least(together, start, together(start), ends, hold)
    bias_parameters = max(0, len(present) - 1 - (slope_parameters if facts.is_constant else 0)) if biased else 0
    biases = _all_biases(values[1:], present, k) if biased else None
    if biases is not None and k == 2:
        biases = biases - biases[0]
    # By the same numbers, added up another way, a loss may be more by a rounding.
    without = min(ruled.loss, tempered.loss)
    least = min(refined.loss, without)
    return Fit(
        facts.rows,
        facts.effective_rows,
        float(slope_alone[0]),
        float(values[0]),
        None if biases is None else tuple(biases.tolist()),
        first.loss,
        tempered.loss,
        without,
        least,
        facts.base_rate,
        slope_parameters,
        bias_parameters,
        *(first.loss > loss and loss * facts.rows < SEPARATED for loss in (tempered.loss, least)),
    )


def _all_biases(free: Floats, present: list[int], k: int) -> Floats:
    """The biases of all classes: those of all present ones but the last, which brings their sum to 0, and −∞ of all others."""
    biases = np.full(k, -np.inf)
    biases[present[:-1]] = free
    rest = 0.0
    for one in free.tolist():
        rest -= one
    biases[present[-1]] = rest
    return biases


def _of_free(point: Point, present: list[int]) -> Point:
    """Slopes and curvature by b and the free biases."""
    kept = [0, *(1 + place for place in present)]
    slopes, curvature = point.slopes[kept], point.curvature[np.ix_(kept, kept)]
    last = np.concatenate([[0.0], np.full(len(kept) - 2, 1.0)])
    whole = curvature[:-1, :-1] - last[:, np.newaxis] * curvature[-1, :-1] - curvature[:-1, -1:] * last
    whole += last[:, np.newaxis] * last * curvature[-1, -1]
    return Point(point.loss, slopes[:-1] - last * slopes[-1], whole)


def _least(
    point_at: Callable[[Floats], Point], start: Floats, here: Point, ends: _Ends, hold: bool = False
) -> tuple[Floats, Point]:
    """The values (b, then free biases) of least loss and their point, from a start, by Newton's steps, halved where they fail.

    hold: whether b stays as it is. The loss is convex, so that the way does not matter.
    """
    values = start
    for _ in range(MOST_STEPS):
        step = _step(values, here, hold)
        promised = -float((step * here.slopes).sum()) / 2.0
        if not promised > ends.promised or here.loss < ends.loss:
            return values, here
        while promised > ends.promised:
            trial = values + step
            trial[0] = min(max(trial[0], 0.0), LARGEST_SLOPE)
            there = point_at(trial)
            if there.loss < here.loss:
                break
            step, promised = step / 2.0, promised / 2.0
        else:
            return values, here
        values, here = trial, there
    return values, here


def _step(values: Floats, here: Point, hold: bool) -> Floats:
    """Newton's step, with b left alone where it is held or would leave its bounds."""
    slopes, curvature = here.slopes.copy(), here.curvature.copy()
    diagonal = np.arange(len(slopes))
    at_bound = (values[0] == 0.0 and slopes[0] > 0.0) or (values[0] == LARGEST_SLOPE and slopes[0] < 0.0)
    if hold or at_bound:
        slopes[0] = curvature[0, 1:] = curvature[1:, 0] = 0.0
    limits = np.abs(values) + np.where(diagonal == 0, *LONGEST_STEPS)
    step = -solved(curvature, slopes)
    if (np.abs(step) > limits).any() or not (curvature[diagonal, diagonal] > 0.0).all():
        curvature[diagonal, diagonal] = np.maximum(curvature[diagonal, diagonal], np.abs(slopes) / limits)
        step = -solved(curvature, slopes)
    return step


def solved(matrix: Floats, right: Floats) -> Floats:
    """The solution (m,) of a symmetric system, its diagonal raised as far as a Cholesky factor needs; 0 where nothing is said.

    Written out: a library's order of additions depends on the machine.
    """
    known = np.flatnonzero(matrix.diagonal() > 0.0)
    solution = np.zeros(len(right))
    inner = matrix[np.ix_(known, known)]
    scale = np.sqrt(inner.diagonal())
    scaled, target = inner / scale[:, np.newaxis] / scale, right[known] / scale
    raised = 0.0
    while (found := _by_factor(scaled, target, raised)) is None:
        raised = max(10.0 * LEAST_PIVOT, 10.0 * raised)
    solution[known] = found / scale
    return solution


def _by_factor(matrix: Floats, right: Floats, raised: float) -> Floats | None:
    """The solution by L D Lᵀ of a matrix with ones on its diagonal, plus `raised`; None where a pivot is lost in rounding."""
    rest, vector = matrix.copy(), right.copy()
    size = len(vector)
    rest[np.arange(size), np.arange(size)] += raised
    columns = np.zeros((size, size))
    pivots = np.zeros(size)
    for at in range(size):
        pivots[at] = rest[at, at]
        if not pivots[at] > LEAST_PIVOT:
            return None
        columns[at + 1 :, at] = rest[at + 1 :, at] / pivots[at]
        rest[at + 1 :, at + 1 :] -= columns[at + 1 :, at, np.newaxis] * rest[at, at + 1 :]
        vector[at + 1 :] -= columns[at + 1 :, at] * vector[at]
    vector /= pivots
    for at in range(size - 1, 0, -1):
        vector[:at] -= columns[at, :at] * vector[at]
    return vector
