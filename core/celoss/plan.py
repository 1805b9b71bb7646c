"""Owns `Plan`: all that is needed to read and score the two inputs, and the findings that say why it is so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from celoss.errors import Diagnostic, escape
from celoss.naming import class_text

UNNAMED = "(unnamed)"


@dataclass(frozen=True)
class Finding:
    """One decision: what was decided, its value, and because of what. A flag of the user is a finding too."""

    what: str
    value: str
    because: str

    def __str__(self) -> str:
        return escape(f"{self.what}: {self.value} ({self.because})")


@dataclass(frozen=True)
class Plan:
    """How two inputs are read as one set of scored rows.

    classes: in class order (`naming.class_order`); for a single probability column (negative, positive).
    columns: the probability columns in the order of the classes, or the single column of P(classes[1]).
    label_columns: one column of class names, or one 0/1 column per class in the order of the classes.
    meanings: label text → class, where the user said so with --classes.
    keys: (prediction column, label column) pairs that match rows; empty: by position.
    stored_deviation: how far a row's sum is off 1 by the precision of the stored numbers; rounded_deviation: of rows whose
    numbers are all rounded to `decimals` decimals (0: no such rows). Both are silent. largest_deviation: beyond it a sum
    is an error, up to it a note. notes: what the user should hear about before any row is read.
    """

    task: str
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    label_columns: tuple[str, ...]
    positive: str | None
    keys: tuple[tuple[str, str], ...]
    labels_in_predictions: bool
    eps: float
    stored_deviation: float
    rounded_deviation: float
    decimals: int
    largest_deviation: float
    meanings: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = field(default=(), compare=False)
    notes: tuple[Diagnostic, ...] = field(default=(), compare=False)

    @property
    def one_column(self) -> bool:
        """Whether a single column holds P(positive)."""
        return len(self.columns) == 1

    @property
    def one_hot(self) -> bool:
        """Whether the labels are one 0/1 column per class."""
        return len(self.label_columns) > 1

    def codes(self) -> dict[str, int]:
        """Label text → index of the class, for the texts that are known beforehand."""
        known = {name: index for index, name in enumerate(self.classes)}
        return known | {text: known[name] for text, name in self.meanings}

    def code(self, text: str, known: dict[str, int]) -> int:
        """Index of the class that a label text means: as written, else by the rule of `class_text`; -1 if unknown."""
        return known.get(text, known.get(class_text(text), -1))

    def match(self) -> str:
        """How rows are matched, in a word or two: `row`, `position` or the key columns."""
        if self.labels_in_predictions:
            return "row"
        if not self.keys:
            return "position"
        names = [(mine or UNNAMED, theirs or UNNAMED) for mine, theirs in self.keys]
        return "+".join(mine if mine == theirs else f"{mine}={theirs}" for mine, theirs in names)

    def identity(self) -> str:
        """What two states must share to be added: everything that a score depends on, nothing about places."""
        sums = (self.stored_deviation, self.rounded_deviation, self.decimals, self.largest_deviation)
        return json.dumps((self.task, self.classes, self.one_column, self.eps, *sums), ensure_ascii=False)
