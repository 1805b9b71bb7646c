"""Owns `evaluate`: the steps in their order, from the inputs to the report."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from celoss import align, rows
from celoss.detect import Flags, as_cases, check_alone, check_flags, detect, fitted, read_plan
from celoss.detect.inputs import wrong_option
from celoss.doctor import diagnose
from celoss.errors import CelossError, Diagnostic, Place, UsageError, escape, listed
from celoss.files import check_targets
from celoss.kernels import DEFAULT_EPS
from celoss.metrics import Tally
from celoss.naming import class_text
from celoss.plan import LABELS, PREDICTIONS, Options, Plan
from celoss.records import dataclass
from celoss.report import NO_REPORTING, Report, Reporting, finish
from celoss.sources import Source, Suspicious, open_source
from celoss.sources.arrays import WEIGHT, array, with_weights
from celoss.standing import suspicion
from celoss.state import State
from celoss.workers import Workers, usual_threads

if TYPE_CHECKING:
    import pandas as pd

BATCH_ROWS = 1 << 17
# Beyond it no interval is worth its digits.
MOST_CONFIDENCE = 0.9999
STANDARD_INPUT = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")

S = TypeVar("S", bound=rows.Sink)
Sinks = Callable[[], AbstractContextManager[rows.Sink | None]]
# Told how many rows of the predictions have been read, and which share of the file that is where this is known.
Progress = Callable[[int, float | None], None]


@dataclass(frozen=True)
class Opened:
    """Two inputs whose first rows were read, and what the user said of them. labels is None when they are in the predictions.

    plan: a plan that is used as it is, instead of detection. progress: what is told of each batch that is read.
    """

    predictions: Source
    labels: Source | None
    flags: Flags
    plan: Plan | None = None
    progress: Progress | None = None

    def planned(self) -> Evaluation:
        """The inputs with the plan by which they are read. Raises CelossError."""
        if self.plan is not None:
            cases, plan = fitted(self.plan, self.predictions, self.labels)
            return Evaluation(cases, self.labels, plan, self.progress)
        cases, layout = as_cases(self.predictions, self.labels, self.flags)
        # In the long form --pred has named the column of which the cases' columns were made.
        flags = replace(self.flags, pred=()) if layout else self.flags
        return Evaluation(cases, self.labels, detect(cases, self.labels, flags, layout), self.progress)


@dataclass(frozen=True)
class Evaluation:
    """Two opened inputs and the plan by which they are read. labels is None when they are in the predictions."""

    predictions: Source
    labels: Source | None
    plan: Plan
    progress: Progress | None = None
    reporting: Reporting = NO_REPORTING

    def report(self, state: State) -> Report:
        """The report of a state of these inputs."""
        return finish(self.plan, state, self.predictions, self.labels, self.reporting)


def prepare(predictions: Any, labels: Any = None, **options: Any) -> Evaluation:
    """Opens the inputs and detects how they are to be read, without scoring; arguments as for `evaluate`.

    Raises CelossError.
    """
    return open_inputs(predictions, labels, **options).planned()


def open_inputs(
    predictions: Any,
    labels: Any = None,
    *,
    plan: Plan | str | None = None,
    progress: Progress | None = None,
    id: str | Sequence[str] | None = None,
    pred: str | Sequence[str] | None = None,
    label: str | Sequence[str] | None = None,
    classes: Mapping[Any, Any] | Sequence[Any] | None = None,
    positive: Any = None,
    task: str | None = None,
    scale: str | None = None,
    weights: Any = None,
    by: str | Sequence[str] | None = None,
    cluster: str | None = None,
    long: bool | None = None,
    sum_tolerance: float | None = None,
    input_format: str | None = None,
    **options: Any,
) -> Opened:
    """Opens both inputs and reads their first rows; arguments as for `evaluate`.

    Raises CelossError with what is wrong with either of them.
    """
    if weights is not None and not isinstance(weights, str):
        labels, weights = with_weights(labels, weights), WEIGHT
    if classes is not None and not isinstance(classes, Mapping):
        predictions, pred, positive = _named(predictions, [str(name) for name in classes], positive)
        classes = None
    for what, named in (("by", by), ("cluster", cluster)):
        if hasattr(named, "__array__") or (what == "cluster" and not isinstance(named, str | None)):
            advice = f"add it to the labels as a column, and name that: {what}='NAME'"
            raise CelossError(Diagnostic("E209", f"{what} is no name of a column", help=advice))
    flags = Flags(
        id=_names(id),
        pred=_names(pred),
        label=_names(label),
        classes=tuple((name, str(value)) for name, value in _pairs(classes or {})),
        positive=None if positive is None else str(positive),
        sum_tolerance=sum_tolerance,
        task=task,
        scale=scale,
        weights=weights,
        by=_names(by),
        cluster=cluster,
        long=long,
        options=_options(**options),
    )
    check_flags(flags)
    if plan is not None:
        check_alone(flags)
        plan = plan if isinstance(plan, Plan) else read_plan(str(plan))
    check_two_inputs(predictions, labels)
    given = [(predictions, PREDICTIONS)] + ([] if labels is None else [(labels, LABELS)])
    sources: list[Source] = []
    wrong: list[Diagnostic] = []
    for what, role in given:
        try:
            source = open_source(what, role, input_format)
            source.head()
        except UsageError:
            raise
        except CelossError as error:
            wrong.extend(error.diagnostics)
        else:
            sources.append(source)
    if wrong:
        raise CelossError(*wrong)
    return Opened(sources[0], sources[1] if labels is not None else None, flags, plan, progress)


def check_two_inputs(predictions: Any, labels: Any) -> None:
    """Raises UsageError (E106, E109) for one input given twice, under whatever names."""
    if not is_path(predictions) or not is_path(labels):
        return
    left, right = str(predictions), str(labels)
    place = Place("arguments PREDS and LABELS")
    if left in STANDARD_INPUT and right in STANDARD_INPUT:
        advice = "only one of them can be '-'; write the other to a file"
        raise UsageError(Diagnostic("E106", "both inputs are standard input", (place,), help=advice))
    if left == right or ((file := file_of(left)) is not None and file == file_of(right)):
        what = f"both inputs are '{escape(left)}'" if left == right else f"'{escape(left)}' and '{escape(right)}' are one file"
        advice = "when the labels are a column of the predictions, give the file once"
        raise UsageError(Diagnostic("E109", what, (place,), help=advice))


def is_path(what: Any) -> bool:
    """Whether an argument names a file."""
    return isinstance(what, str) or hasattr(what, "__fspath__")


def file_of(path: str) -> tuple[int, int] | None:
    """What a file or pipe is known by, whatever its spelling, by a link, or as standard input; None for what is neither."""
    try:
        found = os.fstat(sys.stdin.fileno()) if path in STANDARD_INPUT else os.stat(path)
    except (OSError, ValueError, AttributeError):
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) or stat.S_ISFIFO(found.st_mode) else None


def check_work(batch_rows: int, threads: int | None) -> None:
    """Raises ValueError for batches of no rows, UsageError (E604) for no threads."""
    if batch_rows < 1:
        raise ValueError("batch_rows is at least 1")
    if threads is not None and threads < 1:
        raise wrong_option("--threads", str(threads), "it is a number of threads, 1 or more")


def check_confidence(confidence: float) -> None:
    """Raises UsageError (E604) for what is no confidence of an interval."""
    number = confidence if isinstance(confidence, Real) else 0.0
    if not 0.0 < number <= MOST_CONFIDENCE:
        percent = f": --confidence {number / 100:g}" if 1.0 < number < 100.0 else ""
        raise wrong_option("--confidence", str(confidence), f"it is a share above 0 and at most {MOST_CONFIDENCE}{percent}")


def score(
    evaluation: Evaluation,
    sink: Sinks = nullcontext,
    batch_rows: int = BATCH_ROWS,
    threads: int | None = None,
    match: Any = None,
    any_order: bool = False,
) -> State:
    """The state of all rows, read in batches of at most `batch_rows`, which never changes a bit of it.

    sink: opens what takes the row scores, block by block, anew for each beginning; with any_order from any thread. threads:
    how many score, by default as many as there are cores, at most 8; they change no bit either. match: what brings the rows
    together, where that is known.

    Starts with the cheap assumptions, that the files are clean and their keys in one order, and begins again without an
    assumption that does not hold: a careful reading of text, a look-up of keys. Raises CelossError with all faults.
    """
    match = match or (align.in_order if evaluation.plan.keys and evaluation.labels else align.by_position)
    careful = False
    while True:
        try:
            with sink() as write:
                return _total(evaluation, match, careful, batch_rows, write, threads or usual_threads(), any_order)
        except align.OrderDiffersError:
            match = align.by_key
        except Suspicious:
            if careful:
                raise
            careful = True


def _total(
    evaluation: Evaluation, match: Any, careful: bool, batch_rows: int, write: rows.Sink | None, threads: int, any_order: bool
) -> State:
    """The sum of all states of one reading. Raises CelossError when there are faults, or no row is left to score."""
    plan = evaluation.plan
    seen = 0
    with Workers(plan, threads, write, any_order) as workers:
        for pending in match(plan, evaluation.predictions, evaluation.labels, careful, batch_rows):
            seen += pending.rows
            if evaluation.progress is not None:
                evaluation.progress(seen, evaluation.predictions.share_read)
            workers.add(pending)
        state = workers.state()
    found = diagnose(state, plan, evaluation.predictions, evaluation.labels)
    if found:
        raise CelossError(*found)
    return state


def evaluate(
    predictions: Any,
    labels: Any = None,
    *,
    id: str | Sequence[str] | None = None,
    pred: str | Sequence[str] | None = None,
    label: str | Sequence[str] | None = None,
    classes: Mapping[Any, Any] | Sequence[Any] | None = None,
    positive: Any = None,
    task: str | None = None,
    scale: str | None = None,
    weights: Any = None,
    by: str | Sequence[str] | None = None,
    cluster: str | None = None,
    long: bool | None = None,
    id_match: str = "all",
    missing: str = "error",
    eps: float | None = None,
    renormalize: bool = False,
    normalize_labels: bool = False,
    sum_tolerance: float | None = None,
    base: str | int = "e",
    class_weights: Mapping[Any, float] | str | None = None,
    smoothing: float = 0.0,
    reduce_labels: str = "mean",
    top_k: int | Sequence[int] = (),
    bins: int = 15,
    confidence: float = 0.95,
    ties: str = "fraction",
    convention: str | None = None,
    input_format: str | None = None,
    plan: Plan | str | None = None,
    calibration: bool = False,
    prior: Any = None,
    max: Mapping[str, float] | Iterable[tuple[str, float]] | None = None,
    min: Mapping[str, float] | Iterable[tuple[str, float]] | None = None,
    baseline: Any = None,
    confident: bool = False,
    rows_path: str | None = None,
    batch_rows: int = BATCH_ROWS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Scores class probabilities against labels: what `celoss eval` does.

    predictions, labels: a path (`-` is standard input), a pandas frame, anything with `__arrow_c_stream__` (Polars,
    DuckDB, pyarrow), or an array of shape (rows,) or (rows, classes). labels is left out when the label is a column of
    the predictions. The options mean what the command's options mean:

    id, pred, label, by: column names (`id="A=B"` where the files name it differently). classes: label value → class; a
    list names the columns of an array, in their order.
    positive: what a single probability column is the probability of. task: binary, multiclass, soft or multilabel. scale
    (`--from`): probs, logits or logprobs. weights: a column, or an array (rows,) beside arrays. cluster: a column
    of what rows have in common (a patient, a document), where they are not independent. long: whether predictions have
    one row per case and class. id_match: all or inner. missing: error, drop or uniform.
    eps: floor of a class's probability, 0 … 1 (default 2.2e-16 for probs, else 0). renormalize, normalize_labels: divide
    rows by their sums. sum_tolerance: how far a row's sum may be from 1. base: e, 2 or 10. class_weights: class → weight,
    or `balanced`. smoothing: 0 … 1. reduce_labels: mean or sum over independent labels. top_k: sizes of top-k accuracy.
    bins: of the calibration error. confidence: of the intervals. ties: fraction or first. convention (`--as`): name of
    another tool's rule.
    plan: a plan, or a file that `celoss check -o` wrote, instead of all of these; nothing is detected then.
    calibration: adds what another temperature and class biases would gain, as `report.recalibration`; reads the inputs again.
    prior: what the reference forecasts instead of the label frequencies: class → share, or labels of training data (a
    file, frame or array), or a report of it.
    max, min: metric → the most and the least that it may be; `report.gate` has the verdicts. baseline: an earlier report
    (a JSON file of `celoss eval`, a Report, or what its `to_dict` gives) from which `metrics` has the changes, such as
    `log_loss_change`. confident: whole intervals must keep the limits, not only the estimates.
    rows_path: writes one line per row (.csv, .jsonl, .parquet). batch_rows: rows at a time. threads: how many score, by
    default as many as there are cores, at most 8. Neither changes a bit of the result.
    progress: called after each batch with the rows read so far, and the share of the file that is where it is known.

    Raises CelossError, with every kind of fault and its places, when the input cannot be scored.

    >>> import celoss
    >>> report = celoss.evaluate([0.9, 0.2, 0.6], [1, 0, 1])
    >>> round(report.log_loss, 6)
    0.279777
    """
    check_work(batch_rows, threads)
    check_confidence(confidence)
    if prior is not None:
        from celoss.priors import check_occurring, check_shares, prior_of

        check_shares(prior)
    conditions = None
    if max is not None or min is not None or baseline is not None or confident:
        from celoss.conditions import Conditions

        conditions = Conditions.of(max, min, baseline, confident, top_k if plan is None else None)
    if rows_path is not None:
        rows.check_path(rows_path)
        check_targets([("--rows", rows_path)], [str(one) for one in (predictions, labels, plan, baseline) if is_path(one)])
    evaluation = prepare(
        predictions,
        labels,
        id=id,
        pred=pred,
        label=label,
        classes=classes,
        positive=positive,
        task=task,
        scale=scale,
        weights=weights,
        by=by,
        cluster=cluster,
        long=long,
        id_match=id_match,
        missing=missing,
        eps=eps,
        renormalize=renormalize,
        normalize_labels=normalize_labels,
        sum_tolerance=sum_tolerance,
        base=base,
        class_weights=class_weights,
        smoothing=smoothing,
        reduce_labels=reduce_labels,
        top_k=top_k,
        bins=bins,
        ties=ties,
        convention=convention,
        input_format=input_format,
        plan=plan,
        progress=progress,
    )
    shares = None if prior is None else prior_of(prior, evaluation.plan)
    evaluation = replace(evaluation, reporting=Reporting(confidence=confidence, prior=shares))
    if conditions is not None:
        # A plan has top-k accuracies of its own.
        conditions.check_metrics(evaluation.plan.options.top_k)
    if calibration:
        from celoss.recalibration import check_task

        check_task(evaluation.plan, "--calibration")
    sink = nullcontext if rows_path is None else partial(rows.writer, evaluation.plan, rows_path)
    state = score(evaluation, sink, batch_rows, threads)
    if shares is not None:
        check_occurring(shares, evaluation.plan, state)
    report = with_rows(evaluation, state, batch_rows)
    if calibration:
        report = _recalibrated(evaluation, state, report, batch_rows)
    return report if conditions is None else conditions.applied(report)


def read_into(
    evaluation: Evaluation,
    make: Callable[[], S],
    batch_rows: int = BATCH_ROWS,
    read: Callable[[Evaluation, Sinks, int], State] = score,
) -> tuple[State, S]:
    """Reads all rows once: their state, and what `make` made, which took them block by block. Raises CelossError.

    read: scores the rows, as `score` does.
    """
    made: list[S] = []

    def sink() -> nullcontext[rows.Sink]:
        # A reading that begins again must not find the rows of the one that was given up.
        made[:] = [make()]
        return nullcontext(made[0])

    state = read(evaluation, sink, batch_rows)
    return state, made[0]


def _recalibrated(evaluation: Evaluation, state: State, report: Report, batch_rows: int) -> Report:
    """The report with what recalibration gains."""
    from celoss.calibration import class_wise, has_class_wise
    from celoss.forecasts import ClassCells
    from celoss.recalibration import recalibrate

    plan, again = evaluation.plan, _ungrouped(evaluation)

    def into(make: Callable[[], S]) -> S:
        return read_into(again, make, batch_rows)[1]

    reason = "rows of one cluster are not independent" if plan.cluster else None
    # Of the rows themselves, whatever prior the reference of the report may be.
    base_rate = Tally.of_all(plan, state).reference()
    found, notes = recalibrate(plan, state, report.log_loss, base_rate, into, reason)
    calibration = report.calibration
    if calibration is not None and has_class_wise(plan):
        calibration = replace(calibration, class_wise=class_wise(plan, into(lambda: ClassCells(plan)).integers()))
    return replace(report, calibration=calibration, recalibration=found, notes=(*report.notes, *notes))


def with_rows(evaluation: Evaluation, state: State, batch_rows: int) -> Report:
    """The report of a state, with the notes of an audit, and the rows, which are read again when they are asked for."""
    report = evaluation.report(state)
    notes = (*report.notes, *audited(evaluation, state, batch_rows))
    return replace(report, notes=notes, score_rows=lambda: _frame(evaluation, batch_rows))


def _ungrouped(evaluation: Evaluation) -> Evaluation:
    """For another reading of the rows: without the sums by group and cluster, which take longer than all else."""
    return replace(evaluation, plan=replace(evaluation.plan, by=(), cluster=None), progress=None)


def audited(evaluation: Evaluation, state: State, batch_rows: int = BATCH_ROWS) -> tuple[Diagnostic, ...]:
    """Notes on columns or rows that look swapped; reads the rows again only where the losses of a state allow for it."""
    plan = evaluation.plan
    suspected = suspicion(plan, state)
    if suspected is None:
        return ()
    # Few reports get here.
    from celoss.audit import Again, audit

    again = _ungrouped(evaluation)

    def read(make: Callable[[], Again]) -> Again:
        return read_into(again, make, batch_rows)[1]

    try:
        return audit(plan, state, suspected, evaluation.predictions, evaluation.labels, read)
    except (CelossError, OSError):
        # The files were scored before; they must have changed since.
        return ()


def _options(
    eps: float | None = None,
    renormalize: bool = False,
    normalize_labels: bool = False,
    base: str | int = "e",
    class_weights: Mapping[Any, float] | str | None = None,
    smoothing: float = 0.0,
    reduce_labels: str = "mean",
    top_k: int | Sequence[int] = (),
    bins: int = 15,
    ties: str = "fraction",
    missing: str = "error",
    id_match: str = "all",
    convention: str | None = None,
) -> Options:
    given: tuple[tuple[str, float], ...] | str | None
    if class_weights is None or isinstance(class_weights, str):
        given = class_weights
    elif not isinstance(class_weights, Mapping):
        raise wrong_option("class_weights", str(class_weights), "give a mapping from class to weight, or 'balanced'")
    else:
        given = tuple(sorted((name, float(weight)) for name, weight in _pairs(class_weights)))
    sizes = top_k if isinstance(top_k, Iterable) and not isinstance(top_k, str) else (top_k,)
    return Options(
        eps=None if eps is None else float(eps),
        renormalize=renormalize,
        normalize_labels=normalize_labels,
        base=class_text(str(base)),
        class_weights=given,
        smoothing=float(smoothing),
        reduce_labels=reduce_labels,
        # NumPy's integers become Python's, which JSON takes; what is no integer is told by the check of the options.
        top_k=tuple(int(size) if isinstance(size, Integral) else size for size in sizes),
        bins=int(bins) if isinstance(bins, Integral) else bins,
        ties=ties,
        missing=missing,
        id_match=id_match,
        convention=convention,
    )


def _pairs(given: Mapping[Any, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((str(name), value) for name, value in given.items())


def _names(given: Any) -> tuple[str, ...]:
    """Names as a tuple of texts; a single one may be a text or a number."""
    if given is None:
        return ()
    return tuple(map(str, given)) if isinstance(given, Sequence) and not isinstance(given, str) else (str(given),)


def _frame(evaluation: Evaluation, batch_rows: int) -> pd.DataFrame:
    plan = evaluation.plan
    _, taken = read_into(evaluation, lambda: rows.RecordBatches(plan), batch_rows)
    frame: pd.DataFrame = pa.Table.from_batches(taken.batches, rows.schema(plan)).to_pandas()
    return frame


def log_loss(
    y_true: Any,
    y_pred: Any,
    *,
    classes: Sequence[Any] | None = None,
    sample_weight: Any = None,
    eps: float = DEFAULT_EPS,
    base: str | int = "e",
) -> float:
    """Mean log loss (cross-entropy), ≥ 0: the mean of −ln max(p of the true class, eps).

    y_true: (n,) labels, or (n, k) with one 1 per row. y_pred: (n, k) probabilities, or (n,) of the positive class; a
    frame whose columns are named after the classes needs nothing else. classes: the classes in the order of the columns
    (for (n,): negative, positive); without it labels are the column numbers 0 … k-1, or a pair such as 0/1 or no/yes.
    sample_weight: (n,) weights ≥ 0, which make it Σ w l / Σ w. base: e (nats), 2 (bits) or 10.

    The order of arguments is scikit-learn's. Other than there, columns are never assumed to be in sorted order, only the
    true class's probability is floored, and rows that do not sum to 1 are an error. Raises CelossError.

    I. J. Good 1952, Rational Decisions, DOI 10.1111/j.2517-6161.1952.tb00104.x.

    >>> import celoss
    >>> round(celoss.log_loss(["dog", "cat"], [[0.2, 0.8], [0.6, 0.4]], classes=["cat", "dog"]), 6)
    0.366985
    """
    loss = _scored(y_true, y_pred, classes, weights=sample_weight, eps=eps, base=base).log_loss
    assert loss is not None
    return loss


def log_loss_per_row(
    y_true: Any, y_pred: Any, *, classes: Sequence[Any] | None = None, eps: float = DEFAULT_EPS, base: str | int = "e"
) -> NDArray[np.float64]:
    """The log loss of each row (n,), ≥ 0: −ln max(p of the true class, eps); +inf where p and eps are 0.

    Arguments and errors as for `log_loss`, which is the mean of these (rounded once, from their exact sum).

    I. J. Good 1952, Rational Decisions, DOI 10.1111/j.2517-6161.1952.tb00104.x.

    >>> import celoss
    >>> celoss.log_loss_per_row([1, 0], [0.75, 0.5], base=2).round(6)
    array([0.415037, 1.      ])
    """
    losses: NDArray[np.float64] = _scored(y_true, y_pred, classes, eps=eps, base=base).rows["loss"].to_numpy()
    return losses


def _scored(y_true: Any, y_pred: Any, classes: Sequence[Any] | None, **options: Any) -> Report:
    """The report of labels and predictions in scikit-learn's order of arguments."""
    return evaluate(y_pred, y_true, classes=classes, **options)


def _named(predictions: Any, names: Sequence[str], positive: Any) -> tuple[Any, Sequence[str] | None, Any]:
    """Predictions whose columns are the classes of these names, the columns, and the positive class.

    Raises CelossError (E209) for a table whose columns have other names.
    """
    if isinstance(predictions, str) or hasattr(predictions, "__fspath__") or hasattr(predictions, "columns"):
        found = [str(name) for name in getattr(predictions, "columns", ())]
        if set(found) != set(names):
            raise CelossError(
                Diagnostic(
                    "E209",
                    f"the predictions have the columns {listed(found) or 'of their file'}, classes says {listed(names)}",
                    help="leave classes out: columns are matched by their names",
                )
            )
        return predictions, names, positive
    unnamed = array(predictions, "predictions")
    if unnamed.is_vector and len(names) == 2:
        return unnamed, None, names[1] if positive is None else positive
    return array(predictions, "predictions", names), names, positive
