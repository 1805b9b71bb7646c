"""Owns the judgement of labels by calibrated models: by one, or by several whose probabilities are put together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from celoss.checks import Batch
from celoss.comparing import score_each
from celoss.errors import Diagnostic, Place, UsageError, plural
from celoss.explaining.reading import Reading
from celoss.kernels import Codes, Floats, Mask, RowScores, predicted
from celoss.pipeline import Evaluation, Sinks, read_into, score
from celoss.recalibration import rows_of
from celoss.recalibration_fit import Fit, fit_rows, of_blocks
from celoss.recalibration_sums import FactSums, Rows, recalibrated
from celoss.records import dataclass
from celoss.report import Report
from celoss.state import State

# What the probabilities of several models may take in memory, together.
MOST_POOLED = 1 << 30
# Of a row and class: the sum and the model that is added; then the sum of the rows that are judged, and in blocks.
CELL_BYTES = 32
# No logarithm of a probability is taken to be smaller: that of the smallest number.
LEAST_LOG = -745.0
# The bias of a class that is ruled out, but where all others are too.
RULED_OUT = -1e300


@dataclass(frozen=True)
class Model:
    """A model that is read: its fit, the state and the report of its first reading."""

    reading: Reading
    fit: Fit
    state: State
    report: Report


class Judgements:
    """What is known of every row of the labels: arrays (n,), filled in any order. row: −1 for rows that are not judged."""

    def __init__(self, rows: int) -> None:
        self.row: NDArray[np.int64] = np.full(rows, -1, np.int64)
        self.chance, self.plausibility, self.best = (np.ones(rows) for _ in range(3))
        self.suggested: NDArray[np.int32] = np.zeros(rows, np.int32)
        self.against: NDArray[np.uint16] = np.zeros(rows, np.uint16)

    def fill(self, places: Codes, p: Floats, codes: Codes) -> None:
        """Judges rows at these places (m,) by probabilities (k, m) and their labels (m,)."""
        chance = p[codes, np.arange(len(codes))]
        best = predicted(p)
        as_little = np.zeros(len(codes))
        for plane in p:
            as_little += np.where(plane <= chance, plane, 0.0)
        self.chance[places], self.plausibility[places] = chance, np.minimum(as_little, 1.0)
        self.suggested[places], self.best[places] = best, p[best, np.arange(len(codes))]


def _label_rows(model: Model) -> int:
    counts = model.report.row_counts
    return counts.read if model.reading.evaluation.labels is None else counts.scored + counts.dropped + counts.unmatched_labels


def _probabilities(model: Model, block: Batch) -> Floats:
    """p' (k, n) of all rows of a block, also of those without weight."""
    x = rows_of(model.reading.plan, block, None, weightless=True).x
    return recalibrated(x, model.fit.slope, _biases(model.fit, model.state.sums["rows"]))


def _biases(fit: Fit, rows: Sequence[int]) -> Floats | None:
    """The biases by which rows are judged. rows: (k,) of each class, with those that have no weight and took no part in the
    fit: a class that only they have is not ruled out."""
    if fit.biases is None:
        return None
    return np.array(
        [max(one, 0.0 if count and math.isinf(one) else RULED_OUT) for one, count in zip(fit.biases, rows, strict=True)]
    )


class _Taker:
    """Takes blocks, from any thread, with the rows of the labels that their rows belong to."""

    def __init__(self) -> None:
        self._lock = Lock()

    def __call__(self, block: Batch, row: RowScores) -> None:
        with self._lock:
            self.take(block, block.rows if block.label_rows is None else block.label_rows)

    def take(self, block: Batch, places: Codes) -> None:
        """Takes a block."""
        raise NotImplementedError


def _beside_labels(evaluation: Evaluation, sink: Sinks, batch_rows: int) -> State:
    """Scores rows whose blocks know the rows of the labels."""
    if evaluation.labels is None:
        return score(evaluation, sink, batch_rows)
    return score_each([evaluation], batch_rows, None, [sink])[0]


class _Alone(_Taker):
    """Judges by one model."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self.judgements = Judgements(_label_rows(model))

    def take(self, block: Batch, places: Codes) -> None:
        assert block.codes is not None
        found = self.judgements
        found.fill(places, _probabilities(self._model, block), block.codes)
        found.row[places] = block.rows
        found.against[places] = found.suggested[places] != block.codes


def alone(model: Model) -> Judgements:
    """The judgements of one model."""
    reading = model.reading
    return read_into(reading.evaluation, lambda: _Alone(model), reading.batch_rows, _beside_labels)[1].judgements


class _Opinion(_Taker):
    """What one model gives each row of the labels. logs: (k, n) ln p' of the classes in an order; rows: (n,) its rows, −1 for
    none; against: (n,)."""

    def __init__(self, model: Model, rows: int, classes: Sequence[str]) -> None:
        super().__init__()
        self._model = model
        self._order = [model.reading.plan.classes.index(one) for one in classes]
        self.logs = np.zeros((len(classes), rows))
        self.rows: NDArray[np.int64] = np.full(rows, -1, np.int64)
        self.against: Mask = np.zeros(rows, np.bool_)
        self.codes: Codes = np.zeros(rows, np.intp)
        self.weights: Floats | None = None

    def take(self, block: Batch, places: Codes) -> None:
        assert block.codes is not None
        p = _probabilities(self._model, block)
        with np.errstate(divide="ignore"):
            self.logs[:, places] = np.maximum(np.log(p[self._order]), LEAST_LOG)
        self.rows[places], self.codes[places] = block.rows, block.codes
        self.against[places] = p.max(axis=0) > p[block.codes, np.arange(len(block.codes))]
        weights = self._model.reading.weights(block)
        if weights is not None:
            self.weights = np.zeros(len(self.codes)) if self.weights is None else self.weights
            self.weights[places] = weights


def together(models: Sequence[Model], shares: Sequence[float]) -> Judgements:
    """The judgements of several models, of the rows that all of them have scored."""
    classes, rows = models[0].reading.plan.classes, max(map(_label_rows, models))
    k = len(classes)
    if k * rows > MOST_POOLED // CELL_BYTES:
        most = f"{plural(MOST_POOLED // (CELL_BYTES * k), 'row')} of {plural(k, 'class', 'classes')}"
        message = f"{plural(rows, 'row')} are too many for several models: they are judged in 1 GiB of memory, {most}"
        place = (Place("option --also"),)
        raise UsageError(Diagnostic("E614", message, place, help="judge by one model, without --also"))
    first = _opinion(models[0], rows, classes)
    judgements = Judgements(rows)
    judgements.row, judgements.against = first.rows, first.against.astype(np.uint16)
    pool = first.logs
    pool *= shares[0]
    # One after another, so that no sum depends on which comes first.
    for model, share in zip(models[1:], shares[1:], strict=True):
        other = _opinion(model, rows, classes)
        other.logs *= share
        pool += other.logs
        judgements.against += other.against
        judgements.row[other.rows < 0] = -1
    _judge_pool(pool, first.codes, first.weights, judgements)
    return judgements


def _opinion(model: Model, rows: int, classes: Sequence[str]) -> _Opinion:
    reading = model.reading
    return read_into(reading.evaluation, lambda: _Opinion(model, rows, classes), reading.batch_rows, _beside_labels)[1]


def _judge_pool(pool: Floats, codes: Codes, weights: Floats | None, judgements: Judgements) -> None:
    """Recalibrates the weighted sum (k, n) of the models' ln p' on the rows that count, and judges all that are judged."""
    judged = np.flatnonzero(judgements.row >= 0)
    x = pool[:, judged]
    x -= np.maximum.reduce(x)
    weights = None if weights is None else weights[judged]
    rows = Rows(x, codes[judged], None, weights)
    counting = rows if weights is None else rows.take(np.flatnonzero(weights))
    blocks, facts = list(counting.blocks()), FactSums(len(x))
    for block in blocks:
        facts.add(block)
    found = fit_rows(facts.facts(), lambda make: of_blocks(blocks, make()))
    biases = _biases(found, np.bincount(codes[judged], minlength=len(x)).tolist())
    start = 0
    for block in rows.blocks():
        assert block.codes is not None
        places = judged[start : start + len(block.codes)]
        judgements.fill(places, recalibrated(block.x, found.slope, biases), block.codes)
        start += len(block.codes)


def q_values(plausibility: Floats) -> Floats:
    """Benjamini and Hochberg's q of each row (n,): the least of n S / rank over the rows that are as implausible or less."""
    n = len(plausibility)
    order = np.argsort(plausibility, kind="stable")
    shares = plausibility[order] * n / np.arange(1, n + 1)
    q = np.empty(n)
    q[order] = np.minimum(np.minimum.accumulate(shares[::-1])[::-1], 1.0)
    return q
