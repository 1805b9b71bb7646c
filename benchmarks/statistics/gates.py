"""How often a gate passes, fails or leaves open, build after build, by how far the true mean loss is from the limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from benchmarks.results import Cell, Table
from benchmarks.statistics.coverage import hall, samples
from benchmarks.statistics.models import CALIBRATED, DEEP, RARE, WRONG, Model, log_loss
from benchmarks.statistics.trials import Effort, percent, shown, spread_of
from benchmarks.statistics.trust import MOST_ERRORS

from celoss.gates import FAIL, MAX, PASS, UNDECIDED, Limit, judge

SIZES = (200, 1_000, 5_000)
NOTE = "doubted"
# Of how many standard errors the true mean is above the limit.
DISTANCES = (-3, -2, -1, 0, 1, 2, 3)


def tables(effort: Effort) -> Iterator[Table]:
    """All tables of this section."""
    for place, confident in enumerate((False, True)):
        yield _table(f"{place + 1}-gates", effort, confident)
    yield _doubts(effort)


def _table(name: str, effort: Effort, confident: bool) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for model in (CALIBRATED, DEEP):
        for n in SIZES:
            spreads = [spread_of(one) for block in samples(model, n, effort.repetitions(n, 1_000), 13) for one in block.losses]
            intervals = [hall(one) for one in spreads]
            for distance in DISTANCES:
                limit = Limit("log_loss", MAX, model.expected(log_loss) - distance * _error(model, n))
                found = Counter(
                    judge(limit, one.mean, interval, n, confident).verdict
                    for one, interval in zip(spreads, intervals, strict=True)
                )
                shares = (100.0 * found[verdict] / len(spreads) for verdict in (PASS, FAIL, UNDECIDED))
                rows.append((model.name, n, f"{distance:+d}" if distance else "0", *map(shown, shares)))
    title = "`--max log_loss=… --confident`" if confident else "`--max log_loss=…`"
    note = (
        "A true mean above the limit passes, or one below it fails, in 2.5 % at most; at one of the limit itself either does."
        if confident
        else "The mean alone is compared with the limit: at a true mean of the limit itself every other build fails."
    )
    columns = ("losses", "n", "true mean above the limit by errors", "pass, %", "fail, %", "undecided, %")
    return Table(name, f"Verdicts of {title}", columns, rows, note)


def _doubts(effort: Effort) -> Table:
    """Where samples often hold none of the rows that matter, and their intervals are too low."""
    rows: list[tuple[Cell, ...]] = []
    for model, n in ((DEEP, 50), (RARE, 200), (WRONG, 200), (WRONG, 1_000)):
        found = [
            (spread, hall(spread), NOTE if logits.mean() / n > MOST_ERRORS * spread.error else None)
            for block in samples(model, n, effort.repetitions(n), 16)
            for logits, spread in zip(np.abs(block.logit), map(spread_of, block.losses), strict=True)
        ]
        for part in (0.5, 0.8, 1.25, 2.0):
            limit = Limit("log_loss", MAX, part * model.expected(log_loss))
            passed = [
                [
                    judge(limit, one.mean, interval, n, True, note if noted else None).verdict == PASS
                    for one, interval, note in found
                ]
                for noted in (False, True)
            ]
            right = "should fail" if part < 1.0 else "should pass"
            rows.append((model.name, n, f"{part:g}, {right}", *(shown(percent(one)) for one in passed)))
    columns = ("losses", "n", "limit ÷ true mean", "pass by the interval alone, %", "pass, %")
    note = "A confident gate passes nothing whose interval the report does not trust (section `trust`): it is undecided then."
    return Table("3-doubts", "Confident gates where the interval can't be trusted", columns, rows, note)


def _error(model: Model, n: int) -> float:
    """The true standard error of the mean loss of n rows."""

    def square(logit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if_positive, if_negative = log_loss(logit)
        return if_positive**2, if_negative**2

    return float(np.sqrt((model.expected(square) - model.expected(log_loss) ** 2) / n))
