"""Owns `check`: what is understood of the inputs and why, and every fault, as one value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from celoss import __version__
from celoss.detect import formats
from celoss.detect.inputs import wrong_option
from celoss.errors import SHOWN_PLACES, CelossError, Diagnostic, UsageError, listed, plural
from celoss.pipeline import Opened, audited, is_path, open_inputs, score
from celoss.plan import Finding, Plan
from celoss.records import dataclass
from celoss.report import RowCounts
from celoss.sources import Source

SCHEMA = "celoss.check/1"
# Places of each kind of fault that are listed, unless more are asked for: their lines are held in memory.
PLACES = 10_000


@dataclass(frozen=True)
class InputSeen:
    """One input: its path (None for objects in memory) and format (None where it could not be opened)."""

    path: str | None
    format: str | None


@dataclass(frozen=True)
class Checkup:
    """What is understood of two inputs, and what is wrong with them.

    predictions, labels: the inputs; labels is None when they are in the predictions. plan: None where the inputs could not
    be understood. rows: how many were read, None where something is wrong. errors: each kind of fault with its places.
    """

    predictions: InputSeen
    labels: InputSeen | None
    findings: tuple[Finding, ...]
    plan: Plan | None
    rows: RowCounts | None
    errors: tuple[Diagnostic, ...]
    notes: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether the inputs can be scored."""
        return not self.errors

    @property
    def faults(self) -> int:
        """How many faults there are, of all kinds."""
        return sum(one.count for one in self.errors)

    def to_dict(self) -> dict[str, Any]:
        """The check-up as JSON values (`celoss schema check`)."""
        plan = self.plan
        return {
            "schema": SCHEMA,
            "celoss_version": __version__,
            "ok": self.ok,
            "inputs": {
                "predictions": vars(self.predictions),
                "labels": None if self.labels is None else vars(self.labels),
            },
            "task": None if plan is None else plan.task,
            "classes": None if plan is None else list(plan.classes),
            "rows": None if self.rows is None else vars(self.rows),
            "findings": [vars(one) for one in self.findings],
            "faults": self.faults,
            "errors": [one.to_dict() for one in self.errors],
            "notes": [{"code": note.code, "message": note.message, "rows": note.count} for note in self.notes],
        }

    def to_json(self, indent: int | None = 2) -> str:
        """The JSON text that `celoss check -f json` prints, without the final newline; `indent=None` for one line."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def __str__(self) -> str:
        if self.rows is not None:
            return f"no fault in {plural(self.rows.read, 'row')}"
        return f"{plural(self.faults, 'fault')}: {listed([one.message for one in self.errors])}"


def check(predictions: Any, labels: Any = None, *, places: int = PLACES, **options: Any) -> Checkup:
    """Says what is understood of the inputs and why, and reads every row for faults: what `celoss check` does.

    predictions, labels, options: as for `evaluate`, which finds the same faults but tells of fewer places. places: how many
    places of each kind of fault are kept, at least 1; faults are counted beyond.

    Raises UsageError for options that are wrong whatever the inputs hold; everything else is in the result.

    >>> import celoss
    >>> print(celoss.check([0.9, 1.7], [1, 0]))
    1 fault: 1 probability is outside 0 to 1
    """
    if places < 1:
        raise wrong_option("--places", str(places), "it is a number of places, 1 or more")
    try:
        opened = open_inputs(predictions, labels, **options)
    except UsageError:
        raise
    except CelossError as error:
        left, right = (InputSeen(str(one) if is_path(one) else None, None) for one in (predictions, labels))
        return Checkup(left, None if labels is None else right, (), None, None, error.diagnostics, ())
    return _checked(opened, places)


def _checked(opened: Opened, places: int) -> Checkup:
    left = InputSeen(opened.predictions.path, opened.predictions.format)
    right = None if opened.labels is None else InputSeen(opened.labels.path, opened.labels.format)
    try:
        evaluation = opened.planned()
    except UsageError:
        raise
    except CelossError as error:
        return Checkup(left, right, _seen(opened), None, None, error.diagnostics, ())
    # Hints rest on the first few places, so that they are the same as in `evaluate`.
    plan = replace(evaluation.plan, places=max(places, SHOWN_PLACES))
    try:
        state = score(replace(evaluation, plan=plan))
    except CelossError as error:
        told = tuple(replace(one, places=one.places[:places]) for one in error.diagnostics)
        return Checkup(left, right, plan.findings, plan, None, told, ())
    report = evaluation.report(state)
    return Checkup(left, right, plan.findings, plan, report.row_counts, (), (*report.notes, *audited(evaluation, state)))


def _seen(opened: Opened) -> tuple[Finding, ...]:
    """What can be said of inputs that could not be understood: their formats and columns."""
    sources: Sequence[Source | None] = (opened.predictions, opened.labels)
    columns = [
        Finding(f"{one.role} columns", listed([name or "(unnamed)" for name in one.head().names]), "its header")
        for one in sources
        if one is not None and one.head().named
    ]
    return (*formats(*sources), *columns)
