"""The rules of the house that a machine can hold: who imports whom, and what a small run may import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, environment

HEAVY = ("numpy", "pyarrow", "pandas")


def imported_by(code: str) -> set[str]:
    """The top-level modules that a fresh Python has imported after the code, which may exit."""
    told = "import json, sys; sys.stderr.write('\\n' + json.dumps([*sys.modules]))"
    code = f"try:\n    {code}\nexcept SystemExit:\n    pass\n{told}"
    ran = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, timeout=30)
    assert ran.returncode == 0, ran.stderr
    return {name.split(".")[0] for name in json.loads(ran.stderr.splitlines()[-1])}


def imported_by_command(*arguments: str) -> set[str]:
    return imported_by(f"import sys; sys.argv[1:] = {list(arguments)!r}; from celoss_cli.main import main; main()")


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
