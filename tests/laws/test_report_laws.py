"""What must not change a single byte of the metrics: the order of columns and rows, the batches, the file format."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import celoss

BATCH_ROWS = (1, 7, 1000, 65_536)


def forecasts(n, k, seed):
    """Random (n, k) distributions and labels, some of them skewed, tied, zero or one."""
    random = np.random.default_rng(seed)
    p = random.random((n, k)) ** random.choice([1, 8], (n, 1))
    p[random.random(n) < 0.05] = 1.0
    p[random.random(n) < 0.05] = np.eye(k)[0]
    return p / p.sum(axis=1, keepdims=True), random.integers(0, k, n)


def table(p, columns, ids):
    return pa.table({"id": ids} | {f"p_{name}": p[:, name] for name in columns})


def scored(report):
    """The part of the JSON that depends on the rows alone, as bytes."""
    document = json.loads(report.to_json())
    spread = ("metrics", "standard_errors", "intervals", "tail", "calibration")
    kept = (*spread, "per_class", "zero_probability", "clipped", "rows", "classes", "notes")
    return json.dumps({name: document[name] for name in kept}).encode()


shapes = given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 2**32 - 1))


@shapes
@settings(max_examples=40, deadline=None)
def test_the_order_of_columns_and_rows_changes_no_byte(n, k, seed):
    p, y = forecasts(n, k, seed)
    random = np.random.default_rng(seed + 1)
    ids = [f"r{random.integers(10**9)}_{row}" for row in range(n)]
    labels = pa.table({"id": ids, "label": y})
    expected = scored(celoss.evaluate(table(p, range(k), ids), labels))
    columns, rows = random.permutation(k), random.permutation(n)
    shuffled = table(p, columns, ids).take(pa.array(rows))
    assert scored(celoss.evaluate(shuffled, labels)) == expected
    assert scored(celoss.evaluate(shuffled, labels.take(pa.array(random.permutation(n))))) == expected


@shapes
@settings(max_examples=25, deadline=None)
def test_the_cut_into_batches_changes_no_byte(n, k, seed):
    p, y = forecasts(n, k, seed)
    ids = list(range(n))
    inputs = table(p, range(k), ids), pa.table({"id": ids, "label": y})
    reports = [celoss.evaluate(*inputs, batch_rows=rows) for rows in BATCH_ROWS]
    assert len({report.to_json() for report in reports}) == 1


def write_all(folder, p, y, ids):
    """The same forecasts in every format; floats as shortest text are the same doubles."""
    k = p.shape[1]
    predictions, labels = table(p, range(k), ids), pa.table({"id": ids, "label": y})
    pq.write_table(predictions, folder / "p.parquet", row_group_size=17)
    pq.write_table(labels, folder / "y.parquet")
    with pa.OSFile(str(folder / "p.arrow"), "wb") as file, pa.ipc.new_file(file, predictions.schema) as writer:
        writer.write_table(predictions, max_chunksize=11)
    rows = predictions.to_pylist()
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, cells in (("p", rows), ("y", labels.to_pylist())):
        lines = [",".join(cells[0]), *(",".join(str(value) for value in row.values()) for row in cells)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(("n", "k"), [(1, 2), (40, 2), (1500, 3), (100, 12)])
@pytest.mark.parametrize("order", ["in order", "shuffled"])
def test_the_file_format_changes_no_byte(tmp_path, n, k, order):
    p, y = forecasts(n, k, seed=n + k)
    ids = np.random.default_rng(n).permutation(n) if order == "shuffled" else np.arange(n)
    write_all(tmp_path, p, y, [f"row{one}" for one in ids])
    found = {
        scored(celoss.evaluate(str(tmp_path / left), str(tmp_path / right), batch_rows=rows))
        for left in ("p.csv", "p.parquet", "p.arrow", "p.jsonl")
        for right in ("y.csv", "y.parquet")
        for rows in (max(7, n // 40), 65_536)
    }
    assert len(found) == 1


@pytest.mark.parametrize("rows", BATCH_ROWS)
def test_a_csv_file_cut_into_any_batches_gives_the_same_json(rows):
    folder = Path(__file__).parents[2] / "sample_data"
    inputs = str(folder / "worldcup_preds.csv"), str(folder / "worldcup_labels.csv")
    assert celoss.evaluate(*inputs, batch_rows=rows).to_json() == celoss.evaluate(*inputs).to_json()


@shapes
@settings(max_examples=25, deadline=None)
def test_renaming_classes_renames_the_report(n, k, seed):
    """Brier sums over classes in class order, so its last bits may follow the names; all else is the same."""
    p, y = forecasts(n, k, seed)
    ids = list(range(n))
    mapping = np.random.default_rng(seed).permutation(k)
    first = celoss.evaluate(table(p, range(k), ids), pa.table({"id": ids, "label": y}))
    renamed = pa.table({"id": ids} | {f"p_{mapping[c]}": p[:, c] for c in range(k)})
    second = celoss.evaluate(renamed, pa.table({"id": ids, "label": mapping[y]}))
    for name in ("log_loss", "accuracy"):
        assert first.metrics[name] == second.metrics[name]
    assert first.metrics["brier"] == pytest.approx(second.metrics["brier"], rel=1e-14)
    rows = {one.name: one for one in second.per_class}
    for one in first.per_class:
        other = rows[str(mapping[int(one.name)])]
        assert (one.rows, one.log_loss, one.recall, one.loss_share) == (
            other.rows,
            other.log_loss,
            other.recall,
            other.loss_share,
        )


@shapes
@settings(max_examples=25, deadline=None)
def test_classes_add_up_to_the_total(n, k, seed):
    p, y = forecasts(n, k, seed)
    report = celoss.evaluate(p, y)
    assert sum(one.rows for one in report.per_class) == n
    losses = math.fsum(one.rows * one.log_loss for one in report.per_class if one.rows)
    assert losses / n == pytest.approx(report.log_loss, rel=1e-13)
    if report.log_loss:
        assert math.fsum(one.loss_share for one in report.per_class) == pytest.approx(1.0, abs=1e-15 * k)


@shapes
@settings(max_examples=25, deadline=None)
def test_forecasting_the_label_frequencies_costs_the_reference(n, k, seed):
    _, y = forecasts(n, k, seed)
    share = np.bincount(y, minlength=k) / n
    report = celoss.evaluate(np.tile(share, (n, 1)), y)
    assert report.log_loss == pytest.approx(report.metrics["reference_log_loss"], rel=1e-12, abs=1e-15)


@shapes
@settings(max_examples=25, deadline=None)
def test_twice_the_rows_give_the_same_means(n, k, seed):
    p, y = forecasts(n, k, seed)
    once, twice = celoss.evaluate(p, y), celoss.evaluate(np.concatenate([p, p]), np.concatenate([y, y]))
    for name in ("log_loss", "accuracy", "brier", "reference_log_loss", "skill"):
        assert once.metrics[name] == twice.metrics[name]
