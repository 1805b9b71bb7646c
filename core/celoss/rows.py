"""Owns the per-row output: one line for every scored row, streamed to a file or collected in a frame."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from celoss.bridge import from_ndarray, from_texts
from celoss.checks import Batch
from celoss.errors import Diagnostic, Place, UsageError, escape
from celoss.files import whole_file
from celoss.kernels import Codes, RowScores, predicted
from celoss.plan import Plan

ROW_GROUP = 1 << 16
FORMATS = (".csv", ".jsonl", ".parquet")

Sink = Callable[[Batch, RowScores], None]


def schema(plan: Plan) -> Any:
    """Columns of the per-row output. A single key is called `id`; several keep their names, as `id.NAME`."""
    keys = ["id"] if len(plan.keys) == 1 else [f"id.{mine}" for mine, _ in plan.keys]
    return pa.schema(
        [
            ("row", pa.int64()),
            *((name, pa.string()) for name in keys),
            ("label", pa.string()),
            ("predicted", pa.string()),
            ("correct", pa.float64()),
            ("probability", pa.float64()),
            ("loss", pa.float64()),
            ("kl_divergence", pa.float64()),
        ]
    )


def record_batch(plan: Plan, block: Batch, row: RowScores) -> Any:
    """The rows of a block. `row` counts from 1; `correct` is 1, 0, or 1/m where m classes share the top."""
    names = from_texts(plan.classes)
    correct = np.where(row.correct, 1.0 / row.at_top, 0.0)
    columns = [
        from_ndarray(block.rows + 1),
        *block.keys,
        names.take(from_ndarray(block.codes)),
        names.take(from_ndarray(_predicted(plan, block))),
        from_ndarray(correct),
        from_ndarray(row.probability),
        from_ndarray(row.loss),
        # Each label is one class, whose entropy is 0: the divergence of a row is its loss.
        from_ndarray(row.loss),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema(plan))


def _predicted(plan: Plan, block: Batch) -> Codes:
    if plan.one_column:
        codes: Codes = (block.probabilities[0] > 0.5).astype(np.intp)
        return codes
    return predicted(block.probabilities)


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
