"""Chunks that are read ahead are the same chunks, and no thread is left over."""

import threading

import numpy as np
import pytest

from celoss.sources.ahead import MOST_AHEAD, read_ahead
from celoss.sources.base import Chunk


def chunk(start):
    return Chunk(start, 1, (), np.full((1, 1), float(start)))


def chunks(count, read):
    for start in range(count):
        read.append(start)
        yield chunk(start)


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.mark.parametrize("count", [0, 1, 2, 3, 20])
def test_chunks_come_in_their_order(count):
    assert [one.start for one in read_ahead(chunks(count, []))] == list(range(count))


def test_a_single_chunk_needs_no_thread():
    before = threading.active_count()
    ahead = read_ahead(chunks(1, []))
    assert next(ahead).start == 0
    assert threading.active_count() == before
    assert next(ahead, None) is None


def test_only_few_chunks_are_held():
    read = []
    ahead = read_ahead(chunks(100, read))
    for used in range(1, 20):
        next(ahead)
        # Those that were used, those that are ready, and one that waits for room.
        assert len(read) <= used + MOST_AHEAD + 1
    ahead.close()
    assert len(read) < 100


def test_what_reading_raises_comes_after_the_chunks_before_it():
    def broken():
        yield chunk(0)
        yield chunk(1)
        raise OSError("the disk is gone")

    ahead = read_ahead(broken())
    assert [next(ahead).start, next(ahead).start] == [0, 1]
    with pytest.raises(OSError, match="the disk is gone"):
        next(ahead)


@pytest.mark.parametrize("used", [0, 1, 2, 5])
def test_closing_early_ends_the_thread(used):
    ahead = read_ahead(chunks(1000, []))
    for _ in range(used):
        next(ahead)
    ahead.close()
