"""Owns the per-row output: one line for every scored row, streamed to a file or collected in a frame."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from celoss import compute as pc
from celoss.bridge import from_ndarray, from_texts
from celoss.checks import Batch
from celoss.errors import Diagnostic, Place, UsageError, escape
from celoss.files import whole_file
from celoss.kernels import RowScores, predicted
from celoss.metrics import in_unit
from celoss.plan import Plan
from celoss.scoring import best_class, probabilities
from celoss.sources.base import as_text

ROW_GROUP = 1 << 16
FORMATS = (".csv", ".jsonl", ".parquet")

Sink = Callable[[Batch, RowScores], None]


def schema(plan: Plan) -> Any:
    """Columns of the per-row output. A single key is called `id`; several keep their names, as `id.NAME`."""
    keys = ["id"] if len(plan.keys) == 1 else [f"id.{mine}" for mine, _ in plan.keys]
    numbers = ["correct", *(["probability"] if plan.hard else []), "loss", "kl_divergence"]
    numbers += ["label_entropy"] if plan.shares else []
    numbers += ["weight"] if plan.weights else []
    return pa.schema(
        [
            ("row", pa.int64()),
            *((name, pa.string()) for name in keys),
            ("label", pa.string()),
            ("predicted", pa.string()),
            *((name, pa.float64()) for name in numbers),
        ]
    )


def record_batch(plan: Plan, block: Batch, row: RowScores) -> Any:
    """The rows of a block. `row` counts from 1; `correct` is what the row earns in accuracy, 0 … 1.

    Losses are in the plan's unit. Of a soft label `label` is the class with the largest share, of independent labels it
    names those that are set, joined by `|`; so does `predicted`.
    """
    scale = in_unit(plan, 1.0)
    # Where each label is one class its entropy is 0, and the divergence of a row is its loss.
    kl = row.loss if row.kl is None else row.kl
    columns = [
        from_ndarray(block.rows + 1),
        *map(as_text, block.keys),
        *_names(plan, block),
        from_ndarray(row.correct.shares()),
        *([from_ndarray(row.probability)] if row.probability is not None else []),
        from_ndarray(row.loss if scale == 1.0 else row.loss * scale),
        from_ndarray(kl if scale == 1.0 else kl * scale),
        *([from_ndarray(row.entropy * scale)] if row.entropy is not None else []),
        *([from_ndarray(block.weights)] if block.weights is not None else []),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema(plan))


def _names(plan: Plan, block: Batch) -> tuple[Any, Any]:
    """The labels and the predicted classes as texts."""
    names = from_texts(plan.classes)
    if plan.task == "multilabel":
        assert block.targets is not None
        return _joined(plan, block.targets > 0.5), _joined(plan, probabilities(plan, block) > 0.5)
    codes = block.codes
    if codes is None:
        assert block.targets is not None
        codes = predicted(block.targets)
    return pc.take(names, from_ndarray(codes)), pc.take(names, from_ndarray(best_class(plan, block)))


def _joined(plan: Plan, flags: NDArray[np.bool_]) -> Any:
    """The names of the classes that are set in each row, for flags (k, n)."""
    return from_texts(["|".join(itertools.compress(plan.classes, row)) for row in flags.T.tolist()])


class RecordBatches:
    """The rows of all blocks, in memory."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.batches: list[Any] = []

    def __call__(self, block: Batch, row: RowScores) -> None:
        self.batches.append(record_batch(self._plan, block, row))


def check_path(path: str) -> None:
    """Raises UsageError (E701) for a name that says no format."""
    if Path(path).suffix.lower() not in FORMATS:
        raise UsageError(
            Diagnostic(
                "E701",
                f"don't know how to write '{escape(path)}'",
                (Place(f"option --rows {path}"),),
                help=f"use one of {' '.join(FORMATS)}",
            )
        )


@contextmanager
def writer(plan: Plan, path: str) -> Iterator[Sink]:
    """A sink that writes CSV, JSON Lines or Parquet by the path's extension; the file is whole or absent."""
    with whole_file(path, "--rows") as target, _open(plan, target, Path(path).suffix.lower()) as write:
        yield lambda block, row: write(record_batch(plan, block, row))


@contextmanager
def _open(plan: Plan, target: str, suffix: str) -> Iterator[Callable[[Any], None]]:
    if suffix == ".csv":
        import pyarrow.csv as pacsv

        with pacsv.CSVWriter(target, schema(plan), write_options=pacsv.WriteOptions(quoting_style="needed")) as csv:
            yield csv.write_batch
    elif suffix == ".parquet":
        import pyarrow.parquet as pq

        with pq.ParquetWriter(target, schema(plan)) as parquet:
            # Blocks of many classes are short; a row group for each would be mostly metadata.
            waiting: list[Any] = []

            def write(batch: Any) -> None:
                waiting.append(batch)
                if sum(one.num_rows for one in waiting) >= ROW_GROUP:
                    parquet.write_table(pa.Table.from_batches(waiting))
                    waiting.clear()

            yield write
            if waiting:
                parquet.write_table(pa.Table.from_batches(waiting))
    else:
        with Path(target).open("w", encoding="utf-8") as lines:
            yield lambda batch: lines.writelines(_json_lines(batch))


def _json_lines(batch: Any) -> Iterator[str]:
    for row in batch.to_pylist():
        strict = {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()}
        yield json.dumps(strict, ensure_ascii=False, allow_nan=False) + "\n"
