"""Owns the entry point: arguments → one command → text → exit status. The only place that catches every error.

Loads as little as `--version` needs; the commands and their options are loaded when one is called.
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys

from celoss import __version__
from celoss_cli.failures import BUG, DONE, INTERRUPTED, Stop, output_failed, report_failure
from celoss_cli.terminal import say, write_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


def command() -> NoReturn:
    """Entry point of the `celoss` command: `main` in a process of its own.

    Arrow's threads can still run when Python takes its modules down, which ends about one run in a hundred on a wide file
    with SIGABRT, after all work is done; so the process ends at once, after what was registered to be tidied up.
    """
    # Loading modules makes many objects and no garbage: looking for it each 700 of them takes a twentieth of a small run.
    gc.set_threshold(100_000)
    status: Any = BUG
    try:
        main(Stop())
    except SystemExit as done:
        status = done.code
    except BaseException as error:
        status = report_failure(error, [])
    atexit._run_exitfuncs()
    os._exit(status)


def main(stop: Stop | None = None) -> NoReturn:
    """Runs the command of sys.argv and exits with its status. stop: heeds SIGTERM, where the process is celoss's own."""
    # One thread suffices for the small products here; starting a pool costs more than all of them. Set before NumPy loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    arguments = sys.argv[1:]
    text, status, *verdict = _run(arguments)
    try:
        write_out(text)
        say("".join(verdict))
    except OSError as error:
        status = output_failed(error)
    except KeyboardInterrupt:
        status = INTERRUPTED
    sys.exit(stop.status if stop is not None and status == INTERRUPTED else status)


def _run(arguments: list[str]) -> tuple[str, int] | tuple[str, int, str]:
    """What to print, the exit status, and maybe what standard error is told after that, whatever happens.

    An uncaught error must never read as 1, the gate's.
    """
    try:
        result = _result(arguments)
    except KeyboardInterrupt:
        return "", INTERRUPTED
    except OSError as error:
        return "", output_failed(error)
    except Exception as error:
        return "", report_failure(error, arguments)
    if isinstance(result, tuple):
        return result
    return result if isinstance(result, str) else "", result if isinstance(result, int) else DONE


def _result(arguments: list[str]) -> Any:
    """What a command returns, which is read without Typer where its command line is plain."""
    if arguments == ["--version"]:
        return f"celoss {__version__}\n"
    from celoss_cli import plain

    read = plain.read(arguments)
    if read is None:
        from celoss_cli import app

        return app.run(arguments)
    from celoss_cli.options import call

    return call(*read)
