"""Owns `Inputs`: both sources with their heads and the user's flags, checked for what makes any reading impossible."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from celoss.detect.heads import looks_numeric
from celoss.errors import CelossError, Diagnostic, Place, UsageError, escape, listed, plural, shorten, unknown_name
from celoss.kernels import DEFAULT_EPS
from celoss.naming import INDEX_NAMES, LABEL_NAMES, class_text, is_integer
from celoss.sources import Head, Source
from celoss.sources.base import is_number

BY_POSITION = "#"


@dataclass(frozen=True)
class Flags:
    """What the user decided. An empty tuple or None leaves the decision to detection.

    id: key columns, `A=B` where the files name one differently, or `#` for the order of the rows.
    """

    id: tuple[str, ...] = ()
    pred: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    classes: tuple[tuple[str, str], ...] = ()
    positive: str | None = None
    eps: float = DEFAULT_EPS
    sum_tolerance: float | None = None

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """(prediction column, label column) of --id."""
        if self.id == (BY_POSITION,):
            return ()
        return tuple((one.partition("=")[0], one.partition("=")[2] or one) for one in self.id)


@dataclass(frozen=True)
class Inputs:
    """The predictions, the source that holds the labels (the predictions themselves when `separate` is False), heads."""

    predictions: Source
    labels: Source
    head: Head
    label_head: Head
    flags: Flags
    separate: bool

    @property
    def shared(self) -> list[str]:
        """Columns with a name that both files have."""
        if not (self.separate and self.head.named and self.label_head.named):
            return []
        return [name for name in self.head.names if name in self.label_head.names]

    def number_columns(self, taken: Collection[str], allowed: Collection[str] = ()) -> list[str]:
        """Columns of the predictions that could hold probabilities, without those that are taken.

        A column called `label` or the like holds none, unless it is one of those allowed.
        """
        mine = {name for name, _ in self.flags.keys}
        return [
            column.name
            for column in self.head.columns
            if looks_numeric(column)
            and column.name not in taken
            and column.name not in mine
            and column.name not in INDEX_NAMES
            and (column.name.casefold() not in LABEL_NAMES or column.name in allowed)
        ]

    def prediction_header(self, column: str | None = None) -> Place:
        """The header of the predictions, as a place."""
        return header(self.predictions, column)

    def label_header(self, column: str | None = None) -> Place:
        """The header of the labels, as a place."""
        return header(self.labels, column)


def header(source: Source, column: str | None = None) -> Place:
    """Line 1 of a source that has lines, else the source."""
    return Place(source.name, 1 if source.has_lines else None, column=column)


def first_row(source: Source, column: str) -> Place:
    """The first row of a column."""
    line = 2 if source.format == "csv" else None
    return Place(source.name, line, None if line else 1, column)


def look_at(predictions: Source, labels: Source | None, flags: Flags) -> Inputs:
    """Reads both heads. Raises CelossError (E103, E204, E205) or UsageError (E604)."""
    _check_numbers(flags)
    head = _checked_head(predictions)
    label_head = head if labels is None else _checked_head(labels)
    inputs = Inputs(predictions, labels or predictions, head, label_head, flags, labels is not None)
    _check_columns("--pred", flags.pred, predictions, head)
    _check_columns("--label", flags.label, inputs.labels, label_head)
    _check_columns("--id", [mine for mine, _ in flags.keys], predictions, head)
    _check_columns("--id", [theirs for _, theirs in flags.keys], inputs.labels, label_head)
    return inputs


def wrong_option(option: str, value: str, advice: str, code: str = "E604") -> UsageError:
    """The error for an option with a value that it cannot have."""
    place = Place(f"option {option} {value}")
    return UsageError(Diagnostic(code, f"{option} cannot be {shorten(value)}", (place,), help=advice))


def _check_numbers(flags: Flags) -> None:
    if not 0.0 <= flags.eps < 1.0:
        raise wrong_option("--eps", str(flags.eps), "eps is a probability: 0 or more and below 1")
    tolerance = flags.sum_tolerance
    if tolerance is not None and not 0.0 <= tolerance < float("inf"):
        raise wrong_option("--sum-tolerance", str(tolerance), "a tolerance is 0 or more")


def _checked_head(source: Source) -> Head:
    head = source.head()
    if head.rows == 0 and head.complete:
        raise CelossError(
            Diagnostic(
                "E103",
                f"'{escape(source.name)}' has a header but no rows" if source.has_lines else f"{source.name} has no rows",
                (header(source),),
                help="expected one row per case; the program that wrote it may have stopped early",
            )
        )
    numbers = [name for name in head.names if is_number(name)]
    # Integers can be the names of classes, fractions cannot; a lone 0 or 1 is a label column without a header.
    if source.format == "csv" and (any(not is_integer(class_text(name)) for name in numbers) or head.names in (("0",), ("1",))):
        found = f"{plural(len(numbers), 'number')} among {plural(len(head.names), 'column name')}"
        raise CelossError(no_header(source, head, found))
    return head


def no_header(source: Source, head: Head, found: str) -> Diagnostic:
    """The diagnostic for a file whose first line looks like a row."""
    example = "id,cat,dog" if source.role == "predictions" else "id,label"
    advice = f"add a first line with a name for every column, such as {example}"
    if head.names == ("0",):
        advice = f"if 0 is no value but the name that pandas makes up, replace it by a name; else {advice}"
    return Diagnostic(
        "E204",
        f"the header of {escape(source.name)} looks like data",
        (Place(source.name, 1, excerpt=((1, ",".join(head.names)),)),),
        details=(f"found: {found}",),
        help=advice,
    )


def _check_columns(option: str, names: Sequence[str], source: Source, head: Head) -> None:
    for name in names:
        if names.count(name) > 1:
            raise wrong_option(option, ",".join(names), f'it names "{shorten(name)}" twice')
        if name not in head.names:
            what = f'no column "{shorten(name)}" in {escape(source.name)}'
            found = f"found columns: {listed(head.names)}"
            raise CelossError(unknown_name("E205", what, name, option, head.names, found))
