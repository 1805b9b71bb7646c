"""What is written about celoss is true: commands run, options exist, codes are tested."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import typer

import celoss as library
from tests.conftest import REPOSITORY, Ran, environment, twelve_digits

CATALOGUE = "docs/messages.md"
PAGES = (
    "README.md",
    "docs/forms.md",
    "docs/statistics.md",
    "docs/calibration.md",
    "docs/gates.md",
    "docs/comparing.md",
    CATALOGUE,
    "sample_data/README.md",
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LONGEST_README = 900


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, text) of each fenced block."""
    return BLOCK.findall((REPOSITORY / page).read_text("utf-8"))


def on_sample_data(*languages: str) -> list[str]:
    return [text for page in PAGES for language, text in blocks(page) if language in languages and "sample_data" in text]


def shell(command: str) -> str:
    """The standard output of a shell command that must succeed without a word on standard error."""
    ran = subprocess.run(["bash", "-euo", "pipefail", "-c", command], env=environment(), capture_output=True, timeout=30)
    assert (ran.returncode, ran.stderr) == (0, b""), command
    return ran.stdout.decode()


def test_there_are_examples_of_every_kind() -> None:
    assert on_sample_data("console")
    assert on_sample_data("sh")
    assert on_sample_data("python")


@pytest.mark.parametrize("block", on_sample_data("console"), ids=lambda block: block.splitlines()[0])
def test_a_console_block_shows_what_its_commands_print(block: str, sample: Path) -> None:
    commands = re.split(r"^\$ ", block, flags=re.MULTILINE)
    assert commands.pop(0) == ""
    for text in commands:
        command, _, output = text.partition("\n")
        assert twelve_digits(shell(command)) == twelve_digits(output)


@pytest.mark.parametrize("block", on_sample_data("sh"), ids=lambda block: block.splitlines()[0])
def test_a_shell_block_runs(block: str, sample: Path) -> None:
    for line in block.splitlines():
        command = re.sub(r"^pip install [^&]*&& ", "", line.partition("  #")[0])
        assert not command.startswith("pip ")
        if which("jq") is None:
            command = command.partition(" | jq")[0]
        if command.strip():
            assert shell(command)


@pytest.mark.parametrize("block", on_sample_data("python"), ids=lambda block: block.splitlines()[0])
def test_a_python_block_runs(block: str, sample: Path) -> None:
    (sample / "example.py").write_text(block)
    assert shell("python -W error example.py")


def test_the_json_that_the_readme_shows_is_what_the_command_before_it_prints(sample: Path, celoss: Callable[..., Ran]) -> None:
    found = blocks("README.md")
    shown = [(found[at - 1], text) for at, (language, text) in enumerate(found) if language == "json"]
    assert shown
    for (language, command), text in shown:
        arguments, jq, key = command.strip().removeprefix("celoss ").partition(" | jq .")
        assert (language, jq) == ("sh", " | jq .")
        printed = json.loads(celoss(*arguments.split()).out)[key]
        assert twelve_digits(json.dumps(printed, indent=2) + "\n") == twelve_digits(text)


def test_the_readme_is_short() -> None:
    assert len((REPOSITORY / "README.md").read_text("utf-8").split()) <= LONGEST_README


# --- options and commands -------------------------------------------------------------------------------------------------


def options_of(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def shown_options(celoss: Callable[..., Ran], *command: str) -> set[str]:
    """The options that the help lists, at the start of a line."""
    lines = celoss(*command, "--help").out.splitlines()
    return {option for line in lines if line.startswith("  -") for option in options_of(line[:34])}


def parameters(command: str) -> set[str]:
    from celoss_cli import app

    function = next(one.callback for one in app.app.registered_commands if one.name == command)
    assert function is not None
    return set(inspect.signature(function).parameters)


def declared_options(command: str) -> dict[str, set[str]]:
    """Parameter → its long options, of a command as Typer has made it."""
    from celoss_cli import app

    made: Any = typer.main.get_command(app.app)
    options = {one.name: {*one.opts, *one.secondary_opts} for one in made.commands[command].params}
    return {name: {one for one in every if one.startswith("--")} for name, every in options.items()}


# Python reserves the words.
RENAMED = {"--from": "scale", "--as": "convention"}


@pytest.mark.parametrize("command", ["eval", "compare", "check", "explain"])
def test_every_option_in_the_help_is_a_parameter_and_the_reverse(command: str, celoss: Callable[..., Ran]) -> None:
    declared = declared_options(command)
    assert shown_options(celoss, command) == set().union(*declared.values()) | {"--help"}
    assert declared.keys() == parameters(command)
    arguments = {"predictions"} if command == "compare" else {"predictions", "labels"}
    assert {name for name, options in declared.items() if not options} == arguments
    for name, options in declared.items():
        first = {RENAMED.get(option, option.removeprefix("--").replace("-", "_")) for option in options}
        assert name in first or not options
        # Only a switch has another name: that of its other side.
        assert len(options) == 1 or options == {"--long", "--wide"} or not options


def test_check_takes_the_input_options_of_eval(celoss: Callable[..., Ran]) -> None:
    assert shown_options(celoss, "check") - {"--places"} < shown_options(celoss, "eval")


def test_the_options_that_decide_a_score_are_those_of_the_library() -> None:
    accepted = set(inspect.signature(library.evaluate).parameters) - {"batch_rows", "progress", "rows_path"}
    assert accepted == parameters("eval") - {"format", "json", "only", "output", "rows", "quiet"}


def test_the_options_of_compare_are_those_of_the_library() -> None:
    from celoss_cli.options import inputs

    taken = set(inspect.signature(library.compare).parameters) - {"batch_rows", "progress", "options"}
    shared = set(inspect.signature(inputs).parameters)
    assert taken | shared == parameters("compare") - {"format", "json", "output", "quiet"}


def test_every_option_that_is_written_about_exists(celoss: Callable[..., Ran]) -> None:
    from celoss_cli import app

    commands = [one.name for one in app.app.registered_commands]
    known = {"--help", "--version"}.union(shown_options(celoss), *(shown_options(celoss, str(name)) for name in commands))
    command = re.compile(r"celoss (?:eval|compare|check).*")
    written = [text for page in PAGES for _, block in blocks(page) for text in command.findall(block)]
    written += [(REPOSITORY / page).read_text("utf-8") for page in ("README.md", CATALOGUE)]
    written += [celoss(*command, "--help").out for command in ((), *((name,) for name in commands))]
    assert set().union(*map(options_of, written)) <= known


def test_every_command_is_named_in_the_readme() -> None:
    from celoss_cli import app

    text = (REPOSITORY / "README.md").read_text("utf-8")
    names = [one.name for one in app.app.registered_commands]
    assert names
    assert [name for name in names if f"celoss {name}" not in text] == []


def help_examples() -> list[str]:
    """The lines `celoss eval …` of the help, without what is piped into or out of them."""
    from celoss_cli import app, commands

    return re.findall(r"^  (celoss eval .*?)(?: {2,}.*| \| .*)?$", f"{app.app.info.help}\n{commands.EVAL_EPILOG}", re.MULTILINE)


@pytest.mark.parametrize("example", help_examples())
def test_an_example_of_the_help_is_a_command_line_that_is_understood(
    example: str, folder: Path, celoss: Callable[..., Ran]
) -> None:
    (folder / "scored.csv").write_text("outcome,p\nwon,0.75\nlost,0.25\nwon,0.5\n")
    pq.write_table(pacsv.read_csv("preds.csv"), "preds.parquet")
    ran = celoss(*example.removeprefix("celoss ").split())
    assert (ran.code, ran.err) == (0, "")


# --- codes and versions ---------------------------------------------------------------------------------------------------


def test_the_changelog_names_the_version() -> None:
    headings = re.findall(r"^## (\S+)", (REPOSITORY / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert library.__version__ in headings


def test_the_tree_in_contributing_names_the_files_that_there_are() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8")
    core = REPOSITORY / "core" / "celoss"
    entries = {path.name + "/" * path.is_dir() for path in core.iterdir() if not path.name.startswith(("_", "py."))}
    assert {name for name in entries if f"\n      {name} " not in text} == set()


def test_every_code_of_an_error_or_a_note_is_tested() -> None:
    given = re.compile(r"[\"\[](E\d{3}|N\d+)[\"\]]")
    named = re.compile(r"\b(?:E\d{3}|N\d+)\b")
    sources = [path for part in ("core", "cli") for path in (REPOSITORY / part).rglob("*.py")]
    tests = [path for path in (REPOSITORY / "tests").rglob("*") if path.suffix == ".py" or path.name == "stderr"]
    used = {found for path in sources for found in given.findall(path.read_text("utf-8"))}
    tested = {found for path in tests for found in named.findall(path.read_text("utf-8"))}
    assert used
    assert sorted(used - tested) == []


# --- the catalogue of messages ----------------------------------------------------------------------------------------------


def documented() -> dict[str, list[str]]:
    """Code → the messages that are shown below its heading, one code to a heading."""
    _, *parts = re.split(r"^### (?=[EN]\d+: )", (REPOSITORY / CATALOGUE).read_text("utf-8"), flags=re.MULTILINE)
    codes = [part.partition(":")[0] for part in parts]
    assert len(codes) == len(set(codes))
    return {code: [text.rstrip("\n") for _, text in BLOCK.findall(part)] for code, part in zip(codes, parts, strict=True)}


def used_codes() -> set[str]:
    sources = [path.read_text("utf-8") for part in ("core", "cli") for path in (REPOSITORY / part).rglob("*.py")]
    return {code for text in sources for code in re.findall(r'"(E\d{3}|N\d+)"', text)}


def golden_texts() -> set[str]:
    texts = [path.read_text("utf-8") for path in (REPOSITORY / "tests" / "golden").glob("*/stderr")]
    return {one.rstrip("\n") for text in texts for one in text.split("\n\n")}


def test_every_code_has_one_heading_and_every_heading_a_code_in_order() -> None:
    codes = list(documented())
    assert sorted(codes) == sorted(used_codes())
    assert codes == sorted(codes, key=lambda code: (code[0], int(code[1:])))


@pytest.mark.parametrize("code", documented())
def test_the_catalogue_shows_what_the_tests_expect_to_the_letter(code: str) -> None:
    from tests.test_messages import code_of, proven_texts

    shown = documented()[code]
    assert shown
    assert {code_of(text) for text in shown} == {code}
    assert set(shown) - proven_texts() - golden_texts() == set()


def test_every_message_on_the_page_is_tested_also_above_the_catalogue() -> None:
    from tests.test_messages import proven_texts

    shown = [text.rstrip("\n") for _, text in blocks(CATALOGUE) if re.match(r'error\[|note\[|\{"error"', text)]
    assert len(shown) > sum(map(len, documented().values()))
    assert set(shown) - proven_texts() - golden_texts() == set()


def test_the_catalogue_links_to_headings_that_it_has() -> None:
    text = (REPOSITORY / CATALOGUE).read_text("utf-8")
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert links
    assert links - anchors == set()


def test_the_catalogue_says_with_which_exit_status_a_code_ends() -> None:
    from tests.test_messages import WRONG_CALLS

    text = (REPOSITORY / CATALOGUE).read_text("utf-8")
    (listed,) = re.findall(r"whatever\s+the\s+files\s+hold\s+\(([^)]*)\)", text)
    assert set(re.findall(r"E\d{3}", listed)) == WRONG_CALLS


def test_the_limits_that_are_written_are_those_of_the_code() -> None:
    from celoss import checks, checkup, errors
    from celoss.detect import layout
    from celoss.sources import base, ipc, text

    _, _, limits = (REPOSITORY / CATALOGUE).read_text("utf-8").partition("## Limits\n")
    cells = [line.split("|")[2] for line in limits.splitlines() if line.startswith("| ")]
    written = [number.replace(",", "") for cell in cells for number in re.findall(r"\d[\d,.]*(?:e-?\d+)?\b", cell)]
    assert list(map(float, written)) == [
        *(base.HEAD_ROWS, base.HEAD_CELLS, base.LONGEST_LINE, base.MOST_COLUMNS, text.MOST_BLANK_LINES),
        round(ipc.MOST_BATCH_BYTES / 1e9, 1),
        *(layout.MOST_COLUMNS, layout.MOST_CLASSES),
        *(checks.LARGEST_LOGIT, 0, checks.SMALLEST_WEIGHT, checks.LARGEST_WEIGHT),
        *(errors.SHOWN_PLACES, checkup.PLACES, errors.LONGEST_VALUE, errors.LONGEST_EXCERPT),
    ]


# What scripts may look for: the codes of the first version.
FIRST = """E101 E102 E103 E104 E105 E106 E107 E201 E202 E203 E204 E205 E301 E302 E303 E304 E305 E306 E401 E402 E403 E404 E405
E406 E501 E502 E503 E504 E505 E506 E601 E701 E702 E900 N1 N2 N3"""


def test_no_code_of_the_first_version_is_gone() -> None:
    assert set(FIRST.split()) - used_codes() == set()
