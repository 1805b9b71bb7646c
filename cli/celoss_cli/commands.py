"""Owns the commands: what each one makes of its options, one call of the library, text and exit status."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from celoss_cli.failures import DATA, DONE
from celoss_cli.options import (
    CheckFormat,
    CheckFormatOption,
    CheckQuiet,
    Conventions,
    Document,
    Documents,
    ExplainFormat,
    ExplainFormatOption,
    ExplainOutput,
    Format,
    FormatOption,
    Json,
    Labels,
    Only,
    Output,
    Places,
    PlanOutput,
    Predictions,
    Quiet,
    Row,
    Rows,
    Threads,
    Worst,
    usage,
)
from celoss_cli.terminal import color, progress, say, width

if TYPE_CHECKING:
    from celoss.checkup import Checkup
    from celoss.explaining import Explanation
    from celoss.report import Report

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

EXPLAIN_EPILOG = """\b
Examples:
  celoss explain preds.csv labels.csv --worst 20
  celoss explain preds.csv labels.csv --row img_0606
  celoss explain preds.csv labels.csv --row '#12' -f json
  celoss explain preds.csv labels.csv --conventions"""

CHECK_EPILOG = """\b
Examples:
  celoss check preds.csv labels.csv
  celoss check preds.csv labels.csv -f json | jq '.errors[].places[]'
  celoss check preds.csv labels.csv -f github
  celoss check preds.csv labels.csv -o plan.json
  celoss eval new.csv labels.csv --plan plan.json"""


def _eval(
    inputs: dict[str, Any],
    predictions: Predictions,
    labels: Labels = None,
    format: FormatOption = Format.TABLE,
    json: Json = False,
    only: Only = None,
    output: Output = None,
    rows: Rows = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> str:
    """Score one prediction file.

    Prints log loss with its standard error, a reference (always forecasting the label frequencies), skill, Brier score,
    accuracy and KL divergence, and the same by class. Nothing is clipped, dropped or rescaled without a count in the output.
    """
    from celoss.files import check_targets, whole_file
    from celoss.pipeline import evaluate
    from celoss.report import check_metric

    if only is not None and inputs["plan"] is None:
        check_metric(only, "--only", inputs["top_k"])
    writers = [(path, _renderer_of(path)) for path in output or []]
    targets = [("-o", path) for path in output or []] + ([("--rows", rows)] if rows else [])
    check_targets(targets, [predictions, labels, inputs["plan"]])
    with ExitStack() as stack:
        files = [(stack.enter_context(whole_file(path, "-o")), render) for path, render in writers]
        with progress(quiet) as bar:
            report = evaluate(predictions, labels, **inputs, rows_path=rows, threads=threads, progress=bar)
        if only is not None:
            # A plan may have top-k accuracies of its own.
            check_metric(only, "--only", report.plan.options.top_k)
        text = _text(report, Format.JSON if json else format, only)
        for target, render in files:
            _write(target, render(report))
    if not quiet:
        say("".join(f"{note}\n" for note in report.notes))
    return "" if quiet and targets else text


def _explain(
    inputs: dict[str, Any],
    predictions: Predictions,
    labels: Labels = None,
    worst: Worst = None,
    row: Row = None,
    conventions: Conventions = False,
    format: ExplainFormatOption = ExplainFormat.TABLE,
    json: Json = False,
    output: ExplainOutput = None,
    quiet: Quiet = False,
) -> str:
    """Show where the loss comes from.

    The rows that contribute most to it and how much few rows carry; or one row in full; or the file under the rules of
    other tools, with the rows that make the difference. Takes the options of `celoss eval`.
    """
    from celoss.explaining import explain
    from celoss.files import check_targets, whole_file

    writers = [(path, _renderer_of(path, (".json", ".jsonl"))) for path in output or []]
    check_targets([("-o", path) for path in output or []], [predictions, labels, inputs["plan"]])
    with ExitStack() as stack:
        files = [(stack.enter_context(whole_file(path, "-o")), render) for path, render in writers]
        with progress(quiet) as bar:
            explanation = explain(predictions, labels, worst=worst, row=row, conventions=conventions, progress=bar, **inputs)
        text = _explained(explanation, ExplainFormat.JSON if json else format)
        for target, render in files:
            _write(target, render(explanation))
    if not quiet:
        say("".join(f"{note}\n" for note in explanation.report.notes))
    return "" if quiet and output else text


def _check(
    inputs: dict[str, Any],
    predictions: Predictions,
    labels: Labels = None,
    format: CheckFormatOption = CheckFormat.TABLE,
    json: Json = False,
    places: Places = None,
    output: PlanOutput = None,
    quiet: CheckQuiet = False,
) -> tuple[str, int]:
    """Say what is understood of the files and why, and list every fault.

    Takes the options of `celoss eval`, which finds the same faults. Each line is one decision: what, its value, and because
    of what; then each kind of fault with every place. Exit status 3 when there are faults.
    """
    from celoss.checkup import PLACES, check
    from celoss.files import check_targets, whole_file

    if output is not None:
        _renderer_of(output, (".json",))
        check_targets([("-o", output)], [predictions, labels, inputs["plan"]])
    with progress(quiet) as bar:
        checkup = check(predictions, labels, places=PLACES if places is None else places, progress=bar, **inputs)
    if output is not None and checkup.plan is not None:
        with whole_file(output, "-o") as target:
            _write(target, checkup.plan.to_json() + "\n")
    if not quiet:
        say("".join(f"{note}\n" for note in checkup.notes))
    return _checked(checkup, CheckFormat.JSON if json else format, quiet), DONE if checkup.ok else DATA


def _schema(document: Documents = Document.EVAL) -> str:
    """Print the JSON Schema of an output."""
    from importlib.resources import files

    return (files("celoss_cli") / "schema" / f"{document}.json").read_text("utf-8")


def _renderer_of(path: str, extensions: tuple[str, ...] = ()) -> Any:
    """The function that writes a file's form, by its extension: one of these, if any are given."""
    from celoss_cli.render import BY_EXTENSION, renderer

    known = {one: name for one, name in BY_EXTENSION.items() if one in (extensions or BY_EXTENSION)}
    name = known.get(os.path.splitext(path)[1].lower())
    if name is None:
        advice = f"use one of {' '.join(known)}"
        raise usage("E701", f"don't know how to write '{path}'", f"option -o {path}", advice)
    return renderer(name)


def _write(target: str, text: str) -> None:
    with open(target, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write(text)


def _checked(checkup: Checkup, format: CheckFormat, quiet: bool) -> str:
    """What goes to standard output; with `quiet` only what is wrong."""
    from celoss_cli.render.check import github, render

    if format is CheckFormat.TABLE:
        return render(checkup, findings=not quiet)
    if format is CheckFormat.GITHUB:
        return github(checkup)
    return checkup.to_json(indent=2 if format is CheckFormat.JSON else None) + "\n"


def _explained(explanation: Explanation, format: ExplainFormat) -> str:
    """What goes to standard output. Only the table ever passes through Rich."""
    if format is not ExplainFormat.TABLE:
        return explanation.to_json(indent=2 if format is ExplainFormat.JSON else None) + "\n"
    from celoss_cli.render.explain import render

    return render(explanation, width(), color())


def _text(report: Report, format: Format, only: str | None) -> str:
    """What goes to standard output. Only the table ever passes through Rich."""
    from celoss_cli.render import renderer

    if only is not None:
        value = report.metrics[only]
        return f"{'null' if value is None else repr(value)}\n"
    if format is not Format.TABLE:
        return renderer(format.value)(report)
    from celoss_cli.render.table import render

    return render(report, width(), color())


class Command(NamedTuple):
    """A command of `celoss`: its function, whose docstring is its help, and what stands below that."""

    function: Callable[..., str | tuple[str, int]]
    epilog: str | None = None


COMMANDS = {
    "eval": Command(_eval, EVAL_EPILOG),
    "explain": Command(_explain, EXPLAIN_EPILOG),
    "check": Command(_check, CHECK_EPILOG),
    "schema": Command(_schema),
}
