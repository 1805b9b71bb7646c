"""Owns `evaluate`: the steps in their order, from the inputs to the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from celoss import align, rows
from celoss.detect import NO_FLAGS, Flags, detect
from celoss.doctor import explain
from celoss.errors import CelossError, Diagnostic, Place, escape, listed
from celoss.kernels import DEFAULT_EPS
from celoss.plan import Plan
from celoss.report import Report, finish
from celoss.sources import Source, Suspicious, open_source
from celoss.sources.arrays import array
from celoss.state import State, blocks, scores

if TYPE_CHECKING:
    import pandas as pd

BATCH_ROWS = 1 << 16


@dataclass(frozen=True)
class Evaluation:
    """Two opened inputs and the plan by which they are read. labels is None when they are in the predictions."""

    predictions: Source
    labels: Source | None
    plan: Plan


def prepare(predictions: Any, labels: Any = None, flags: Flags = NO_FLAGS, input_format: str | None = None) -> Evaluation:
    """Opens the inputs and detects how they are to be read, without scoring. Raises CelossError."""
    if _is_stdin(predictions) and _is_stdin(labels):
        raise CelossError(
            Diagnostic(
                "E106",
                "both inputs are standard input",
                (Place("arguments PREDS and LABELS"),),
                help="only one of them can be '-'; write the other to a file",
            )
        )
    if isinstance(labels, str) and isinstance(predictions, str) and labels == predictions:
        raise CelossError(
            Diagnostic(
                "E109",
                f"both inputs are '{escape(labels)}'",
                (Place("arguments PREDS and LABELS"),),
                help="when the labels are a column of the predictions, give the file once",
            )
        )
    left = open_source(predictions, "predictions", input_format)
    right = None if labels is None else open_source(labels, "labels", input_format)
    return Evaluation(left, right, detect(left, right, flags))


def _is_stdin(what: Any) -> bool:
    return isinstance(what, str) and what == "-"


def score(evaluation: Evaluation, rows_path: str | None = None, batch_rows: int = BATCH_ROWS) -> State:
    """The state of all rows, read in batches of at most `batch_rows`, which never changes a bit of it.

    Starts with the cheap assumptions, that the files are clean and their keys in one order, and begins again without an
    assumption that does not hold: a careful reading of text, a look-up of keys. Raises CelossError with all faults.
    """
    match = align.in_order if evaluation.plan.keys and evaluation.labels else align.by_position
    careful = False
    while True:
        sink = rows.writer(evaluation.plan, rows_path) if rows_path else nullcontext()
        try:
            with sink as write:
                return _total(evaluation, match, careful, batch_rows, write)
        except align.OrderDiffersError:
            match = align.by_key
        except Suspicious:
            careful = True


def _states(evaluation: Evaluation, match: Any, careful: bool, batch_rows: int, write: rows.Sink | None) -> Iterator[State]:
    plan = evaluation.plan
    for batch in match(plan, evaluation.predictions, evaluation.labels, careful, batch_rows):
        yield State.noticed(plan, batch)
        for block in blocks(batch):
            row = scores(plan, block)
            if write is not None:
                write(block, row)
            yield State.scored(plan, block, row)


def _total(evaluation: Evaluation, match: Any, careful: bool, batch_rows: int, write: rows.Sink | None) -> State:
    """The sum of all states of one reading. Raises CelossError when there are faults."""
    state = State.empty(evaluation.plan)
    for added in _states(evaluation, match, careful, batch_rows, write):
        state = state + added
    if state.faults:
        found = explain(state.faults, evaluation.plan, evaluation.predictions, evaluation.labels, state.count)
        raise CelossError(*found)
    return state


def evaluate(
    predictions: Any,
    labels: Any = None,
    *,
    id: str | Sequence[str] | None = None,
    pred: str | Sequence[str] | None = None,
    label: str | Sequence[str] | None = None,
    classes: Mapping[str, str] | None = None,
    positive: str | None = None,
    eps: float = DEFAULT_EPS,
    sum_tolerance: float | None = None,
    input_format: str | None = None,
    rows_path: str | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Report:
    """Scores class probabilities against labels: what `celoss eval` does.

    predictions, labels: a path (`-` is standard input), a pandas frame, anything with `__arrow_c_stream__` (Polars,
    DuckDB, pyarrow), or an array of shape (rows,) or (rows, classes). labels is left out when the label is a column of
    the predictions. The options mean what the command's options mean: id, pred, label: column names (`id="A=B"` where
    the files name it differently); classes: label value → class; positive: what a single probability column is the
    probability of; eps: floor of the true class's probability, 0 … 1; sum_tolerance: how far a row's sum may be from 1.
    rows_path: writes one line per row (.csv, .jsonl, .parquet). batch_rows: rows at a time; it changes no result.

    Raises CelossError, with every kind of fault and its places, when the input cannot be scored.

    >>> import celoss
    >>> report = celoss.evaluate([0.9, 0.2, 0.6], [1, 0, 1])
    >>> round(report.log_loss, 6)
    0.279777
    """
    flags = Flags(_names(id), _names(pred), _names(label), tuple((classes or {}).items()), positive, float(eps), sum_tolerance)
    if rows_path is not None:
        rows.check_path(rows_path)
    if batch_rows < 1:
        raise ValueError("batch_rows is at least 1")
    evaluation = prepare(predictions, labels, flags, input_format)
    state = score(evaluation, rows_path, batch_rows)
    report = finish(evaluation.plan, state, evaluation.predictions, evaluation.labels)
    return replace(report, score_rows=lambda: _frame(evaluation, batch_rows))


def _names(given: Any) -> tuple[str, ...]:
    """Names as a tuple of texts; a single one may be a text or a number."""
    if given is None:
        return ()
    return tuple(map(str, given)) if isinstance(given, Sequence) and not isinstance(given, str) else (str(given),)


def _frame(evaluation: Evaluation, batch_rows: int) -> pd.DataFrame:
    plan = evaluation.plan
    batches: list[Any] = []
    match = align.by_key if plan.keys and evaluation.labels else align.by_position
    _total(evaluation, match, True, batch_rows, lambda block, row: batches.append(rows.record_batch(plan, block, row)))
    frame: pd.DataFrame = pa.Table.from_batches(batches, rows.schema(plan)).to_pandas()
    return frame


def log_loss(
    y_true: Any,
    y_pred: Any,
    *,
    classes: Sequence[Any] | None = None,
    eps: float = DEFAULT_EPS,
) -> float:
    """Mean log loss (cross-entropy) in nats, ≥ 0: the mean of −ln max(p of the true class, eps).

    y_true: (n,) labels, or (n, k) with one 1 per row. y_pred: (n, k) probabilities, or (n,) of the positive class; a
    frame whose columns are named after the classes needs nothing else. classes: the classes in the order of the columns
    (for (n,): negative, positive); without it labels are the column numbers 0 … k-1, or a pair such as 0/1 or no/yes.

    The order of arguments is scikit-learn's. Other than there, columns are never assumed to be in sorted order, only the
    true class's probability is floored, and rows that do not sum to 1 are an error. Raises CelossError.

    I. J. Good 1952, Rational Decisions, DOI 10.1111/j.2517-6161.1952.tb00104.x.

    >>> import celoss
    >>> round(celoss.log_loss(["dog", "cat"], [[0.2, 0.8], [0.6, 0.4]], classes=["cat", "dog"]), 6)
    0.366985
    """
    if classes is None:
        return _finite_or_inf(evaluate(y_pred, y_true, eps=eps))
    names = [str(name) for name in classes]
    if hasattr(y_pred, "columns"):
        columns = [str(name) for name in y_pred.columns]
        if set(columns) != set(names):
            raise CelossError(
                Diagnostic(
                    "E209",
                    f"y_pred has the columns {listed(columns)}, classes says {listed(names)}",
                    help="leave classes out: a frame's columns are matched by their names",
                )
            )
        return _finite_or_inf(evaluate(y_pred, y_true, pred=names, eps=eps))
    unnamed = array(y_pred, "predictions")
    if unnamed.is_vector and len(names) == 2:
        return _finite_or_inf(evaluate(unnamed, y_true, positive=names[1], eps=eps))
    return _finite_or_inf(evaluate(array(y_pred, "predictions", names), y_true, pred=names, eps=eps))


def _finite_or_inf(report: Report) -> float:
    assert report.log_loss is not None
    return report.log_loss
