"""Owns the checks of the user's options: each by itself, and against what the files turned out to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from numbers import Integral

from celoss.conventions import CONVENTIONS
from celoss.detect.inputs import Flags, unfit_option, wrong_option
from celoss.errors import Diagnostic, Place, UsageError, did_you_mean, listed, plural, shorten
from celoss.kernels import DEFAULT_EPS
from celoss.plan import BALANCED, NO_OPTIONS, Finding, Options

# More would each hold less than the cells of which they are made.
MOST_BINS = 1000
CHOICES = {
    "--task": ("binary", "multiclass", "soft", "multilabel"),
    "--from": ("probs", "logits", "logprobs"),
    "--base": ("e", "2", "10"),
    "--reduce-labels": ("mean", "sum"),
    "--ties": ("fraction", "first"),
    "--missing": ("error", "drop", "uniform"),
    "--id-match": ("all", "inner"),
}


def check_flags(flags: Flags) -> None:
    """Raises UsageError (E604, E606) for an option with a value that it cannot have, whatever is in the files."""
    options = flags.options
    given = {
        "--task": flags.task,
        "--from": flags.scale,
        "--base": options.base,
        "--reduce-labels": options.reduce_labels,
        "--ties": options.ties,
        "--missing": options.missing,
        "--id-match": options.id_match,
    }
    for option, value in given.items():
        if value is not None and value not in CHOICES[option]:
            near = did_you_mean(value, CHOICES[option])
            advice = f"choose one of {listed(CHOICES[option])}" + (f"; did you mean {option} {near}?" if near else "")
            raise wrong_option(option, value, advice)
    if options.eps is not None and not 0.0 <= options.eps < 1.0:
        raise wrong_option("--eps", str(options.eps), "eps is a probability: 0 or more and below 1")
    if not 0.0 <= options.smoothing <= 1.0:
        raise wrong_option("--smoothing", str(options.smoothing), "it is a share: from 0 to 1")
    tolerance = flags.sum_tolerance
    if tolerance is not None and not 0.0 <= tolerance < float("inf"):
        raise wrong_option("--sum-tolerance", str(tolerance), "a tolerance is 0 or more")
    for size in options.top_k:
        if not isinstance(size, Integral) or size < 1:
            raise wrong_option("--top-k", str(size), "it is a number of classes, 1 or more")
    if len(set(options.top_k)) < len(options.top_k):
        raise wrong_option("--top-k", ",".join(map(str, options.top_k)), "it names a size twice")
    if not isinstance(options.bins, Integral) or not 1 <= options.bins <= MOST_BINS:
        raise wrong_option("--bins", str(options.bins), f"it is a number of bins, 1 to {MOST_BINS}")
    _check_class_weights(options)
    if options.convention is not None:
        _check_convention(options.convention, options)


def check_alone(flags: Flags) -> None:
    """Raises UsageError (E604) for any option beside --plan, which holds them all."""
    both = ((flags, Flags(), _OF_FLAGS), (flags.options, NO_OPTIONS, _OF_OPTIONS))
    for given, default, names in both:
        for one in fields(given):
            if one.name != "options" and getattr(given, one.name) != getattr(default, one.name):
                option = names.get(one.name, "--" + one.name.replace("_", "-"))
                raise unfit_option(option, "with --plan", "a plan holds every option; make another one: celoss check -o")


_OF_FLAGS = {"scale": "--from", "long": "--long/--wide"}
_OF_OPTIONS = {"convention": "--as"}


def _check_class_weights(options: Options) -> None:
    given = options.class_weights
    if given is None or given == BALANCED:
        return
    if isinstance(given, str):
        raise wrong_option("--class-weights", given, f"write CLASS=WEIGHT,… or {BALANCED}")
    for name, weight in given:
        if not (weight == 0.0 or 1e-60 <= weight <= 1e60):
            raise wrong_option("--class-weights", f"{name}={weight!r}", "a weight is 0, or from 1e-60 to 1e60")


def _check_convention(name: str, options: Options) -> None:
    if name not in CONVENTIONS:
        near = did_you_mean(name, list(CONVENTIONS))
        raise UsageError(
            Diagnostic(
                "E606",
                f"no rule of another tool is called {shorten(name)}",
                (Place(f"option --as {name}"),),
                details=(f"rules: {', '.join(CONVENTIONS)}",),
                help=f"did you mean --as {near}?" if near else "",
            )
        )
    others = {"--eps": options.eps is not None, "--renormalize": options.renormalize}
    for option, used in others.items():
        if used:
            raise unfit_option(f"--as {name}", f"with {option}", "the rule says itself what is floored and rescaled")


def resolved(flags: Flags, task: str, scale: str, classes: tuple[str, ...], columns: int, match: str) -> tuple[Options, float]:
    """The options, checked against what the files are, and the floor to use. Raises UsageError (E604).

    columns: how many prediction columns there are. match: by what rows are matched: id, position or row.
    """
    options = flags.options
    for option, what, advice in _contradictions(options, task, scale, columns, match):
        raise unfit_option(option, what, advice)
    _check_names_and_sizes(options, classes)
    if options.convention is not None:
        return options, 0.0
    eps = (DEFAULT_EPS if scale == "probs" else 0.0) if options.eps is None else options.eps
    return replace(options, eps=eps), eps


def _contradictions(options: Options, task: str, scale: str, columns: int, match: str) -> Iterator[tuple[str, str, str]]:
    """(option, with what it cannot be used, why not) for options that do not fit what is scored."""
    hard = task in ("binary", "multiclass")
    labels = f"for {_LABELS[task]}"
    for option, used in (
        ("--class-weights", options.class_weights is not None),
        ("--top-k", bool(options.top_k)),
        ("--ties first", options.ties == "first"),
    ):
        if used and not hard:
            yield option, labels, "it needs one true class in each row"
    if options.reduce_labels == "sum" and task != "multilabel":
        yield "--reduce-labels sum", labels, "it is for independent labels: --task multilabel"
    if options.renormalize and task == "multilabel":
        yield "--renormalize", labels, "their probabilities need not sum to 1"
    elif options.renormalize and columns == 1:
        yield "--renormalize", "for a single probability column", "it needs one column per class"
    elif options.renormalize and scale == "logits":
        yield "--renormalize", "for logits", "their softmax sums to 1"
    if options.normalize_labels and task != "soft":
        yield "--normalize-labels", labels, "it is for labels that are shares or counts, in one column per class"
    if options.id_match == "inner" and match == "position":
        yield "--id-match inner", "without ids", "rows are matched by position; name the ids: --id NAME"
    if options.id_match == "inner" and match == "row":
        yield "--id-match inner", "for one file", "every label is in the row of its prediction"
    if options.convention is not None:
        rule = CONVENTIONS[options.convention]
        if scale != "probs":
            yield f"--as {rule.name}", f"for {scale}", "the rules of other tools are for probabilities"
        if task not in rule.tasks:
            covered = listed([_LABELS[one] for one in rule.tasks if one != "binary" or "multiclass" not in rule.tasks])
            yield f"--as {rule.name}", labels, f"the rule is for {covered}"


_LABELS = {
    "binary": "labels of two classes",
    "multiclass": "labels of one class each",
    "soft": "soft labels",
    "multilabel": "independent labels",
}


def _check_names_and_sizes(options: Options, classes: tuple[str, ...]) -> None:
    """Raises UsageError (E604) for weights of classes that there are not, and for K beyond their number."""
    given = options.class_weights
    if given is not None and not isinstance(given, str):
        for name, weight in given:
            if name not in classes:
                raise wrong_option("--class-weights", f"{name}={weight!r}", f"the classes are {listed(classes)}")
        if set(classes) <= {name for name, weight in given if not weight}:
            shown = ",".join(f"{name}=0" for name, _ in given)
            raise wrong_option("--class-weights", shown, "some class needs a weight above 0")
    for size in options.top_k:
        if size > len(classes):
            raise wrong_option("--top-k", str(size), f"there are {plural(len(classes), 'class', 'classes')}")


def option_findings(options: Options, eps: float, scale: str) -> list[Finding]:
    """A finding for the floor and for every option that is not at its default."""
    if options.convention is not None:
        found = [Finding("losses", f"as {options.convention}: {CONVENTIONS[options.convention].rule}", "--as")]
    else:
        why = "the default" if scale == "probs" else f"the default for {scale}, which need no floor"
        found = [Finding("eps", repr(eps), why if eps == (DEFAULT_EPS if scale == "probs" else 0.0) else "--eps")]
    texts = {
        "base": "" if options.base == "e" else options.base,
        "renormalize": "each row is divided by its sum" if options.renormalize else "",
        "normalize labels": "each row of labels is divided by its sum" if options.normalize_labels else "",
        "class weights": _weights_text(options),
        "smoothing": repr(options.smoothing) if options.smoothing else "",
        "reduce labels": options.reduce_labels if options.reduce_labels != "mean" else "",
        "top k": ", ".join(map(str, options.top_k)),
        "bins": str(options.bins) if options.bins != NO_OPTIONS.bins else "",
        "ties": options.ties if options.ties != "fraction" else "",
        "missing": options.missing if options.missing != "error" else "",
        "id match": options.id_match if options.id_match != "all" else "",
    }
    return [*found, *(Finding(what, value, f"--{what.replace(' ', '-')}") for what, value in texts.items() if value)]


def _weights_text(options: Options) -> str:
    given = options.class_weights
    if given is None or isinstance(given, str):
        return given or ""
    return ", ".join(f"{name} {weight!r}" for name, weight in given) + "; other classes 1"
