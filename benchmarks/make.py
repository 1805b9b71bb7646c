"""Owns the files that the benchmarks read: seeded, of any number of rows, written a chunk at a time.

Every row is a function of its number, so a file can be written in any order, holding one chunk in memory.

    python -m benchmarks.make --rows 1000000 --classes 10 --ids text --shuffled --format csv
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

DATA = Path(__file__).parent / "data"
CHUNK_ROWS = 1 << 20
# Probabilities held at once, 1 GB of them: beyond 128 classes the rows of a chunk are fewer.
CHUNK_CELLS = 1 << 27
SEED = 20261121
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
# Random streams: one for each of the first thousand classes, then these.
LABEL_STREAM, ID_STREAM, ORDER_STREAM, GROUP_STREAM, STREAMS = 1000, 1001, 1010, 1020, 1024
# Row numbers stay below this; the streams of further classes and of other models are those of rows beyond it.
MOST_ROWS = 1 << 40
IDS = ("none", "int", "text", "hash")
FORMATS = ("parquet", "csv")
FORMS = ("columns", "lists")

Rows = NDArray[np.uint64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """What a pair of files holds.

    rows: in each file. classes: 2 is one column, P(1); more are a column each. ids: `none`, `int` (row numbers), `text`
    (row numbers with a prefix), both sorted where rows are in order, or `hash` (numbers of up to 20 digits that come in
    no order). shuffled: whether the labels come in another order than the predictions. format: `parquet` or `csv`.
    form: `lists` is one column of lists, whose labels are the numbers 0 … k − 1 as the classes then have no names. groups:
    a column `group` of so many values beside the labels. model: other predictions for the same labels.
    """

    rows: int
    classes: int = 2
    ids: str = "int"
    shuffled: bool = False
    format: str = "parquet"
    form: str = "columns"
    groups: int = 0
    model: int = 0


def pair(recipe: Recipe, folder: Path = DATA) -> tuple[Path, Path]:
    """The files of predictions and labels, written if they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{recipe.classes}-classes-{recipe.rows}-{recipe.ids}" + ("-lists" if recipe.form == "lists" else "")
    order = ("shuffled" if recipe.shuffled else "in-order") + (f"-{recipe.groups}-groups" if recipe.groups else "")
    predictions = folder / f"{stem}{f'-model-{recipe.model}' if recipe.model else ''}.{recipe.format}"
    labels = folder / f"{stem}-labels-{order}.{recipe.format}"
    if not predictions.exists():
        _write(predictions, recipe, lambda rows: _with_ids(recipe, rows, _prediction_columns(recipe, rows)))
    if not labels.exists():
        _write(labels, recipe, lambda rows: _label_table(recipe, rows))
    return predictions, labels


def probabilities(rows: Rows, classes: int, model: int = 0) -> Floats:
    """(classes, n) probabilities of the given rows, a softmax of logistic scores: confident, and some of them very small."""
    odds = np.empty((classes, len(rows)))
    for one in range(classes):
        beyond, stream = divmod(one, LABEL_STREAM)
        u = uniform(rows + np.uint64((16 * model + beyond) * MOST_ROWS), stream)
        odds[one] = (u / (1.0 - u)) ** 2
    odds /= odds.sum(axis=0)
    return odds


def labels(p: Floats, rows: Rows) -> NDArray[np.intp]:
    """(n,) class codes drawn from the probabilities (classes, n), which makes the forecasts calibrated."""
    drawn = uniform(rows, LABEL_STREAM)
    codes = np.zeros(len(rows), dtype=np.intp)
    below = np.zeros(len(rows))
    for plane in p[:-1]:
        below += plane
        codes += drawn >= below
    return codes


def mixed(rows: Rows, stream: int) -> Rows:
    """64 random bits for each row number of a stream, all different: SplitMix64's finalizer (Steele, Lea, Flood 2014,
    DOI 10.1145/2660193.2660195)."""
    x = (rows * np.uint64(STREAMS) + np.uint64(stream) + np.uint64(SEED)) * GOLDEN
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def uniform(rows: Rows, stream: int) -> Floats:
    """Uniform numbers in the open interval 0..1, one for each row number."""
    return ((mixed(rows, stream) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def permuted(rows: Rows, count: int) -> Rows:
    """Where a seeded permutation of 0 … count − 1 takes the given rows: a Feistel network, walked until it is inside."""
    half = np.uint64(max(1, ((count - 1).bit_length() + 1) // 2))
    result = _feistel(rows, half)
    while (outside := np.flatnonzero(result >= count)).size:
        result[outside] = _feistel(result[outside], half)
    return result


def _feistel(rows: Rows, half: np.uint64) -> Rows:
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = rows >> half, rows & mask
    for turn in range(4):
        left, right = right, left ^ (mixed(right, ORDER_STREAM + turn) & mask)
    return (left << half) | right


def _prediction_columns(recipe: Recipe, rows: Rows) -> dict[str, Any]:
    p = probabilities(rows, recipe.classes, recipe.model)
    if recipe.form == "lists":
        ends = np.arange(len(rows) + 1, dtype=np.int32) * np.int32(recipe.classes)
        return {"p": pa.ListArray.from_arrays(pa.array(ends), pa.array(p.T.ravel()))}
    return {"p": p[1]} if recipe.classes == 2 else {f"c{one}": plane for one, plane in enumerate(p)}


def _label_table(recipe: Recipe, rows: Rows) -> Any:
    rows = permuted(rows, recipe.rows) if recipe.shuffled else rows
    codes = labels(probabilities(rows, recipe.classes), rows)
    names = pa.array([f"c{one}" for one in range(recipe.classes)])
    numbered = recipe.classes == 2 or recipe.form == "lists"
    columns: dict[str, Any] = {"label": codes if numbered else names.take(pa.array(codes))}
    if recipe.groups:
        columns["group"] = (mixed(rows, GROUP_STREAM) % np.uint64(recipe.groups)).astype(np.int64)
    return _with_ids(recipe, rows, columns)


def _with_ids(recipe: Recipe, rows: Rows, columns: dict[str, Any]) -> Any:
    if recipe.ids == "none":
        return pa.table(columns)
    if recipe.ids == "hash":
        return pa.table({"id": mixed(rows, ID_STREAM), **columns})
    numbers = pa.array(rows.astype(np.int64))
    if recipe.ids == "int":
        return pa.table({"id": numbers, **columns})
    return pa.table(
        {"id": pc.binary_join_element_wise("case", pc.utf8_lpad(numbers.cast(pa.string()), 10, "0"), "-"), **columns}
    )


def _write(path: Path, recipe: Recipe, table: Callable[[Rows], Any]) -> None:
    """Writes the table of all rows, chunk by chunk; a file that is there is whole."""
    count, size = recipe.rows, min(CHUNK_ROWS, CHUNK_CELLS // recipe.classes)
    partial = path.with_name(f"{path.name}.partial")
    first = table(np.zeros(1, dtype=np.uint64))
    with _writer(partial, path.suffix, first.schema) as write:
        for start in range(0, count, size):
            write(table(np.arange(start, min(start + size, count), dtype=np.uint64)))
    partial.rename(path)


@contextmanager
def _writer(path: Path, suffix: str, schema: Any) -> Iterator[Callable[[Any], None]]:
    if suffix == ".csv":
        with pacsv.CSVWriter(path, schema, write_options=pacsv.WriteOptions(quoting_style="needed")) as csv:
            yield csv.write_table
    else:
        with pq.ParquetWriter(path, schema) as parquet:
            yield parquet.write_table


def _main() -> None:
    parser = argparse.ArgumentParser(description="Write a pair of benchmark files, and print their paths.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--ids", choices=IDS, default="int")
    parser.add_argument("--shuffled", action="store_true", help="labels in another order than predictions")
    parser.add_argument("--format", choices=FORMATS, default="parquet")
    parser.add_argument("--form", choices=FORMS, default="columns", help="lists: one column of them, in Parquet")
    parser.add_argument("--groups", type=int, default=0, help="values of a column `group` beside the labels")
    parser.add_argument("--model", type=int, default=0, help="other predictions for the same labels")
    parser.add_argument("--into", type=Path, default=DATA)
    given = vars(parser.parse_args())
    folder = given.pop("into")
    for path in pair(Recipe(**given), folder):
        print(path)


if __name__ == "__main__":
    _main()
