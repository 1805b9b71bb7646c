"""Owns one measured process: its seconds, its peak memory, and what it printed; and how two programs are compared."""

from __future__ import annotations

import compileall
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
LAUNCHER = Path(__file__).with_name("launch.py")
# A file that is locked during each run where several benchmarks share a machine.
LOCK = "BENCHMARK_LOCK"


@dataclass(frozen=True)
class Run:
    """seconds: by the clock. cpu: of all its threads. peak: largest resident set in MB (10^6 bytes)."""

    seconds: float
    cpu: float
    peak: float
    output: str


def measure(command: Sequence[str]) -> Run:
    """Runs a command below a small launcher. Raises RuntimeError with its standard error when it fails.

    Linux counts the memory that the parent held at the fork to the child, so a parent that is small must start it.
    """
    launcher = [sys.executable, "-ISs", str(LAUNCHER), *command]
    with alone():
        launched = subprocess.run(launcher, stdout=subprocess.PIPE, text=True, check=True, env=_environment())
    found = json.loads(launched.stdout)
    if "failed" in found:
        raise RuntimeError(f"{' '.join(command)}\n{found['failed']}")
    return Run(**found)


def in_turn(commands: Mapping[str, Sequence[str]], times: int, every: Mapping[str, int] | None = None) -> dict[str, list[Run]]:
    """Runs all commands one after another, `times` times: A B A B. every: in which rounds alone a command runs, 3 for
    every third; the others take no part in its ratios."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(times):
        for name, command in commands.items():
            if turn % (every or {}).get(name, 1) == 0:
                runs[name].append(measure(command))
    return runs


def paired(ours: Sequence[Run], theirs: Sequence[Run], every: int = 1) -> tuple[float, float]:
    """How many times as long the one took as the other: the medians of the ratios round by round, of seconds and of CPU."""
    rounds = list(zip(ours[::every], theirs, strict=True))
    return median(a.seconds / b.seconds for a, b in rounds), median(a.cpu / b.cpu for a, b in rounds)


def medians(runs: Sequence[Run]) -> tuple[float, float, float]:
    """Seconds and CPU seconds, each the median, and the largest peak."""
    return median(run.seconds for run in runs), median(run.cpu for run in runs), max(run.peak for run in runs)


def celoss(predictions: Path, labels: Path, *options: str) -> list[str]:
    """The command that scores a pair of files."""
    return [sys.executable, "-m", "celoss_cli", "eval", str(predictions), str(labels), "-f", "json", *options]


def takes(option: str) -> bool:
    """Whether `celoss eval` has an option."""
    return option in measure([sys.executable, "-m", "celoss_cli", "eval", "--help"]).output


def compile_all() -> None:
    """Writes celoss's byte code, as an installed command has it."""
    for folder in ("core", "cli"):
        compileall.compile_dir(ROOT / folder, quiet=1)


def warm(*paths: Path) -> None:
    """Reads files once, so that no program pays for the disk."""
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 24):
                pass


def _environment() -> dict[str, str]:
    """This process's, in which programs may keep byte code, as they do for users."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def alone() -> Iterator[None]:
    """Holds the lock that the benchmarks on this machine share, if there is one."""
    if LOCK not in os.environ:
        yield
        return
    with open(os.environ[LOCK], "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
