"""Owns priors: the shares of the classes that a reference forecast gives, as the user says or as training data has them."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

from celoss import compute as pc
from celoss.detect.inputs import no_header, place_of, unfit_option, wrong_option
from celoss.documents import NUMBER, NoReportError, by_class, part, read_report
from celoss.errors import CelossError, Diagnostic, Place, UsageError, as_list, escape, listed, plural, quoted, shorten
from celoss.metrics import Tally
from celoss.plan import Plan
from celoss.sources import Chunk, Source, open_source, read_all
from celoss.state import State

Prior = tuple[tuple[str, float], ...]

TOLERANCE = 1e-6
OPTION = "--prior"
FORM = f"{OPTION} CLASS=SHARE,…"
LARGEST = 1e300


def check_shares(given: Any) -> None:
    """Raises UsageError (E604) for a share that is no number from 0 on, whatever the classes are."""
    if not _is_shares(given):
        return
    for name, share in given.items():
        # Of percentages the sum is told.
        if not 0.0 <= _number(share) <= LARGEST:
            raise wrong_option(OPTION, shorten(f"{name}={share}"), "a share is a number from 0 to 1")


def _number(share: Any) -> float:
    """A share as a double; NaN for what is no number, or no double."""
    try:
        return float(share) if isinstance(share, Real) and not isinstance(share, bool) else math.nan
    except OverflowError:
        return math.nan


def _is_shares(given: Any) -> bool:
    return isinstance(given, Mapping) and "schema" not in given


def _is_path(given: Any) -> bool:
    return isinstance(given, str) or hasattr(given, "__fspath__")


def _check_sum(shares: Mapping[str, float]) -> None:
    total = math.fsum(shares.values())
    if abs(total - 1.0) <= TOLERANCE:
        return
    advice = f"the shares of all classes sum to 1, these sum to {total:.10g}"
    if abs(total - 100.0) <= 100.0 * TOLERANCE:
        advice = f"these are percentages; write shares: {OPTION} {_text({name: one / 100.0 for name, one in shares.items()})}"
    raise wrong_option(OPTION, _text(shares), advice)


def _text(shares: Mapping[str, float]) -> str:
    return ",".join(f"{name}={share:.10g}" for name, share in shares.items())


def prior_of(given: Any, plan: Plan) -> Prior:
    """(class, share) in the order of the plan's classes.

    given: class → share; the JSON of a report, whose labels count; or labels of training data: a file, frame or array, with
    a column like the plan's label column, or a single one. Raises UsageError (E604, E605, E615) and CelossError: E616 for
    labels that are no class, E617 where it is not clear which column holds labels, E619 for no report, or no labels.
    """
    if plan.task == "multilabel":
        raise unfit_option(OPTION, "for independent labels", "each of them has a reference of its own")
    if _is_shares(given):
        return _named(given, plan)
    weights = _of_report(given, plan) if _is_report(given) else _of_labels(_opened(given), plan)
    largest = max(weights)
    if not largest:
        raise _unusable(given, "found: no labels")
    # By a power of 2, which changes no digit: the sum must be finite.
    exponent = math.frexp(largest)[1]
    parts = [math.ldexp(weight, -exponent) for weight in weights]
    total = math.fsum(parts)
    return tuple((name, part / total) for name, part in zip(plan.classes, parts, strict=True))


def _named(given: Mapping[Any, Any], plan: Plan) -> Prior:
    """Shares by the names of the classes, or by what labels mean."""
    known = plan.codes()
    shares: dict[int, float] = {}
    for name, share in given.items():
        code = plan.code(str(name), known)
        if code < 0:
            raise wrong_option(OPTION, str(name), f"the classes are {listed(plan.classes)}", "E605")
        if code in shares:
            raise wrong_option(OPTION, str(name), f"it names the class {shorten(plan.classes[code])} twice")
        shares[code] = float(share)
    missing = [name for code, name in enumerate(plan.classes) if code not in shares]
    if missing:
        what = f"{OPTION} has no share of {plural(len(missing), 'class', 'classes')}"
        advice = f"of a class that never occurs the share is 0: {as_list([f'{missing[0]}=0'])}"
        raise UsageError(_of_class("E615", what, f"nothing about {quoted(missing)}", advice))
    _check_sum({str(name): float(share) for name, share in given.items()})
    return tuple((name, shares[code]) for code, name in enumerate(plan.classes))


def _is_report(given: Any) -> bool:
    """Whether it is a report, or a file of one: `.json` is nothing else, of other files the beginning tells."""
    if not _is_path(given):
        return isinstance(given, Mapping) or (hasattr(given, "to_dict") and hasattr(given, "per_class"))
    path = str(given)
    if path.lower().endswith(".json"):
        return True
    try:
        # A pipe can be read once only.
        with open(path, "rb") if os.path.isfile(path) else open(os.devnull, "rb") as file:
            return b'"schema"' in file.read(64)
    except (OSError, ValueError):
        return False


def _of_report(given: Any, plan: Plan) -> list[float]:
    """Σ w of each class of a report."""
    try:
        document = read_report(given)
        weights = by_class(document, NUMBER, "weight")
        if part(document, str, "task") == "multilabel":
            raise NoReportError("a report of independent labels")
        unknown = [name for name, weight in weights.items() if weight and name not in plan.classes]
        missing = [name for name in plan.classes if name not in weights]
        if unknown or missing:
            raise NoReportError(f"a report of the classes {listed(list(weights))}; now: {listed(plan.classes)}")
        return [float(weights[name]) for name in plan.classes]
    except NoReportError as error:
        raise _unusable(given, f"found: {error}") from None


def _opened(given: Any) -> Source:
    """Labels of training data. Raises CelossError with what is wrong with the file."""
    try:
        source = open_source(given, "labels")
        source.head()
    except CelossError as error:
        place = Place(_option(given))
        raise CelossError(*(_moved(one, place) for one in error.diagnostics)) from None
    return source


def _moved(told: Diagnostic, place: Place) -> Diagnostic:
    """What is wrong with a file of labels, at the option that names it; of none, in which form shares are written."""
    places = tuple(place if at.where == "argument LABELS" else at for at in told.places)
    help = "; ".join(one for one in (told.help, f"shares are written {FORM}") if one) if told.code == "E101" else told.help
    return replace(told, places=places, help=help)


def _of_labels(source: Source, plan: Plan) -> list[float]:
    """How often each class occurs in the labels."""
    column = _column(source, plan)
    counts = read_all(lambda careful: _counted(source, source.batches([column], [], careful)))
    known = plan.codes()
    codes = {text: plan.code(text, known) for text in counts}
    unknown = [text for text in counts if codes[text] < 0]
    if unknown:
        _raise_unknown(source, column, unknown, counts[unknown[0]], plan)
    found = [0.0] * len(plan.classes)
    for text, count in counts.items():
        found[codes[text]] += count
    return found


def _counted(source: Source, chunks: Iterable[Chunk]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for chunk in chunks:
        if chunk.faults:
            line = source.lines([chunk.faults[0].row]).get(chunk.faults[0].row)
            at = Place(source.name, line.number if line else None, None if line else chunk.faults[0].row + 1)
            raise CelossError(Diagnostic("E619", f"'{escape(source.name)}' has a row that cannot be read", (at,)))
        for one in pc.value_counts(chunk.texts[0]).to_pylist():
            counts[one["values"]] += one["counts"]
    return counts


def _column(source: Source, plan: Plan) -> str:
    """The column of the labels: called as that of the plan, or the only one."""
    head = source.head()
    wanted = plan.label_columns[0] if len(plan.label_columns) == 1 else None
    if wanted in head.names:
        return str(wanted)
    if len(head.names) != 1:
        advice = (
            f'call the label column "{shorten(wanted)}" there too, or keep no other column'
            if wanted
            else "keep one column only"
        )
        raise CelossError(
            Diagnostic(
                "E617",
                f"which column of {escape(source.name)} holds the labels of the prior?",
                (Place(source.name, 1 if source.has_lines else None),),
                details=(f"found columns: {listed(head.names)}",),
                help=f"{advice}; or give the shares: {OPTION} {_text(_even(plan.classes))}",
            )
        )
    (column,) = head.names
    if source.format == "csv" and plan.code(column, plan.codes()) >= 0:
        raise CelossError(no_header(source, head, f'"{shorten(column)}" is a label as well'))
    return column


def _even(classes: Sequence[str]) -> dict[str, float]:
    """An example of shares."""
    first, *others = classes[:3]
    return {first: 1.0 - 0.25 * len(others), **dict.fromkeys(others, 0.25)}


def _raise_unknown(source: Source, column: str, texts: Sequence[str], count: int, plan: Plan) -> None:
    first, head = texts[0], source.head()
    seen = first in head.column(column).texts
    others = f", and others with {quoted(texts[1:])}" if len(texts) > 1 else ""
    what = f'label "{shorten(first)}" of the prior is not one of the classes' if first else "a label of the prior is empty"
    raise CelossError(
        Diagnostic(
            "E616",
            what,
            (place_of(source, head, column, first) if seen else Place(source.name, column=column),),
            details=(f"found {plural(count, 'such row')}{others}; the classes: {listed(plan.classes)}",),
            help=f"leave such rows out of the file, or give the shares of the classes: {FORM}",
        )
    )


def check_occurring(prior: Prior, plan: Plan, state: State) -> None:
    """Raises CelossError (E618) for a class that occurs though its share is 0: the reference would be infinite."""
    rows = state.sums.get("rows" if plan.hard else "class_rows", (0,) * len(plan.classes))
    for (name, share), (weight, _), count in zip(prior, Tally.of_all(plan, state).shares(), rows, strict=True):
        if weight and not share:
            found = f"{plural(count, 'row')} of it" if count else "a part of each label, by --smoothing"
            what = f'the share of class "{shorten(name)}" in the prior is 0, and it occurs'
            advice = "give it a share above 0; to forecast it never would cost an infinite log loss"
            raise CelossError(_of_class("E618", what, found, advice))


def _of_class(code: str, what: str, found: str, advice: str) -> Diagnostic:
    """What is wrong with the share of a class."""
    return Diagnostic(code, what, (Place(f"option {OPTION}"),), details=(f"found: {found}",), help=advice)


def _option(given: Any) -> str:
    return f"option {OPTION} {given}" if _is_path(given) else f"option {OPTION}"


def _unusable(given: Any, reason: str) -> CelossError:
    what = f"the prior '{escape(str(given))}'" if _is_path(given) else "the prior"
    advice = f"give labels of training data, or the JSON of celoss eval on it, or shares: {FORM}"
    return CelossError(Diagnostic("E619", f"{what} cannot be used", (Place(_option(given)),), details=(reason,), help=advice))
