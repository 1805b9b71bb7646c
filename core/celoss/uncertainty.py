"""Owns which interval each metric has."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from celoss.intervals import Interval, clopper_pearson_interval, hall_interval, ratio_interval, wilson_interval
from celoss.metrics import Number, Tally, in_unit
from celoss.plan import Plan

# Below so many clusters their own spread is too uncertain for the t distribution to make up for.
FEW_CLUSTERS = 30
# An error of a share that is smaller than this is the rounding of an error of 0.
LEAST_ERROR = 1e-12


def intervals(plan: Plan, tally: Tally, metrics: Mapping[str, Number], confidence: float) -> dict[str, Interval]:
    """The interval of each metric that has one, in the unit of the report.

    Losses and Brier: P. Hall's, with clusters as units where there are any. Accuracies: Wilson's, of as many independent
    rows as their variance tells. Skill: of a ratio; of one true class in each row only. Where losses are infinite, so is
    the upper bound, and the lower one is that of the finite part; `infinite_rate` is the rate of such rows with a weight, where
    rows are independent.
    """
    found = dict(_of_losses(plan, tally, confidence))
    k = len(plan.classes)
    half = k if plan.task == "multilabel" else 2 if k == 2 else 1
    brier = _hall(tally, "brier", confidence)
    if brier is not None:
        # No forecast is further off: 2 for one wrong class, 1 for each wrong label.
        brier = replace(brier, high=min(brier.high, float(k if plan.task == "multilabel" else 2)))
        found["brier"] = replace(brier, low=brier.low / half, high=brier.high / half)
        found["brier_sum"] = brier
    for name in ("accuracy", *(f"top_{size}_accuracy" for size in plan.options.top_k)):
        share = _share(plan, tally, name, metrics[name], confidence)
        if share is not None:
            found[name] = share
    skill, error = metrics["skill"], tally.skill_error
    if skill is not None and error is not None:
        interval = ratio_interval(skill, error, tally.units, confidence)
        found["skill"] = replace(interval, high=min(1.0, interval.high))
    if tally.infinite and plan.cluster is None:
        rows = tally.weighing("rows") - tally.weighing("weightless")
        found["infinite_rate"] = clopper_pearson_interval(tally.weighing("infinite"), rows, confidence)
    return {name: found[name] for name in (*metrics, "infinite_rate") if name in found}


def _of_losses(plan: Plan, tally: Tally, confidence: float) -> Iterator[tuple[str, Interval]]:
    names = {"log_loss": "loss", "kl_divergence": "kl" if plan.shares else "loss"}
    if plan.task == "soft":
        names["label_entropy"] = "entropy"
    for name, quantity in names.items():
        interval = _hall(tally, quantity, confidence)
        if interval is None:
            continue
        interval = Interval(in_unit(plan, interval.low), in_unit(plan, interval.high), interval.method)
        yield name, replace(interval, high=math.inf) if tally.infinite and quantity != "entropy" else interval


def _hall(tally: Tally, name: str, confidence: float) -> Interval | None:
    found = tally.spread(name)
    if found is None:
        return None
    return hall_interval(found.mean, found.error, found.skewness, found.n, confidence, least=min(0.0, found.mean))


def _share(plan: Plan, tally: Tally, name: str, value: Number, confidence: float) -> Interval | None:
    """Wilson's interval of a share, of as many rows as have weight. Of labels of a row, and rows of a cluster, of so many as
    would have the same error if they were independent, but no more than there are."""
    n = tally.effective_rows
    if value is None or n is None:
        return None
    share = min(1.0, value)
    if plan.cluster is not None or plan.task == "multilabel":
        spread = tally.share_spread(name)
        if spread is None:
            return None
        # Accuracy of labels is summed in halves.
        labels = len(plan.classes) if plan.task == "multilabel" else 1
        error = spread.error / (2 * labels if plan.task == "multilabel" else 1)
        alone = share * (1.0 - share) / error**2 if error > LEAST_ERROR else 0.0
        # Equal units tell nothing of what is between rows of one: it may be everything.
        return wilson_interval(share, min(n * labels, alone or float(spread.n)), confidence, spread.n - 1)
    return wilson_interval(share, n, confidence)
