"""Owns bringing predictions and labels together row by row, by position or by key, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from celoss.checks import Batch, checked_pair, empty_batch, forgiving
from celoss.errors import Fault, Faults
from celoss.keys import LabelTable, Orders
from celoss.plan import LABELS, PREDICTIONS, Plan
from celoss.sources import Chunk, Source
from celoss.sources.cases import key_of


class OrderDiffersError(Exception):
    """The keys of the two files are not provably in one order without repeats: match them by look-up instead."""


def by_position(plan: Plan, predictions: Source, labels: Source | None, careful: bool, rows: int) -> Iterator[Batch]:
    """Pairs the n-th prediction with the n-th label, in batches of at most `rows` rows; a fault (E301) for unequal numbers."""
    if labels is None:
        for both in _cut(_whole_rows(plan, predictions, careful), rows):
            yield checked_pair(plan, *_split(plan, both))
        return
    seen = [0, 0]
    for left, right in _zip(_predictions(plan, predictions, careful), _labels(plan, labels, careful, keyed=False), rows):
        seen[0] += left.rows if left else 0
        seen[1] += right.rows if right else 0
        if left is not None and right is not None:
            yield checked_pair(plan, left, right)
    if seen[0] != seen[1]:
        unequal = Fault(min(seen), None, f"{seen[0]} {seen[1]}", "E301", PREDICTIONS)
        yield empty_batch(plan, Faults.of([unequal], most=plan.places))


def in_order(plan: Plan, predictions: Source, labels: Source, careful: bool, rows: int) -> Iterator[Batch]:
    """Pairs rows whose keys come in the same, strictly monotone order in both files; holds one batch in memory.

    A monotone order proves that no key repeats. Raises OrderDiffersError as soon as that cannot be shown.
    """
    orders = Orders()
    for left, right in _zip(_predictions(plan, predictions, careful), _labels(plan, labels, careful, keyed=True), rows):
        if left is None or right is None:
            raise OrderDiffersError
        keys = key_of(left.texts[: len(plan.keys)])
        if not keys.equals(key_of(right.texts[: len(plan.keys)])) or not orders.still_hold(keys):
            raise OrderDiffersError
        yield checked_pair(plan, left, right)


def by_key(plan: Plan, predictions: Source, labels: Source, careful: bool, rows: int) -> Iterator[Batch]:
    """Looks each prediction's key up among the labels. Labels with their keys are in memory, predictions stream.

    Where only the common rows are asked for, the keys of the predictions are read first.
    """
    wanted = None
    if plan.options.id_match == "inner":
        mine = plan.key_columns(PREDICTIONS)
        chunks = predictions.batches(mine, [], careful)
        wanted = pc.unique(pa.chunked_array([key_of(chunk.texts) for chunk in chunks if chunk.rows], pa.string()))
    table = LabelTable(plan, _labels(plan, labels, careful, keyed=True), labels.role, wanted)
    for chunk in _cut(_predictions(plan, predictions, careful), rows):
        yield table.match(chunk)
    yield table.leftover()


def _predictions(plan: Plan, predictions: Source, careful: bool) -> Iterator[Chunk]:
    texts = [*plan.key_columns(PREDICTIONS), *plan.texts(PREDICTIONS)]
    return forgiving(plan, predictions.batches(texts, plan.numbers(PREDICTIONS), careful))


def _labels(plan: Plan, labels: Source, careful: bool, *, keyed: bool) -> Iterator[Chunk]:
    keys = plan.key_columns(LABELS) if keyed else []
    return forgiving(plan, labels.batches([*keys, *plan.texts(LABELS)], plan.numbers(LABELS), careful))


def _whole_rows(plan: Plan, predictions: Source, careful: bool) -> Iterator[Chunk]:
    """Chunks of a file that holds both: keys, then the texts of the labels; predictions, then the numbers of the labels."""
    texts = [*plan.key_columns(PREDICTIONS), *plan.texts(LABELS)]
    return forgiving(plan, predictions.batches(texts, [*plan.columns, *plan.numbers(LABELS)], careful))


def _split(plan: Plan, both: Chunk) -> tuple[Chunk, Chunk]:
    """A chunk of a file that holds both, as one of predictions and one of labels."""
    keys, columns = len(plan.keys), len(plan.columns)
    left = replace(both, texts=both.texts[:keys], numbers=both.numbers[:columns])
    return left, replace(both, texts=both.texts[keys:], numbers=both.numbers[columns:])


def _cut(chunks: Iterator[Chunk], rows: int) -> Iterator[Chunk]:
    """The same rows in chunks of at most `rows` rows."""
    for chunk in chunks:
        for offset in range(0, chunk.rows, rows):
            yield chunk.part(offset, min(rows, chunk.rows - offset))


def _zip(lefts: Iterator[Chunk], rights: Iterator[Chunk], rows: int) -> Iterator[tuple[Chunk | None, Chunk | None]]:
    """Chunks of two streams cut to equal lengths; once one has ended, what is left of the other with None."""
    left, right = _next(lefts), _next(rights)
    while left is not None and right is not None:
        common = min(left.rows, right.rows, rows)
        yield left.part(0, common), right.part(0, common)
        left = left.part(common, left.rows - common) if left.rows > common else _next(lefts)
        right = right.part(common, right.rows - common) if right.rows > common else _next(rights)
    while left is not None:
        yield left, None
        left = _next(lefts)
    while right is not None:
        yield None, right
        right = _next(rights)


def _next(chunks: Iterator[Chunk]) -> Chunk | None:
    """The next chunk that has rows."""
    return next((chunk for chunk in chunks if chunk.rows), None)
