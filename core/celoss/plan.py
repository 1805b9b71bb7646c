"""Owns `Plan`: all that is needed to read and score the two inputs, and the findings that say why it is so."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple, field, fields, is_dataclass
from functools import cached_property
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from celoss.errors import SHOWN_PLACES, Diagnostic, escape
from celoss.naming import class_text
from celoss.records import dataclass

UNNAMED = "(unnamed)"
BALANCED = "balanced"
SCHEMA = "celoss.plan/1"
PREDICTIONS, LABELS = "predictions", "labels"


@dataclass(frozen=True)
class Finding:
    """One decision: what was decided, its value, and because of what. A flag of the user is a finding too."""

    what: str
    value: str
    because: str

    def __str__(self) -> str:
        return escape(f"{self.what}: {self.value} ({self.because})")


@dataclass(frozen=True)
class Options:
    """What the user may choose that changes the numbers; the defaults change nothing.

    eps: floor of a class's probability before the logarithm, 0 … 1; None until the scale is known. renormalize: divide
    each row of predictions by its sum. normalize_labels: the same for label shares. base: e, 2 or 10, the unit in which
    losses are reported. class_weights: (class, weight) pairs, or `balanced`. smoothing: 0 … 1. reduce_labels: mean or
    sum over independent labels. top_k: sizes K of top-k accuracy. bins: of the calibration error. ties: fraction or first.
    missing: error, drop or uniform. id_match: all or inner. convention: name of another tool's rule.
    """

    eps: float | None = None
    renormalize: bool = False
    normalize_labels: bool = False
    base: str = "e"
    class_weights: tuple[tuple[str, float], ...] | str | None = None
    smoothing: float = 0.0
    reduce_labels: str = "mean"
    top_k: tuple[int, ...] = ()
    bins: int = 15
    ties: str = "fraction"
    missing: str = "error"
    id_match: str = "all"
    convention: str | None = None


NO_OPTIONS = Options()


@dataclass(frozen=True)
class LongForm:
    """The columns of a file with one row for each case and class, and the classes in it, in class order."""

    id_columns: tuple[str, ...]
    class_column: str
    value_column: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """How two inputs are read as one set of scored rows.

    task: binary, multiclass, soft (each label is a distribution) or multilabel (k independent labels).
    classes: in class order (`naming.class_order`); for a single probability column (negative, positive).
    columns: the probability columns in the order of the classes, or the single column of P(classes[1]).
    label_columns: one column of class names, or one column per class in the order of the classes, or (soft) the single
    column of the share of classes[1]. numeric_labels: whether they hold numbers (shares), not names or 0/1 flags.
    any_share: whether numbers between 0 and 1 are labels of a multilabel task.
    scale: what the probability columns hold: probs, logits or logprobs.
    meanings: label text → class, where the user said so with --classes.
    keys: (prediction column, label column) pairs that match rows; empty: by position.
    weights, by, cluster: (side, column), side being `predictions` or `labels`; of one file always the latter.
    long: the columns of which those of the predictions are made, where these have one row for each case and class.
    sum_tolerance: what the user gave. known: all columns of the predictions by which the plan was made.
    eps: the floor that is used; spacing: relative distance of neighbouring stored numbers of the predictions.
    stored_deviation: how far a row's sum is off 1 by the precision of the stored numbers; rounded_deviation: of rows whose
    numbers are all rounded to `decimals` decimals (0: no such rows). Both are silent. largest_deviation: beyond it a sum
    is an error, up to it a note. label_deviation: beyond it a sum of label shares is an error.
    notes: what the user should hear about before any row is read. places: how many places of each kind of fault are kept.
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
    scale: str = "probs"
    options: Options = NO_OPTIONS
    numeric_labels: bool = False
    any_share: bool = True
    label_deviation: float = 0.0
    weights: tuple[str, str] | None = None
    by: tuple[tuple[str, str], ...] = ()
    cluster: tuple[str, str] | None = None
    spacing: float = 2.0**-52
    long: LongForm | None = None
    sum_tolerance: float | None = None
    known: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = field(default=(), compare=False)
    notes: tuple[Diagnostic, ...] = field(default=(), compare=False)
    places: int = field(default=SHOWN_PLACES, compare=False)

    @property
    def one_column(self) -> bool:
        """Whether a single column holds the prediction of the positive one of two classes."""
        return len(self.columns) == 1 and self.task != "multilabel"

    @property
    def hard(self) -> bool:
        """Whether each row has one true class."""
        return self.task in ("binary", "multiclass")

    @property
    def one_hot(self) -> bool:
        """Whether the labels are one 0/1 column per class."""
        return not self.numeric_labels and (len(self.label_columns) > 1 or self.task == "multilabel")

    @property
    def shares(self) -> bool:
        """Whether scoring needs label distributions: soft labels, or hard ones that are smoothed."""
        return not self.hard or self.options.smoothing > 0.0

    @property
    def reduction(self) -> int:
        """By what the mean over independent labels is multiplied in the report: their number for `sum`, else 1."""
        return len(self.classes) if self.task == "multilabel" and self.options.reduce_labels == "sum" else 1

    @property
    def grouping(self) -> tuple[tuple[str, str], ...]:
        """The columns whose values group rows: those of --by, then that of --cluster."""
        return (*self.by, *([self.cluster] if self.cluster else []))

    def key_columns(self, side: str) -> list[str]:
        """The columns of a side that match rows."""
        return [mine if side == PREDICTIONS else theirs for mine, theirs in self.keys]

    def is_weight(self, side: str, column: str | None) -> bool:
        """Whether a column of a file with this role is that of the weights."""
        if self.weights is None or column != self.weights[1]:
            return False
        return side == (PREDICTIONS if self.labels_in_predictions else self.weights[0])

    def texts(self, side: str) -> tuple[str, ...]:
        """The text columns of a side after its keys: those of `grouping`, then labels that are names or flags."""
        labels = () if self.numeric_labels or side == PREDICTIONS else self.label_columns
        return (*(column for of, column in self.grouping if of == side), *labels)

    def numbers(self, side: str) -> tuple[str, ...]:
        """The number columns of a side: predictions or label shares, then the weight."""
        columns = self.columns if side == PREDICTIONS else self.label_columns if self.numeric_labels else ()
        return (*columns, *((self.weights[1],) if self.weights and self.weights[0] == side else ()))

    def codes(self) -> dict[str, int]:
        """Label text → index of the class, for the texts that are known beforehand."""
        known = {name: index for index, name in enumerate(self.classes)}
        return known | {text: known[name] for text, name in self.meanings}

    def code(self, text: str, known: dict[str, int]) -> int:
        """Index of the class that a label text means: as written, else by the rule of `class_text`; -1 if unknown."""
        # Most labels are written like their class: the rule is asked for the others only.
        return known[text] if text in known else known.get(class_text(text), -1)

    def match(self) -> str:
        """How rows are matched, in a word or two: `row`, `position` or the key columns."""
        if self.labels_in_predictions:
            return "row"
        if not self.keys:
            return "position"
        names = [(mine or UNNAMED, theirs or UNNAMED) for mine, theirs in self.keys]
        return "+".join(mine if mine == theirs else f"{mine}={theirs}" for mine, theirs in names)

    @cached_property
    def identity(self) -> str:
        """What two states must share to be added: everything that a score depends on, nothing about places."""
        sums = (self.stored_deviation, self.rounded_deviation, self.decimals, self.largest_deviation, self.label_deviation)
        by = [[column for _, column in self.by], self.cluster and self.cluster[1]]
        # Another tool's rule may depend on the width of the stored numbers.
        spacing = self.spacing if self.options.convention else None
        meanings = sorted(self.meanings)
        shape = (self.task, self.classes, self.one_column, self.scale, self.weights is not None, by, spacing, meanings)
        return json.dumps((*shape, self.eps, *sums, astuple(self.options)), ensure_ascii=False)

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON values (`celoss schema plan`), with a digest that shows whether anything was changed since."""
        values = {"schema": SCHEMA, **asdict(self)}
        del values["places"]
        plain: dict[str, Any] = json.loads(json.dumps(values))
        return {**plain, "sha256": _digest(plain)}

    def to_json(self) -> str:
        """The JSON text that `celoss check -o plan.json` writes, without the final newline."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_dict(cls, values: Any) -> Plan:
        """The plan that `to_dict` wrote. Raises ValueError, which says why, for anything else."""
        if not isinstance(values, dict) or values.get("schema") != SCHEMA:
            raise ValueError(f'it has no "schema": "{SCHEMA}"')
        kept = {name: value for name, value in values.items() if name != "sha256"}
        if values.get("sha256") != _digest(kept):
            raise ValueError("it was changed after it was made")
        del kept["schema"]
        plan: Plan = _decoded(kept, cls, "plan", ("places",))
        return plan


def _digest(values: Any) -> str:
    # Only for plans that are saved or read: OpenSSL takes 3 ms to load.
    import hashlib

    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _decoded(value: Any, kind: Any, where: str, left_out: tuple[str, ...] = ()) -> Any:
    """A value of a type made of dataclasses, tuples, unions, numbers and texts, from JSON values. Raises ValueError."""
    if is_dataclass(kind):
        names = [one.name for one in fields(kind) if one.name not in left_out]
        if isinstance(value, dict) and sorted(value) == sorted(names):
            hints = get_type_hints(kind)
            made: Any = kind
            return made(**{name: _decoded(value[name], hints[name], f"{where}.{name}") for name in names})
    elif get_origin(kind) is tuple and isinstance(value, list):
        inner = get_args(kind)
        inner = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        if len(inner) == len(value):
            return tuple(_decoded(one, of, where) for one, of in zip(value, inner, strict=True))
    elif kind in (str, bool, int, float, NoneType) and type(value) in (kind, *_ALSO.get(kind, ())):
        return kind(value) if value is not None else None
    elif get_origin(kind) is not tuple and (choices := get_args(kind)):
        for choice in choices:
            try:
                return _decoded(value, choice, where)
            except ValueError:
                continue
    raise ValueError(f"{where} is not what this version of celoss writes")


# JSON does not tell 1.0 from 1 everywhere.
_ALSO = {float: (int,)}
