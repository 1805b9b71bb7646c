"""Owns the audit of losses that are worse than guessing: notes on columns, or rows, that look swapped. It changes no number."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

import numpy as np

from celoss import conventions
from celoss.checks import Batch
from celoss.errors import Diagnostic, plural, quoted, shorten
from celoss.kernels import Floats, RowScores, floored_loss, forecasts
from celoss.metrics import Tally, class_weights, in_unit
from celoss.plan import Plan
from celoss.shifts import Rows, Shifted, Shifts
from celoss.sources import Source
from celoss.standing import Standing, Suspicion
from celoss.state import State
from celoss.swaps import Cycle, Differences, LossTable, candidates, next_of, proven

CODE = "N12"
# Columns that are named in a note about many.
MOST_NAMED = 4

# Reads all rows once more, in order, into the sink that its argument makes, anew for each beginning, and gives that sink.
Read = Callable[[Callable[[], "Again"]], "Again"]


class Again:
    """What takes the rows once more, block by block: the sums that an audit asks for."""

    def __init__(
        self,
        plan: Plan,
        weights: Floats | None = None,
        table: LossTable | None = None,
        differences: Differences | None = None,
        shifts: Shifts | None = None,
    ) -> None:
        self._plan = plan
        self._class_weights = weights
        self.table = table
        self.differences = differences
        self.shifts = shifts

    def __call__(self, block: Batch, row: RowScores) -> None:
        assert block.codes is not None
        losses = column_losses(self._plan, block)
        for sums in (self.table, self.differences):
            if sums is not None:
                sums.add(losses, block.codes, block.weights)
        if self.shifts is not None:
            weights = np.ones(len(block.rows)) if block.weights is None else block.weights
            if self._class_weights is not None:
                weights = weights * self._class_weights[block.codes]
            self.shifts.add(Rows(block.rows, losses, block.codes, weights))


def column_losses(plan: Plan, block: Batch) -> Floats:
    """The losses (k, n) that a block's rows would have if each class in turn were the true one, as the report takes them."""
    if plan.options.convention is not None:
        return conventions.surprisals(plan.options.convention, block.values, plan.spacing, one_column=plan.one_column)
    losses: Floats = np.minimum(forecasts(block.values, plan.scale, plan.one_column).surprisal, floored_loss(plan.eps))
    return losses


def audit(
    plan: Plan, state: State, suspicion: Suspicion, predictions: Source, labels: Source | None, read: Read
) -> tuple[Diagnostic, ...]:
    """Notes on columns and rows that look swapped, for what is suspected of the inputs."""
    weights = class_weights(plan, state)
    of_class = np.ones(len(plan.classes)) if weights is None else np.array([float(one) for one in weights])
    first = read(
        lambda: Again(
            plan,
            None if weights is None else of_class,
            table=LossTable(len(plan.classes)) if suspicion.swaps else None,
            shifts=Shifts() if suspicion.shifts else None,
        )
    )
    standing = suspicion.standing
    found: list[tuple[float, Diagnostic | None]] = []
    if first.table is not None:
        table = first.table.sums()
        cycles = _proven(plan, standing, table, read)
        corrected = table[np.arange(len(table)), next_of(cycles, len(table))]
        loss = float((of_class * corrected).sum() / (of_class * standing.weight).sum())
        found.append((loss, _swap_note(plan, cycles, standing, table, of_class, _command(plan, predictions, labels))))
    if first.shifts is not None:
        tally = Tally.of_all(plan, state)
        shift = first.shifts.best((tally.reference() or 0.0) / in_unit(plan, 1.0))
        if shift is not None:
            found.append((shift.loss, _shift_note(plan, tally, shift, predictions)))
    # Labels in turn are swapped when they are shifted: the better of two explanations is told.
    notes = sorted(((loss, note) for loss, note in found if note is not None), key=lambda one: one[0])
    return tuple(note for _, note in notes[:1])


def _proven(plan: Plan, standing: Standing, table: Floats, read: Read) -> tuple[Cycle, ...]:
    """The cycles of columns that are swapped; reads the rows for their differences where there may be such."""
    cycles = candidates(standing, table)
    if not cycles:
        return ()
    to = next_of(cycles, len(table))
    again = read(lambda: Again(plan, differences=Differences(to)))
    assert again.differences is not None
    return proven(cycles, standing, table, again.differences.by_class)


def _swap_note(
    plan: Plan, cycles: Sequence[Cycle], standing: Standing, table: Floats, of_class: Floats, command: str
) -> Diagnostic | None:
    own = [code for cycle in cycles for code in cycle]
    if not own:
        return None
    other = next_of(cycles, len(table))[own]
    weight = float((standing.weight * of_class)[own].sum())
    now, then = (float((of_class[own] * table[own, columns]).sum()) / weight for columns in (own, other))
    if not then < now:
        return None
    loss, less = (_shown(in_unit(plan, one)) for one in (now, then))
    rows = int(standing.rows[own].sum())
    advice = f"look at the rows that cost most first: {command}"
    if plan.one_column:
        negative, positive = plan.classes
        what = f'{_column(plan)} looks like the probability of "{shorten(negative)}", not of "{shorten(positive)}"'
        what += f": log loss {loss} would be {less} with --positive {shlex.quote(negative)}"
    else:
        what = f"{_swapped(plan, cycles)}; on their rows the loss of {loss} would be {less}"
    return Diagnostic(CODE, what, count=rows, help=advice)


def _column(plan: Plan) -> str:
    """The single column of probabilities, by its name where it has one."""
    return f'"{shorten(plan.columns[0])}"' if plan.columns[0] else "the column of probabilities"


def _swapped(plan: Plan, cycles: Sequence[Cycle]) -> str:
    """Which columns look swapped."""
    # What the labels mean was said by the user, or by other columns: it can as well be that.
    noun = "columns or labels" if plan.meanings or plan.one_hot else "classes" if plan.long else "columns"
    columns = plan.classes if plan.meanings or plan.one_hot or plan.long else plan.columns
    if all(len(cycle) == 2 for cycle in cycles):
        pairs = [" and ".join(f'"{shorten(columns[code])}"' for code in cycle) for cycle in cycles]
        more = f" and {plural(len(pairs) - MOST_NAMED, 'pair')} more" if len(pairs) > MOST_NAMED else ""
        return f"{noun} {', '.join(pairs[:MOST_NAMED])}{more} look swapped"
    moved = [(code, after) for cycle in cycles for code, after in zip(cycle, (*cycle[1:], cycle[0]), strict=True)]
    names = quoted([columns[code] for code, _ in moved], MOST_NAMED)
    held = [f'"{shorten(columns[after])}" holds what belongs to "{shorten(plan.classes[code])}"' for code, after in moved]
    more = f" and {len(held) - MOST_NAMED} more" if len(held) > MOST_NAMED else ""
    verb = "rotated" if len(cycles) == 1 else "permuted"
    return f"{noun} {names} look {verb}: {', '.join(held[:MOST_NAMED])}{more}"


def _shift_note(plan: Plan, tally: Tally, found: Shifted, predictions: Source) -> Diagnostic | None:
    loss = tally.loss("loss")
    if loss is None or not in_unit(plan, found.loss) < loss:
        return None
    row, other = max(1, 1 - found.shift), max(1, 1 + found.shift)
    rows = "one row" if abs(found.shift) == 1 else plural(abs(found.shift), "row")
    what = (
        f"predictions look shifted by {rows} against the labels: log loss {_shown(loss)} would be "
        f"{_shown(in_unit(plan, found.loss))} if row {row} of the predictions belonged to row {other} of the labels"
    )
    advice = "put the same id column in both, or give --id NAME"
    if predictions.path is not None:
        advice = "is a header or a row missing? put the same id column in both files, or give --id NAME"
    return Diagnostic(CODE, what, count=found.rows, help=advice)


def _command(plan: Plan, predictions: Source, labels: Source | None) -> str:
    """The command that shows the rows which cost most."""
    paths = [one.path for one in (predictions, labels) if one is not None]
    if None in paths:
        return "celoss.explain(…, worst=10)"
    files = " ".join(shlex.quote(path) for path in paths if path is not None)
    has_options = any(one.because.startswith("--") for one in plan.findings)
    return f"celoss explain {files} --worst 10" + (", with the same options" if has_options else "")


def _shown(loss: float) -> str:
    return f"{loss:.3g}"
