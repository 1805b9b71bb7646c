"""Owns bringing predictions and labels together row by row, by position or by key, in batches that any thread can make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

from celoss.checks import (
    Batch,
    Labels,
    Pending,
    checked_batch,
    checked_pair,
    empty_batch,
    empty_keys,
    forgiving,
    read_labels,
)
from celoss.errors import NO_FAULTS, CelossError, Fault, Faults
from celoss.joining import Join, LabelTable
from celoss.keys import Distinct, KeyTable, are_same, keys_of
from celoss.plan import LABELS, PREDICTIONS, Plan
from celoss.sources import Chunk, Source, Suspicious
from celoss.sources.ahead import read_ahead


class OrderDiffersError(Exception):
    """The keys of the two files are not provably in one order without repeats: match them by look-up instead."""


def by_position(plan: Plan, predictions: Source, labels: Source | None, careful: bool, rows: int) -> Iterator[Pending]:
    """Pairs the n-th prediction with the n-th label, in batches of at most `rows` rows; a fault (E301) for unequal numbers."""
    if labels is None:
        for both in _cut(_whole_rows(plan, predictions, careful), rows):
            yield Pending(partial(checked_pair, plan, *_split(plan, both)), both.rows)
        return
    seen = [0, 0]
    for left, right in _zip(_predictions(plan, predictions, careful), _labels(plan, labels, careful, keyed=False), rows):
        seen[0] += left.rows if left else 0
        seen[1] += right.rows if right else 0
        if left is not None and right is not None:
            yield Pending(partial(checked_pair, plan, left, right), left.rows)
    if seen[0] != seen[1]:
        unequal = Fault(min(seen), None, f"{seen[0]} {seen[1]}", "E301", PREDICTIONS)
        yield Pending(partial(empty_batch, plan, Faults.of([unequal], most=plan.places)))


def in_order(plan: Plan, predictions: Source, labels: Source, careful: bool, rows: int) -> Iterator[Pending]:
    """Pairs rows whose keys come in the same order in both files; holds one batch in memory, and of unsorted keys 8 bytes each.

    Raises OrderDiffersError as soon as the order is known to differ or a key to repeat, which can be after all rows.
    """
    distinct = Distinct()
    for left, right in _zip(_predictions(plan, predictions, careful), _labels(plan, labels, careful, keyed=True), rows):
        if left is None or right is None:
            raise OrderDiffersError
        count = len(plan.keys)
        if not are_same(left.texts[:count], right.texts[:count]) or not distinct.still_hold(keys_of(left, count)):
            raise OrderDiffersError
        yield Pending(partial(checked_pair, plan, left, right), left.rows)
    if not distinct.hold():
        raise OrderDiffersError


def by_key(
    plan: Plan, predictions: Source, labels: Source, careful: bool, rows: int, numbered: bool = False
) -> Iterator[Pending]:
    """Looks each prediction's key up among the labels. Labels with their keys are in memory, predictions stream.

    Where only the common rows are asked for, the keys of the predictions are read first. numbered: as in `Join`.
    """
    wanted = None
    if plan.options.id_match == "inner":
        mine = plan.key_columns(PREDICTIONS)
        chunks = predictions.batches(mine, [], careful, len(mine))
        wanted = KeyTable(keys_of(chunk, len(mine)) for chunk in chunks if chunk.rows)
    return by_table(label_table(plan, labels, careful, wanted), plan, predictions, careful, rows, numbered)


def label_table(plan: Plan, labels: Source, careful: bool, wanted: KeyTable | None = None) -> LabelTable:
    """The labels by key, in memory. wanted: the keys of the rows that count, None for all."""
    # Closed here: an error would keep the iterator, and its thread would wait for ever.
    with closing(read_ahead(_labels(plan, labels, careful, keyed=True))) as chunks:
        return LabelTable(plan, chunks, labels.role, wanted)


def by_table(
    table: LabelTable, plan: Plan, predictions: Source, careful: bool, rows: int, numbered: bool = False
) -> Iterator[Pending]:
    """Looks each prediction's key up in a table of labels, which several files can share. numbered: as in `Join`."""
    join = Join(table, plan, numbered)
    for chunk in _cut(_predictions(plan, predictions, careful), rows):
        yield Pending(partial(join.match, chunk), chunk.rows)
    yield Pending(join.leftover, after_all=True)


def in_step(
    plans: Sequence[Plan], predictions: Sequence[Source], labels: Source, rows: int
) -> Iterator[tuple[int, Pending | None]]:
    """Pairs the n-th rows of several files of predictions, each with its plan, with the n-th label; labels are read once.

    The plans read the labels alike. Each batch comes with the number of its file. None instead of one says that the file is
    left out, and has to be read by itself: its keys or the number of its rows differ, it cannot be read without care or at
    all, or keys repeat, of which unsorted ones are only known at the end.
    """
    count = len(plans[0].keys)
    pairs = enumerate(zip(plans, predictions, strict=True))
    streams = {number: _Stream(_predictions(plan, source, careful=False)) for number, (plan, source) in pairs}
    distinct = Distinct()
    for whole in _cut(_labels(plans[0], labels, careful=False, keyed=bool(count)), rows):
        if not streams:
            return
        done = 0
        while streams and done < whole.rows:
            yield from _leave_out(streams, [number for number, stream in streams.items() if not stream.rows])
            common = min((stream.rows for stream in streams.values()), default=whole.rows)
            right = whole.part(done, min(common, whole.rows - done))
            done += right.rows
            lefts = {number: stream.take(right.rows) for number, stream in streams.items()}
            keys = right.texts[:count]
            differ = [number for number, left in lefts.items() if not are_same(left.texts[:count], keys)]
            yield from _leave_out(streams, differ if not count or distinct.still_hold(keys_of(right, count)) else list(streams))
            read = read_labels(plans[0], right, count)
            for number in streams:
                make = partial(_with_labels, plans[number], lefts[number], right, read)
                yield number, Pending(make, right.rows)
    yield from _leave_out(streams, [number for number, stream in streams.items() if stream.rows or stream.failed])
    if streams and not distinct.hold():
        yield from _leave_out(streams, list(streams))


class _Stream:
    """Chunks of one file, cut to any size. rows: of the present chunk, 0 at the end and where the file cannot be read on."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self._chunk: Chunk | None = None
        self.failed = False

    @property
    def rows(self) -> int:
        if self._chunk is None and not self.failed:
            try:
                self._chunk = _next(self._chunks)
            except (CelossError, Suspicious):
                self.failed = True
        return self._chunk.rows if self._chunk else 0

    def take(self, rows: int) -> Chunk:
        """The next rows of the present chunk."""
        chunk = self._chunk
        assert chunk is not None
        self._chunk = chunk.part(rows, chunk.rows - rows) if chunk.rows > rows else None
        return chunk.part(0, rows)


def _leave_out(streams: dict[int, _Stream], numbers: Sequence[int]) -> Iterator[tuple[int, None]]:
    for number in numbers:
        del streams[number]
        yield number, None


def _with_labels(plan: Plan, left: Chunk, right: Chunk, labels: Labels) -> Batch:
    """The batch of predictions and labels that belong together row by row, from the labels as they were read."""
    batch = checked_batch(plan, left, labels)
    faults = labels.faults + empty_keys(plan, left, PREDICTIONS)
    return replace(batch, faults=batch.faults + faults + (empty_keys(plan, right, LABELS) if plan.keys else NO_FAULTS))


def _predictions(plan: Plan, predictions: Source, careful: bool) -> Iterator[Chunk]:
    texts = [*plan.key_columns(PREDICTIONS), *plan.texts(PREDICTIONS)]
    return forgiving(plan, predictions.batches(texts, plan.numbers(PREDICTIONS), careful, len(plan.keys)))


def _labels(plan: Plan, labels: Source, careful: bool, *, keyed: bool) -> Iterator[Chunk]:
    keys = plan.key_columns(LABELS) if keyed else []
    return forgiving(plan, labels.batches([*keys, *plan.texts(LABELS)], plan.numbers(LABELS), careful, len(keys)))


def _whole_rows(plan: Plan, predictions: Source, careful: bool) -> Iterator[Chunk]:
    """Chunks of a file that holds both: keys, then the texts of the labels; predictions, then the numbers of the labels."""
    texts = [*plan.key_columns(PREDICTIONS), *plan.texts(LABELS)]
    return forgiving(plan, predictions.batches(texts, [*plan.columns, *plan.numbers(LABELS)], careful, len(plan.keys)))


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
