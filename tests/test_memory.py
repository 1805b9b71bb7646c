"""Memory does not grow with the rows while both files are in one order."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as Linux gives it")

# MB (10^6 bytes). The columns of the additional rows, if they were held, would take 80 or more.
CEILING = 60

# A small process that starts the command: on Linux a child's peak counts what its parent held when it started it.
LAUNCHER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6, file=sys.stderr)
sys.exit(done.returncode)
"""


def write_pair(folder: Path, rows: int, kind: str, *, ids: bool) -> tuple[Path, Path]:
    """Binary predictions and labels in one order, with sorted ids or without."""
    p = np.random.default_rng(rows).random(rows)
    key = {"id": np.arange(rows)} if ids else {}
    write = pq.write_table if kind == "parquet" else pacsv.write_csv
    predictions, labels = folder / f"preds.{kind}", folder / f"labels.{kind}"
    write(pa.table({**key, "p": p}), predictions)
    write(pa.table({**key, "label": (p > 0.4).astype(np.int64)}), labels)
    return predictions, labels


def peak(folder: Path, rows: int, kind: str, *, ids: bool) -> float:
    """Peak resident memory in MB of scoring a pair of files of that many rows."""
    predictions, labels = write_pair(folder, rows, kind, ids=ids)
    command = [sys.executable, "-m", "celoss_cli", "eval", str(predictions), str(labels), "-f", "json"]
    done = subprocess.run([sys.executable, "-c", LAUNCHER, *command], capture_output=True, text=True)
    for path in (predictions, labels):
        path.unlink()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["scored"] == rows
    return float(done.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    ("kind", "ids", "few", "many"),
    [
        ("parquet", False, 1_000_000, 6_000_000),
        ("parquet", True, 1_000_000, 6_000_000),
        # Arrow reads up to 32 blocks of text ahead: only a file of more than that shows what further rows take.
        ("csv", True, 4_000_000, 8_000_000),
    ],
)
def test_more_rows_in_the_same_memory(tmp_path: Path, kind: str, ids: bool, few: int, many: int) -> None:
    small = peak(tmp_path, few, kind, ids=ids)
    large = peak(tmp_path, many, kind, ids=ids)
    assert large < small + CEILING
