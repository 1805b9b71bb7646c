"""Mutation testing of the modules that decide a number: changes of one operator, constant or argument that no test notices.

python -m benchmarks.mutation [MODULE …] [--sample N] [--work FOLDER]

Needs `pip install -e '.[test]' mutmut==3.8.1`. The mutants live in copies below FOLDER, never in this repository; one worker.
mutmut changes what functions do, not the constants of a module or the defaults of a dataclass.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
# The tests that speak about a module and are fast: each mutant runs those of them that enter the changed function.
TESTS = {
    "plan": ["test_plan.py", "test_detect.py", "test_pipeline.py", "test_align.py", "test_decimal_comma.py"],
    "align": ["test_align.py", "test_pipeline.py", "test_options.py"],
    "exact": ["test_exact.py", "laws/test_exact_laws.py"],
    "kernels": ["test_kernels.py", "test_functions.py", "test_forms_traps.py"],
    "moments": ["test_moments.py", "test_state.py"],
    "quantities": ["test_state.py", "test_forms_traps.py", "test_pipeline.py", "laws/test_state_laws.py"],
    "sums": ["test_state.py", "test_pipeline.py", "laws/test_state_laws.py"],
    "state": ["test_state.py", "test_forms_traps.py", "test_pipeline.py", "laws/test_state_laws.py"],
}
# Fewer examples, the same in each run, and none made smaller once a mutant is caught; fast files first.
PROFILE = """

from hypothesis import Phase, settings

quick = (Phase.explicit, Phase.generate)
settings.register_profile("mutation", max_examples=25, deadline=None, derandomize=True, database=None, phases=quick)
settings.load_profile("mutation")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: {tests}.index(item.nodeid.partition("::")[0]))
"""
CONFIGURATION = """

[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/celoss/{module}.py"]
also_copy = ["sample_data"]
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["--deselect=tests/test_pipeline.py::test_the_json_of_the_library_is_that_of_the_command"]
timeout_constant = 3.0
timeout_multiplier = 6.0
"""
PROPERTY = re.compile(r"    @(property|cached_property)\n    def (\w+)\((.*?)(?=\n\n    (?:@|def )|\n\n\n|\Z)", re.DOTALL)
VERDICTS = {
    0: "survived",
    1: "killed",
    3: "killed",
    5: "untested",
    33: "untested",
    36: "timeout",
    -24: "timeout",
    152: "timeout",
}


def prepare(work: Path, module: str) -> None:
    """A copy of the repository as mutmut wants it, for one module."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(ROOT / "core", work / "src")
    for name in ("cli", "tests", "sample_data"):
        shutil.copytree(ROOT / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
    tests = [f"tests/{name}" for name in TESTS[module]]
    with (work / "tests" / "conftest.py").open("a") as conftest:
        conftest.write(PROFILE.format(tests=tests))
    settings = (ROOT / "pyproject.toml").read_text() + CONFIGURATION.format(module=module, tests=json.dumps(tests))
    (work / "pyproject.toml").write_text(settings)
    source = work / "src" / "celoss" / f"{module}.py"
    source.write_text(PROPERTY.sub(_as_function, source.read_text()))


def _as_function(found: re.Match[str]) -> str:
    """A property as a plain function and its property: mutmut leaves decorated functions alone."""
    kind, name, rest = found.groups()
    return f"    def _read_{name}({rest}\n\n    {name} = {kind}(_read_{name})"


def names(work: Path, module: str) -> list[str]:
    """The names of all mutants of a module."""
    code = "import sys; from mutmut.mutation.file_mutation import mutate_file_contents as of;"
    code += f"print(*of('{module}.py', sys.stdin.read()).mutant_names)"
    source = (work / "src" / "celoss" / f"{module}.py").read_text()
    done = subprocess.run([sys.executable, "-c", code], cwd=work, input=source, capture_output=True, text=True, check=True)
    return [f"celoss.{module}.{name}" for name in done.stdout.split()]


def run(work: Path, chosen: list[str]) -> float:
    """Runs mutants, all if none is named; returns seconds."""
    places = [work / "mutants" / "src", work / "cli"]
    # A folder that is not there when Python starts is never looked into.
    places[0].mkdir(parents=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), "PYTHONHASHSEED": "0"}
    start = time.monotonic()
    command = [str(Path(sys.executable).parent / "mutmut"), "run", "--max-children", "1", *chosen]
    subprocess.run(command, cwd=work, env=environment, check=True)
    return time.monotonic() - start


def verdicts(work: Path, module: str) -> dict[str, str]:
    """What became of each mutant, by its name."""
    found = json.loads((work / "mutants" / "src" / "celoss" / f"{module}.py.meta").read_text())["exit_code_by_key"]
    return {name: VERDICTS.get(code, "suspicious") for name, code in found.items() if code is not None}


def shown(work: Path, name: str) -> str:
    """The change that a mutant makes, as a diff."""
    command = [str(Path(sys.executable).parent / "mutmut"), "show", name]
    return subprocess.run(command, cwd=work, capture_output=True, text=True, check=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(TESTS))
    parser.add_argument("--sample", type=int, help="so many mutants of each module, by chance with a fixed seed; else all")
    parser.add_argument("--work", type=Path, default=ROOT.parent / "celoss-mutants", help="scratch folder, made anew")
    given = parser.parse_args()
    rows = []
    for module in given.modules:
        work = given.work.resolve() / module
        prepare(work, module)
        every = names(work, module)
        seconds = run(work, random.Random(20261122).sample(every, min(given.sample, len(every))) if given.sample else [])
        found = verdicts(work, module)
        for name, verdict in found.items():
            if verdict not in ("killed", "timeout"):
                print(f"\n{verdict}: {shown(work, name)}")
        rows.append((module, Counter(found.values()), seconds))
    print("\n| module | mutants | killed | timeouts | survivors | minutes |\n| --- | --- | --- | --- | --- | --- |")
    for module, counts, seconds in rows:
        left = counts.total() - counts["killed"] - counts["timeout"]
        print(f"| `{module}` | {counts.total()} | {counts['killed']} | {counts['timeout']} | {left} | {seconds / 60:.0f} |")


if __name__ == "__main__":
    main()
