"""Whatever the bytes of a file are, every reader reads it or says what is wrong; `tests/fuzz/bytes.py` searches further."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, environment
from tests.fuzz.readers import WAYS, Attempts, seeds

INPUTS = 3000


@pytest.mark.parametrize("name", seeds())
def test_an_undamaged_file_is_read(name: str, tmp_path: Path) -> None:
    way = "plan" if name == "plan.json" else "read"
    # The one seed that is no table: records have no columns that celoss reads.
    expected = "E209" if name == "records.npy" else None
    assert Attempts(tmp_path).attempt(WAYS.index(way), seeds()[name]) == expected


def test_damaged_files_are_read_or_refused() -> None:
    # In a process of its own: a fault in a library below would end this one.
    command = [sys.executable, "-m", "tests.fuzz.mutations", "0", str(INPUTS)]
    ran = subprocess.run(command, cwd=REPOSITORY, env=environment(), capture_output=True, text=True, timeout=300)
    assert ran.stderr == ""
    assert ran.stdout.split() == [str(number) for number in range(INPUTS)], "the process ended at the input after these"
    assert ran.returncode == 0
