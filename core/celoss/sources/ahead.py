"""Owns reading ahead: the next chunk is read in another thread while the present one is used."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from queue import Empty, Queue
from threading import Event, Thread

from celoss.sources.base import Chunk

# Chunks that are read before they are asked for.
MOST_AHEAD = 2


def read_ahead(chunks: Iterator[Chunk]) -> Generator[Chunk]:
    """The same chunks, and what reading them raises. No thread is left when the iterator ends or is closed."""
    first = next(chunks, None)
    if first is None:
        return
    # Most files are one chunk, for which a thread is not worth its start.
    yield first
    ready: Queue[Chunk | BaseException | None] = Queue(MOST_AHEAD)
    closed = Event()
    thread = Thread(target=_read, args=(chunks, ready, closed))
    thread.start()
    try:
        while (found := ready.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        closed.set()
        while thread.is_alive():
            try:
                ready.get(timeout=0.01)
            except Empty:
                continue
        thread.join()


def _read(chunks: Iterator[Chunk], ready: Queue[Chunk | BaseException | None], closed: Event) -> None:
    try:
        for chunk in chunks:
            ready.put(chunk)
            if closed.is_set():
                break
        ready.put(None)
    except BaseException as error:
        ready.put(error)
