"""Owns `explain`: where the loss of one file comes from, by its worst rows, by one row in full, by other tools' rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from celoss.comparing import check_once, prepare_each
from celoss.detect.inputs import wrong_option
from celoss.explaining.formula import ClassShare, Softmax
from celoss.explaining.one import OneRow, one_row
from celoss.explaining.reading import Reading, ScoredRow
from celoss.explaining.rules import ChangedRow, RuleLoss, rule_losses
from celoss.explaining.suspects import JudgingModel, Suspect, Suspects, find_suspects
from celoss.explaining.worst import Carried, WorstRow, WorstRows, worst_rows
from celoss.pipeline import BATCH_ROWS, is_path, prepare
from celoss.records import dataclass
from celoss.report import Report, document, json_text

__all__ = [
    "Carried",
    "ChangedRow",
    "ClassShare",
    "Explanation",
    "JudgingModel",
    "OneRow",
    "RuleLoss",
    "ScoredRow",
    "Softmax",
    "Suspect",
    "Suspects",
    "WorstRow",
    "WorstRows",
    "explain",
]

SCHEMA = "celoss.explain/1"
WORST_ROWS = 10
WORST, ROW, CONVENTIONS, SUSPECTS = "worst", "row", "conventions", "suspects"

# The keys of the JSON document, in their order.
_SCORED = ("row", "id", "label", "predicted", "probability", "loss", "weight")
_WORST = ("rank", "row", "id", "line", "label", "predicted", "probability", "loss", "weight", "share", "running_share")
_SUSPECT = (
    *("rank", "row", "id", "line", "label", "suggested", "probability", "label_probability", "plausibility", "q"),
    *("against", "loss"),
)
_JUDGE = ("path", "log_loss", "temperature", "share")
_CHANGED = (*_SCORED, "loss_there", "share")
_ONE = (
    *("row", "id", "line", "label_line", "label", "predicted", "probability", "loss", "weight", "rank", "share"),
    *("uniform_loss", "label_entropy", "kl_divergence", "rule", "formula"),
)
_CLASS = ("value", "probability", "target", "loss", "loss_if_true", "gradient")
_SOFTMAX = ("largest", "largest_class", "exponential_sum", "log_sum_exp")
_CARRIED = ("percent", "rows", "share")
_RULE = ("name", "rule", "source", "reason", "log_loss", "gap", "rows")


@dataclass(frozen=True)
class Explanation:
    """Where the loss of one file comes from; of worst, row, conventions and suspects one is there.

    report: the evaluation of all rows, whose unit all losses are in.
    """

    report: Report
    worst: WorstRows | None = None
    row: OneRow | None = None
    conventions: tuple[RuleLoss, ...] | None = None
    suspects: Suspects | None = None

    @property
    def kind(self) -> str:
        """worst, row, conventions or suspects."""
        if self.suspects is not None:
            return SUSPECTS
        return WORST if self.worst is not None else ROW if self.row is not None else CONVENTIONS

    def to_dict(self) -> dict[str, Any]:
        """The explanation as JSON values (`celoss schema explain`); what is not finite is null and named in `non_finite`."""
        report = self.report.to_dict()
        shared = ("celoss_version", "signature", "task", "classes", "unit")
        values = {
            "schema": SCHEMA,
            **{name: report[name] for name in shared},
            "kind": self.kind,
            "inputs": report["inputs"],
            "log_loss": self.report.log_loss,
            "rows": self.report.row_counts.scored,
            self.kind: self._values(),
        }
        return document(values, self.report.notes)

    def _values(self) -> Any:
        """What this kind of explanation consists of."""
        if self.worst is not None:
            rows = [_picked(one, _WORST) for one in self.worst.rows]
            return {"rows": rows, "carried": [_picked(one, _CARRIED) for one in self.worst.carried]}
        if self.suspects is not None:
            found = self.suspects
            return {
                "rows": [_picked(one, _SUSPECT) for one in found.rows],
                **_picked(found, ("level", "beyond_chance", "judged")),
                "models": [_picked(one, _JUDGE) for one in found.models],
            }
        if self.row is not None:
            softmax = None if self.row.softmax is None else _picked(self.row.softmax, _SOFTMAX)
            classes = [{"class": one.name, **_picked(one, _CLASS)} for one in self.row.classes]
            return {**_picked(self.row, _ONE), "softmax": softmax, "classes": classes}
        return [
            {**_picked(one, _RULE), "largest": [_picked(row, _CHANGED) for row in one.largest]}
            for one in self.conventions or ()
        ]

    def to_json(self, indent: int | None = 2) -> str:
        """The JSON text that `celoss explain -f json` prints, without the final newline; `indent=None` for one line."""
        return json_text(self.to_dict(), indent)

    def __str__(self) -> str:
        if self.row is not None:
            return f"row {self.row.row}: {self.row.formula}"
        if self.worst is not None:
            return "; ".join(
                f"share of the loss in the worst {one.percent} % of rows: {one.share}" for one in self.worst.carried
            )
        if self.suspects is not None:
            return f"{self.suspects.beyond_chance} of {self.suspects.judged} labels are beyond chance"
        return "; ".join(f"{one.name}: {one.log_loss}" for one in self.conventions or () if not one.reason)


def explain(
    predictions: Any,
    labels: Any = None,
    *,
    worst: int | None = None,
    row: Any = None,
    conventions: bool = False,
    suspects: int | None = None,
    also: Sequence[Any] = (),
    batch_rows: int = BATCH_ROWS,
    **options: Any,
) -> Explanation:
    """Shows where the loss comes from: what `celoss explain` does.

    predictions, labels, options, batch_rows: as for `evaluate`. One of: worst, how many of the rows that contribute most,
    weight · loss (10 if nothing is asked for); row, the id of one row (several key columns joined by `, `), or `#N` for
    the N-th row of the predictions; conventions, the file under every other tool's rule; suspects, how many of the rows
    whose label is the likely fault, with also: other models' predictions of the same rows, which judge with the first. The
    inputs are read twice or more, in bounded memory (suspects: up to 50 bytes a row, of several models 1 GiB more).

    Raises CelossError as `evaluate` does; E309 for a row that is not there, E310 for an id that several rows have;
    UsageError (E604) for options that do not go together, and where nothing can be suspected (E611 to E614).

    >>> import celoss
    >>> print(celoss.explain([0.9, 0.2, 0.5], [1, 0, 1], row="#3"))
    row 3: −ln 0.5 = 0.693147
    """
    also = (also,) if is_path(also) else tuple(also)
    _check_choice(worst, row, conventions, suspects, options)
    if suspects is None and also:
        raise wrong_option("--also", "used without --suspects", "other models judge suspects only: add --suspects 20")
    if also and labels is None:
        raise wrong_option("--also", "used without LABELS", "give the labels as a file of their own, which all models share")
    if suspects is not None:
        given = [predictions, *also]
        check_once(given, "option --also")
        evaluations = prepare_each(given, labels, options) if also else [prepare(predictions, labels, **options)]
        report, found = find_suspects(evaluations, batch_rows, suspects)
        return Explanation(report, suspects=found)
    evaluation = prepare(predictions, labels, **options)
    if conventions and evaluation.plan.scale != "probs":
        raise wrong_option("--conventions", f"used for {evaluation.plan.scale}", "the rules are for probabilities")
    reading = Reading.of(evaluation, batch_rows)
    if row is not None:
        state, one = one_row(reading, str(row))
        return Explanation(evaluation.report(state), row=one)
    if conventions:
        state, rules = rule_losses(reading)
        return Explanation(evaluation.report(state), conventions=rules)
    state, rows = worst_rows(reading, WORST_ROWS if worst is None else worst)
    return Explanation(evaluation.report(state), worst=rows)


def _check_choice(worst: int | None, row: Any, conventions: bool, suspects: int | None, options: dict[str, Any]) -> None:
    """Raises UsageError (E604) for choices that exclude each other."""
    given = {"--row": row is not None, "--conventions": conventions, "--suspects": suspects is not None}
    given |= {"--worst": worst is not None}
    first, *others = [option for option, used in given.items() if used] or [""]
    if others:
        raise wrong_option(first, f"used with {others[0]}", "ask for one of --worst, --row, --conventions and --suspects")
    for option, count in (("--worst", worst), ("--suspects", suspects)):
        if count is not None and count < 1:
            raise wrong_option(option, str(count), "it is a number of rows, 1 or more")
    if options.get("by"):
        raise wrong_option("--by", "used with explain", "groups are for celoss eval; explain takes single rows")
    if conventions and options.get("convention") is not None:
        raise wrong_option("--conventions", "used with --as", "it takes every rule in turn")
    if conventions and options.get("renormalize"):
        raise wrong_option("--conventions", "used with --renormalize", "each rule says itself what is rescaled")


def _picked(value: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}
