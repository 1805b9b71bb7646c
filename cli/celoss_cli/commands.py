"""Owns the commands: what each one makes of its options, one call of the library, text and exit status."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from celoss_cli.failures import DATA, DONE, UNMET
from celoss_cli.options import (
    Against,
    Also,
    BaselineFile,
    Calibration,
    CheckFormat,
    CheckFormatOption,
    CheckQuiet,
    CommonLabels,
    CompareConfidence,
    Confidence,
    Confident,
    Conventions,
    Document,
    Documents,
    ExplainFormat,
    ExplainFormatOption,
    ExplainOutput,
    ExplainQuiet,
    Fail,
    Format,
    FormatOption,
    Json,
    Labels,
    Margin,
    Max,
    Min,
    Only,
    Output,
    Places,
    PlanOutput,
    Predictions,
    Prior,
    Quiet,
    Row,
    Rows,
    Several,
    SuspectRows,
    Threads,
    Worst,
    confidence_of,
    limits_of,
    prior_of,
    usage,
)
from celoss_cli.terminal import color, progress, say, width

if TYPE_CHECKING:
    from celoss.checkup import Checkup
    from celoss.comparison import Comparison
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
Gate:
  if celoss eval preds.csv labels.csv --max log_loss=0.45; then echo deployed; fi
  METRIC is a name of the JSON's metrics. Exit status 1 where a limit is not kept,
  the metric undefined, or (--confident) undecided; outputs are written all the same.
  --baseline prev.json (made by -o prev.json) adds log_loss_change and so on, now
  less then; it has to be of the same labels and options. Where they have changed
  on purpose, score the earlier predictions again: celoss eval OLD LABELS -o prev.json

\b
Files:
  CSV (separated by , ; tab or |), JSON Lines, Parquet, Arrow/Feather, NPY;
  text also compressed by gzip, bzip2, zstd or xz.
  PREDS has one column per class, named after it (cat, p_cat, cat_prob, P(cat)),
  or one column with the probability of the positive of two classes.
  LABELS has the true class in one column, or a 0/1 column per class."""

COMPARE_EPILOG = """\b
Examples:
  celoss compare base.csv new.csv -l labels.csv
  celoss compare runs/*.csv -l labels.csv --against runs/base.csv
  celoss compare base.csv new.csv -l labels.csv --by site --cluster patient
  celoss compare base.csv new.csv -l labels.csv --margin 0.005 --fail worse
  celoss compare a.csv b.csv -l labels.csv -f json | jq '.files[].difference.p'

\b
Verdicts on a difference from the file that is compared with:
  better, worse  p (adjusted by Holm for several files) is below 1 - C
  equivalent     with --margin: the difference is within -M and M; it wins over
                 better and worse
  undecided      neither: the rows do not tell
  same           the loss is the same on every row, up to rounding
  infinite       a loss is infinite, so that there is no difference to test;
                 --fail worse fails on a file whose loss is infinite
p is by the t test of paired losses, with and without correction for skewness
(Hall 1992), below 50 rows (or clusters) also by flips of their signs. Only rows
that all files have scored count. --by, --weights and --cluster name columns of
LABELS; --by splits the differences. --top-k, --bins and --ties change nothing."""

EXPLAIN_EPILOG = """\b
Examples:
  celoss explain preds.csv labels.csv --worst 20
  celoss explain preds.csv labels.csv --row img_0606
  celoss explain preds.csv labels.csv --row '#12' -f json
  celoss explain preds.csv labels.csv --conventions
  celoss explain preds.csv labels.csv --suspects 20 --also other_model.csv"""

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
    confidence: Confidence = "0.95",
    calibration: Calibration = False,
    prior: Prior = None,
    max: Max = None,
    min: Min = None,
    baseline: BaselineFile = None,
    confident: Confident = False,
    threads: Threads = None,
    quiet: Quiet = False,
) -> tuple[str, int, str]:
    """Score one prediction file.

    Prints log loss with its interval, a reference (always forecasting the label frequencies), skill, Brier score,
    accuracy, calibration error and KL divergence, and the same by class. Nothing is clipped, dropped or rescaled without a
    count in the output.
    """
    from celoss.files import check_targets, whole_file
    from celoss.pipeline import evaluate
    from celoss.report import check_metric

    if only is not None and inputs["plan"] is None:
        check_metric(only, "--only", inputs["top_k"], baseline is not None)
    writers = [(path, _renderer_of(path)) for path in output or []]
    targets = [("-o", path) for path in output or []] + ([("--rows", rows)] if rows else [])
    forecast, share = prior_of(prior), confidence_of(confidence)
    files_read = [predictions, labels, inputs["plan"], baseline, forecast if isinstance(forecast, str) else None]
    check_targets(targets, files_read)
    gate: dict[str, Any] = {"max": limits_of("max", max), "min": limits_of("min", min)}
    gate |= {"baseline": baseline, "confident": confident}
    with ExitStack() as stack:
        files = [(stack.enter_context(whole_file(path, "-o")), render) for path, render in writers]
        with progress(quiet) as bar:
            report = evaluate(
                predictions,
                labels,
                **inputs,
                **gate,
                confidence=share,
                calibration=calibration,
                prior=forecast,
                rows_path=rows,
                threads=threads,
                progress=bar,
            )
        if only is not None:
            # A plan may have top-k accuracies of its own.
            check_metric(only, "--only", report.plan.options.top_k, baseline is not None)
        text = _text(report, Format.JSON if json else format, only)
        for target, render in files:
            _write(target, render(report))
    if not quiet:
        say("".join(f"{note}\n" for note in report.notes))
    passed = report.gate is None or report.gate.passed
    return "" if quiet and targets else text, DONE if passed else UNMET, "" if quiet else _verdict(report)


def _compare(
    inputs: dict[str, Any],
    predictions: Several,
    labels: CommonLabels,
    against: Against = None,
    margin: Margin = None,
    confidence: CompareConfidence = "0.95",
    fail: Fail = None,
    format: FormatOption = Format.TABLE,
    json: Json = False,
    output: Output = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> tuple[str, int, str]:
    """Rank several prediction files of the same labels, with paired differences.

    Prints the log loss of each file over the rows that all have scored, its difference from the first with its interval and
    p-value, which classes (and groups, --by) it comes from, and what follows, in words. Takes the options of `celoss eval`
    that say how files are read and scored.
    """
    from celoss.files import check_targets, whole_file
    from celoss.ranking import compare
    from celoss_cli.render.compare import renderer, verdict

    writers = [(path, renderer(_form_of(path))) for path in output or []]
    check_targets([("-o", path) for path in output or []], [*predictions, labels, inputs["plan"]])
    judged: dict[str, Any] = {"against": against, "margin": margin, "fail": fail and str(fail)}
    judged |= {"confidence": confidence_of(confidence)}
    with ExitStack() as stack:
        files = [(stack.enter_context(whole_file(path, "-o")), render) for path, render in writers]
        with progress(quiet) as bar:
            found = compare(predictions, labels, **judged, threads=threads, progress=bar, **inputs)
        text = _compared(found, Format.JSON if json else format)
        for target, render in files:
            _write(target, render(found))
    if not quiet:
        say("".join(f"{note}\n" for note in found.notes))
    passed = found.gate is None or found.gate.passed
    return "" if quiet and output else text, DONE if passed else UNMET, "" if quiet else verdict(found)


def _explain(
    inputs: dict[str, Any],
    predictions: Predictions,
    labels: Labels = None,
    worst: Worst = None,
    row: Row = None,
    conventions: Conventions = False,
    suspects: SuspectRows = None,
    also: Also = None,
    format: ExplainFormatOption = ExplainFormat.TABLE,
    json: Json = False,
    output: ExplainOutput = None,
    quiet: ExplainQuiet = False,
) -> str:
    """Show where the loss comes from.

    The rows that contribute most to it and how much few rows carry; or one row in full; or the file under the rules of
    other tools, with the rows that make the difference; or the rows whose label is the likely fault. Takes the options of
    `celoss eval`, of which --bins, --top-k and --cluster change nothing here; --by is refused.
    """
    from celoss.explaining import explain
    from celoss.files import check_targets, whole_file

    writers = [(path, _renderer_of(path, (".json", ".jsonl"))) for path in output or []]
    check_targets([("-o", path) for path in output or []], [predictions, labels, *(also or []), inputs["plan"]])
    with ExitStack() as stack:
        files = [(stack.enter_context(whole_file(path, "-o")), render) for path, render in writers]
        with progress(quiet) as bar:
            explanation = explain(
                predictions,
                labels,
                worst=worst,
                row=row,
                conventions=conventions,
                suspects=suspects,
                also=also or (),
                progress=bar,
                **inputs,
            )
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
    from celoss_cli.render import renderer

    return renderer(_form_of(path, extensions))


def _form_of(path: str, extensions: tuple[str, ...] = ()) -> str:
    """The name of a file's form, by its extension: one of these, if any are given."""
    from celoss_cli.render import BY_EXTENSION

    known = {one: name for one, name in BY_EXTENSION.items() if one in (extensions or BY_EXTENSION)}
    name = known.get(os.path.splitext(path)[1].lower())
    if name is None:
        advice = f"use one of {' '.join(known)}"
        raise usage("E701", f"don't know how to write '{path}'", f"option -o {path}", advice)
    return name


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


def _compared(comparison: Comparison, format: Format) -> str:
    """What goes to standard output. Only the table ever passes through Rich."""
    from celoss_cli.render import compare

    if format is not Format.TABLE:
        return compare.renderer(format.value)(comparison)
    return compare.table(comparison, width(), color())


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


def _verdict(report: Report) -> str:
    """What standard error is told of the gate, below the result."""
    if report.gate is None:
        return ""
    from celoss_cli.render.gate import render

    return render(report.gate, report.intervals, report.confidence, "rows" if report.clusters is None else "clusters")


class Command(NamedTuple):
    """A command of `celoss`: its function, whose docstring is its help, and what stands below that."""

    function: Callable[..., str | tuple[str, int] | tuple[str, int, str]]
    epilog: str | None = None


COMMANDS = {
    "eval": Command(_eval, EVAL_EPILOG),
    "compare": Command(_compare, COMPARE_EPILOG),
    "explain": Command(_explain, EXPLAIN_EPILOG),
    "check": Command(_check, CHECK_EPILOG),
    "schema": Command(_schema),
}
