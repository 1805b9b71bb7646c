"""Scoring in threads: as many as there are, they change no bit, and none outlives the work."""

import threading

import numpy as np
import pyarrow as pa
import pytest

import celoss
from celoss import align, lookup, pipeline, workers
from celoss.checks import Batch, Pending
from celoss.errors import CelossError, UsageError
from celoss.plan import Plan
from celoss.sources.base import CHUNK_ROWS
from celoss.workers import Workers

PLAN = Plan(
    task="binary",
    classes=("0", "1"),
    columns=("p",),
    label_columns=("label",),
    positive="1",
    keys=(),
    labels_in_predictions=False,
    eps=1e-15,
    stored_deviation=1e-9,
    rounded_deviation=0.0,
    decimals=0,
    largest_deviation=1e-3,
)
RNG_SEED = 20261122


def batch(seed, rows=1000):
    rng = np.random.default_rng(seed)
    p = rng.random(rows)
    return Batch(np.arange(rows), p[np.newaxis], (rng.random(rows) < p).astype(np.intp))


def pending(made):
    return Pending(lambda: made, len(made.rows))


def state(threads, count=40):
    with Workers(PLAN, threads) as scoring:
        for seed in range(count):
            scoring.add(pending(batch(seed)))
        return scoring.state()


def test_any_number_of_threads_gives_the_same_state():
    alone = state(1)
    assert alone.count == 40_000
    assert state(2) == state(3) == state(8) == alone


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_reports_are_the_same_text_for_any_number_of_threads(threads, tmp_path):
    rng = np.random.default_rng(RNG_SEED)
    p = rng.dirichlet([1.0, 2.0, 3.0], 500)
    y = rng.integers(0, 3, 500)
    expected = celoss.evaluate(p, y, threads=1, batch_rows=500).to_json()
    assert celoss.evaluate(p, y, threads=threads, batch_rows=7).to_json() == expected


def test_faults_are_the_same_for_any_number_of_threads():
    p = np.full(300, 0.5)
    p[[17, 130, 299]] = 1.5
    said = []
    for threads in (1, 4):
        with pytest.raises(CelossError) as raised:
            celoss.evaluate(p, np.arange(300) % 2, threads=threads, batch_rows=10)
        said.append([one.text() for one in raised.value.diagnostics])
    assert said[0] == said[1]
    assert "3 probabilities are outside 0 to 1" in said[0][0]


def test_no_thread_outlives_the_work():
    before = threading.active_count()
    with Workers(PLAN, 4) as scoring:
        for seed in range(10):
            scoring.add(pending(batch(seed)))
        assert threading.active_count() == before + 3
    assert threading.active_count() == before


def test_a_single_batch_starts_no_thread():
    before = threading.active_count()
    with Workers(PLAN, 4) as scoring:
        scoring.add(pending(batch(0)))
        assert threading.active_count() == before


def test_threads_end_when_the_reading_fails():
    before = threading.active_count()
    with pytest.raises(RuntimeError, match="the disk is gone"), Workers(PLAN, 3) as scoring:
        for seed in range(10):
            scoring.add(pending(batch(seed)))
        raise RuntimeError("the disk is gone")
    assert threading.active_count() == before


def test_threads_end_when_the_end_itself_is_interrupted_and_tried_again(monkeypatch):
    """As by Ctrl-C while the last thread is waited for; the queue has room for both attempts."""
    before = threading.active_count()
    join = threading.Thread.join
    interrupted = []

    def interrupt(thread, timeout=None):
        join(thread, timeout)
        if len(interrupted) < 1:
            interrupted.append(thread)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Workers(PLAN, 8) as scoring:
        for seed in range(10):
            scoring.add(pending(batch(seed)))
        monkeypatch.setattr(threading.Thread, "join", interrupt)
        scoring.state()
    assert threading.active_count() == before


def test_a_system_that_has_no_more_threads_is_no_error(monkeypatch):
    start = threading.Thread.start
    started = []

    def refuse(thread):
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert state(50) == state(1)
    assert len(started) == 2


def test_an_error_while_labels_are_read_leaves_no_thread(monkeypatch):
    """The exception is kept, as a traceback or a notebook keeps it: with it all that its frames hold."""
    before = threading.active_count()
    rows = 3 * CHUNK_ROWS
    ids = np.arange(rows)
    predictions = pa.table({"id": ids, "p": np.full(rows, 0.5)})
    labels = pa.table({"id": ids[::-1], "label": ids % 2})

    def fail(self, words):
        raise MemoryError("no room")

    monkeypatch.setattr(lookup.WordList, "add", fail)
    inputs = pipeline.prepare(predictions, labels, id="id", pred="p", label="label")
    with pytest.raises(MemoryError) as kept:
        pipeline.score(inputs, match=align.by_key)
    assert threading.active_count() == before
    assert kept.value


def test_what_goes_wrong_in_a_thread_is_raised_to_the_caller(monkeypatch):
    home = threading.get_ident()

    def scores(plan, block):
        if threading.get_ident() != home:
            raise MemoryError("no room")
        return real(plan, block)

    real = workers.scores
    monkeypatch.setattr(workers, "scores", scores)
    with pytest.raises(MemoryError, match="no room"), Workers(PLAN, 2) as scoring:
        for seed in range(20):
            scoring.add(pending(batch(seed)))
        scoring.state()


def test_scores_are_written_in_order_and_by_the_caller():
    written = []

    def write(block, row):
        written.append((threading.get_ident(), block.rows[0]))

    with Workers(PLAN, 4, write) as scoring:
        for start in range(10):
            one = batch(start)
            scoring.add(pending(Batch(one.rows + 1000 * start, one.values, one.codes)))
    assert written == [(threading.get_ident(), 1000 * start) for start in range(10)]


def test_scores_are_written_by_any_thread_where_their_order_does_not_matter():
    # Three batches: the first is scored by the caller before threads start; of the others one has to wait for the other.
    both = threading.Barrier(2, timeout=10)
    writers = []

    def write(block, row):
        if block.rows[0]:
            both.wait()
        writers.append(threading.get_ident())

    with Workers(PLAN, 3, write, any_order=True) as scoring:
        for start in range(3):
            one = batch(start)
            scoring.add(pending(Batch(one.rows + 1000 * start, one.values, one.codes)))
    assert (len(writers), len(set(writers)) > 1) == (3, True)


@pytest.mark.parametrize("threads", [0, -1])
def test_fewer_threads_than_one_are_refused(threads):
    with pytest.raises(UsageError) as raised:
        celoss.evaluate([0.5], [1], threads=threads)
    assert raised.value.diagnostics[0].message == f"--threads cannot be {threads}"


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (8, 8), (64, 8)])
def test_by_default_there_are_as_many_threads_as_cores_up_to_eight(monkeypatch, cores, threads):
    asked = []

    class Spy(Workers):
        def __init__(self, plan, threads, *others):
            asked.append(threads)
            super().__init__(plan, threads, *others)

    monkeypatch.setattr(pipeline, "Workers", Spy)
    monkeypatch.setattr(workers.os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
    celoss.evaluate([0.5, 0.25], [1, 0])
    celoss.evaluate([0.5, 0.25], [1, 0], threads=7)
    assert asked == [threads, 7]
