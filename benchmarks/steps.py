"""Where the CPU time of one command goes, as JSON of milliseconds by import and by step: python steps.py eval PREDS LABELS

Each import and each step has the time that no other inside it has. The command's own output is thrown away.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

# Steps that are timed, by module and function; one that no longer exists counts to what calls it.
STEPS = {
    "celoss_cli.plain": {"read": "read the command line"},
    "celoss_cli.app": {"run": "read the command line"},
    "celoss.pipeline": {
        "open_inputs": "open the files, read their heads",
        "Opened.planned": "detect: heads → plan",
        "score": "read, check and score the rows",
        "Evaluation.report": "sums → report",
    },
    "celoss_cli.commands": {"_text": "report → text"},
    "celoss_cli.terminal": {"write_out": "write"},
}
REST = "the rest of the command"
# Groups of imports, by the beginning of a module's name; what is in none of them, by whose it is.
PACKAGES = ("numpy", "pyarrow", "pandas", "typer", "click", "rich", "pydantic", "celoss_cli", "celoss")

spent: dict[str, float] = defaultdict(float)
running = [REST]
since = time.process_time()


def _switch() -> None:
    global since
    now = time.process_time()
    spent[running[-1]] += now - since
    since = now


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Counts what runs inside to this name, but for what is counted to another inside it."""
    _switch()
    running.append(name)
    try:
        yield
    finally:
        _switch()
        running.pop()


def group(module: str) -> str:
    """Whose a module is."""
    package = module.partition(".")[0]
    if package in PACKAGES:
        return f"import {package}"
    return "import the standard library" if package in sys.stdlib_module_names else "import others"


def watch(module: str) -> None:
    """Times the steps of a module that has just been loaded."""
    for path, step in STEPS.get(module, {}).items():
        *owners, name = path.split(".")
        owner: Any = sys.modules[module]
        for one in owners:
            owner = getattr(owner, one, None)
        if hasattr(owner, name):
            setattr(owner, name, _watched(getattr(owner, name), step))


def _watched(function: Callable[..., Any], step: str) -> Callable[..., Any]:
    @wraps(function)
    def run(*arguments: Any, **options: Any) -> Any:
        with timed(step):
            return function(*arguments, **options)

    return run


def trace_imports() -> None:
    """Times every module that is loaded from now on, whichever way it is imported."""
    machinery: Any = importlib._bootstrap
    load = machinery._find_and_load

    def traced(name: str, import_: Any) -> Any:
        with timed(group(name)):
            module = load(name, import_)
        watch(name)
        return module

    machinery._find_and_load = traced


if __name__ == "__main__":
    out, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO())
    spent["start of Python"] = since
    trace_imports()
    with timed(REST):
        from celoss_cli.main import main

        try:
            main()
        except SystemExit as done:
            status = done.code
    _switch()
    print(json.dumps({name: 1000 * seconds for name, seconds in spent.items()}), file=out)
    sys.exit(status)
