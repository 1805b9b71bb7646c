"""Owns the way from the rows of a batch to their scores: which kernel, by the plan's task, scale and options."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from celoss import conventions
from celoss.checks import Batch
from celoss.kernels import (
    Codes,
    Floats,
    Forecasts,
    RowScores,
    forecasts,
    one_hot,
    predicted,
    probability_of,
    score_binary,
    score_labels,
    score_multiclass,
    score_soft,
    score_surprisals,
    smoothed,
    top_credit,
)
from celoss.plan import Plan


def scores(plan: Plan, block: Batch) -> RowScores:
    """The scores of a block's rows."""
    row = _scores(plan, block)
    if plan.options.convention is not None:
        row = _by_convention(plan, block, row, plan.options.convention)
    if block.codes is None:
        return row
    if plan.options.ties == "first":
        row = replace(row, correct=top_credit(ranking(plan, block), block.codes, 1, "first"))
    if plan.options.top_k:
        p = ranking(plan, block)
        row = replace(row, top=tuple(top_credit(p, block.codes, size, plan.options.ties) for size in plan.options.top_k))
    return row


def _scores(plan: Plan, block: Batch) -> RowScores:
    """The scores by the plan's own floor."""
    smoothing = plan.options.smoothing
    if block.codes is None:
        assert block.targets is not None
        if plan.task == "multilabel":
            return score_labels(block.values, plan.scale, block.targets, plan.eps, smoothing)
        return score_soft(_forecasts(plan, block), block.targets, plan.eps, smoothing)
    codes = block.codes
    if smoothing:
        forecast = _forecasts(plan, block)
        ranked = score_surprisals(forecast, codes, plan.eps)
        row = score_soft(forecast, one_hot(codes, len(plan.classes)), plan.eps, smoothing)
        return replace(row, at_top=ranked.at_top, correct=ranked.correct, probability=ranked.probability)
    if plan.scale != "probs":
        return score_surprisals(_forecasts(plan, block), codes, plan.eps)
    if plan.one_column:
        return score_binary(block.values[0], codes == 1, plan.eps)
    return score_multiclass(block.values, codes, plan.eps)


def targets_of(plan: Plan, block: Batch) -> Floats:
    """The label distributions (k, n) that the losses are taken against, smoothed if asked for."""
    k = len(plan.classes)
    targets = block.targets if block.codes is None else one_hot(block.codes, k)
    assert targets is not None
    if plan.task == "multilabel":
        # Each label is a distribution over two classes of its own.
        return (1.0 - plan.options.smoothing) * targets + plan.options.smoothing / 2.0
    return smoothed(targets, plan.options.smoothing)


def ranking(plan: Plan, block: Batch) -> Floats:
    """Numbers (k, n) in the order of the probabilities, which underflow to 0 where logits and logarithms still differ."""
    return probabilities(plan, block) if plan.one_column else block.values


def probabilities(plan: Plan, block: Batch) -> Floats:
    """Probabilities of all classes (k, n): two rows for a single column; of each label where they are independent."""
    if plan.scale == "probs":
        return np.concatenate(probability_of(block.values, "probs")) if plan.one_column else block.values
    return _forecasts(plan, block).p


def best_class(plan: Plan, block: Batch) -> Codes:
    """Index of the class with the largest probability, the first one on ties: (n,)."""
    if not plan.one_column:
        return predicted(block.values)
    half = 0.5 if plan.scale == "probs" else 0.0 if plan.scale == "logits" else float(np.log(0.5))
    codes: Codes = (block.values[0] > half).astype(np.intp)
    return codes


def _forecasts(plan: Plan, block: Batch) -> Forecasts:
    if plan.task != "multilabel":
        return forecasts(block.values, plan.scale, plan.one_column)
    both = [forecasts(plane[np.newaxis], plan.scale, one_column=True) for plane in block.values]
    return Forecasts(np.stack([one.p[1] for one in both]), np.stack([one.surprisal[1] for one in both]))


def _by_convention(plan: Plan, block: Batch, strict: RowScores, name: str) -> RowScores:
    """The scores with the losses of another tool's rule in place of −ln p."""
    loss, by_class = convention_losses(plan, block, name)
    kl = None if strict.entropy is None else loss - strict.entropy
    return replace(strict, loss=loss, kl=kl, by_class=None if strict.by_class is None else by_class)


def convention_losses(plan: Plan, block: Batch, name: str) -> tuple[Floats, Floats]:
    """The losses (n,) of a block's rows by another tool's rule, and what each class adds (k, n)."""
    targets = targets_of(plan, block)
    if plan.task == "multilabel":
        negative, positive = conventions.binary_surprisals(name, block.values, plan.spacing)
        by_class = _share(1.0 - targets, negative) + _share(targets, positive)
    else:
        by_class = _share(targets, conventions.surprisals(name, block.values, plan.spacing, one_column=plan.one_column))
    loss = np.zeros(by_class.shape[1])
    for plane in by_class:
        loss += plane
    return (loss / len(by_class) if plan.task == "multilabel" else loss), by_class


def _share(targets: Floats, surprisals: Floats) -> Floats:
    """t · surprisal, 0 where t is 0, also for an infinite surprisal."""
    return targets * np.where(targets > 0.0, surprisals, 0.0)
