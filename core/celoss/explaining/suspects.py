"""Owns suspects: rows whose label is the likely fault, because models, calibrated, give it no chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from celoss.checks import Batch
from celoss.errors import Diagnostic, Place, UsageError, plural
from celoss.explaining.judging import Judgements, Model, alone, q_values, together
from celoss.explaining.reading import Reading, ScoredRow, line_numbers, scored_rows
from celoss.kernels import Codes, Floats, Mask, RowScores
from celoss.pipeline import Evaluation, audited
from celoss.plan import Plan
from celoss.recalibration import fitted, no_temperature_note
from celoss.records import dataclass
from celoss.report import Report
from celoss.state import State

# Of the rows that are beyond chance this share is expected to be chance.
LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A row whose label the models give little chance.

    row, line, id, label, loss: as of the worst rows, by the first model. label_probability: of the label by the calibrated
    models together; suggested, probability: the class that they give most, and how much. plausibility: Σ of the
    probabilities of classes that have as little as the label or less, 0 … 1: how often a right label has as little.
    q: the least share of chance among the rows that are as implausible (Y. Benjamini, Y. Hochberg 1995, Controlling the False
    Discovery Rate, DOI 10.1111/j.2517-6161.1995.tb02031.x). against: of the models, calibrated, those that give another class
    more than the label.
    """

    rank: int
    row: int
    line: int | None
    id: str | None
    label: str
    suggested: str
    probability: float
    label_probability: float
    plausibility: float
    q: float
    against: int
    loss: float


@dataclass(frozen=True)
class JudgingModel:
    """A model that judges. temperature: of its recalibration, with biases where it has some. share: of the judgement."""

    path: str | None
    log_loss: float | None
    temperature: float
    share: float


@dataclass(frozen=True)
class Suspects:
    """The rows with the least probable labels; how many of all are beyond chance at the level; how many were judged."""

    rows: tuple[Suspect, ...]
    level: float
    beyond_chance: int
    judged: int
    models: tuple[JudgingModel, ...]


def check_suspects(plan: Plan) -> None:
    """Raises UsageError (E611) where rows have no label that could be wrong as a whole."""
    if not plan.hard:
        what = "labels are shares" if plan.task == "soft" else "labels are independent of each other"
        place = (Place("option --suspects"),)
        raise UsageError(Diagnostic("E611", f"--suspects needs one class as the label of each row; here {what}", place))


def find_suspects(evaluations: Sequence[Evaluation], batch_rows: int, count: int) -> tuple[Report, Suspects]:
    """The report of the first of several predictions of the same rows, and the `count` rows with the least probable labels.

    Each model is recalibrated on the labels, so that being too sure accuses no row. Several are put together: the weighted
    mean of their ln p', recalibrated again, weights being the squares of the nats by which each is better than the base
    rate; in trials (benchmarks/statistics/results/suspects.md) this finds more than the largest of their probabilities does,
    or their mean loss. Raises CelossError with all faults, UsageError (E611 to E614).
    """
    for one in evaluations:
        check_suspects(one.plan)
    _check_classes(evaluations)
    models = [_model(one, batch_rows) for one in evaluations]
    shares = _shares(models)
    judgements = alone(models[0]) if len(models) == 1 else together(models, shares)
    judged = np.flatnonzero(judgements.row >= 0)
    order = judged[np.lexsort((judgements.row[judged], -judgements.best[judged], judgements.chance[judged]))]
    q = q_values(judgements.plausibility[judged])
    chosen = order[:count]
    rows = _in_full(models[0].reading, judgements, chosen, q[np.searchsorted(judged, chosen)])
    judges = tuple(_judge(one, share) for one, share in zip(models, shares, strict=True))
    report = _noted(models[0].report, len(judged), [note for one in models for note in _doubts(one, len(models) > 1)])
    return report, Suspects(rows, LEVEL, int((q <= LEVEL).sum()), len(judged), judges)


def _noted(report: Report, judged: int, doubts: Sequence[Diagnostic]) -> Report:
    """The report, with the notes on models, and one on rows that not all of them have."""
    missing = report.row_counts.scored - judged
    notes = [*report.notes, *doubts]
    if missing:
        message = f"{plural(judged, 'row')} judged; left out: {plural(missing, 'row')} that not all models have scored"
        notes.append(Diagnostic("N19", message, count=missing))
    return replace(report, notes=tuple(notes))


def _doubts(model: Model, named: bool) -> Iterator[Diagnostic]:
    """What speaks against a model whose columns or rows look swapped, or that no temperature helps; with its name."""
    evaluation, fit = model.reading.evaluation, model.fit
    notes = list(audited(evaluation, model.state, model.reading.batch_rows))
    if not fit.slope_alone or not fit.slope:
        notes.append(no_temperature_note(fit.rows))
    for note in notes:
        yield replace(note, message=f"{evaluation.predictions.name}: {note.message}") if named else note


def _check_classes(evaluations: Sequence[Evaluation]) -> None:
    first = evaluations[0].plan.classes
    for one in evaluations[1:]:
        if set(one.plan.classes) != set(first):
            message = f"the models have other classes: {', '.join(first[:5])} and {', '.join(one.plan.classes[:5])}"
            raise UsageError(Diagnostic("E613", message, (Place(f"option --also {one.predictions.name}"),)))


def _model(evaluation: Evaluation, batch_rows: int) -> Model:
    reading = Reading.of(evaluation, batch_rows)
    states: list[State] = []

    def into(make: Any) -> Any:
        state, made = reading.into(make)
        states.append(state)
        return made

    found = fitted(evaluation.plan, reading.class_weights, into)
    if isinstance(found, str):
        place = (Place("option --suspects"),)
        raise UsageError(Diagnostic("E612", f"nothing can be suspected: {found}", place))
    return Model(reading, found, states[0], evaluation.report(states[0]))


def _judge(model: Model, share: float) -> JudgingModel:
    report, slope = model.report, model.fit.slope
    return JudgingModel(report.predictions.path, report.log_loss, 1.0 / slope if slope else float("inf"), share)


def _shares(models: Sequence[Model]) -> list[float]:
    """The squares of what each model knows, in nats, as shares of their sum; equal where none knows anything."""
    known = [max(0.0, one.fit.base_rate - one.fit.refined) ** 2 for one in models]
    whole = sum(known)
    return [one / whole if whole else 1.0 / len(models) for one in known]


class _Picker:
    """Keeps the rows with these numbers (from 0, sorted)."""

    def __init__(self, reading: Reading, wanted: Codes) -> None:
        self._reading, self._wanted = reading, wanted
        self.found: dict[int, ScoredRow] = {}

    def __call__(self, block: Batch, row: RowScores) -> None:
        at: Mask = np.isin(block.rows, self._wanted)
        if at.any():
            for one in scored_rows(self._reading, block.take(np.flatnonzero(at))):
                self.found[one.row - 1] = one


def _in_full(reading: Reading, judgements: Judgements, chosen: Codes, q: Floats) -> tuple[Suspect, ...]:
    rows = judgements.row[chosen]
    _, picked = reading.into(lambda: _Picker(reading, np.sort(rows)))
    lines = line_numbers(reading.evaluation.predictions, rows.tolist())
    classes = reading.plan.classes
    return tuple(
        Suspect(
            rank=rank,
            row=number + 1,
            line=lines.get(number),
            id=picked.found[number].id,
            label=picked.found[number].label,
            suggested=classes[int(judgements.suggested[place])],
            probability=float(judgements.best[place]),
            label_probability=float(judgements.chance[place]),
            plausibility=float(judgements.plausibility[place]),
            q=value,
            against=int(judgements.against[place]),
            loss=picked.found[number].loss,
        )
        for rank, (place, number, value) in enumerate(zip(chosen.tolist(), rows.tolist(), q.tolist(), strict=True), start=1)
    )
