"""Owns `compare`: the steps in their order, from several predictions of one set of labels to a Comparison."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import Any

from celoss.comparing import check_once, prepare_each, score_each
from celoss.comparison import RULES, Compared, Comparison, Difference, Verdict
from celoss.contrasts import ROUNDING, Survey, contrasts, survey
from celoss.detect.inputs import unfit_option, wrong_option
from celoss.errors import CelossError, Diagnostic, Place, UsageError, escape, listed, plural, shorten, unknown_name
from celoss.exact import UNITS_PER_ONE
from celoss.metrics import Tally
from celoss.notes import few_clusters
from celoss.pairing import Losses
from celoss.pipeline import (
    BATCH_ROWS,
    Evaluation,
    Opened,
    Progress,
    check_confidence,
    check_two_inputs,
    check_work,
    is_path,
    with_rows,
)
from celoss.plan import PREDICTIONS, Plan
from celoss.records import dataclass
from celoss.report import Report, Reporting
from celoss.sources import open_source
from celoss.verdicts import Judge, parts_of

# Notes on the clusters of the labels, which are those of every file.
OF_CLUSTERS = ("N13", "N14")
# Notes on the interval of a file's own mean, which a comparison does not show.
OF_MEANS = ("N10", "N11")
# Notes of one kind, each about another file, that are told.
MOST_ALIKE = 3


def compare(
    predictions: Mapping[str, Any] | Sequence[Any],
    labels: Any,
    *,
    against: str | None = None,
    margin: float | None = None,
    confidence: float = 0.95,
    fail: str | None = None,
    batch_rows: int = BATCH_ROWS,
    threads: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Comparison:
    """Ranks several predictions of the same labels by log loss, and tests their paired differences: what `celoss compare` does.

    predictions: name → what `evaluate` takes as predictions, or a list of paths, which are their own names. labels: what
    `evaluate` takes as labels. against: the name of those that the others are compared with, by default the first.
    margin: differences within it are of no matter, in the unit of the losses. confidence: of intervals and verdicts.
    fail: a rule of which `Comparison.gate` tells whether it is met: worse, unless some are worse; not-better, where all others
    are better. progress: told of all rows read, and of the mean share of the files. The other options are those of
    `evaluate` that say how files are read and scored, and mean the same for each of the predictions.

    Only rows that all have scored count. Labels are read once. Raises CelossError with what is wrong with any of them.

    >>> import celoss
    >>> both = {"base": [0.9, 0.2, 0.6, 0.4], "new": [0.8, 0.1, 0.9, 0.2]}
    >>> found = celoss.compare(both, [1, 0, 1, 0])
    >>> found.best.name, round(found["new"].difference.value, 6), found["new"].difference.verdict
    ('new', -0.173287, 'undecided')
    """
    check_work(batch_rows, threads)
    named = _named(predictions)
    base = _place_of(against, list(named))
    _check_judgement(margin, confidence, fail)
    for one in named.values():
        _check_labels(one, labels)
    prepared = prepare_each(list(named.values()), labels, options, partial(_check_columns, list(named)))
    told = [None] * len(named) if progress is None else _Told(progress, len(named)).by_file()
    evaluations = [
        replace(one, reporting=Reporting(confidence=confidence), progress=own) for one, own in zip(prepared, told, strict=True)
    ]
    _check_alike(list(named), evaluations)
    plan = evaluations[base].plan
    with Losses([one.plan for one in evaluations], base) as losses:
        states = score_each(evaluations, batch_rows, threads, [losses.sink(number) for number in range(len(evaluations))])
        # The metrics of each group are not in a comparison; those of ten thousand groups take seconds.
        ungrouped = [replace(one, plan=replace(one.plan, by=())) for one in evaluations]
        reports = [with_rows(one, state, batch_rows) for one, state in zip(ungrouped, states, strict=True)]
        known = survey(plan, losses, len(evaluations))
        if not known.rows:
            raise _no_common_row(list(named), reports)
        judge = Judge(plan, known.tallies[base], confidence, margin)
        return _Contest(list(named), base, reports, plan, losses, known, judge).comparison(fail)


class _Told:
    """The progress of several files as that of one: all rows read, and the mean of the shares."""

    def __init__(self, progress: Progress, files: int) -> None:
        self._progress = progress
        self._rows = [0] * files
        self._shares: list[float | None] = [0.0] * files

    def by_file(self) -> list[Progress]:
        """What each file tells."""
        return [partial(self._tell, number) for number in range(len(self._rows))]

    def _tell(self, number: int, rows: int, share: float | None) -> None:
        self._rows[number], self._shares[number] = rows, share
        known = [one for one in self._shares if one is not None]
        self._progress(sum(self._rows), sum(known) / len(known) if len(known) == len(self._shares) else None)


@dataclass(frozen=True)
class _Contest:
    """All that is known once every file is scored. base: number of the one that the others are compared with."""

    names: list[str]
    base: int
    reports: list[Report]
    plan: Plan
    losses: Losses
    known: Survey
    judge: Judge

    def comparison(self, fail: str | None) -> Comparison:
        """The files ranked and compared."""
        means = [_mean(tally) for tally in self.known.tallies]
        ranks = _ranks(means)
        order = sorted(range(len(means)), key=ranks.__getitem__)
        best, others = order[0], [one for one in range(len(means)) if one != self.base]
        pairs = [(one, self.base) for one in others]
        from_best = [(one, best) for one in order[1:]]
        found = contrasts(self.plan, self.losses, self.known, list(dict.fromkeys(pairs + from_best)), pairs)
        measured = [found.pairs[pair] for pair in pairs]
        parts = [parts_of(self.plan, self.judge.tally, self.losses, found, one) for one in measured]
        differences = dict(zip(others, self.judge.differences(measured, parts), strict=True))
        endless = [self.known.tallies[one].infinite and not self.known.tallies[best].infinite for one, _ in from_best]
        distances = dict(zip(order[1:], self.judge.distances([found.pairs[pair] for pair in from_best], endless), strict=True))
        files = tuple(
            Compared(
                self.names[one],
                ranks[one],
                means[one],
                differences.get(one),
                distances.get(one),
                self.reports[one],
            )
            for one in order
        )
        weight = self.known.tallies[0].weight / UNITS_PER_ONE
        return Comparison(
            plan=self.plan,
            files=files,
            against=self.names[self.base],
            rows=self.known.rows,
            label_rows=_label_rows(self.reports),
            weight=float(weight),
            values=found.values,
            confidence=self.judge.confidence,
            margin=self.judge.margin,
            gate=None if fail is None else Verdict(fail, tuple(_failed(fail, files))),
            notes=tuple(_notes(self.names, self.reports, self.plan, self.known.rows, found.values)),
        )


def _mean(tally: Tally) -> float:
    loss = tally.loss("loss")
    if loss is None:
        message = "the rows that all files have scored have no weight"
        raise CelossError(Diagnostic("E311", message, help="give at least one of these rows a weight above 0"))
    return loss


def _ranks(means: Sequence[float]) -> list[int]:
    """Of each mean 1 more than there are lower ones; those that differ by rounding share a rank."""
    # Two infinite ones are not further apart.
    return [1 + sum(own - mean > ROUNDING * (1.0 + mean) for mean in means) for own in means]


def _failed(rule: str, files: Sequence[Compared]) -> list[str]:
    """The files that a rule is not met for. What is not tested is not better, and an infinite loss is worse."""
    return [one.name for one in files if one.difference is not None and _fails(rule, one, one.difference)]


def _fails(rule: str, one: Compared, difference: Difference) -> bool:
    if rule == "not-better":
        return difference.verdict != "better"
    return difference.verdict == "worse" or one.log_loss == float("inf")


# --- what is given --------------------------------------------------------------------------------------------------------


def _named(predictions: Mapping[str, Any] | Sequence[Any]) -> dict[str, Any]:
    """Name → predictions. Raises UsageError (E608) for fewer than two, and for a file given twice."""
    if any(hasattr(predictions, one) for one in ("columns", "shape", "__arrow_c_stream__")):
        what = f"predictions are one {type(predictions).__name__}: compare takes a list or a mapping of predictions"
        advice = 'name them: compare({"a": a, "b": b}, labels)'
        raise UsageError(Diagnostic("E608", what, (Place("argument PREDS"),), help=advice))
    if isinstance(predictions, Mapping):
        named, given = {str(name): one for name, one in predictions.items()}, list(predictions.values())
    else:
        named, given = {}, [predictions] if is_path(predictions) else list(predictions)
        for number, one in enumerate(given, start=1):
            named[str(one) if is_path(one) else f"#{number}"] = one
    check_once(given, "arguments PREDS")
    if len(named) < 2:
        place, (name,) = Place("argument PREDS"), list(named) or [""]
        if os.path.isdir(name):
            # Says how all files in it are named.
            open_source(name, PREDICTIONS)
        advice = f"to score it: celoss eval {escape(name)} LABELS" if name else ""
        raise UsageError(Diagnostic("E608", "one file is nothing to compare", (place,), help=advice))
    return named


def _place_of(against: str | None, names: list[str]) -> int:
    """The number of the file that the others are compared with. Raises UsageError (E609)."""
    if against is None:
        return 0
    against = str(against)
    if against not in names:
        message = f"no file '{shorten(against, 80)}' is compared"
        raise UsageError(unknown_name("E609", message, against, "--against", names, f"files: {listed(names)}"))
    return names.index(against)


def _check_judgement(margin: float | None, confidence: float, fail: str | None) -> None:
    """Raises UsageError (E604) for values that cannot be."""
    check_confidence(confidence)
    if margin is not None and not (isinstance(margin, Real) and 0.0 < margin < float("inf")):
        raise wrong_option("--margin", str(margin), "it is a difference of log losses that is of no matter: above 0")
    if margin is not None and confidence <= 0.5:
        raise wrong_option("--confidence", str(confidence), "with --margin it is above 0.5")
    if fail is not None and fail not in RULES:
        raise wrong_option("--fail", fail, f"choose one of {listed(RULES)}")


def _check_labels(predictions: Any, labels: Any) -> None:
    """Raises UsageError for labels that are one of the files, or none at all."""
    if labels is None:
        raise UsageError(Diagnostic("E608", "the files have no labels in common", help="name their file: -l LABELS"))
    try:
        check_two_inputs(predictions, labels)
    except UsageError as error:
        advice = "the labels of a comparison are in a file of their own"
        raise UsageError(*(replace(one, help=advice) if one.code == "E109" else one for one in error.diagnostics)) from None


def _check_columns(names: Sequence[str], opened: Sequence[Opened]) -> None:
    """Raises UsageError (E604) for a column of --by, --weights or --cluster that the labels lack and files have."""
    flags, labels = opened[0].flags, opened[0].labels
    assert labels is not None
    for option, column in [*(("--by", one) for one in flags.by), ("--weights", flags.weights), ("--cluster", flags.cluster)]:
        if column is not None and column not in labels.head().names:
            having = [name for name, one in zip(names, opened, strict=True) if column in one.predictions.head().names]
            if having:
                raise _of_file(option, column, having[0])


def _of_file(option: str, column: str, name: str) -> UsageError:
    what = f"here: compare takes it from the labels; {shorten(name, 80)} has it"
    return unfit_option(f"{option} {column}", what, "the files may differ in it: put the column into the labels")


def _check_alike(names: Sequence[str], evaluations: Sequence[Evaluation]) -> None:
    """Raises CelossError (E312) for files of other classes, UsageError (E604) for a column that a plan takes from the files."""
    first = evaluations[0].plan
    for name, evaluation in zip(names, evaluations, strict=True):
        plan = evaluation.plan
        if _kind(plan) != _kind(first):
            message = f"'{escape(name)}' and '{escape(names[0])}' do not predict the same classes"
            details = tuple(f"{escape(one)}: {_kind_text(its)}" for one, its in ((names[0], first), (name, plan)))
            advice = "name the columns or say what is predicted: --pred, --positive, --task"
            raise CelossError(Diagnostic("E312", message, (Place(name),), details=details, help=advice))
        columns = [("--by", one) for one in plan.by]
        columns += [(option, one) for option, one in (("--weights", plan.weights), ("--cluster", plan.cluster)) if one]
        for option, (side, column) in columns:
            if side == PREDICTIONS:
                raise _of_file(option, column, name)


def _kind(plan: Plan) -> tuple[str, frozenset[str]]:
    # A loss does not depend on which of two classes is the positive one, which comes last.
    return plan.task, frozenset(plan.classes)


def _kind_text(plan: Plan) -> str:
    return f"{plan.task}, {listed(plan.classes)}"


# --- what is worth a note -------------------------------------------------------------------------------------------------


def _no_common_row(names: Sequence[str], reports: Sequence[Report]) -> CelossError:
    scored = [f"{shorten(name, 80)}: {plural(one.row_counts.scored, 'row')}" for name, one in zip(names, reports, strict=True)]
    more = [f"and {len(scored) - 5} more files"] if len(scored) > 5 else []
    return CelossError(
        Diagnostic(
            "E311",
            "no row is scored by all files",
            details=(*scored[:5], *more),
            help="compare files of the same rows; without --missing drop and --id-match inner what is missing is an error",
        )
    )


def _label_rows(reports: Sequence[Report]) -> int:
    return max(one.labels.rows for one in reports if one.labels is not None)


def _notes(names: Sequence[str], reports: Sequence[Report], plan: Plan, rows: int, values: int) -> list[Diagnostic]:
    scored = [one.row_counts.scored for one in reports]
    found = []
    if max(scored) > rows:
        counts = f"{min(scored):,} to {max(scored):,}" if min(scored) < max(scored) else f"{max(scored):,}"
        message = f"compared on the {plural(rows, 'row')} that all files have scored; each has scored {counts}"
        found.append(Diagnostic("N20", message, count=max(scored) - rows))
    if plan.cluster is not None and (few := few_clusters(values)) is not None:
        found.append(few)
    floors = {one.plan.eps for one in reports}
    if len(floors) > 1:
        shown = "; ".join(f"{shorten(name)}: {one.plan.eps:.2g}" for name, one in list(zip(names, reports, strict=True))[:4])
        message = f"the files have different floors of a probability ({shown}); --eps gives all the same"
        found.append(Diagnostic("N22", message, count=0))
    return [*found, *_file_notes(names, reports)]


def _file_notes(names: Sequence[str], reports: Sequence[Report]) -> list[Diagnostic]:
    """The notes on each file, with its name; of many of one kind the first."""
    found: dict[str, list[Diagnostic]] = {}
    for name, report in zip(names, reports, strict=True):
        for note in report.notes:
            if note.code in OF_CLUSTERS:
                found.setdefault(note.code, [note])
            elif note.code not in OF_MEANS:
                found.setdefault(note.code, []).append(replace(note, message=f"{shorten(name, 80)}: {note.message}"))
    told = []
    for notes in found.values():
        rest = len(notes) - MOST_ALIKE
        told += notes[:MOST_ALIKE]
        if rest > 0:
            told[-1] = replace(told[-1], message=f"{told[-1].message} ({plural(rest, 'more file')} with such a note)")
    return told
