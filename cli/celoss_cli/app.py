"""Owns the Typer app: the commands and their options as Typer declares, reads, explains and completes them."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from celoss import __version__
from celoss_cli.commands import COMMANDS
from celoss_cli.failures import INTERRUPTED, PIPE_CLOSED, report_usage
from celoss_cli.options import Parameter, call, parameters_of
from celoss_cli.terminal import forget, write_out

app = typer.Typer(
    name="celoss",
    add_completion=True,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Score class probabilities from files: log loss, KL divergence, accuracy.

\b
  celoss eval preds.csv labels.csv               a table
  celoss eval preds.csv labels.csv -f json       the same for programs
  celoss compare a.csv b.csv -l labels.csv       which is better, and is it sure
  celoss explain preds.csv labels.csv            where the loss comes from
  celoss check preds.csv labels.csv              what is understood, and why

Class columns are matched with labels by name, rows by the id column that both files share. Nothing is guessed silently:
what does not fit is an error that says where and what to do.

\b
Exit status: 0 done, 1 a gate (eval --max, compare --fail) is not met, 2 the command line is wrong,
3 the data or a file is wrong, 4 celoss itself failed, 130 interrupted,
141 the reader of the pipe went away, 143 terminated.""",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        write_out(f"celoss {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def _typed(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command as a function of all its parameters, each annotated for Typer."""

    @functools.wraps(command)
    def run(**values: Any) -> Any:
        return call(command, values)

    kind = inspect.Parameter.KEYWORD_ONLY
    given = [
        inspect.Parameter(one.name, kind, default=one.default, annotation=Annotated[one.kind, _declared(one)])
        for one in parameters_of(command)
    ]
    run.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in given}
    return run


def _declared(parameter: Parameter) -> Any:
    names, help, metavar, envvar, show_default = parameter.declared
    if not names:
        return typer.Argument(help=help, metavar=metavar, show_default=show_default)
    return typer.Option(*names, help=help, metavar=metavar, envvar=envvar, show_envvar=False, show_default=show_default)


for _name, _command in COMMANDS.items():
    app.command(_name, epilog=_command.epilog)(_typed(_command.function))


def run(arguments: list[str]) -> Any:
    """What a command returns, or an exit status where there is none that ends well."""
    # The exceptions of Typer's own Click, whichever package the installed Typer takes it from.
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    try:
        return typer.main.get_command(app).main(arguments, prog_name="celoss", standalone_mode=False)
    except typer.Exit as done:
        return int(done.exit_code)
    except SystemExit:
        # Click's answer to a help text that nobody reads to its end.
        forget(sys.stdout)
        return PIPE_CLOSED
    except typer.Abort:
        return INTERRUPTED
    except usage_error as error:
        return report_usage(error, arguments)
