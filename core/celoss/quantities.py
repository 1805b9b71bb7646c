"""Owns what is summed of scored rows: the quantities of a block by their names, and the blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from celoss.checks import Batch
from celoss.kernels import Codes, Counts, Floats, Mask, RowScores
from celoss.moments import BLOCK_ROWS
from celoss.plan import Plan
from celoss.records import dataclass
from celoss.shorts import shortened

# Blocks of many classes hold fewer rows, so that their planes still fit the cache.
BLOCK_CELLS = 1 << 19
# What the errors of means by cluster need: sums of single rows in each.
CLUSTERED = re.compile(r"(rows|weight|infinite|loss|brier|kl|entropy|(accuracy|top_\d+_accuracy)( \d+/\d+)?)$")
# Another tool's loss that is this near, relative above 1 nat, is the same loss in its float width.
SMALLEST_DIFFERENCE = 1e-6


@dataclass(frozen=True)
class Quantity:
    """A sum to take: over `rows` (positions; None: all) of a · b, of a (b None), or of 1 (a None: a count, also of a mask).

    cell: the class to which all of it belongs; None: each row's own cell. with_squares: whether the sum of a² in cell 0, as
    `…_squared`, goes with that of a. short: whether a is `shortened`.
    """

    name: str
    a: Floats | None = None
    b: Floats | None = None
    rows: Codes | Mask | None = None
    cell: int | None = None
    with_squares: bool = False
    short: bool = False


def cell_codes(block: Batch) -> Codes:
    """The cell of each row (n,): its true class, or 0 where it has none."""
    return np.zeros(len(block.rows), dtype=np.intp) if block.codes is None else block.codes


def quantities(plan: Plan, block: Batch, row: RowScores) -> Iterator[Quantity]:
    """All sums that a report needs of a block."""
    weights = block.weights
    yield Quantity("rows")
    if weights is not None:
        yield Quantity("weight", weights)
        yield Quantity("weightless", rows=np.flatnonzero(weights == 0.0))
        yield Quantity("weight_squared", weights, weights)
        yield Quantity("weight_cubed", shortened(weights * weights * weights), short=True)
    loss = np.where(np.isinf(row.loss), 0.0, row.loss) if plan.eps == 0.0 else row.loss
    # Only weights of classes ask for more than the loss of each class; a single sum costs the least.
    whole = 0 if plan.options.class_weights is None and not plan.by else None
    yield from _moments("loss", loss, weights, None, whole)
    yield from _moments("brier", row.brier, weights, whole, whole)
    if row.entropy is not None and row.kl is not None:
        kl = np.where(np.isinf(row.kl), 0.0, row.kl) if plan.eps == 0.0 else row.kl
        yield from _moments("entropy", row.entropy, weights, whole, whole)
        yield from _moments("kl", kl, weights, whole, whole)
    yield from _floored(plan, row, loss, weights)
    yield Quantity("ties", rows=np.flatnonzero(row.at_top > (0 if plan.task == "multilabel" else 1)))
    if row.probability is not None and plan.scale == "probs":
        yield Quantity("certain", rows=np.flatnonzero((row.probability == 0.0) | (row.probability == 1.0)))
    if plan.task == "multilabel":
        yield from _moments("accuracy", row.correct.numerator.astype(np.float64), weights, whole, whole)
    else:
        yield from _credits("accuracy", row.correct.numerator, row.correct.denominator, weights)
    for size, top in zip(plan.options.top_k, row.top, strict=True):
        yield from _credits(f"top_{size}_accuracy", top.numerator, top.denominator, weights)
    if not plan.hard:
        assert row.by_class is not None and row.targets is not None and block.targets is not None
        yield from _classes(plan, row, row.by_class, row.targets, block.targets, weights)


def _moments(
    name: str, values: Floats, weights: Floats | None, cell: int | None, square_cell: int | None
) -> Iterator[Quantity]:
    """Sums of a quantity, its powers and products with the weights; the cells are those of the sum, and of the others."""
    # A weight of 0 takes the row out, whatever its value.
    weighted = values if weights is None else weights * values
    if weights is None and square_cell is not None:
        yield Quantity(name, values, cell=cell, with_squares=True)
    elif weights is None:
        yield Quantity(name, values, cell=cell)
        yield Quantity(f"{name}_squared", values, values, cell=square_cell)
    else:
        yield Quantity(name, weighted, cell=cell)
        yield Quantity(f"{name}_squared", weighted, weighted, cell=square_cell)
        # By class, of which the error of skill is made.
        yield Quantity(f"{name}_weight", weighted, weights, cell=cell)
    squares = weighted * weighted
    yield Quantity(f"{name}_cubed", shortened(squares * weighted), cell=square_cell, short=True)
    if weights is not None:
        yield Quantity(f"{name}_squared_weight", shortened(squares * weights), cell=square_cell, short=True)
        yield Quantity(f"{name}_weight_squared", shortened(weighted * weights * weights), cell=square_cell, short=True)


def contributions(block: Batch, row: RowScores) -> Floats:
    """What each row adds to the sum of the losses (m,), without rows whose loss is infinite."""
    finite = row.loss if row.loss.max(initial=0.0) < np.inf else row.loss[np.isfinite(row.loss)]
    if block.weights is None:
        return finite
    return finite * (block.weights if finite is row.loss else block.weights[np.isfinite(row.loss)])


def _floored(plan: Plan, row: RowScores, loss: Floats, weights: Floats | None) -> Iterator[Quantity]:
    """The rows that the floor has changed, or those with a probability of 0, which are few."""
    shared = row.zero_share is not None
    zero = row.zero_share > 0.0 if row.zero_share is not None else np.isinf(row.unfloored_loss)
    # By another tool's rule a probability of 0 may cost what −ln p does: then the row is none that it changed.
    changed = _changed(plan, row) if plan.options.convention is not None else zero | _changed(plan, row)
    if not (changed | zero).any():
        return
    rows, zeros = np.flatnonzero(changed), np.flatnonzero(zero)
    ones = np.ones(len(zero)) if weights is None else weights
    finite = np.where(np.isinf(row.unfloored_loss), 0.0, row.unfloored_loss)
    yield Quantity("infinite", rows=np.flatnonzero(np.isinf(row.loss) & (ones > 0.0)))
    yield Quantity("clipped", rows=rows)
    yield Quantity("clipped_loss", (ones * loss)[rows], rows=rows)
    yield Quantity("unfloored", (ones * finite)[rows], rows=rows)
    yield Quantity("zero", rows=zeros)
    if weights is not None:
        yield Quantity("zero_weight", weights[zeros], rows=zeros)
    if shared and row.zero_share is not None:
        yield Quantity("unfloored_zero", (ones * finite)[zeros], rows=zeros)
        yield Quantity("zero_share", (ones * row.zero_share)[zeros], rows=zeros)


def differs(loss: Floats, other: Floats) -> Mask:
    """Whether losses (n,) are others by more than the float width of the tools explains; two infinite ones are the same."""
    with np.errstate(invalid="ignore"):
        near = np.abs(loss - other) <= SMALLEST_DIFFERENCE * np.maximum(1.0, np.minimum(loss, other))
    others: Mask = ~near & (loss != other)
    return others


def _changed(plan: Plan, row: RowScores) -> Mask:
    """Whether each row's loss (n,) is another one by the floor, or by another tool's rule."""
    if plan.options.convention is not None:
        return differs(row.loss, row.unfloored_loss)
    if row.probability is not None and not plan.shares:
        floored: Mask = row.probability < plan.eps
        return floored
    changed: Mask = row.loss != row.unfloored_loss
    return changed


def _credits(name: str, numerator: Counts, denominator: Counts, weights: Floats | None) -> Iterator[Quantity]:
    """Sums of weights of the rows that earn j/m, for each j/m that occurs."""
    whole = (denominator == 1) & (numerator == 1)
    parts: list[tuple[int, int, Codes | Mask]] = [(1, 1, whole if weights is None else np.flatnonzero(whole))]
    # Few rows are tied: only these pay for the sort that `unique` makes (which took two thirds of the time for all rows).
    others = np.flatnonzero(~whole & (numerator > 0))
    if others.size:
        pairs, which = np.unique(np.stack([numerator[others], denominator[others]]), axis=1, return_inverse=True)
        parts += [(int(j), int(m), others[which.ravel() == at]) for at, (j, m) in enumerate(pairs.T.tolist())]
    for j, m, rows in parts:
        if weights is None:
            yield Quantity(f"{name} {j}/{m}", rows=rows)
        else:
            yield Quantity(f"{name} {j}/{m}", weights[rows], rows=rows)
            yield Quantity(f"{name} {j}/{m} squared", weights[rows], weights[rows], rows)


def _classes(
    plan: Plan, row: RowScores, by_class: Floats, targets: Floats, labels: Floats, weights: Floats | None
) -> Iterator[Quantity]:
    """What belongs to each class where a row has several, in the cell of the class. targets: labels, smoothed or not."""
    multilabel = plan.task == "multilabel"
    for index, share in enumerate(targets):
        ones = np.ones(len(share)) if weights is None else weights
        infinite = np.isinf(by_class[index])
        present = labels[index] > (0.5 if multilabel else 0.0)
        yield Quantity("class_rows", rows=np.flatnonzero(present), cell=index)
        yield Quantity("share", ones * share, cell=index)
        yield Quantity("class_loss", ones * np.where(infinite, 0.0, by_class[index]), cell=index)
        if infinite.any():
            yield Quantity("class_infinite", rows=np.flatnonzero(infinite & (ones > 0.0)), cell=index)
        if multilabel and row.class_credit is not None:
            yield Quantity("class_credit", ones * row.class_credit[index], cell=index)
            yield Quantity("class_positive", np.where(present, ones, 0.0), cell=index)
            yield Quantity("class_hits", np.where(present, ones * row.class_credit[index], 0.0), cell=index)


def blocks(batch: Batch) -> Iterator[Batch]:
    """The batch in pieces whose planes fit the cache; without its faults."""
    k, n = batch.values.shape
    size = max(1, min(BLOCK_ROWS, BLOCK_CELLS // max(k, 1)))
    for start in range(0, n, size):
        yield batch.part(slice(start, start + size))
