"""Owns the losses of several predictions by row of the labels, so that rows pair whatever the order of each file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celoss.bridge import dictionary, ndarray
from celoss.checks import Batch
from celoss.kernels import Codes, Floats, RowScores
from celoss.plan import Plan
from celoss.records import dataclass

# Rows of a page: what is made of one file's part of it stays in the L2 cache.
PAGE_BITS = 15
PAGE_ROWS = 1 << PAGE_BITS
# Pages beyond so many bytes are in a temporary file, so that the system can take them out of memory.
MOST_IN_MEMORY = 1 << 30
# Each extension of that file is mapped by itself, and a mapping keeps a file open.
EXTENT = 1 << 28
NOT_SCORED = np.nan


@dataclass(frozen=True)
class Paired:
    """Rows that all predictions have scored.

    losses: (models, m), may be +inf. weights: (m,) or None. codes: (m,) the true classes, or None where a row has no one class.
    values: (columns, m) numbers of the values of the columns that group rows, as in `Losses.texts`.
    """

    losses: Floats
    weights: Floats | None
    codes: Codes | None
    values: Codes


class _Page:
    """The rows of one page: losses (models, rows), NaN where not scored, and what the labels say of them."""

    def __init__(self, losses: Floats, plan: Plan) -> None:
        self.losses = losses
        self.weights = np.empty(PAGE_ROWS) if plan.weights else None
        self.codes = np.empty(PAGE_ROWS, np.min_scalar_type(-len(plan.classes))) if plan.hard else None
        self.values = np.empty((len(plan.grouping), PAGE_ROWS), np.int32)


class Losses:
    """The losses of several predictions, by row of the labels; blocks are added in any order and by any thread.

    A context, with which its temporary file goes.

    plans: of each. base: the one from whose blocks it is taken what the labels say of a row: all that is paired has it.
    """

    def __init__(self, plans: Sequence[Plan], base: int) -> None:
        self._plan = plan = plans[base]
        self._models = len(plans)
        self._base = base
        # Classes by number: those that a file gives as 1 less the probability of the other one.
        self.rests = [plan.classes.index(one.classes[0]) if _has_rest(one) else None for one in plans]
        self._pages: dict[int, _Page] = {}
        self._room: list[Floats] = []
        self._file: Any = None
        self._lock = Lock()
        self._numbers: list[dict[str, int]] = [{} for _ in plan.grouping]

    def __enter__(self) -> Losses:
        return self

    def __exit__(self, *error: object) -> None:
        self._pages, self._room = {}, []
        if self._file is not None:
            self._file.close()

    def sink(self, model: int) -> Any:
        """What opens a writer of one model's losses, anew for each beginning of a reading."""

        @contextmanager
        def opened() -> Iterator[Callable[[Batch, RowScores], None]]:
            for page in self._pages.values():
                page.losses[model] = NOT_SCORED
            yield lambda block, row: self._write(model, block, row)

        return opened

    def texts(self, column: int) -> list[str]:
        """The values of a column that groups rows, by number."""
        return list(self._numbers[column])

    def paired(self) -> Iterator[Paired]:
        """The rows that all have scored, page by page, in the order of the labels."""
        for _, page in sorted(self._pages.items()):
            rows = np.flatnonzero(~np.isnan(page.losses).any(axis=0))
            if rows.size:
                yield Paired(
                    page.losses[:, rows],
                    None if page.weights is None else page.weights[rows],
                    None if page.codes is None else page.codes[rows].astype(np.intp),
                    page.values[:, rows].astype(np.intp),
                )

    def _write(self, model: int, block: Batch, row: RowScores) -> None:
        rows = block.rows if block.label_rows is None else block.label_rows
        pages = rows >> PAGE_BITS
        order: NDArray[np.intp] | None = None
        if (pages[1:] < pages[:-1]).any():
            order = np.argsort(pages, kind="stable")
            pages = pages[order]
        values = self._values(block) if model == self._base else np.empty((0, len(rows)), np.int32)
        ends = [*np.flatnonzero(pages[1:] != pages[:-1]).tolist(), len(pages) - 1] if len(pages) else []
        start = 0
        for end in ends:
            these = slice(start, end + 1) if order is None else order[start : end + 1]
            page, places = self._page(int(pages[end])), rows[these] & (PAGE_ROWS - 1)
            page.losses[model, places] = row.loss[these]
            if model == self._base:
                _set(page.weights, places, block.weights, these)
                _set(page.codes, places, block.codes, these)
                page.values[:, places] = values[:, these]
            start = end + 1

    def _values(self, block: Batch) -> NDArray[np.int32]:
        """The numbers (columns, n) of the values of the columns that group rows, new ones for new values."""
        numbers = np.empty((len(self._numbers), len(block.rows)), np.int32)
        for into, known, column in zip(numbers, self._numbers, block.by, strict=True):
            encoded = dictionary(column)
            with self._lock:
                own = [known.setdefault(text, len(known)) for text in encoded.dictionary.to_pylist()]
            into[:] = np.array(own, np.int32)[ndarray(encoded.indices)]
        return numbers

    def _page(self, number: int) -> _Page:
        with self._lock:
            if number not in self._pages:
                self._pages[number] = _Page(self._new(), self._plan)
            return self._pages[number]

    def _new(self) -> Floats:
        """Losses of one page, none of them scored."""
        size = self._models * PAGE_ROWS * 8
        if (len(self._pages) + 1) * size <= MOST_IN_MEMORY:
            return np.full((self._models, PAGE_ROWS), NOT_SCORED)
        if not self._room:
            self._room = list(self._extended(max(1, EXTENT // size)))
        return self._room.pop()

    def _extended(self, pages: int) -> Floats:
        """Losses of some more pages (pages, models, rows), in the temporary file. Raises MemoryError when it cannot grow."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="celoss-")  # noqa: SIM115 - closed with the context
        start = self._file.seek(0, 2)
        nothing = np.full(PAGE_ROWS, NOT_SCORED).tobytes()
        try:
            # Written, as a full disk is an error here, and the end of the process when it shows in the mapping.
            for _ in range(pages * self._models):
                self._file.write(nothing)
            self._file.flush()
        except OSError as error:
            raise MemoryError(f"no room for the losses in {tempfile.gettempdir()}") from error
        shape = (pages, self._models, PAGE_ROWS)
        return np.memmap(self._file, np.float64, "r+", start, shape)


def _has_rest(plan: Plan) -> bool:
    return plan.hard and plan.one_column and plan.scale == "probs"


def _set(into: NDArray[Any] | None, places: Codes, values: NDArray[Any] | None, rows: Any) -> None:
    if into is not None and values is not None:
        into[places] = values[rows]
