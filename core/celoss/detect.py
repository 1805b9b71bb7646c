"""Owns `detect`: from the heads of the inputs and the user's flags to a Plan. It raises rather than guesses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from celoss.errors import (
    CelossError,
    Diagnostic,
    Place,
    UsageError,
    did_you_mean,
    escape,
    listed,
    plural,
    quoted,
    shorten,
)
from celoss.kernels import DEFAULT_EPS
from celoss.naming import (
    CONFIDENCE_NAME,
    INDEX_NAMES,
    LABEL_NAMES,
    PROBABILITY_NAME,
    Affix,
    affixes,
    class_order,
    class_text,
    common_affix,
    is_integer,
    opposite,
    pair_by_core,
    positive_of,
)
from celoss.plan import Finding, Plan
from celoss.sources import Column, Head, Source
from celoss.sources.base import BLANKS, NUMBER

# A reading of columns as a distribution is believed when this share of the head's rows sums to 1.
MOST_ROWS = 0.9
LEAST_TOLERANCE = 1e-9
NOTED_DEVIATION = 1e-3


@dataclass(frozen=True)
class Flags:
    """What the user decided. An empty tuple or None leaves the decision to detection."""

    id: tuple[str, ...] = ()
    pred: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    classes: tuple[tuple[str, str], ...] = ()
    positive: str | None = None
    eps: float = DEFAULT_EPS
    sum_tolerance: float | None = None


NO_FLAGS = Flags()


def detect(predictions: Source, labels: Source | None, flags: Flags) -> Plan:
    """Decides how the inputs are read, from their heads.

    labels: None when the label column is in the predictions. Raises CelossError (E103, E2xx, E3xx, E4xx, E505) when
    nothing fits, or when two readings do; the message names the flag that settles it.
    """
    return _Detection(predictions, labels, flags).plan()


@dataclass(frozen=True)
class _Reading:
    """Columns that could be the probabilities: class → column, and why."""

    columns: Mapping[str, str]
    because: str


@dataclass
class _Detection:
    predictions: Source
    labels: Source | None
    flags: Flags
    findings: list[Finding] = field(default_factory=list)

    def plan(self) -> Plan:
        self._check_flags()
        self.head = self._head(self.predictions)
        self.label_source = self.labels or self.predictions
        self.label_head = self.head if self.labels is None else self._head(self.labels)
        self._check_named_columns()
        self._note_inputs()
        self._choose_labels()
        self._choose_keys()
        self.meanings = dict(self.flags.classes)
        if len(self.label_columns) > 1:
            self._choose_one_hot()
        else:
            self.values = self._label_values()
            self._choose_probabilities()
        return self._finished()

    # --- the inputs -----------------------------------------------------------------------------------------------

    def _head(self, source: Source) -> Head:
        head = source.head()
        if head.rows == 0 and head.complete:
            raise CelossError(
                Diagnostic(
                    "E103",
                    f"'{escape(source.name)}' has a header but no rows",
                    (Place(source.name, 1 if source.has_lines else None),),
                    help="expected one row per case; the program that wrote it may have stopped early",
                )
            )
        numbers = [name for name in head.names if _is_number(name)]
        fractions = [name for name in numbers if not is_integer(name)]
        if source.format == "csv" and head.named and (fractions or head.names == ("0",) or head.names == ("1",)):
            raise CelossError(
                Diagnostic(
                    "E204",
                    f"the header of {escape(source.name)} looks like data",
                    (Place(source.name, 1, excerpt=((1, ",".join(head.names)),)),),
                    details=(f"found: {plural(len(numbers), 'number')} among {plural(len(head.names), 'column name')}",),
                    help="add a first line with a name for every column, such as "
                    + ("id,cat,dog" if source.role == "predictions" else "id,label"),
                )
            )
        return head

    def _note_inputs(self) -> None:
        for source in (self.predictions, self.labels):
            if source is not None:
                delimiter = getattr(source, "delimiter", None)
                value = source.format + (f", separated by {_shown_delimiter(delimiter)}" if delimiter else "")
                self._found(f"{source.role} format", value, "the file's first bytes" if source.path else "given in memory")

    def _check_flags(self) -> None:
        if not 0.0 <= self.flags.eps < 1.0:
            raise _usage("--eps", str(self.flags.eps), "eps is a probability: 0 or more and below 1")
        tolerance = self.flags.sum_tolerance
        if tolerance is not None and not 0.0 <= tolerance < float("inf"):
            raise _usage("--sum-tolerance", str(tolerance), "a tolerance is 0 or more")

    def _check_named_columns(self) -> None:
        for option, names, source, head in (
            ("--pred", self.flags.pred, self.predictions, self.head),
            ("--label", self.flags.label, self.label_source, self.label_head),
            ("--id", [one.partition("=")[0] for one in self.flags.id], self.predictions, self.head),
            ("--id", [one.partition("=")[2] or one for one in self.flags.id], self.label_source, self.label_head),
        ):
            for name in names:
                if name not in head.names and not (option == "--id" and self.flags.id == ("#",)):
                    near = did_you_mean(name, head.names)
                    raise CelossError(
                        Diagnostic(
                            "E205",
                            f'no column "{shorten(name)}" in {escape(source.name)}',
                            (Place(f"option {option} {name}"),),
                            details=(f"found columns: {listed(head.names)}",),
                            help=f"did you mean {option} {near}?" if near else "",
                        )
                    )

    # --- labels -----------------------------------------------------------------------------------------------------

    def _choose_labels(self) -> None:
        """Sets `label_columns`: the one that holds class names, or several 0/1 columns."""
        if self.flags.label:
            self.label_columns = self.flags.label
            self._found("label", listed(self.label_columns), "--label")
            return
        ids = {one.partition("=")[2] or one for one in self.flags.id}
        names = [name for name in self.label_head.names if name not in ids and name not in INDEX_NAMES]
        usual = [name for name in names if name.casefold() in LABEL_NAMES]
        own = [name for name in names if self.labels is None or name not in self.head.names]
        if len(usual) == 1:
            self.label_columns, because = (usual[0],), "the column's name"
        elif self.labels is not None and len(own) == 1:
            self.label_columns, because = (own[0],), f"the only column of {self.labels.name} that is not an id"
        elif self.labels is not None and len(names) == 1 and not own:
            self.label_columns, because = (names[0],), "the only column"
        elif one_hot := self._one_hot_columns(names):
            self.label_columns, because = one_hot, "0/1 columns named after the probability columns, one 1 in each row"
        elif len(fitting := self._fitting_columns(names)) == 1:
            self.label_columns, because = (fitting[0],), "the only column whose values are all named by columns"
        else:
            raise CelossError(self._which_label(fitting or own or names))
        self._found("label", listed(self.label_columns), because)

    def _one_hot_columns(self, names: Sequence[str]) -> tuple[str, ...]:
        flags = [name for name in names if set(self.label_head.column(name).texts) <= {"0", "1", "0.0", "1.0"}]
        if len(flags) < 2 or not _sums_to_one([_numbers(self.label_head.column(name)) for name in flags], 0.0, 1.0):
            return ()
        others = [name for name in self._number_columns() if self.labels is not None or name not in flags]
        return tuple(flags) if self._pairs(others, flags) else ()

    def _pairs(self, columns: Sequence[str], flags: Sequence[str]) -> dict[str, tuple[str, str]] | None:
        """Class → (probability column, 0/1 column), leaving out number columns that no flag column is named after."""
        if len(columns) == len(flags):
            return pair_by_core(columns, flags)
        affix = common_affix(flags)
        for wanted in (affix.cores(flags), Affix().cores(flags), Affix("", affix.suffix).cores(flags)):
            for option in affixes(columns, list(wanted)):
                mine = option.cores(columns)
                if wanted and wanted.keys() <= mine.keys():
                    return {name: (mine[name], wanted[name]) for name in wanted}
        return None

    def _fitting_columns(self, names: Sequence[str]) -> list[str]:
        """Columns whose values in the head are all classes that probability columns are named after."""
        fitting = []
        for name in names:
            values = _distinct(self.label_head.column(name))
            others = [column for column in self._number_columns() if self.labels is not None or column != name]
            if values and any(set(values) <= affix.cores(others).keys() for affix in affixes(others, values)):
                fitting.append(name)
        return fitting

    def _which_label(self, names: Sequence[str]) -> Diagnostic:
        if self.labels is None:
            place = Place(self.predictions.name, 1 if self.predictions.has_lines else None)
            advice = "give the labels file as the second argument, or name the column: --label NAME"
        else:
            place = Place(self.labels.name, 1 if self.labels.has_lines else None)
            fewest = min(names, key=lambda name: len(_distinct(self.label_head.column(name))), default=None)
            advice = f"choose one: --label {fewest}" if fewest else "add a column with the true class of each row"
        return Diagnostic(
            "E401",
            "which column holds the label?",
            (place,),
            details=(f"found columns: {listed(self.label_head.names)}",),
            help=advice,
        )

    def _label_values(self) -> list[str]:
        """The distinct labels as classes: of the head, or of the whole file while the head shows fewer than two."""
        (name,) = self.label_columns
        values = _distinct(self.label_head.column(name))
        if len(values) < 2 and not self.label_head.complete:
            values = [value for value in self._label_counts() if value]
        values = [self.meanings.get(value, value) for value in values]
        if not values:
            raise CelossError(
                Diagnostic(
                    "E403",
                    "all labels are empty",
                    (Place(self.label_source.name, column=name),),
                    help="choose another column: --label NAME",
                )
            )
        return list(dict.fromkeys(values))

    def _label_counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for chunk in self.label_source.batches(self.label_columns, [], careful=True):
            counts.update(class_text(text) for text in chunk.texts[0].to_pylist())
        return counts

    # --- rows -------------------------------------------------------------------------------------------------------

    def _choose_keys(self) -> None:
        self.keys: tuple[tuple[str, str], ...] = ()
        if self.flags.id == ("#",):
            self._found("rows matched by", "position", "--id '#'")
            return
        if self.flags.id:
            self.keys = tuple((one.partition("=")[0], one.partition("=")[2] or one) for one in self.flags.id)
            self._found("rows matched by", listed([mine for mine, _ in self.keys]), "--id")
            return
        if self.labels is None:
            self._found("rows matched by", "row", "the label is in the same file")
            return
        shared = [name for name in self._shared() if name not in self.label_columns and name not in self.flags.pred]
        shared = [name for name in shared if name not in INDEX_NAMES] or shared
        if len(shared) > 1:
            raise CelossError(
                Diagnostic(
                    "E306",
                    "which column matches the rows?",
                    (Place(self.labels.name, 1 if self.labels.has_lines else None),),
                    details=(f"found {quoted(shared)} in both files",),
                    help=f"choose one: --id {shared[0]}   or all of them together: "
                    + " ".join(f"--id {name}" for name in shared),
                )
            )
        self.keys = tuple((name, name) for name in shared)
        because = "the column that both files share" if shared else "no column in common"
        shown = listed([name or "the unnamed first column" for name in shared])
        self._found("rows matched by", shown or "position", because)

    def _shared(self) -> list[str]:
        if not (self.head.named and self.label_head.named):
            return []
        return [name for name in self.head.names if name in self.label_head.names]

    # --- probabilities ----------------------------------------------------------------------------------------------

    def _number_columns(self) -> list[str]:
        """Columns of the predictions that could hold probabilities."""
        taken = {mine for mine, _ in getattr(self, "keys", ())} | INDEX_NAMES
        taken |= {one.partition("=")[0] for one in self.flags.id}
        if self.labels is None:
            taken |= set(getattr(self, "label_columns", self.flags.label))
        elif self.head.named and self.label_head.named:
            # A column of both files is an id or the label, unless it is one of several 0/1 columns of the labels.
            one_hot = len(getattr(self, "label_columns", ())) != 1
            taken |= {name for name in self._shared() if not one_hot or not _looks_numeric(self.label_head.column(name))}
        names = [column.name for column in self.head.columns if _looks_numeric(column) and column.name not in taken]
        return [name for name in names if name.casefold() not in LABEL_NAMES]

    def _choose_one_hot(self) -> None:
        columns = list(self.flags.pred) or self._number_columns()
        pairs = self._pairs(columns, self.label_columns)
        if pairs is None:
            raise CelossError(
                Diagnostic(
                    "E409",
                    f"{plural(len(self.label_columns), 'label column')} and {plural(len(columns), 'probability column')} "
                    "do not pair by name",
                    details=(f"found labels {listed(self.label_columns)}; probabilities {listed(columns)}",),
                    help="name them in pairs, such as prob_cat and cat, or choose: --pred A,B --label A,B",
                )
            )
        ordered = sorted(pairs, key=class_order)
        self.values = ordered
        self.label_columns = tuple(pairs[name][1] for name in ordered)
        because = "--pred" if self.flags.pred else "they have the names of the label columns"
        self._take({name: pairs[name][0] for name in ordered}, because)

    def _choose_probabilities(self) -> None:
        columns = list(self.flags.pred) or self._number_columns()
        if not columns:
            raise CelossError(self._no_probabilities())
        if len(columns) == 1:
            self._take_single(columns[0], "--pred" if self.flags.pred else "the only column of numbers")
            return
        reading = self._distribution(columns)
        if reading is not None:
            self._take(reading.columns, reading.because)
            return
        self._take_single(*self._single_column(columns))

    def _distribution(self, columns: Sequence[str]) -> _Reading | None:
        """The columns named after classes, as a distribution over them; None when no name speaks for one."""
        fitting, named = [], []
        for affix in affixes(columns, self.values):
            cores = affix.cores(columns)
            known = {name: cores[name] for name in self.values if name in cores}
            if not known or len(cores) < 2:
                continue
            way = f"named after the classes ({affix})"
            options = [_Reading(cores, way)]
            if 1 < len(known) < len(cores) and not self.flags.pred:
                options.append(_Reading(known, f"{way} that the labels have"))
            good = [one for one in options if self._sums_to_one(list(one.columns.values()))]
            fitting.extend(good[:1])
            if len(known) == len(self.values):
                named.append(options[0])
        fitting = [one for one in fitting if set(self.values) <= one.columns.keys()] or fitting
        distinct = {frozenset(one.columns.values()): one for one in reversed(fitting)}
        if len(distinct) > 1:
            raise CelossError(self._two_readings(list(distinct.values())))
        if fitting:
            reading = fitting[0]
            return _Reading(reading.columns, f"{reading.because}; rows sum to 1")
        if named and len(self.values) > 1:
            if self.flags.pred or (len(named) == 1 and set(named[0].columns) == set(self.values)) or not Affix().cores(columns):
                return named[0]
            raise CelossError(self._not_classes(named[0], columns))
        if self.flags.pred or self._sums_to_one(columns):
            return self._unnamed(columns)
        return None

    def _unnamed(self, columns: Sequence[str]) -> _Reading:
        """A distribution none of whose columns has the name of a label: an error that says what would pair them."""
        classes = common_affix(columns).cores(columns)
        if all(is_integer(value) for value in self.values) and len(self.values) <= len(classes):
            pairs = [f"{index}={name}" for index, name in enumerate(classes)]
            low, high = min(map(int, self.values)), max(map(int, self.values))
            advice = f"if {', '.join(pair.replace('=', ' means ', 1) for pair in pairs[:5])}: --classes {','.join(pairs)}"
            raise CelossError(
                Diagnostic(
                    "E406",
                    "labels are numbers, the columns are names",
                    (self._label_place(),),
                    details=(f"found labels {low} to {high}; columns {listed(list(classes.values()))}",),
                    help=advice if low >= 0 and high < len(classes) and not any(map(is_integer, classes)) else "",
                )
            )
        near = did_you_mean(self.values[0], list(classes))
        raise CelossError(
            Diagnostic(
                "E402",
                f'label "{shorten(self.values[0])}" is not one of the predicted classes',
                (self._label_place(),),
                details=(f"found labels: {listed(self.values)}; predicted classes: {listed(list(classes))}",),
                help=f'the nearest class is "{shorten(near)}"; spelling, case and spaces count' if near else "",
            )
        )

    def _label_place(self) -> Place:
        line = 2 if self.label_source.format == "csv" else None
        return Place(self.label_source.name, line, None if line else 1, self.label_columns[0])

    def _two_readings(self, readings: Sequence[_Reading]) -> Diagnostic:
        options = [",".join(one.columns.values()) for one in readings]
        return Diagnostic(
            "E407",
            "two sets of columns could be the probabilities",
            (Place(self.predictions.name, 1 if self.predictions.has_lines else None),),
            details=tuple(f"found {shorten(option, 80)}" for option in options),
            help=f"choose one: --pred {options[-1]}",
        )

    def _not_classes(self, reading: _Reading, columns: Sequence[str]) -> Diagnostic:
        extra = [name for name, column in reading.columns.items() if name not in self.values]
        chosen = [reading.columns[name] for name in self.values]
        return Diagnostic(
            "E405",
            f"{plural(len(extra), 'column')} of {escape(self.predictions.name)} "
            + ("is not a class" if len(extra) == 1 else "are not classes"),
            (Place(self.predictions.name, 1 if self.predictions.has_lines else None),),
            details=(f"found columns {quoted(extra)}; labels: {listed(self.values)}",),
            help=f"name the class columns: --pred {','.join(chosen)}",
        )

    def _no_probabilities(self) -> Diagnostic:
        for column in self.head.columns:
            values = _distinct(column)
            if values and set(values) <= set(self.values) and column.name not in self.label_columns:
                line = 2 if self.predictions.format == "csv" else None
                return Diagnostic(
                    "E505",
                    f"{escape(self.predictions.name)} holds class names, not probabilities",
                    (Place(self.predictions.name, line, None if line else 1, column.name, values[0]),),
                    help="log loss needs probabilities: write the output of predict_proba, not of predict",
                )
        swapped = self.labels is not None and sum(map(_looks_numeric, self.label_head.columns)) > 1
        return Diagnostic(
            "E410",
            f"no column of {escape(self.predictions.name)} holds probabilities",
            (Place(self.predictions.name, 1 if self.predictions.has_lines else None),),
            details=(f"found columns: {listed(self.head.names)}",),
            help="the two files look swapped: the predictions come first, then the labels" if swapped else "",
        )

    # --- one column -------------------------------------------------------------------------------------------------

    def _single_column(self, columns: Sequence[str]) -> tuple[str, str]:
        """Of several number columns, the one that holds P(positive), and why."""
        inside = [name for name in columns if _within_unit(_numbers(self.head.column(name)))] or list(columns)
        for affix in affixes(inside, self.values):
            cores = affix.cores(inside)
            if len(cores) == 1 and next(iter(cores)) in self.values:
                return next(iter(cores.values())), "the only column that has the name of a label"
        graded = [name for name in inside if not set(_distinct(self.head.column(name))) <= set(self.values)] or inside
        if len(graded) == 1:
            return graded[0], "the only column of graded numbers between 0 and 1"
        usual = [name for name in graded if PROBABILITY_NAME.search(name)]
        if len(usual) == 1:
            return usual[0], "the only number column whose name says probability"
        if len(self.values) > 2:
            raise CelossError(self._not_named(columns))
        raise CelossError(
            Diagnostic(
                "E407",
                f"which of {plural(len(graded), 'column')} holds the probabilities?",
                (Place(self.predictions.name, 1 if self.predictions.has_lines else None),),
                details=(f"found {quoted(graded)}; labels: {listed(self.values)}",),
                help=f"choose one: --pred {(usual or graded)[0]}",
            )
        )

    def _not_named(self, columns: Sequence[str]) -> Diagnostic:
        return Diagnostic(
            "E402",
            f'label "{shorten(self.values[0])}" is not one of the predicted classes',
            (self._label_place(),),
            details=(f"found labels: {listed(self.values)}; columns of numbers: {listed(columns)}",),
            help="name every probability column after its class",
        )

    def _take_single(self, column: str, because: str) -> None:
        if CONFIDENCE_NAME.search(column) and not self.flags.pred:
            raise CelossError(
                Diagnostic(
                    "E407",
                    f'"{shorten(column)}" may be the probability of the predicted class, not of the positive one',
                    (Place(self.predictions.name, 1 if self.predictions.has_lines else None),),
                    help=f"if it is the probability of the positive class: --pred {column}",
                )
            )
        if len(self.values) > 2:
            raise CelossError(
                Diagnostic(
                    "E408",
                    f"{len(self.values)} labels, but one probability column",
                    (Place(self.label_source.name, column=self.label_columns[0]),),
                    details=(f'found labels: {listed(self.values)}; probability column "{shorten(column)}"',),
                    help="one column fits two classes; more classes need one column each",
                )
            )
        self.positive, why = self._positive_class(column)
        others = [value for value in self.values if value != self.positive]
        negative = others[0] if others else opposite(self.positive) or f"not {self.positive}"
        self.columns, self.classes = (column,), (negative, self.positive)
        self._found("task", "binary", "one probability column, two classes")
        self._found("probabilities", column, because)
        self._found("positive class", self.positive, why)
        self._found("negative class", negative, "the other label" if others else "it does not occur in the labels")

    def _positive_class(self, column: str) -> tuple[str, str]:
        given = self.flags.positive
        if given is not None:
            positive = class_text(given)
            if positive not in self.values and len(self.values) > 1:
                near = did_you_mean(given, self.values)
                raise UsageError(
                    Diagnostic(
                        "E605",
                        f'no label "{shorten(given)}"',
                        (Place(f"option --positive {given}"),),
                        details=(f"found labels: {listed(self.values)}",),
                        help=f"did you mean --positive {near}?" if near else "",
                    )
                )
            return positive, "--positive"
        if self.head.named:
            for affix in affixes([column], self.values):
                core = next(iter(affix.cores([column])), None)
                if core in self.values:
                    return str(core), "the column's name"
        pair = self.values if len(self.values) == 2 else [self.values[0], opposite(self.values[0]) or ""]
        positive = positive_of(pair)
        if positive is None:
            raise CelossError(self._which_positive(column))
        return positive, "the usual meaning of the labels"

    def _which_positive(self, column: str) -> Diagnostic:
        counts = [f"{shorten(label)} ({count:,})" for label, count in sorted(self._label_counts().items()) if label]
        return Diagnostic(
            "E404",
            "which class is the positive one?",
            (Place(f'{self.predictions.name}, single probability column "{column}"'),),
            details=(f"found labels: {', '.join(counts[:8])}",),
            help=f'say what "{shorten(column)}" is the probability of: --positive {self.values[0]}',
        )

    # --- the end ----------------------------------------------------------------------------------------------------

    def _take(self, columns: Mapping[str, str], because: str) -> None:
        self.classes = tuple(sorted(columns, key=class_order))
        self.columns = tuple(columns[name] for name in self.classes)
        self.positive = self._positive_of_two() if len(self.classes) == 2 else None
        task = "binary" if len(self.classes) == 2 else "multiclass"
        self._found("task", task, f"{len(self.classes)} probability columns")
        self._found("classes", listed(self.classes), "the columns' names")
        self._found("probabilities", listed(self.columns), because)

    def _positive_of_two(self) -> str | None:
        given = self.flags.positive
        if given is None:
            return positive_of(self.classes)
        if class_text(given) not in self.classes:
            raise _usage("--positive", given, f"the classes are {listed(self.classes)}", "E605")
        return class_text(given)

    def _finished(self) -> Plan:
        self._check_meanings()
        left = [name for name in self.head.names if name not in self._used()]
        if left:
            shown = listed([name or "the unnamed first column" for name in left])
            self._found("left out", shown, "not an id, a label or a probability")
        silent, because = self._tolerance()
        largest = max(NOTED_DEVIATION, silent) if self.flags.sum_tolerance is None else self.flags.sum_tolerance
        silent = min(silent, largest)
        if len(self.columns) > 1:
            self._found("sum tolerance", f"{silent:.2g}, noted up to {largest:.2g}", because)
        self._found("eps", repr(self.flags.eps), "the default" if self.flags.eps == DEFAULT_EPS else "--eps")
        return Plan(
            task="binary" if len(self.classes) == 2 else "multiclass",
            classes=self.classes,
            columns=self.columns,
            label_columns=self.label_columns,
            positive=self.positive,
            keys=self.keys,
            labels_in_predictions=self.labels is None,
            eps=self.flags.eps,
            silent_deviation=silent,
            largest_deviation=largest,
            meanings=self.flags.classes,
            findings=tuple(self.findings),
        )

    def _check_meanings(self) -> None:
        unknown = [name for _, name in self.flags.classes if name not in self.classes]
        if unknown:
            raise _usage("--classes", unknown[0], f"the classes are {listed(self.classes)}", "E605")
        if self.flags.classes:
            shown = ", ".join(f"{text} means {name}" for text, name in self.flags.classes)
            self._found("label meanings", shown, "--classes")

    def _used(self) -> set[str]:
        used = {*self.columns, *(mine for mine, _ in self.keys)}
        return used | (set(self.label_columns) if self.labels is None else set())

    def _tolerance(self) -> tuple[float, str]:
        """How far a row's sum is off 1 at most by the rounding of the file itself, and the reason in words."""
        columns = [self.head.column(name) for name in self.columns]
        decimals = max((_decimals(text) for column in columns for text in column.texts), default=0)
        printed = len(columns) * 0.5 * 10.0**-decimals if decimals else 0.0
        stored = len(columns) * 8 * max(column.spacing for column in columns)
        if self.flags.sum_tolerance is not None:
            return max(LEAST_TOLERANCE, printed, stored), "--sum-tolerance"
        if printed >= max(stored, LEAST_TOLERANCE):
            return printed, f"{len(columns)} columns printed with {plural(decimals, 'decimal')}"
        return max(LEAST_TOLERANCE, stored), "the precision of the stored numbers"

    def _sums_to_one(self, columns: Sequence[str]) -> bool:
        numbers = [_numbers(self.head.column(name)) for name in columns]
        return _sums_to_one(numbers, NOTED_DEVIATION + self._rounding(columns), MOST_ROWS)

    def _rounding(self, columns: Sequence[str]) -> float:
        decimals = max((_decimals(text) for name in columns for text in self.head.column(name).texts), default=0)
        return len(columns) * 0.5 * 10.0**-decimals if decimals else 0.0

    def _found(self, what: str, value: str, because: str) -> None:
        self.findings.append(Finding(what, value, because))


def _usage(option: str, value: str, advice: str, code: str = "E604") -> UsageError:
    return UsageError(
        Diagnostic(code, f"{option} cannot be {shorten(value)}", (Place(f"option {option} {value}"),), help=advice)
    )


def _is_number(text: str) -> bool:
    return NUMBER.fullmatch(text.strip(BLANKS)) is not None


def _looks_numeric(column: Column) -> bool:
    """Whether most values that are there are numbers: a few bad cells do not hide a probability column."""
    if column.kind != "text":
        return column.kind == "number"
    present = [text for text in column.texts if text]
    return bool(present) and sum(map(_is_number, present)) * 2 > len(present)


def _numbers(column: Column) -> list[float]:
    return [float(text) if _is_number(text) else float("nan") for text in column.texts]


def _within_unit(numbers: Sequence[float]) -> bool:
    return all(0.0 <= number <= 1.0 for number in numbers if number == number)


def _sums_to_one(columns: Sequence[Sequence[float]], tolerance: float, share: float) -> bool:
    """Whether that share of the rows at least sums to 1 within the tolerance, with every number in 0..1."""
    rows = list(zip(*columns, strict=True))
    good = sum(abs(sum(row) - 1.0) <= tolerance and _within_unit(row) for row in rows)
    return bool(rows) and good >= share * len(rows)


def _distinct(column: Column) -> list[str]:
    return list(dict.fromkeys(class_text(text) for text in column.texts if text))


def _decimals(text: str) -> int:
    """Digits after the decimal point: 4 for 0.1234, 7 for 1.25e-5."""
    mantissa, _, exponent = text.strip(BLANKS).lower().partition("e")
    if not _is_number(text):
        return 0
    return max(0, len(mantissa.partition(".")[2]) - (int(exponent) if exponent else 0))


def _shown_delimiter(delimiter: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}.get(delimiter, repr(delimiter))
