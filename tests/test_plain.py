"""A command line that is read without Typer gives what Typer makes of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from celoss_cli import app, plain
from celoss_cli.commands import COMMANDS
from celoss_cli.options import parameters_of

Values = tuple[Callable[..., Any], dict[str, Any]]


@pytest.fixture(scope="module")
def made() -> Any:
    return typer.main.get_command(app.app)


def by_typer(made: Any, arguments: list[str]) -> Values:
    """The command that Typer would call, with the values of all its parameters."""
    called: list[Values] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "call", lambda command, values: called.append((command, values)))
        made.main(arguments, prog_name="celoss", standalone_mode=False)
    (one,) = called
    return one


def in_full(read: Values) -> Values:
    """With the defaults of what was not given."""
    command, values = read
    defaults = {one.name: one.default for one in parameters_of(command) if one.default is not inspect.Parameter.empty}
    return command, defaults | values


@pytest.mark.parametrize(
    "line",
    [
        "eval p.csv",
        "eval p.csv l.csv",
        "eval p.csv - -f json",
        "eval -f json p.csv --json -q l.csv",
        "eval p.csv l.csv --format=csv --only=log_loss",
        "eval p.csv l.csv --max log_loss=0.45 --max=brier=0.2 --min skill=-0.1 --baseline prev.json --confident",
        "eval p.csv l.csv --id a --id b=c -o x.json -o x.md",
        "eval p.csv l.csv --long --eps 1e-15 --smoothing 0.1 --from logits --as sklearn",
        "eval p.csv l.csv --wide --eps 0 --base 2 --top-k 1,5 --renormalize",
        "compare a.csv b.csv -l l.csv",
        "compare -l l.csv a.csv --against b.csv b.csv c.csv --margin 0.01 --fail not-better -q",
        "explain p.csv l.csv --worst 20 --row #12 --conventions -f jsonl",
        "check p.csv l.csv --places 5 -o plan.json -f github -q",
        "schema",
        "schema plan",
    ],
)
def test_a_plain_command_line_is_read_as_typer_reads_it(line: str, made: Any) -> None:
    read = plain.read(line.split())
    assert read is not None
    assert in_full(read) == by_typer(made, line.split())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--help",
        "evaluate p.csv",
        "eval",
        "eval --help p.csv",
        "eval -h",
        "eval a b c",
        "compare a b",
        "compare -l l.csv",
        "compare a b -l l.csv --fail better",
        "eval a b --bogus",
        "eval a b -fjson",
        "eval a b -qf json",
        "eval a b -f",
        "eval a b -f xml",
        "eval a b --form json",
        "eval a b --json=yes",
        "eval a b --only=",
        "eval a b --row -1",
        "eval a b --eps x",
        "eval a b --eps -1",
        "eval a b --eps 1_0",
        "eval a b --eps nan",
        "eval a b --base 2 --base 10",
        "eval a b -q -q",
        "eval -- a b",
        "explain a b --worst 1.0",
        "schema evaluation",
    ],
)
def test_what_is_not_plain_is_left_to_typer(line: str) -> None:
    assert plain.read(line.split()) is None


def test_an_empty_name_is_left_to_typer() -> None:
    assert plain.read(["eval", "", "l.csv"]) is None


@pytest.mark.parametrize("name", ["CELOSS_FORMAT", "_CELOSS_COMPLETE"])
def test_variables_that_typer_heeds_leave_the_line_to_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "json")
    assert plain.read(["eval", "p.csv"]) is None


NAMES = sorted(
    {name for one in COMMANDS.values() for parameter in parameters_of(one.function) for name in parameter.declared.names}
)
WORDS = st.sampled_from(["p.csv", "-", "json", "0.5", "3", "e", "a,b", "1e-9", "plan", " 2", "01", "#1", "x=y", "--", "-q"])
OPTIONS = st.sampled_from([side for name in NAMES for side in name.split("/")])
ATTACHED = st.builds(lambda option, word: f"{option}={word}", OPTIONS, WORDS)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(COMMANDS)), st.lists(WORDS | OPTIONS | ATTACHED, max_size=6))
def test_no_command_line_is_read_otherwise_than_by_typer(command: str, rest: list[str]) -> None:
    read = plain.read([command, *rest])
    if read is not None:
        assert in_full(read) == by_typer(typer.main.get_command(app.app), [command, *rest])
