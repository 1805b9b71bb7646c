"""What the tests share: the command run in this process, the command run as a real one, and a folder with two small files."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same examples in every run; `tests/fuzz/long.py` looks for others.
settings.register_profile("suite", derandomize=True)
settings.load_profile("suite")

REPOSITORY = Path(__file__).parent.parent
# What would change the output of the command, and so must not leak into a test.
VARIABLES = ("CELOSS_DEBUG", "CELOSS_FORMAT", "COLUMNS", "FORCE_COLOR", "NO_COLOR", "PYTHONUNBUFFERED", "TERM")

PREDS = """\
id,cat,dog,owl
a,0.5,0.25,0.25
b,0.25,0.5,0.25
c,0.25,0.5,0.25
d,0.25,0.25,0.5
"""
LABELS = """\
id,animal
d,owl
a,cat
c,cat
b,dog
"""


@dataclass(frozen=True)
class Ran:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew from what celoss prints now")


def in_process(*arguments: object, stdin: bytes = b"", env: dict[str, str] | None = None) -> Ran:
    """Runs `celoss ARGUMENTS` in this process, with pipes and not a terminal around it."""
    from celoss_cli.main import main

    with pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        streams = [io.TextIOWrapper(io.BytesIO(data), "utf-8") for data in (stdin, b"", b"")]
        for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
            patch.setattr(sys, name, stream)
        patch.setattr(sys, "argv", ["celoss", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
    assert isinstance(stopped.value.code, int)
    out, err = (stream.buffer.getvalue().decode("utf-8") for stream in streams[1:])
    return Ran(stopped.value.code, out, err)


@pytest.fixture
def celoss() -> Callable[..., Ran]:
    """Runs `celoss ARGUMENTS` in this process, with pipes and not a terminal around it."""
    return in_process


def environment(**added: str) -> dict[str, str]:
    """The environment of a real process: this one's, less what would change the output, with this Python's folder first."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return {**kept, "PATH": os.pathsep.join([os.path.dirname(sys.executable), kept.get("PATH", "")]), **added}


def process(*arguments: object, env: dict[str, str] | None = None, **options: Any) -> Ran:
    """Runs `celoss ARGUMENTS` as a process of its own. options: those of `subprocess.run`."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "timeout": 30} | options
    command = [sys.executable, "-m", "celoss_cli", *map(str, arguments)]
    ran = subprocess.run(command, env=environment(**(env or {})), **options)
    return Ran(ran.returncode, (ran.stdout or b"").decode(), (ran.stderr or b"").decode())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with preds.csv and labels.csv: three classes, four rows, ids in two orders."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "preds.csv").write_text(PREDS)
    (tmp_path / "labels.csv").write_text(LABELS)
    return tmp_path


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a copy of sample_data."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(REPOSITORY / "sample_data", tmp_path / "sample_data")
    return tmp_path


def twelve_digits(text: str) -> str:
    """The text with its long numbers cut to twelve digits: the last bit of a logarithm depends on the processor.

    To nine where they are tiny: of a p-value of 1e-28 that bit moves the eleventh.
    """
    return re.sub(r"\d+\.\d{12,}(e-\d+)?", lambda found: f"{float(found[0]):.{9 if found[1] else 12}g}", text)
