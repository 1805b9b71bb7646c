"""Owns one row in full: every class, the formula with its numbers, and where the row stands among all."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celoss.checks import Batch
from celoss.conventions import CONVENTIONS
from celoss.errors import CelossError, Diagnostic, Place, escape, plural, shorten
from celoss.exact import units
from celoss.explaining.formula import ClassShare, Softmax, formula, softmax_of
from celoss.explaining.reading import Reading, ScoredRow, Total, ids, line_numbers, same, scored_rows
from celoss.kernels import RowScores
from celoss.metrics import Number, in_unit
from celoss.plan import LABELS, Plan
from celoss.records import dataclass
from celoss.scoring import probabilities, scores, targets_of
from celoss.sources import Source, read_all
from celoss.sources.base import as_text
from celoss.state import State

MOST_SHOWN = 3
NUMBERED = re.compile(r"#(\d{1,18})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class OneRow(ScoredRow):
    """A row in full.

    line, label_line: in the predictions and in the labels, as an editor counts; None without lines. rank: 1 and how many
    rows contribute more, weight · loss; share: of all contributions, None where their sum is infinite or 0.
    uniform_loss: of the same probability for every class. label_entropy, kl_divergence: 0 and the loss for a label that is
    one class. rule: of the other tool by which the loss is taken (`--as`), in words.
    """

    line: int | None
    label_line: int | None
    rank: int
    share: Number
    uniform_loss: float
    label_entropy: float
    kl_divergence: float
    rule: str | None
    formula: str
    softmax: Softmax | None
    classes: tuple[ClassShare, ...]


class _Finder:
    """Keeps the rows, as batches of one, that have an id, and the one that has a number (from 1)."""

    def __init__(self, number: int | None, wanted: str) -> None:
        self._number = number
        self._wanted = wanted
        self._named: list[Batch] = []
        self._numbered: list[Batch] = []
        self._count = 0

    def __call__(self, block: Batch, row: RowScores) -> None:
        if self._number is not None:
            self._numbered += [block.take(place) for place in _single(np.flatnonzero(block.rows == self._number - 1))]
        if block.keys:
            places = np.flatnonzero(same(ids(block), self._wanted))
            self._count += len(places)
            self._named += [block.take(place) for place in _single(places[: MOST_SHOWN - len(self._named)])]

    @property
    def found(self) -> list[Batch]:
        """The first of the rows that are meant: an id that is written like a number goes before the number."""
        return self._named or self._numbered

    @property
    def count(self) -> int:
        """How many rows are meant."""
        return self._count or len(self._numbered)


def _single(places: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [places[at : at + 1] for at in range(len(places))]


class _Standing:
    """Counts the rows that contribute more than one of them does, and adds all up."""

    def __init__(self, reading: Reading, contribution: float) -> None:
        self._reading = reading
        self._contribution = contribution
        self.larger = 0
        self.total = Total()

    def __call__(self, block: Batch, row: RowScores) -> None:
        contributions = self._reading.weighted(block, row.loss)
        self.larger += int((contributions > self._contribution).sum())
        self.total.add(contributions)


def one_row(reading: Reading, wanted: str) -> tuple[State, OneRow]:
    """The state of all rows, and the one with this id, or `#N` for the N-th of the predictions.

    Raises CelossError with all faults; E309 where no scored row is meant, E310 where several are.
    """
    numbered = NUMBERED.fullmatch(wanted)
    number = int(numbered[1]) if numbered else None
    state, finder = reading.into(lambda: _Finder(number, wanted))
    if finder.count != 1:
        raise CelossError(_missed(reading, state, finder, number, wanted))
    (block,) = finder.found
    row = scores(reading.plan, block)
    contribution = float(reading.weighted(block, row.loss)[0])
    _, standing = reading.into(lambda: _Standing(reading, contribution))
    share = None if standing.total.infinite else standing.total.share(units(contribution))
    return state, _in_full(reading, block, row, standing.larger + 1, share)


def _in_full(reading: Reading, block: Batch, row: RowScores, rank: int, share: Number) -> OneRow:
    plan, unit = reading.plan, in_unit(reading.plan, 1.0)
    (scored,) = scored_rows(reading, block)
    classes = _classes(plan, block, row)
    code = None if block.codes is None else int(block.codes[0])
    source, at = reading.evaluation.predictions, scored.row - 1
    convention = plan.options.convention
    nats = float(row.loss[0])
    return OneRow(
        **vars(scored),
        line=line_numbers(source, [at]).get(at),
        label_line=_label_line(reading, block, at),
        rank=rank,
        share=share,
        uniform_loss=unit * math.log(2.0 if plan.task == "multilabel" else len(classes)),
        label_entropy=0.0 if row.entropy is None else unit * float(row.entropy[0]),
        kl_divergence=unit * (nats if row.kl is None else float(row.kl[0])),
        rule=None if convention is None else CONVENTIONS[convention].rule,
        formula=formula(plan, block.values, code, classes, nats),
        softmax=softmax_of(plan, block.values),
        classes=classes,
    )


def _classes(plan: Plan, block: Batch, row: RowScores) -> tuple[ClassShare, ...]:
    independent = plan.task == "multilabel"
    # The loss of one label is not the sum over labels, whatever --reduce-labels asks for.
    unit = in_unit(plan, 1.0)
    of_class = unit / plan.reduction
    p, t = probabilities(plan, block)[:, 0], targets_of(plan, block)[:, 0]
    added = np.where(t > 0.0, row.loss[0], 0.0) if row.by_class is None else row.by_class[:, 0]
    slope = (p - t) / (len(t) if independent else 1)
    if plan.one_column:
        # Near 1 the other class's probability has lost the digits that the file has.
        slope[0] = -slope[1]
    values = [None, *block.values[:, 0].tolist()] if plan.one_column else block.values[:, 0].tolist()
    return tuple(
        ClassShare(name, value, probability, target, of_class * loss, of_class * if_true, unit * gradient)
        for name, value, probability, target, loss, if_true, gradient in zip(
            plan.classes, values, p.tolist(), t.tolist(), added.tolist(), _if_true(plan, block), slope.tolist(), strict=True
        )
    )


def _if_true(plan: Plan, block: Batch) -> list[float]:
    """The loss of a row if each class were its label, in nats: it is scored once more with each."""
    k = len(plan.classes)
    if plan.task == "multilabel":
        row = scores(plan, replace(block, targets=np.ones((k, 1))))
        assert row.by_class is not None
        return [float(one) for one in row.by_class[:, 0]]
    codes = None if block.codes is None else np.arange(k)
    repeated = np.ascontiguousarray(np.repeat(block.values, k, axis=1))
    supposed = Batch(np.arange(k), repeated, codes, targets=np.eye(k) if codes is None else None)
    return [float(one) for one in scores(plan, supposed).loss]


def _label_line(reading: Reading, block: Batch, at: int) -> int | None:
    """The line of a row's label. Matched by keys it is looked for, once, in the key columns of the labels."""
    labels = reading.evaluation.labels
    if labels is None or not labels.has_lines:
        return None
    if reading.plan.keys:
        wanted = [as_text(column)[0].as_py() for column in block.keys]
        found = _row_with(labels, reading.plan.key_columns(LABELS), wanted)
        return None if found is None else line_numbers(labels, [found]).get(found)
    return line_numbers(labels, [at]).get(at)


def _row_with(source: Source, names: Sequence[str], wanted: Sequence[str]) -> int | None:
    """The first row (from 0) in which these text columns have the values wanted."""
    return read_all(lambda careful: next(_found(source.batches(names, [], careful), wanted), None))


def _found(chunks: Iterator[Any], wanted: Sequence[str]) -> Iterator[int]:
    for chunk in chunks:
        matches = np.logical_and.reduce([same(column, value) for column, value in zip(chunk.texts, wanted, strict=True)])
        yield from (chunk.start + np.flatnonzero(matches)).tolist()


def _missed(reading: Reading, state: State, finder: _Finder, number: int | None, wanted: str) -> Diagnostic:
    """Why no row, or more than one, is meant."""
    source = reading.evaluation.predictions
    where = (Place(f"option --row {wanted}"),)
    if finder.count > 1:
        shown = [f"--row '#{int(block.rows[0]) + 1}'" for block in finder.found]
        message = f'{plural(finder.count, "row")} have the id "{shorten(wanted)}"'
        return Diagnostic("E310", message, where, help=f"choose one by its number: {' or '.join(shown)}")
    left_out = state.dropped + state.unmatched
    read = state.count + left_out
    details = (f"found: {plural(read, 'row')} in {escape(source.name)}, of which {left_out:,} left out",) if left_out else ()
    if number is None:
        advice = "" if reading.plan.keys else "rows are known by their number here: --row '#1'; or name their ids: --id COL"
        return Diagnostic("E309", f'no row with id "{shorten(wanted)}"', where, details=details, help=advice)
    if 1 <= number <= read:
        return Diagnostic(
            "E309", f"row #{number} is not scored: it has no label, or a value is missing", where, details=details
        )
    message = f"no row #{number}: {escape(source.name)} has {plural(read, 'row')}"
    return Diagnostic("E309", message, where, help="rows count from 1" if number == 0 else "")
