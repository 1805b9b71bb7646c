"""Owns `evaluate_each`: several predictions of one set of labels, which is read once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from celoss import align
from celoss.detect.inputs import unfit_option
from celoss.doctor import diagnose
from celoss.errors import CelossError, Diagnostic, Place, UsageError, escape
from celoss.joining import LabelTable
from celoss.pipeline import (
    BATCH_ROWS,
    STANDARD_INPUT,
    Evaluation,
    Opened,
    Sinks,
    check_two_inputs,
    check_work,
    file_of,
    is_path,
    open_inputs,
    score,
    with_rows,
)
from celoss.plan import LABELS, Plan
from celoss.records import dataclass
from celoss.report import Report
from celoss.sources import Source, Suspicious
from celoss.sources.arrays import WEIGHT
from celoss.state import State
from celoss.workers import Workers

# Options of `evaluate` that are about one report.
OF_ONE = ("prior", "calibration", "max", "min", "baseline", "confident", "rows_path")
# Files that are read at the same time, each with a batch in memory. Of more the labels are read once for so many.
IN_STEP = 16


def evaluate_each(
    predictions: Sequence[Any], labels: Any, *, batch_rows: int = BATCH_ROWS, threads: int | None = None, **options: Any
) -> list[Report]:
    """Scores several predictions against the same labels: a list of what `evaluate` gives for each of them, to the bit.

    predictions: a list of what `evaluate` takes as predictions. The other arguments are those of `evaluate` that say
    how files are read and scored; they mean the same for each of the predictions.

    Labels are read once, where the plans read them alike: batch by batch beside predictions whose rows come in the order of
    the labels, as a table by id for those whose rows do not. Raises CelossError with what is wrong with any of them.
    """
    check_work(batch_rows, threads)
    evaluations = prepare_each(predictions, labels, options)
    states = score_each(evaluations, batch_rows, threads)
    return [with_rows(evaluation, state, batch_rows) for evaluation, state in zip(evaluations, states, strict=True)]


def score_each(
    evaluations: Sequence[Evaluation], batch_rows: int, threads: int | None, sinks: Sequence[Sinks] | None = None
) -> list[State]:
    """The states of several predictions. sinks: of each, as for `score`; blocks then know their rows in the labels, and come in
    any order and from any thread. Raises CelossError with what is wrong with any of them."""
    results: dict[int, State | CelossError] = {}
    for numbers in _alike([evaluation.plan for evaluation in evaluations]):
        together = [_Scored(evaluations[number], nullcontext if sinks is None else sinks[number]) for number in numbers]
        found = _score_together(together, batch_rows, threads, numbered=sinks is not None)
        results |= dict(zip(numbers, found, strict=True))
    states = [result for _, result in sorted(results.items()) if isinstance(result, State)]
    raise_all([result for _, result in sorted(results.items()) if isinstance(result, CelossError)])
    return states


@dataclass(frozen=True)
class _Scored:
    """Predictions that are to be scored, and what takes their scores."""

    evaluation: Evaluation
    sink: Sinks


def prepare_each(
    predictions: Sequence[Any], labels: Any, options: dict[str, Any], check: Callable[[Sequence[Opened]], None] | None = None
) -> list[Evaluation]:
    """All predictions opened, with their plans, and with labels that were opened once. check: of all that are open."""
    for name in OF_ONE:
        if name in options:
            raise unfit_option(name, "with several predictions", "evaluate takes it, for one at a time")
    wrong: list[CelossError] = []
    opened: list[Opened] = []
    for one in predictions:
        shared = opened[0].labels if opened else None
        with _kept(wrong):
            opened.append(open_inputs(one, labels, **options) if shared is None else _opened(one, labels, shared, options))
    if check is not None and not wrong:
        check(opened)
    evaluations: list[Evaluation] = []
    for each in opened:
        with _kept(wrong):
            evaluations.append(each.planned())
    raise_all(wrong)
    return evaluations


@contextmanager
def _kept(wrong: list[CelossError]) -> Iterator[None]:
    """Keeps what is wrong with an input; a wrong call is raised at once."""
    try:
        yield
    except UsageError:
        raise
    except CelossError as error:
        wrong.append(error)


def check_once(predictions: Sequence[Any], where: str) -> None:
    """Raises UsageError (E608) for a file given twice, under whatever names."""
    known: dict[Any, str] = {}
    for path in (str(one) for one in predictions if is_path(one)):
        file = file_of(path) or ("-" if path in STANDARD_INPUT else path)
        if file in known:
            other = known[file]
            both = f"'{escape(other)}' and '{escape(path)}' are one file"
            what = both if other != path else f"'{escape(path)}' is given twice"
            raise UsageError(Diagnostic("E608", what, (Place(where),), help="give each file once"))
        known[file] = path


def _opened(predictions: Any, labels: Any, shared: Source, options: dict[str, Any]) -> Opened:
    """Predictions beside labels that are open already."""
    check_two_inputs(predictions, labels)
    weights = options.get("weights")
    if weights is not None and not isinstance(weights, str):
        options = {**options, "weights": WEIGHT}
    return replace(open_inputs(predictions, **options), labels=shared)


def raise_all(errors: Sequence[CelossError]) -> None:
    """Raises one error with all diagnostics, each once, if there are any."""
    found: list[Diagnostic] = []
    for error in errors:
        found += [one for one in error.diagnostics if one not in found]
    if found:
        raise CelossError(*found)


def _alike(plans: Sequence[Plan]) -> Iterator[list[int]]:
    """Numbers of plans that read the labels alike, a few at a time."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for number, plan in enumerate(plans):
        # Of the common rows alone, other labels count for each of the predictions.
        alone = number if plan.labels_in_predictions or plan.options.id_match == "inner" else None
        groups.setdefault((alone, *_reading(plan)), []).append(number)
    for numbers in groups.values():
        yield from (numbers[start : start + IN_STEP] for start in range(0, len(numbers), IN_STEP))


def _reading(plan: Plan) -> tuple[Any, ...]:
    """All of a plan that the reading of labels and their faults depend on."""
    return (
        *(plan.task, plan.classes, plan.meanings, plan.label_columns, plan.numeric_labels, plan.any_share),
        *(plan.label_deviation, plan.options.missing, plan.options.normalize_labels, plan.places),
        *(tuple(plan.key_columns(LABELS)), plan.texts(LABELS), plan.numbers(LABELS)),
    )


def _score_together(
    scored: Sequence[_Scored], batch_rows: int, threads: int | None, numbered: bool
) -> list[State | CelossError]:
    """The state of each, or what is wrong with it, of evaluations that read the labels alike."""
    results = _in_step(scored, batch_rows) if len(scored) > 1 else {}
    others = [number for number in range(len(scored)) if number not in results]
    plan = scored[0].evaluation.plan
    # Rows of the labels are known from a table of them, except where they are matched by position.
    shared = plan.keys and plan.options.id_match == "all" and (len(others) > 1 or (others and numbered))
    table = _table(scored[0].evaluation) if shared else None

    def by_table(plan: Plan, predictions: Source, labels: Source | None, careful: bool, rows: int) -> Any:
        assert table is not None
        return align.by_table(table, plan, predictions, careful, rows, numbered)

    match = by_table if table else partial(align.by_key, numbered=True) if plan.keys and numbered else None
    for number in others:
        one = scored[number]
        try:
            state = score(one.evaluation, one.sink, batch_rows, threads, match, any_order=numbered)
        except CelossError as error:
            results[number] = error
        else:
            results[number] = state
    return [results[number] for number in range(len(scored))]


def _in_step(scored: Sequence[_Scored], batch_rows: int) -> dict[int, State | CelossError]:
    """The state, or what is wrong, of those whose rows come in the order of the labels; nothing of the others."""
    evaluations = [one.evaluation for one in scored]
    plans = [evaluation.plan for evaluation in evaluations]
    labels = evaluations[0].labels
    assert labels is not None
    left_out: set[int] = set()
    with ExitStack() as stack:
        # Threads of each file, that all wait for one reader, take longer than one for all: 0.55 instead of 0.32 s.
        writers = [stack.enter_context(one.sink()) for one in scored]
        workers = [stack.enter_context(Workers(plan, 1, write)) for plan, write in zip(plans, writers, strict=True)]
        seen = [0] * len(plans)
        try:
            for number, pending in align.in_step(plans, [one.predictions for one in evaluations], labels, batch_rows):
                if pending is None:
                    left_out.add(number)
                else:
                    seen[number] += pending.rows
                    if (told := evaluations[number].progress) is not None:
                        told(seen[number], evaluations[number].predictions.share_read)
                    workers[number].add(pending)
        except (Suspicious, CelossError):
            # The labels: what is wrong with them is told beside each of the predictions.
            return {}
        results: dict[int, State | CelossError] = {}
        for number in set(range(len(plans))) - left_out:
            state = workers[number].state()
            found = diagnose(state, plans[number], evaluations[number].predictions, labels)
            results[number] = CelossError(*found) if found else state
        return results


def _table(evaluation: Evaluation) -> LabelTable | None:
    """The labels by key; None where they cannot be read."""
    assert evaluation.labels is not None
    for careful in (False, True):
        try:
            return align.label_table(evaluation.plan, evaluation.labels, careful)
        except Suspicious:
            continue
        except CelossError:
            return None
    return None
