"""Owns the options of the commands: their names, types and helps, and how their texts become arguments of the library."""

from __future__ import annotations

import csv
import inspect
import os
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

if TYPE_CHECKING:
    from celoss.errors import CelossError


class Declaration(NamedTuple):
    """How a parameter of a command is written and explained: an option by its names, an argument without."""

    names: tuple[str, ...]
    help: str
    metavar: str | None
    envvar: str | None
    show_default: bool


def option(
    *names: str, help: str, metavar: str | None = None, envvar: str | None = None, show_default: bool = True
) -> Declaration:
    return Declaration(names, help, metavar, envvar, show_default)


def argument(help: str, metavar: str | None = None, show_default: bool = True) -> Declaration:
    return Declaration((), help, metavar, None, show_default)


class Format(StrEnum):
    """What is printed on standard output."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"


class ExplainFormat(StrEnum):
    """What `explain` prints on standard output."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


class Rule(StrEnum):
    """What `compare --fail` does not let pass."""

    WORSE = "worse"
    NOT_BETTER = "not-better"


class CheckFormat(StrEnum):
    """What `check` prints on standard output."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    GITHUB = "github"


class Document(StrEnum):
    """Outputs that have a JSON Schema."""

    EVAL = "eval"
    COMPARE = "compare"
    EXPLAIN = "explain"
    CHECK = "check"
    PLAN = "plan"
    ERROR = "error"


Documents = Annotated[Document, argument(help="Which output.")]
Predictions = Annotated[str, argument(metavar="PREDS", help="Probabilities, one row per case; - is standard input.")]
Labels = Annotated[
    str | None,
    argument(metavar="LABELS", help="True classes; left out when they are a column of PREDS.", show_default=False),
]
Several = Annotated[
    list[str],
    argument(metavar="PREDS", help="Files of probabilities for the same rows; - is standard input."),
]
CommonLabels = Annotated[str, option("-l", "--labels", metavar="LABELS", help="True classes, which are read once.")]
Against = Annotated[
    str | None, option("--against", metavar="FILE", help="One of PREDS, that the others are compared with.  [the first]")
]
Margin = Annotated[
    float | None,
    option(
        "--margin",
        metavar="M",
        help="Differences of log loss within -M and M are equivalent (two one-sided tests), however sure they are.",
    ),
]
Fail = Annotated[
    Rule | None,
    option(
        "--fail",
        help="Exit status 1 if some file is worse, or unless all others are better.",
        show_default=False,
    ),
]
CompareConfidence = Annotated[
    str, option("--confidence", metavar="C", help="Of intervals and verdicts: a share between 0 and 1.")
]
Id = Annotated[
    list[str] | None,
    option("--id", metavar="COL", help="Match rows by this column (repeatable; A=B where names differ; # by row order)."),
]
Pred = Annotated[list[str] | None, option("--pred", metavar="COL,…", help="The probability columns.")]
Label = Annotated[list[str] | None, option("--label", metavar="COL,…", help="The label column, or one 0/1 column per class.")]
Classes = Annotated[
    list[str] | None,
    option("--classes", metavar="LABEL=CLASS,…", help="What labels mean, where columns have other names (0=cat,1=dog)."),
]
Positive = Annotated[
    str | None, option("--positive", metavar="CLASS", help="What a single probability column is the probability of.")
]
InputFormat = Annotated[
    str | None,
    option("--input-format", metavar="FORMAT", help="csv, csv:X (separated by X), tsv, jsonl, parquet, arrow, npy."),
]
Task = Annotated[str | None, option("--task", metavar="TASK", help="binary, multiclass, soft or multilabel.  [detected]")]
Scale = Annotated[
    str | None, option("--from", metavar="SCALE", help="What PREDS holds: probs, logits or logprobs.  [detected]")
]
Weights = Annotated[str | None, option("--weights", metavar="COL", help="The column of the rows' weights.")]
By = Annotated[list[str] | None, option("--by", metavar="COL", help="Every metric for each value of this column (repeatable).")]
Cluster = Annotated[
    str | None,
    option("--cluster", metavar="COL", help="What rows have in common (patient, document): rows of one are not independent."),
]
Long = Annotated[
    bool | None,
    option("--long/--wide", help="PREDS has one row per case and class, or one per case.  [detected]", show_default=False),
]
IdMatch = Annotated[
    str,
    option("--id-match", metavar="all|inner", help="inner: score the rows that both files have, and count the others."),
]
Missing = Annotated[
    str,
    option(
        "--missing",
        metavar="error|drop|uniform",
        help="Rows with a missing probability (or label): leave them out, or score a uniform forecast; always counted.",
    ),
]
Eps = Annotated[
    float | None,
    option("--eps", help="Floor of a class's probability; 0 lets a loss be infinite.  [2.220446049250313e-16; logits: 0]"),
]
Renormalize = Annotated[bool, option("--renormalize", help="Divide each row of PREDS by its sum.")]
NormalizeLabels = Annotated[
    bool, option("--normalize-labels", help="Divide each row of label columns (counts, several 1) by its sum.")
]
SumTolerance = Annotated[
    float | None,
    option(
        "--sum-tolerance",
        metavar="T",
        help="How far a row may be from 1 in sum.  [0.001, and what rounding to printed decimals explains]",
    ),
]
Base = Annotated[str, option("--base", metavar="e|2|10", help="Unit of losses: nats, bits, bans.")]
ClassWeights = Annotated[
    list[str] | None,
    option("--class-weights", metavar="CLASS=W,…", help="Weights of the true classes, or: balanced."),
]
Smoothing = Annotated[float, option("--smoothing", metavar="A", help="Smooth labels: (1 − A) t + A / k.")]
ReduceLabels = Annotated[str, option("--reduce-labels", metavar="mean|sum", help="Over the independent labels of a row.")]
TopK = Annotated[list[str] | None, option("--top-k", metavar="K,…", help="Add top-K accuracy.")]
Bins = Annotated[int, option("--bins", metavar="N", help="Bins of the calibration error.")]
Ties = Annotated[
    str,
    option(
        "--ties",
        metavar="fraction|first",
        help="A tie of m classes counts 1/m, or for the first of them in the order of the report.",
    ),
]
As = Annotated[
    str | None,
    option("--as", metavar="NAME", help="Losses by another tool's rule: sklearn, keras, xgboost … (explain --conventions)."),
]
Plan = Annotated[
    str | None,
    option("--plan", metavar="FILE", help="Read and score as a plan says that `celoss check -o` saved; no other options."),
]
Confidence = Annotated[str, option("--confidence", metavar="C", help="Of the intervals: a share between 0 and 1.")]
FormatOption = Annotated[Format, option("-f", "--format", envvar="CELOSS_FORMAT", help="What to print.")]
Json = Annotated[bool, option("--json", help="The same as -f json.")]
Only = Annotated[str | None, option("--only", metavar="METRIC", help="Print one bare number with all its digits.")]
Output = Annotated[
    list[str] | None,
    option("-o", "--output", metavar="FILE", help="Also write .json, .jsonl, .csv or .md (repeatable)."),
]
Rows = Annotated[str | None, option("--rows", metavar="FILE", help="Write one line per row: .csv, .jsonl or .parquet.")]
ExplainFormatOption = Annotated[ExplainFormat, option("-f", "--format", envvar="CELOSS_FORMAT", help="What to print.")]
ExplainOutput = Annotated[
    list[str] | None, option("-o", "--output", metavar="FILE", help="Also write .json or .jsonl (repeatable).")
]
ExplainQuiet = Annotated[bool, option("-q", "--quiet", help="No notes; with -o nothing on standard output.")]
Worst = Annotated[int | None, option("--worst", metavar="N", help="The rows that contribute most to the loss.  [10]")]
Row = Annotated[str | None, option("--row", metavar="ID|#N", help="One row in full, by its id or its number in PREDS ('#1').")]
SuspectRows = Annotated[
    int | None, option("--suspects", metavar="N", help="The rows whose label is the likely fault, as calibrated models see it.")
]
Also = Annotated[
    list[str] | None,
    option("--also", metavar="FILE", help="With --suspects: another model's predictions of the same rows (repeatable)."),
]
Conventions = Annotated[bool, option("--conventions", help="The file under the rules of other tools.")]
CheckFormatOption = Annotated[CheckFormat, option("-f", "--format", envvar="CELOSS_FORMAT", help="What to print.")]
PlanOutput = Annotated[str | None, option("-o", "--output", metavar="FILE", help="Save the plan, for --plan: a .json file.")]
Places = Annotated[
    int | None, option("--places", metavar="N", help="Places to list of each kind of fault.  [10000]", show_default=False)
]
CheckQuiet = Annotated[bool, option("-q", "--quiet", help="Nothing but faults.")]
Calibration = Annotated[
    bool, option("--calibration", help="What another temperature and class biases would gain, tested; reads the files again.")
]
Prior = Annotated[
    str | None,
    option("--prior", metavar="FILE|CLASS=SHARE,…", help="The reference: these shares, or those of training labels in a file."),
]
Max = Annotated[
    list[str] | None,
    option("--max", metavar="METRIC=VALUE", help="Gate: exit status 1 if the metric is above (repeatable): log_loss=0.45."),
]
Min = Annotated[
    list[str] | None,
    option("--min", metavar="METRIC=VALUE", help="Gate: exit status 1 if the metric is below (repeatable): accuracy=0.8."),
]
BaselineFile = Annotated[
    str | None,
    option("--baseline", metavar="FILE", help="Add METRIC_change, now less then: from the JSON of an earlier `celoss eval`."),
]
Confident = Annotated[
    bool, option("--confident", help="Gate: the whole interval must keep a limit; where it holds the limit, exit status 1 too.")
]
Threads = Annotated[
    int | None,
    option(
        "--threads",
        metavar="N",
        help="How many threads score; the output is the same.  [the cores, at most 8]",
        show_default=False,
    ),
]
Quiet = Annotated[
    bool,
    option("-q", "--quiet", help="No notes, and of a gate only the exit status; with -o or --rows nothing on standard output."),
]


def inputs(
    id: Id = None,
    pred: Pred = None,
    label: Label = None,
    classes: Classes = None,
    positive: Positive = None,
    task: Task = None,
    scale: Scale = None,
    weights: Weights = None,
    by: By = None,
    cluster: Cluster = None,
    long: Long = None,
    id_match: IdMatch = "all",
    missing: Missing = "error",
    input_format: InputFormat = None,
    eps: Eps = None,
    renormalize: Renormalize = False,
    normalize_labels: NormalizeLabels = False,
    sum_tolerance: SumTolerance = None,
    base: Base = "e",
    class_weights: ClassWeights = None,
    smoothing: Smoothing = 0.0,
    reduce_labels: ReduceLabels = "mean",
    top_k: TopK = None,
    bins: Bins = 15,
    ties: Ties = "fraction",
    convention: As = None,
    plan: Plan = None,
) -> dict[str, Any]:
    """The options that say how files are read and scored, as arguments of the library."""
    return {
        "id": id,
        "pred": columns_of(pred),
        "label": columns_of(label),
        "classes": meanings_of(classes),
        "positive": positive,
        "task": task,
        "scale": scale,
        "weights": weights,
        "by": by,
        "cluster": cluster,
        "long": long,
        "id_match": id_match,
        "missing": missing,
        "input_format": input_format,
        "eps": eps,
        "renormalize": renormalize,
        "normalize_labels": normalize_labels,
        "sum_tolerance": sum_tolerance,
        "base": base,
        "class_weights": class_weights_of(class_weights),
        "smoothing": smoothing,
        "reduce_labels": reduce_labels,
        "top_k": sizes_of(top_k),
        "bins": bins,
        "ties": ties,
        "convention": convention,
        "plan": plan,
    }


class Parameter(NamedTuple):
    """One parameter of a command: its type, as annotated, how it is declared, and its default (inspect's `empty`: none)."""

    name: str
    kind: Any
    declared: Declaration
    default: Any


def parameters_of(command: Callable[..., Any]) -> list[Parameter]:
    """The parameters of a command in the order of its help; those of `inputs` stand for its argument of that name."""
    own = [one for name, one in _signature(command).items() if name != "inputs"]
    shared = list(_signature(inputs).values()) if len(own) < len(_signature(command)) else []
    first = [one for one in own if not one.annotation.__metadata__[0].names]
    merged = [*first, *shared, *(one for one in own if one not in first)]
    return [Parameter(one.name, one.annotation.__origin__, one.annotation.__metadata__[0], one.default) for one in merged]


def call(command: Callable[..., Any], values: dict[str, Any]) -> Any:
    """Calls a command with values of its parameters, by name."""
    if "inputs" not in _signature(command):
        return command(**values)
    given = {name: values.pop(name) for name in _signature(inputs) if name in values}
    return command(**values, inputs=inputs(**given))


def _signature(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function, eval_str=True).parameters


def columns_of(lists: list[str] | None) -> list[str] | None:
    """Column names of comma-separated lists; one that contains a comma or a line break is quoted as in CSV."""
    if lists is None:
        return None
    try:
        return [name for names in lists for name in next(csv.reader([names], skipinitialspace=True), [""]) or [""]]
    except csv.Error:
        shown = ",".join(lists)
        advice = "quote a name that holds a comma or a line break: '\"a,b\"'"
        raise usage("E604", f"a list of names cannot be {shown}", f"list {shown}", advice) from None


def meanings_of(lists: list[str] | None) -> dict[str, str] | None:
    if lists is None:
        return None
    pairs = [pair.partition("=") for pair in columns_of(lists) or []]
    if not all(label and mark and name for label, mark, name in pairs):
        shown = ",".join(lists)
        raise usage(
            "E604", f"--classes cannot be {shown}", f"option --classes {shown}", "write LABEL=CLASS: --classes 0=cat,1=dog"
        )
    return {label: name for label, _, name in pairs}


def class_weights_of(lists: list[str] | None) -> dict[str, float] | str | None:
    if lists is None or lists == ["balanced"]:
        return lists if lists is None else lists[0]
    weights = {}
    for pair in columns_of(lists) or []:
        name, mark, weight = pair.rpartition("=")
        try:
            weights[name] = float(weight)
        except ValueError:
            mark = ""
        if not (name and mark):
            shown, advice = ",".join(lists), "write CLASS=WEIGHT: --class-weights cat=2,dog=1, or balanced"
            raise usage("E604", f"--class-weights cannot be {shown}", f"option --class-weights {shown}", advice)
    return weights


def prior_of(text: str | None) -> dict[str, float] | str | None:
    """Shares by class, or the path of a file that has them."""
    if text is None or "=" not in text or os.path.exists(text):
        return text
    shares: dict[str, float] = {}
    for pair in columns_of([text]) or []:
        name, _, share = pair.rpartition("=")
        number = _number(share)
        if not name or name in shares or number is None:
            advice = _hint(share) or "name a file, or write CLASS=SHARE of each class once: --prior cat=0.3,dog=0.7"
            raise usage("E604", f"--prior cannot be {text}", f"option --prior {text}", advice)
        shares[name] = number
    return shares


def confidence_of(text: str) -> float:
    """The share that --confidence gives."""
    share = _number(text)
    if share is None:
        advice = _hint(text) or "it is a share above 0 and at most 0.9999: --confidence 0.95"
        raise usage("E604", f"--confidence cannot be {text}", f"option --confidence {text}", advice)
    return share


def _number(text: str) -> float | None:
    """The number of a text; None for none, and for what Python alone takes: 1_000 and other scripts' digits."""
    try:
        return float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        return None


def _hint(text: str) -> str:
    """What to write instead of what is nearly a number."""
    from celoss.sources.base import number_hint

    return number_hint(text)


def limits_of(name: str, texts: list[str] | None) -> list[tuple[str, float]] | None:
    """(metric, limit) of each METRIC=VALUE of --max or --min."""
    return None if texts is None else [_limit(f"--{name}", text) for text in texts]


def _limit(option: str, text: str) -> tuple[str, float]:
    metric, mark, value = (part.strip() for part in text.partition("="))
    number = _number(value)
    if not (metric and mark) or number is None:
        example = "accuracy=0.8" if option == "--min" else "log_loss=0.45"
        advice = _hint(value) or f"write METRIC=VALUE, an option for each metric: {option} {example}"
        raise usage("E604", f"{option} cannot be {text}", f"option {option} {text}", advice)
    return metric, number


def sizes_of(lists: list[str] | None) -> list[int]:
    sizes = columns_of(lists) or []
    if not all(size.isascii() and size.isdecimal() for size in sizes):
        shown = ",".join(lists or [])
        raise usage("E604", f"--top-k cannot be {shown}", f"option --top-k {shown}", "write numbers of classes: --top-k 1,5")
    return [int(size) for size in sizes]


def usage(code: str, message: str, place: str, advice: str) -> CelossError:
    from celoss.errors import Diagnostic, Place, UsageError, escape

    return UsageError(Diagnostic(code, escape(message), (Place(place),), help=advice))
