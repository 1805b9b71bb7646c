"""Owns `Comparison`: several files ranked by log loss, with the differences of each from one of them, as values and JSON."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from celoss.errors import Diagnostic
from celoss.intervals import Interval
from celoss.metrics import Number
from celoss.plan import Plan
from celoss.records import dataclass
from celoss.report import UNITS, Report, document, json_text

SCHEMA = "celoss.compare/1"
# Verdicts on a file beside the one that it is compared with. `infinite`: a loss is, so that no difference can be tested.
VERDICTS = ("better", "worse", "equivalent", "undecided", "same", "infinite")
RULES = ("worse", "not-better")


@dataclass(frozen=True)
class Part:
    """What the rows of one class, or with one value of a --by column, add to a difference.

    by: the column; None for the true class. difference: of the mean losses over these rows alone, None without weight.
    part: Σ w d over them / Σ w over all; the parts of all classes, and of all values of a column, add up to the difference.
    """

    by: str | None
    name: str
    rows: int
    difference: Number
    part: float


@dataclass(frozen=True)
class Difference:
    """A file's mean loss less that of another one, over the rows that all have scored. None where undefined, and where
    nothing is tested: the losses are the same up to rounding, or a mean is infinite.

    interval: at the comparison's confidence; of few values none where all have the same difference. p: two-sided; adjusted_p:
    by Holm over the files that are compared with the same one. method: of p, hall-and-t (the larger one of the
    skewness-corrected t and of t), or sign-flip (the largest of these and of flips of signs). better_on: share of the weight
    on whose rows its loss is lower, ties counted half. margin_interval: that of the two one-sided tests. values_needed: about
    how many rows (or clusters) would tell the two apart, at `POWER`, if the difference stays the same. parts: largest first.
    """

    value: Number
    interval: Interval | None
    p: Number
    adjusted_p: Number
    method: str | None
    better_on: float
    verdict: str
    margin_interval: Interval | None
    values_needed: int | None
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Distance:
    """A file's difference from the best one; adjusted_p: by Holm over all others. apart: whether it is told from the best."""

    value: Number
    p: Number
    adjusted_p: Number
    apart: bool


@dataclass(frozen=True)
class Compared:
    """One of the files. log_loss: over the common rows. report: over all rows that it has scored, as `evaluate` gives it, but
    without groups.

    rank: 1 for the lowest loss; those that are equal up to rounding share it. difference: from the file that all are
    compared with, None for that. distance: from the best one, None for that.
    """

    name: str
    rank: int
    log_loss: float
    difference: Difference | None
    distance: Distance | None
    report: Report

    @property
    def rows(self) -> int:
        """Rows scored, of which the common ones count."""
        return self.report.row_counts.scored


@dataclass(frozen=True)
class Verdict:
    """What a rule says: worse, met unless a file is worse; not-better, met where every other file is better."""

    rule: str
    failed: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the rule is met."""
        return not self.failed


@dataclass(frozen=True)
class Comparison:
    """Files by rank, those of one rank in the order in which they were given.

    plan: that of the file that all are compared with. rows: the common ones; label_rows: all that the labels have.
    values: how many independent values there are, rows with a weight or clusters. margin: of equivalence, in `unit`.
    """

    plan: Plan = field(repr=False)
    files: tuple[Compared, ...]
    against: str
    rows: int
    label_rows: int
    weight: float
    values: int
    confidence: float
    margin: float | None
    gate: Verdict | None
    notes: tuple[Diagnostic, ...]

    @property
    def unit(self) -> str:
        """nats, bits or bans."""
        return UNITS[self.plan.options.base]

    @property
    def best(self) -> Compared:
        """The file with the lowest loss."""
        return self.files[0]

    @property
    def leaders(self) -> tuple[str, ...]:
        """The best file and those that are not told apart from it."""
        return tuple(one.name for one in self.files if one.distance is None or not one.distance.apart)

    @property
    def tests(self) -> int:
        """How many files are tested against the one that all are compared with."""
        return sum(one.difference is not None and one.difference.p is not None for one in self.files)

    def __getitem__(self, name: str) -> Compared:
        """The file of this name."""
        for one in self.files:
            if one.name == name:
                return one
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON values (`celoss schema compare`); what is not finite is null and named in `non_finite`."""
        return document(_as_values(self), self.notes)

    def to_json(self, indent: int | None = 2) -> str:
        """The JSON text that `celoss compare -f json` prints, without the final newline; `indent=None` for one line."""
        return json_text(self.to_dict(), indent)

    def __str__(self) -> str:
        return f"{len(self.files)} files over {self.rows:,} rows, {self.best.name} first with log loss {self.best.log_loss}"


def _as_values(comparison: Comparison) -> dict[str, Any]:
    """The JSON document in its fixed order, with floats that may still be infinite."""
    plan, labels = comparison.plan, comparison.files[0].report.labels
    report = comparison[comparison.against].report.to_dict()
    inputs, options = report["inputs"], report["options"]
    return {
        "schema": SCHEMA,
        "celoss_version": report["celoss_version"],
        "task": plan.task,
        "classes": list(plan.classes),
        "positive_class": plan.positive,
        "unit": comparison.unit,
        "rows": {"labels": comparison.label_rows, "common": comparison.rows},
        "weight_sum": comparison.weight,
        "independent": {"what": "clusters" if plan.cluster else "rows", "count": comparison.values},
        "inputs": {
            "labels": None if labels is None else vars(labels),
            "matched_by": inputs["matched_by"],
            "label_column": inputs["label_column"],
            "weight_column": inputs["weight_column"],
            "by": [column for _, column in plan.by],
            "cluster_column": plan.cluster[1] if plan.cluster else None,
        },
        "options": {name: value for name, value in options.items() if name not in OF_FILES},
        "against": comparison.against,
        "best": comparison.best.name,
        "not_told_from_best": list(comparison.leaders[1:]),
        "confidence": comparison.confidence,
        "power": POWER,
        "correction": "holm" if comparison.tests > 1 else None,
        "margin": comparison.margin,
        "files": [_file_values(plan, one) for one in comparison.files],
        "gate": None
        if (gate := comparison.gate) is None
        else {"rule": gate.rule, "passed": gate.passed, "failed": list(gate.failed)},
    }


# Chance to tell two files apart with as many rows as `values_needed` says.
POWER = 0.8
# Options that can differ from file to file, or that no loss depends on.
OF_FILES = ("from", "eps", "sum_tolerance", "rounding_tolerance", "top_k", "ties", "bins", "prior")


def _file_values(plan: Plan, one: Compared) -> dict[str, Any]:
    report = one.report
    return {
        "name": one.name,
        "rank": one.rank,
        "log_loss": one.log_loss,
        "path": report.predictions.path,
        "format": report.predictions.format,
        "rows": vars(report.row_counts),
        "from": report.plan.scale,
        "eps": report.plan.eps if report.plan.options.convention is None else None,
        "signature": report.signature,
        "difference": None if one.difference is None else _difference_values(plan, one.difference),
        "to_best": None if one.distance is None else vars(one.distance),
    }


def _difference_values(plan: Plan, one: Difference) -> dict[str, Any]:
    return {
        "value": one.value,
        "interval": _bounds(one.interval),
        "p": one.p,
        "adjusted_p": one.adjusted_p,
        "method": one.method,
        "better_on": one.better_on,
        "verdict": one.verdict,
        "margin_interval": _bounds(one.margin_interval),
        "needed": one.values_needed,
        "by_class": [_part_values(part, "class") for part in one.parts if part.by is None] if plan.hard else None,
        "groups": [{"by": part.by, **_part_values(part, "value")} for part in one.parts if part.by is not None]
        if plan.by
        else None,
    }


def _part_values(part: Part, name: str) -> dict[str, Any]:
    return {name: part.name, "rows": part.rows, "difference": part.difference, "part": part.part}


def _bounds(interval: Interval | None) -> dict[str, Any] | None:
    return None if interval is None else {"low": interval.low, "high": interval.high, "method": interval.method}
