"""Owns the making and scoring of batches, in one thread or in several; sums are exact, so their number changes no bit."""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import Full, Queue
from threading import Thread
from types import TracebackType

import numpy as np

from celoss.checks import Batch, Pending
from celoss.kernels import RowScores
from celoss.plan import Plan
from celoss.quantities import blocks
from celoss.scoring import scores
from celoss.state import State
from celoss.sums import RunningSums

# Batches that wait for a thread, so that it does not wait for the next one to be read; of many threads fewer for each, as
# all are in memory.
WAITING, MOST_WAITING = 2, 4
# One thread reads, which keeps no more than these busy.
MOST_THREADS = 8


def usual_threads() -> int:
    """How many threads are of use: as many as the cores that this process may use, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_THREADS)


class Workers:
    """Makes and scores batches in at most `threads` threads, one of which is the caller's; each has its own sums.

    write: takes the scores of each block, in order, which only the caller's thread can keep; with any_order in any order and
    from any thread. A context: no thread outlives it.
    """

    def __init__(
        self,
        plan: Plan,
        threads: int,
        write: Callable[[Batch, RowScores], None] | None = None,
        any_order: bool = False,
    ) -> None:
        self._plan = plan
        self._write = write
        self._sums = [RunningSums(plan)]
        self._others = 0 if write is not None and not any_order else threads - 1
        self._threads: list[Thread] = []
        self._queue: Queue[Pending | None] = Queue(max(1, min(WAITING * self._others, MOST_WAITING)))
        self._errors: list[BaseException] = []
        self._is_over = False
        self._batches = 0

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._is_over = kind is not None
        if self._threads:
            # One for all, who pass it on: an interrupt here, after which this is called again, can add one more at most.
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []

    def add(self, pending: Pending) -> None:
        """Makes and scores a batch: in another thread, or, when as many wait as may, in this one."""
        self._raise()
        self._batches += 1
        # A single batch is not worth either.
        if self._batches == 2:
            _keep_freed_memory()
            self._start()
        if pending.after_all:
            self._queue.join()
            self._raise()
        elif self._threads:
            try:
                self._queue.put_nowait(pending)
                return
            except Full:
                pass
        self._score(pending, self._sums[0])

    def state(self) -> State:
        """The state of all batches. Raises what went wrong in a thread."""
        self.__exit__(None, None, None)
        self._raise()
        return sum((sums.state() for sums in self._sums), State.empty(self._plan))

    def _start(self) -> None:
        for _ in range(self._others):
            sums = RunningSums(self._plan)
            thread = Thread(target=self._run, args=(sums,))
            try:
                thread.start()
            except RuntimeError:
                # The system has no more of them.
                return
            self._sums.append(sums)
            self._threads.append(thread)

    def _raise(self) -> None:
        if self._errors:
            raise self._errors[0]

    def _run(self, sums: RunningSums) -> None:
        while (pending := self._queue.get()) is not None:
            # After an error batches are taken and left, so that the caller never waits for room.
            if not self._errors and not self._is_over:
                try:
                    self._score(pending, sums)
                except BaseException as error:
                    self._errors.append(error)
            self._queue.task_done()
        self._queue.put(None)

    def _score(self, pending: Pending, sums: RunningSums) -> None:
        batch = pending.make()
        sums.notice(batch)
        for block in blocks(batch):
            row = scores(self._plan, block)
            if self._write is not None:
                self._write(block, row)
            sums.add(block, row)


def _keep_freed_memory() -> None:
    """Frees one large array that nobody has touched, after which glibc keeps what is freed, up to 32 MB in each thread.

    Until then it returns every large temporary to the system, which fills the next one with zeros again: 10 M binary rows
    take 1.35 times as long, and 1.45 times the processor. Elsewhere it does nothing.
    """
    np.empty(1 << 21)
