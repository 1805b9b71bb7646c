"""Owns one measured process: its seconds, its peak memory, and what it printed."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


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
    launched = subprocess.run([sys.executable, "-ISs", __file__, *command], stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(launched.stdout)
    if "failed" in found:
        raise RuntimeError(f"{' '.join(command)}\n{found['failed']}")
    return Run(**found)


def celoss(predictions: Path, labels: Path) -> list[str]:
    """The command that scores a pair of files."""
    return [sys.executable, "-m", "celoss_cli", "eval", str(predictions), str(labels), "-f", "json"]


def warm(*paths: Path) -> None:
    """Reads files once, so that no program pays for the disk."""
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 24):
                pass


def _launch(command: Sequence[str]) -> Run | dict[str, str]:
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        return {"failed": f"exit status {done.returncode}\n{done.stderr}"}
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6, done.stdout)


if __name__ == "__main__":
    result = _launch(sys.argv[1:])
    print(json.dumps(asdict(result) if isinstance(result, Run) else result))
