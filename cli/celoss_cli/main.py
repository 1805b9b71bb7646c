"""Owns the command line: options → one call of the library → text and exit status. The only place that catches errors."""

from __future__ import annotations

import atexit
import csv
import errno
import io
import itertools
import os
import re
import sys
from contextlib import ExitStack
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO

import typer

from celoss import __version__

if TYPE_CHECKING:
    from celoss.errors import CelossError, Diagnostic
    from celoss.report import Report

# 1 is left for a gate that is not met.
DONE, USAGE, DATA, BUG, INTERRUPTED, PIPE_CLOSED = 0, 2, 3, 4, 130, 141

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
Exit status: 0 done, 2 the command line is wrong, 3 the data or a file is wrong,
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
    typer.Argument(metavar="LABELS", help="True classes; left out when they are a column of PREDS.", show_default=False),
]
Id = Annotated[
    list[str] | None,
    typer.Option("--id", metavar="COL", help="Match rows by this column (repeatable; A=B where names differ; # by row order)."),
]
Pred = Annotated[list[str] | None, typer.Option("--pred", metavar="COL,…", help="The probability columns.")]
Label = Annotated[
    list[str] | None, typer.Option("--label", metavar="COL,…", help="The label column, or one 0/1 column per class.")
]
Classes = Annotated[
    list[str] | None,
    typer.Option("--classes", metavar="LABEL=CLASS,…", help="What labels mean, where columns have other names (0=cat,1=dog)."),
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
    typer.Option(
        "--sum-tolerance",
        metavar="T",
        help="How far a row may be from 1 in sum.  [0.001, and what rounding to printed decimals explains]",
    ),
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
        _print(f"celoss {__version__}\n")
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
    # DEFAULT_EPS of celoss.kernels, which would import NumPy for --help.
    eps: Eps = 2.220446049250313e-16,
    sum_tolerance: SumTolerance = None,
    format: FormatOption = Format.TABLE,
    json: Json = False,
    only: Only = None,
    output: Output = None,
    rows: Rows = None,
    quiet: Quiet = False,
) -> str:
    """Score one prediction file.

    Prints log loss with its standard error, a reference (always forecasting the label frequencies), skill, Brier score,
    accuracy and KL divergence, and the same by class. Nothing is clipped, dropped or rescaled without a count in the output.
    """
    from celoss.files import check_targets, whole_file
    from celoss.pipeline import evaluate
    from celoss.report import check_metric

    if only is not None:
        check_metric(only, "--only")
    writers = [(path, _renderer_of(path)) for path in output or []]
    targets = [("-o", path) for path in output or []] + ([("--rows", rows)] if rows else [])
    check_targets(targets, [predictions, labels])
    with ExitStack() as stack:
        files = [(stack.enter_context(whole_file(path, "-o")), render) for path, render in writers]
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
        for target, render in files:
            with open(target, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.write(render(report))
    if not quiet:
        _say("".join(f"{note}\n" for note in report.notes))
    return "" if quiet and targets else text


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
) -> str:
    """Say what is understood of the files and why, and read every row for faults.

    Takes the input options of `celoss eval`. Each line is one decision: what, its value, and because of what.
    """
    from celoss.detect import Flags
    from celoss.errors import CelossError
    from celoss.pipeline import prepare, score
    from celoss.report import finish

    flags = Flags(
        tuple(id or ()),
        tuple(_split(pred) or ()),
        tuple(_split(label) or ()),
        tuple((_meanings(classes) or {}).items()),
        positive,
        sum_tolerance=sum_tolerance,
    )
    evaluation = prepare(predictions, labels, flags, input_format)
    text = "".join(f"{finding}\n" for finding in evaluation.plan.findings)
    try:
        state = score(evaluation)
    except CelossError as error:
        # What was understood explains the faults, so it is printed with them.
        error.printed = text
        raise
    report = finish(evaluation.plan, state, evaluation.predictions, evaluation.labels)
    _say("".join(f"{note}\n" for note in report.notes))
    return f"{text}rows: {state.count:,} (all read, no fault)\n"


@app.command("schema")
def _schema(document: Annotated[Document, typer.Argument(help="Which output.")] = Document.EVAL) -> str:
    """Print the JSON Schema of an output."""
    from importlib.resources import files

    return (files("celoss_cli") / "schema" / f"{document}.json").read_text("utf-8")


def _split(lists: list[str] | None) -> list[str] | None:
    """Column names of comma-separated lists; one that contains a comma is quoted as in CSV."""
    if lists is None:
        return None
    return [name for names in lists for name in next(csv.reader([names], skipinitialspace=True), [""]) or [""]]


def _meanings(lists: list[str] | None) -> dict[str, str] | None:
    if lists is None:
        return None
    pairs = [pair.partition("=") for pair in _split(lists) or []]
    if not all(label and mark and name for label, mark, name in pairs):
        shown = ",".join(lists)
        raise _usage(
            "E604", f"--classes cannot be {shown}", f"option --classes {shown}", "write LABEL=CLASS: --classes 0=cat,1=dog"
        )
    return {label: name for label, _, name in pairs}


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
    """Columns to keep to: of COLUMNS, else of the terminal; None (no limit) where neither tells, as in a pipe."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    return os.get_terminal_size(sys.stdout.fileno()).columns or None if _is_terminal() else None


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _color() -> bool:
    """NO_COLOR (no-color.org) wins, then FORCE_COLOR, then whether the output is a terminal that can."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (_is_terminal() and os.environ.get("TERM") != "dumb")


# --- errors and the exit status -------------------------------------------------------------------------------------------


def command() -> NoReturn:
    """Entry point of the `celoss` command: `main` in a process of its own.

    Arrow's threads can still run when Python takes its modules down, which ends about one run in a hundred on a wide file
    with SIGABRT, after all work is done; so the process ends at once, after what was registered to be tidied up.
    """
    status: Any = BUG
    try:
        main()
    except SystemExit as done:
        status = done.code
    except BaseException as error:
        status = _report_failure(error, [])
    atexit._run_exitfuncs()
    os._exit(status)


def main() -> NoReturn:
    """Runs the command of sys.argv and exits with its status."""
    # One thread suffices for the small products here; starting a pool costs more than all of them. Set before NumPy loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    arguments = sys.argv[1:]
    text, status = _run(arguments)
    try:
        _print(text)
    except OSError as error:
        status = _output_failed(error)
    except KeyboardInterrupt:
        status = INTERRUPTED
    sys.exit(status)


def _run(arguments: list[str]) -> tuple[str, int]:
    """What to print and the exit status, whatever happens: an uncaught error must never read as 1, the gate's."""
    # The exceptions of Typer's own Click, whichever package the installed Typer takes it from.
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    try:
        result = typer.main.get_command(app).main(arguments, prog_name="celoss", standalone_mode=False)
        return result if isinstance(result, str) else "", result if isinstance(result, int) else DONE
    except typer.Exit as done:
        return "", int(done.exit_code)
    except SystemExit:
        # Click's answer to a help text that nobody reads to its end.
        _forget(sys.stdout)
        return "", PIPE_CLOSED
    except (typer.Abort, KeyboardInterrupt):
        return "", INTERRUPTED
    except OSError as error:
        return "", _output_failed(error)
    except usage_error as error:
        return "", _report_usage(error, arguments)
    except Exception as error:
        return getattr(error, "printed", ""), _report_failure(error, arguments)


def _print(text: str) -> None:
    """Writes the result. Raises OSError when standard output cannot take it."""
    if sys.stdout is None:
        if text:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return
    sys.stdout.write(text)
    sys.stdout.flush()


def _say(text: str) -> None:
    """Writes to standard error, if it takes it: a message that is lost does not change what happened."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except OSError:
        _forget(sys.stderr)


def _forget(stream: TextIO | None) -> None:
    """Lets what the stream still holds go nowhere, so that Python's own flush at the end cannot fail."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _output_failed(error: OSError) -> int:
    """The output cannot be written: silently when its reader has gone, as `head` does, else with the reason."""
    _forget(sys.stdout)
    if error.errno == errno.EPIPE:
        return PIPE_CLOSED
    _fail(_diagnostic("E704", f"cannot write the output: {error.strerror or error}"), sys.argv[1:])
    return DATA


def _report_usage(error: Exception, arguments: list[str]) -> int:
    if _asks_for_json(arguments):
        message = getattr(error, "format_message", lambda: str(error))()
        _fail(_diagnostic("E600", message), arguments)
    elif hasattr(error, "show") and sys.stderr is not None:
        try:
            error.show()
        except OSError:
            _forget(sys.stderr)
    return USAGE


def _report_failure(error: BaseException, arguments: list[str]) -> int:
    from celoss.errors import CelossError, UsageError

    if isinstance(error, CelossError):
        _fail(error.diagnostics, arguments)
        return USAGE if isinstance(error, UsageError) else DATA
    if os.environ.get("CELOSS_DEBUG"):
        import traceback

        _say("".join(traceback.format_exception(error)))
    what = f"celoss failed in a way it should not ({type(error).__name__})"
    advice = "CELOSS_DEBUG=1 shows where; open an issue with it, and with the first lines of the files"
    _fail(_diagnostic("E900", what, advice), arguments)
    return BUG


def _diagnostic(code: str, message: str, advice: str = "") -> tuple[Diagnostic, ...]:
    from celoss.errors import Diagnostic

    return (Diagnostic(code, message, help=advice),)


def _fail(diagnostics: tuple[Diagnostic, ...], arguments: list[str]) -> None:
    """Writes errors as text, or as one JSON object where the result would have been JSON."""
    if not _asks_for_json(arguments):
        _say("\n\n".join(map(str, diagnostics)) + "\n")
        return
    import json

    first, *others = [one.to_dict() for one in diagnostics]
    _say(json.dumps({"error": first, "more": others}, ensure_ascii=False) + "\n")


def _asks_for_json(arguments: list[str]) -> bool:
    """Whether the command line (else CELOSS_FORMAT) asks for JSON, in any spelling; also where it could not be parsed."""
    asked = os.environ.get("CELOSS_FORMAT", "")
    for argument, following in itertools.pairwise([*arguments, ""]):
        if argument == "--json":
            return True
        if argument.startswith("--format="):
            asked = argument.removeprefix("--format=")
        elif argument == "--format" or re.fullmatch("-q?f", argument):
            asked = following
        elif re.match("-q?f.", argument):
            asked = argument.partition("f")[2].removeprefix("=")
    return asked in ("json", "jsonl")
