"""The rules of the house that a machine can hold: who imports whom, and what a small run may import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from tests.conftest import REPOSITORY, environment

HEAVY = ("numpy", "pyarrow", "pandas")
LIBRARIES = "import numpy, numpy.typing, pyarrow.csv, pyarrow._compute"
# Modules of the standard library that take milliseconds and that no small run needs.
SLOW = {
    *("argparse", "asyncio", "concurrent", "email", "http", "logging", "multiprocessing", "secrets", "ssl", "tempfile"),
    *("unittest", "xml"),
}
ENTRY = {"celoss", "celoss_cli", "celoss_cli.main", "celoss_cli.failures", "celoss_cli.terminal"}
# Of other commands, other formats, other forms of output.
ELSEWHERE = {
    "celoss.checkup",
    "celoss.comparison",
    "celoss.contrasts",
    "celoss.explaining",
    "celoss.functions",
    "celoss.sources.jsonl",
    "celoss_cli.app",
    "celoss_cli.render.check",
    "celoss_cli.render.compare",
    "celoss_cli.render.csv",
    "celoss_cli.render.explain",
    "celoss_cli.render.layout",
    "celoss_cli.render.markdown",
    "celoss_cli.render.shown",
    "celoss_cli.render.table",
}


def modules_of(code: str) -> set[str]:
    """The modules that a fresh Python has imported after the code, which may exit."""
    told = "import json, sys; sys.stderr.write('\\n' + json.dumps([*sys.modules]))"
    code = f"try:\n    {code}\nexcept SystemExit:\n    pass\n{told}"
    ran = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, timeout=30)
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stderr.splitlines()[-1]))


def imported_by(code: str) -> set[str]:
    """The top-level modules that a fresh Python has imported after the code, which may exit."""
    return {name.split(".")[0] for name in modules_of(code)}


def running(*arguments: str) -> str:
    return f"import sys; sys.argv[1:] = {list(arguments)!r}; from celoss_cli.main import main; main()"


def imported_by_command(*arguments: str) -> set[str]:
    return imported_by(running(*arguments))


def is_ours(name: str) -> bool:
    return name.split(".")[0] in ("celoss", "celoss_cli")


def test_the_import_contracts_are_kept() -> None:
    ran = subprocess.run(["lint-imports", "--no-logo"], cwd=REPOSITORY, env=environment(), capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stdout.decode()
    assert b" 0 broken" in ran.stdout


@pytest.mark.parametrize("line", ["--help", "--version", "eval --help", "check --help", "schema", "eval"])
def test_what_needs_no_numbers_imports_no_library_of_numbers(line: str) -> None:
    assert imported_by_command(*line.split()).isdisjoint({*HEAVY, "scipy", "rich"})


@pytest.mark.parametrize("line", ["-f json", "-f markdown", "-f csv --rows rows.csv"])
def test_scoring_a_small_file_with_shuffled_ids_imports_only_what_it_needs(line: str, folder: Path) -> None:
    imported = imported_by_command("eval", "preds.csv", "labels.csv", *line.split())
    assert {"numpy", "pyarrow"} <= imported
    assert imported & {"pandas", "scipy", "rich", "hypothesis", "jsonschema"} == set()


def test_the_version_loads_the_entry_point_and_nothing_that_takes_time() -> None:
    imported = modules_of(running("--version")) - modules_of("pass")
    assert set(filter(is_ours, imported)) == ENTRY
    assert {one for one in imported if not is_ours(one)} <= {
        *("__future__", "atexit", "collections", "contextlib", "enum", "errno", "functools", "gc", "itertools", "keyword"),
        *(
            "_collections",
            "_functools",
            "_operator",
            "annotationlib",
            "ast",
            "operator",
            "reprlib",
            "signal",
            "types",
            "_types",
        ),
        "collections.abc",
    }


def test_the_help_loads_typer_and_not_what_typer_loads_for_values() -> None:
    assert imported_by_command("--help").isdisjoint({*HEAVY, "rich", "pydantic", "pydantic_core"})


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_small_run_loads_only_what_it_needs(format: str, folder: Path) -> None:
    libraries = LIBRARIES
    if format == "parquet":
        libraries += ", pyarrow.parquet"
        for name in ("preds", "labels"):
            pq.write_table(pacsv.read_csv(f"{name}.csv"), f"{name}.parquet")
    imported = modules_of(running("eval", f"preds.{format}", f"labels.{format}", "-f", "json"))
    others = {one for one in imported - modules_of(libraries) if not is_ours(one)}
    assert {one for one in others if one.split(".")[0] not in sys.stdlib_module_names} == set()
    assert {one.split(".")[0] for one in others} & SLOW == set()
    assert imported & ELSEWHERE == set()


def test_importing_the_library_costs_nothing() -> None:
    assert imported_by("import celoss").isdisjoint({*HEAVY, "typer", "rich", "celoss_cli"})


def test_the_library_never_imports_the_command(folder: Path) -> None:
    imported = imported_by("import celoss; celoss.evaluate('preds.csv', 'labels.csv').to_json()")
    assert imported.isdisjoint({"celoss_cli", "typer", "rich", "click"})


def test_every_public_name_can_be_imported() -> None:
    import celoss

    assert sorted(celoss.__all__) == dir(celoss)
    assert all(getattr(celoss, name) is not None for name in celoss.__all__)
    with pytest.raises(AttributeError, match="module 'celoss' has no attribute 'nothing'"):
        _ = celoss.nothing
