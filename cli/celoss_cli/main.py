"""Owns the command line: options → one call of the library → text and exit status. The only place that catches errors."""

from __future__ import annotations

import csv
import errno
import os
import sys
from contextlib import ExitStack
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from celoss import __version__

if TYPE_CHECKING:
    from celoss.errors import CelossError, Diagnostic
    from celoss.report import Report

DONE, GATE, USAGE, DATA, BUG, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 3, 4, 130, 141

app = typer.Typer(
    name="celoss",
    add_completion=True,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Score class probabilities from files: log loss, KL divergence, accuracy.

\b
  celoss eval preds.csv labels.csv               a table
  celoss eval preds.csv labels.csv -f json       the same for programs
  celoss check preds.csv labels.csv              what is understood, and why

Class columns are matched with labels by name, rows by the id column that both files share. Nothing is guessed silently:
what does not fit is an error that says where and what to do.

\b
Exit status: 0 done, 2 the command line is wrong, 3 the data is wrong,
4 celoss itself failed, 130 interrupted, 141 the reader of the pipe went away.""",
)

EVAL_EPILOG = """\b
Examples:
  celoss eval preds.csv labels.csv
  celoss eval preds.parquet labels.csv --id id -f json | jq .metrics.log_loss
  celoss eval scored.csv --label outcome --positive won
  zcat preds.csv.gz | celoss eval - labels.csv --only log_loss
  for f in runs/*.csv; do celoss eval "$f" labels.csv -f jsonl; done > all.jsonl

\b
Files:
  CSV (separated by , ; tab or |), JSON Lines, Parquet, Arrow/Feather, NPY;
  text also compressed by gzip, bzip2, zstd or xz.
  PREDS has one column per class, named after it (cat, p_cat, cat_prob, P(cat)),
  or one column with the probability of the positive of two classes.
  LABELS has the true class in one column, or a 0/1 column per class."""


class Format(StrEnum):
    """What is printed on standard output."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"


class Document(StrEnum):
    """Outputs that have a JSON Schema."""

    EVAL = "eval"
    ERROR = "error"


Predictions = Annotated[str, typer.Argument(metavar="PREDS", help="Probabilities, one row per case; - is standard input.")]
Labels = Annotated[
    str | None,
    typer.Argument(metavar="[LABELS]", help="True classes; left out when they are a column of PREDS.", show_default=False),
]
Id = Annotated[
    list[str] | None,
    typer.Option("--id", metavar="COL", help="Match rows by this column (repeatable; A=B where names differ; # by row order)."),
]
Pred = Annotated[str | None, typer.Option("--pred", metavar="COL,…", help="The probability columns.")]
Label = Annotated[str | None, typer.Option("--label", metavar="COL,…", help="The label column, or one 0/1 column per class.")]
Classes = Annotated[
    str | None, typer.Option("--classes", metavar="0=cat,…", help="What label values mean, where columns have other names.")
]
Positive = Annotated[
    str | None, typer.Option("--positive", metavar="CLASS", help="What a single probability column is the probability of.")
]
InputFormat = Annotated[
    str | None,
    typer.Option("--input-format", metavar="FORMAT", help="csv, csv:X (separated by X), tsv, jsonl, parquet, arrow, npy."),
]
Eps = Annotated[float, typer.Option("--eps", help="Floor of the true class's probability; 0 lets a loss be infinite.")]
SumTolerance = Annotated[
    float | None,
    typer.Option("--sum-tolerance", metavar="T", help="How far a row's sum may be from 1.  [the files' precision, ≥ 0.001]"),
]
FormatOption = Annotated[
    Format, typer.Option("-f", "--format", envvar="CELOSS_FORMAT", show_envvar=False, help="What to print.")
]
Json = Annotated[bool, typer.Option("--json", help="The same as -f json.")]
Only = Annotated[str | None, typer.Option("--only", metavar="METRIC", help="Print one bare number with all its digits.")]
Output = Annotated[
    list[str] | None,
    typer.Option("-o", "--output", metavar="FILE", help="Also write .json, .jsonl, .csv or .md (repeatable)."),
]
Rows = Annotated[str | None, typer.Option("--rows", metavar="FILE", help="Write one line per row: .csv, .jsonl or .parquet.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No notes; with -o or --rows nothing on standard output either.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"celoss {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command("eval", epilog=EVAL_EPILOG)
def _eval(
    predictions: Predictions,
    labels: Labels = None,
    id: Id = None,
    pred: Pred = None,
    label: Label = None,
    classes: Classes = None,
    positive: Positive = None,
    input_format: InputFormat = None,
    eps: Eps = 2.220446049250313e-16,
    sum_tolerance: SumTolerance = None,
    format: FormatOption = Format.TABLE,
    json: Json = False,
    only: Only = None,
    output: Output = None,
    rows: Rows = None,
    quiet: Quiet = False,
) -> None:
    """Score one prediction file.

    Prints log loss with its standard error, a reference (always forecasting the label frequencies), skill, Brier score,
    accuracy and KL divergence, and the same by class. Nothing is clipped, dropped or rescaled without a count in the output.
    """
    from celoss.files import whole_file
    from celoss.pipeline import evaluate
    from celoss.report import check_metric

    if only is not None:
        check_metric(only, "--only")
    writers = [(path, _renderer_of(path)) for path in output or []]
    with ExitStack() as stack:
        targets = [(stack.enter_context(whole_file(path, "-o")), render) for path, render in writers]
        report = evaluate(
            predictions,
            labels,
            id=id,
            pred=_split(pred),
            label=_split(label),
            classes=_meanings(classes),
            positive=positive,
            eps=eps,
            sum_tolerance=sum_tolerance,
            input_format=input_format,
            rows_path=rows,
        )
        text = _text(report, Format.JSON if json else format, only)
        for target, render in targets:
            with open(target, "w", encoding="utf-8", newline="\n") as file:
                file.write(render(report))
    if not quiet:
        for note in report.notes:
            sys.stderr.write(f"{note}\n")
    if not (quiet and (output or rows)):
        sys.stdout.write(text)


@app.command("check")
def _check(
    predictions: Predictions,
    labels: Labels = None,
    id: Id = None,
    pred: Pred = None,
    label: Label = None,
    classes: Classes = None,
    positive: Positive = None,
    input_format: InputFormat = None,
    sum_tolerance: SumTolerance = None,
) -> None:
    """Say what is understood of the files and why, and read every row for faults.

    Takes the input options of `celoss eval`. Each line is one decision: what, its value, and because of what.
    """
    from celoss.detect import Flags
    from celoss.pipeline import prepare, score

    flags = Flags(
        tuple(id or ()),
        tuple(_split(pred) or ()),
        tuple(_split(label) or ()),
        tuple((_meanings(classes) or {}).items()),
        positive,
        sum_tolerance=sum_tolerance,
    )
    evaluation = prepare(predictions, labels, flags, input_format)
    sys.stdout.write("".join(f"{finding}\n" for finding in evaluation.plan.findings))
    sys.stdout.flush()
    state = score(evaluation)
    sys.stdout.write(f"rows: {state.count:,} (all read, no fault)\n")


@app.command("schema")
def _schema(document: Annotated[Document, typer.Argument(help="Which output.")] = Document.EVAL) -> None:
    """Print the JSON Schema of an output."""
    from importlib.resources import files

    sys.stdout.write((files("celoss_cli") / "schema" / f"{document}.json").read_text("utf-8"))


def _split(names: str | None) -> list[str] | None:
    """Column names of a list; one that contains a comma is quoted as in CSV."""
    return None if names is None else next(csv.reader([names], skipinitialspace=True), [])


def _meanings(pairs: str | None) -> dict[str, str] | None:
    if pairs is None:
        return None
    split = [pair.partition("=") for pair in _split(pairs) or []]
    if not all(label and mark and name for label, mark, name in split):
        raise _usage("E604", f"--classes cannot be {pairs}", f"option --classes {pairs}", "write pairs: --classes 0=cat,1=dog")
    return {label: name for label, _, name in split}


def _usage(code: str, message: str, place: str, advice: str) -> CelossError:
    from celoss.errors import Diagnostic, Place, UsageError, escape

    return UsageError(Diagnostic(code, escape(message), (Place(place),), help=advice))


def _renderer_of(path: str) -> Any:
    from celoss_cli.render import BY_EXTENSION, renderer

    name = BY_EXTENSION.get(os.path.splitext(path)[1].lower())
    if name is None:
        advice = f"use one of {' '.join(BY_EXTENSION)}"
        raise _usage("E701", f"don't know how to write '{path}'", f"option -o {path}", advice)
    return renderer(name)


def _text(report: Report, format: Format, only: str | None) -> str:
    """What goes to standard output. Only the table ever passes through Rich."""
    from celoss_cli.render import renderer

    if only is not None:
        value = report.metrics[only]
        return f"{'null' if value is None else repr(value)}\n"
    if format is not Format.TABLE:
        return renderer(format.value)(report)
    from celoss_cli.render.table import render

    return render(report, _width(), _color())


def _width() -> int | None:
    """Columns to keep to: of COLUMNS, else of the terminal; None (no limit) when the output is no terminal."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None


def _color() -> bool:
    """NO_COLOR (no-color.org) wins, then FORCE_COLOR, then whether the output is a terminal that can."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


# --- errors and the exit status -------------------------------------------------------------------------------------------


def main() -> NoReturn:
    """Entry point of the `celoss` command."""
    # One thread suffices for the small products here; starting a pool costs more than all of them. Set before NumPy loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    status = _run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        status = _output_failed(error)
    sys.stderr.flush()
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    """Runs the command and turns whatever happens into an exit status: uncaught errors are never 1, the gate's."""
    # The exceptions of Typer's own Click, whichever package the installed Typer takes it from.
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    try:
        result = typer.main.get_command(app).main(arguments, prog_name="celoss", standalone_mode=False)
        return result if isinstance(result, int) else DONE
    except typer.Exit as done:
        return int(done.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except OSError as error:
        return _output_failed(error)
    except usage_error as error:
        if hasattr(error, "show"):
            error.show()
        return USAGE
    except Exception as error:
        return _report_failure(error, arguments)


def _output_failed(error: OSError) -> int:
    """Standard output cannot be written: silently when its reader has gone, as `head` does, else with the reason."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:
        return PIPE_CLOSED
    sys.stderr.write(f"error[E704]: cannot write the output: {error.strerror or error}\n")
    return DATA


def _report_failure(error: Exception, arguments: list[str]) -> int:
    from celoss.errors import CelossError, UsageError

    if isinstance(error, CelossError):
        as_json = "--json" in arguments or _asks_for_json(arguments)
        sys.stderr.write(_error_json(error.diagnostics) if as_json else f"{error}\n")
        return USAGE if isinstance(error, UsageError) else DATA
    if os.environ.get("CELOSS_DEBUG"):
        import traceback

        traceback.print_exception(error)
    sys.stderr.write(
        f"error[E900]: celoss failed in a way it should not ({type(error).__name__})\n"
        "  = help: CELOSS_DEBUG=1 shows where; open an issue with it, and with the first lines of the files\n"
    )
    return BUG


def _asks_for_json(arguments: list[str]) -> bool:
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    given = any(
        (name in ("-f", "--format") and value in ("json", "jsonl")) or name in ("-fjson", "-fjsonl", "--format=json")
        for name, value in pairs
    )
    return given or os.environ.get("CELOSS_FORMAT") in ("json", "jsonl")


def _error_json(diagnostics: tuple[Diagnostic, ...]) -> str:
    import json

    first, *others = [one.to_dict() for one in diagnostics]
    return json.dumps({"error": first, "more": others}, ensure_ascii=False) + "\n"
