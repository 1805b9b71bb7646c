"""Owns the notes on a report: what a reader should know about the rows before he trusts its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from celoss.calibration import mean_logit
from celoss.errors import Diagnostic, plural, shorten
from celoss.exact import UNITS_PER_ONE
from celoss.kernels import floored_loss
from celoss.metrics import Tally, in_unit
from celoss.plan import Plan
from celoss.state import State
from celoss.uncertainty import FEW_CLUSTERS

if TYPE_CHECKING:
    from celoss.report import RowCounts

# When one confidently forecast row with another label would move the mean by so many standard errors, there was none, and
# the interval is too short: of such samples it held the truth in 75 %, of the others in 96 % (benchmarks/statistics).
UNSEEN_ERRORS = 3


def notes_on(plan: Plan, state: State, tally: Tally, counts: RowCounts) -> tuple[Diagnostic, ...]:
    """The notes in the order in which they are told."""
    found = [
        _clipping_note(plan, tally, counts),
        _certain_note(tally, counts),
        _absent_note(plan, tally),
        _one_class_note(plan, tally, counts),
        _sums_note(state),
        _left_out_note(counts),
        _filled_note(counts),
    ]
    doubts = [*_cluster_notes(plan, state, tally), _unseen_note(plan, state, tally)]
    return tuple(note for note in (*found, *doubts) if note is not None)


def _cluster_notes(plan: Plan, state: State, tally: Tally) -> Iterator[Diagnostic]:
    """Clusters that are too few, or hold rows that nobody has said anything of, or single rows."""
    if plan.cluster is None:
        return
    clusters = tally.units
    if (few := few_clusters(clusters)) is not None:
        yield few
    elif clusters == state.count:
        column = shorten(plan.cluster[1])
        yield Diagnostic("N14", f'each row has a value of its own in "{column}": --cluster changes nothing', count=clusters)
    if "" in state.clusters and clusters > 1:
        rows = sum(state.clusters[""].sums["rows"])
        verb, they = ("has", "it counts") if rows == 1 else ("have", "they count")
        message = f'{plural(rows, "row")} {verb} no value in "{shorten(plan.cluster[1])}": {they} as one cluster'
        yield Diagnostic("N13", message, count=rows)


def few_clusters(clusters: int) -> Diagnostic | None:
    """What is told of so many clusters, where they are few."""
    if clusters >= FEW_CLUSTERS:
        return None
    message = f"there are only {clusters} clusters: below {FEW_CLUSTERS} their spread is too uncertain for intervals"
    if clusters == 1:
        message = "there is only one cluster: no spread, and so no interval, can be seen in it"
    return Diagnostic("N11", message, count=clusters)


def _unseen_note(plan: Plan, state: State, tally: Tally) -> Diagnostic | None:
    """Whether the rows are too few to hold a confident mistake, so that the interval of the log loss counts with none."""
    found, logit, rows = tally.spread("loss"), mean_logit(plan, state.forecasts), tally.effective_rows
    if found is None or logit is None or rows is None or tally.infinite:
        return None
    events, what = rows, "row with another label than forecast"
    if plan.task == "multilabel":
        events, what = rows * len(plan.classes), "label other than forecast"
    alone = tally.spread_of_rows("loss")
    if plan.cluster is not None and alone is not None:
        # As many as would have this error if they were independent: where a cluster's rows are all alike it is one of them.
        both = found.error > 0.0 and alone.error > 0.0
        events *= min(1.0, (alone.error / found.error) ** 2) if both else found.n / alone.n
        what += ", with what goes with it in its cluster,"
    if logit <= UNSEEN_ERRORS * found.error * events:
        return None
    one, error = (f"{in_unit(plan, value):.2g}" for value in (logit / events, found.error))
    message = (
        f"a single {what} would add about {one} to the log loss, more than {UNSEEN_ERRORS} times its "
        f"standard error of {error}: {plural(state.count, 'row')} are too few to say how often that happens, and the interval "
        "counts with none"
    )
    return Diagnostic("N10", message, count=state.count)


def _clipping_note(plan: Plan, tally: Tally, counts: RowCounts) -> Diagnostic | None:
    clipped = counts.clipped
    if not clipped:
        return None
    rows, each = plural(clipped, "row"), "it" if clipped == 1 else "each"
    share = f"{tally.clipped_share or 0.0:.1%} of the loss"
    label = "the true class" if plan.hard and not plan.shares else "a class of the label"
    if plan.options.convention is not None:
        message = (
            f"{rows} {'costs' if clipped == 1 else 'cost'} another loss than −ln p by the rule of {plan.options.convention}"
        )
    elif plan.eps:
        message = f"{rows} gave {label} less than eps ({plan.eps:.2g})"
        if plan.hard and not plan.options.smoothing:
            message += f"; {each} counts as {in_unit(plan, floored_loss(plan.eps)):.4f}, {share}"
    else:
        message = f"{rows} gave {label} probability 0: with eps 0 the loss is infinite"
    return Diagnostic("N1", message, count=clipped)


def _certain_note(tally: Tally, counts: RowCounts) -> Diagnostic | None:
    if tally.count("certain") != counts.scored:
        return None
    message = "all predictions of the true class are exactly 0 or 1; log loss then only counts mistakes"
    return Diagnostic("N2", message, count=counts.scored)


def _absent_note(plan: Plan, tally: Tally) -> Diagnostic | None:
    name = "rows" if plan.hard else "class_rows"
    absent = [one for index, one in enumerate(plan.classes) if not tally.of_class(index).count(name)]
    if not absent or len(plan.columns) == 1:
        return None
    shown = ", ".join(f'"{shorten(one)}"' for one in absent[:5])
    more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
    verb = "is" if len(absent) == 1 else "are"
    message = f"{plural(len(absent), 'class', 'classes')} {verb} predicted but never in the labels: {shown}{more}"
    return Diagnostic("N3", message, count=0)


def _one_class_note(plan: Plan, tally: Tally, counts: RowCounts) -> Diagnostic | None:
    # The reference is not 0 where a prior makes it.
    if (
        not plan.hard
        or tally.prior is not None
        or sum(tally.of_class(index).count("rows") > 0 for index in range(len(plan.classes))) != 1
    ):
        return None
    return Diagnostic("N4", "all labels are one class: the reference is 0 and skill is undefined", count=counts.scored)


def _sums_note(state: State) -> Diagnostic | None:
    if not state.noted:
        return None
    largest = state.deviation / UNITS_PER_ONE
    message = (
        f"{plural(state.noted, 'row')} {'sums' if state.noted == 1 else 'sum'} to 1 only within {largest:.2g}: "
        "more than rounding explains, scored as they are"
    )
    return Diagnostic("N5", message, count=state.noted)


def _left_out_note(counts: RowCounts) -> Diagnostic | None:
    parts = [
        (counts.dropped, "row", "rows", "with a missing value (--missing drop)"),
        (counts.unmatched, "prediction", "predictions", "without a label (--id-match inner)"),
        (counts.unmatched_labels, "label", "labels", "without a prediction (--id-match inner)"),
    ]
    shown = [f"{plural(count, one, many)} {why}" for count, one, many, why in parts if count]
    if not shown:
        return None
    message = f"{plural(counts.scored, 'row')} scored; left out: {'; '.join(shown)}"
    return Diagnostic("N7", message, count=counts.dropped + counts.unmatched + counts.unmatched_labels)


def _filled_note(counts: RowCounts) -> Diagnostic | None:
    if not counts.filled:
        return None
    message = f"{plural(counts.filled, 'row')} with a missing probability scored as a uniform forecast (--missing uniform)"
    return Diagnostic("N8", message, count=counts.filled)
