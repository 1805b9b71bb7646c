"""Owns the conditions that a report is held against: limits of metrics and a baseline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

from celoss.baseline import Baseline, check_comparable, read_baseline
from celoss.detect.inputs import unfit_option, wrong_option
from celoss.errors import Diagnostic
from celoss.gates import DOUBTFUL, MAX, MIN, Check, Gate, Limit, judge
from celoss.records import dataclass
from celoss.report import Report, check_metric

NEVER_NEGATIVE = ("log_loss", "accuracy", "brier", "brier_sum", "reference_log_loss", "ece")
# Notes that say that intervals are too short: those of what a confident mistake costs, or all of them.
NOTE_UNSEEN_ERRORS, NOTE_FEW_CLUSTERS = "N10", "N11"
OF_MISTAKES = ("log_loss", "kl_divergence", "skill", "brier", "brier_sum")

Limits = Mapping[str, float] | Iterable[tuple[str, float]]


@dataclass(frozen=True)
class Conditions:
    """What a report is held against: limits and a baseline. confident: whole intervals must keep limits, not only estimates."""

    limits: tuple[Limit, ...] = ()
    baseline: Baseline | None = None
    confident: bool = False

    @classmethod
    def of(
        cls,
        max: Limits | None,
        min: Limits | None,
        baseline: Any,
        confident: bool,
        top_k: int | Sequence[int] | None = None,
    ) -> Conditions:
        """The conditions of limits by metric and of a baseline, which is read. top_k: None where a plan is to say it.

        Raises UsageError (E601, E604) and CelossError (E602).
        """
        limits = tuple(
            _limit(op, metric, value) for op, given in ((MAX, max), (MIN, min)) for metric, value in _pairs(op, given)
        )
        if confident and not limits:
            advice = "it says how sure a gate has to be: --max log_loss=0.45 --confident"
            raise unfit_option("--confident", "without --max or --min", advice)
        if top_k is not None:
            _check_metrics(limits, top_k, baseline is not None)
        return cls(limits, None if baseline is None else read_baseline(baseline), bool(confident))

    def check_metrics(self, top_k: Sequence[int]) -> None:
        """Raises UsageError (E601) for a limit of a metric that does not exist, with top-k accuracies of these sizes."""
        _check_metrics(self.limits, top_k, self.baseline is not None)

    def applied(self, report: Report) -> Report:
        """The report with the changes from the baseline and the verdicts. Raises CelossError (E602)."""
        if self.baseline is not None:
            check_comparable(self.baseline, report)
            metrics = report.metrics | self.baseline.changes(report.metrics)
            report = replace(report, metrics=metrics, baseline=self.baseline)
        if not self.limits:
            return report
        notes = (note for one in self.limits if (note := _note(one, report)) is not None)
        report = replace(report, notes=(*report.notes, *notes))
        return replace(report, gate=Gate(self.confident, tuple(self._check(limit, report) for limit in self.limits)))

    def _check(self, limit: Limit, report: Report) -> Check:
        rows = report.row_counts.scored if report.clusters is None else report.clusters
        value, interval = report.metrics[limit.metric], report.intervals.get(limit.metric)
        return judge(limit, value, interval, rows, self.confident, _doubt(limit.metric, report))


def _doubt(metric: str, report: Report) -> str | None:
    """Why the interval of a metric is not to be trusted, if so."""
    codes = (NOTE_FEW_CLUSTERS, NOTE_UNSEEN_ERRORS) if metric in OF_MISTAKES else (NOTE_FEW_CLUSTERS,)
    for note in report.notes:
        if note.code in codes:
            return f"{DOUBTFUL} {note.code}"
    return None


def _check_metrics(limits: Sequence[Limit], top_k: int | Sequence[int], changes: bool) -> None:
    sizes = top_k if isinstance(top_k, Sequence) else (top_k,)
    for limit in limits:
        check_metric(limit.metric, f"--{limit.op}", sizes, changes, limit.text)


def _pairs(op: str, given: Any) -> list[tuple[Any, Any]]:
    try:
        return [(metric, value) for metric, value in (given.items() if isinstance(given, Mapping) else given or ())]
    except (TypeError, ValueError):
        raise wrong_option(f"--{op}", str(given), 'give a limit for each metric: {"log_loss": 0.45}') from None


def _limit(op: str, metric: Any, value: Any) -> Limit:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not math.isfinite(number):
        raise wrong_option(f"--{op}", f"{metric}={value}", "a limit is a finite number")
    return Limit(str(metric), op, number)


def _note(limit: Limit, report: Report) -> Diagnostic | None:
    """The note on a limit that every forecast keeps, or none can: most often a percentage."""
    most = _most(limit.metric, report)
    if limit.value > most:
        end, kept = f"above {most:g}", limit.op == MAX
    elif limit.value < 0.0 and limit.metric in NEVER_NEGATIVE:
        end, kept = "below 0", limit.op == MIN
    else:
        return None
    message = f"--{limit.op} {limit.metric}={limit.text} is {'always' if kept else 'never'} kept: {limit.metric} is never {end}"
    percent = most == 1.0 and 1.0 < limit.value <= 100.0
    advice = f"for {limit.text} % write --{limit.op} {limit.metric}={limit.value / 100.0:g}" if percent else ""
    return Diagnostic("N25", message, count=0, help=advice)


def _most(metric: str, report: Report) -> float:
    """What a metric is at most; infinity where no forecast and no labels bound it."""
    if metric == "brier":
        return 1.0 if report.task == "multilabel" or len(report.classes) == 2 else 2.0
    share = metric in ("accuracy", "skill", "ece") or (metric.startswith("top_") and metric.endswith("accuracy"))
    return 1.0 if share else math.inf
