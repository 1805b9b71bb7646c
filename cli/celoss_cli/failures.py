"""Owns the exit status and what is said when a command does not end well. An uncaught error never reads as 1, the gate's."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import sys

from celoss import __version__
from celoss_cli.terminal import forget, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from celoss.errors import Diagnostic

# 1 means a gate that is not met, and nothing else. From 128 on it is 128 + the number of the signal.
DONE, UNMET, USAGE, DATA, BUG, INTERRUPTED, PIPE_CLOSED, TERMINATED = 0, 1, 2, 3, 4, 130, 141, 143


class Stop:
    """Turns a request to end (SIGTERM) into an interrupt, so that temporary files go; `status` is what to exit with."""

    def __init__(self) -> None:
        self.status = INTERRUPTED
        signal.signal(signal.SIGTERM, self._end)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.status = TERMINATED
        raise KeyboardInterrupt


def output_failed(error: OSError) -> int:
    """The output cannot be written: silently when its reader has gone, as `head` does, else with the reason."""
    forget(sys.stdout)
    if error.errno == errno.EPIPE:
        return PIPE_CLOSED
    fail(diagnostic("E704", f"cannot write the output: {error.strerror or error}"), sys.argv[1:])
    return DATA


def report_usage(error: Exception, arguments: list[str]) -> int:
    """Says what is wrong with the command line, and gives the exit status."""
    if _asks_for_json(arguments):
        message = getattr(error, "format_message", lambda: str(error))()
        fail(diagnostic("E600", message), arguments)
    elif hasattr(error, "show") and sys.stderr is not None:
        try:
            error.show()
        except OSError:
            forget(sys.stderr)
    return USAGE


def report_failure(error: BaseException, arguments: list[str]) -> int:
    """Says what is wrong with the input, or that celoss itself failed, and gives the exit status."""
    from celoss.errors import CelossError, UsageError

    if isinstance(error, CelossError):
        fail(error.diagnostics, arguments)
        return USAGE if isinstance(error, UsageError) else DATA
    if isinstance(error, MemoryError):
        fail(diagnostic("E112", "there is not enough memory", "free some memory and run it again"), arguments)
        return DATA
    if os.environ.get("CELOSS_DEBUG"):
        import traceback

        say("".join(traceback.format_exception(error)))
    what = f"celoss failed in a way it should not ({type(error).__name__})"
    report = _crash_report(error, arguments)
    written = (f"a report without your data was written to {report}",) if report else ()
    advice = "open an issue with that file; CELOSS_DEBUG=1 shows more" if report else "CELOSS_DEBUG=1 shows where"
    fail(diagnostic("E900", what, advice, written), arguments)
    return BUG


def _crash_report(error: BaseException, arguments: list[str]) -> str | None:
    """Writes where celoss failed to a temporary file, and gives its path; None where that cannot be written.

    Names of files, values of options and the message of the exception could hold data: they are left out.
    """
    import platform
    import re
    import tempfile
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    versions = {name: getattr(sys.modules.get(name), "__version__", "not loaded") for name in ("numpy", "pyarrow", "pandas")}
    lines = [
        f"celoss {__version__}, Python {platform.python_version()}, {platform.platform()}",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        "options: " + " ".join(one.partition("=")[0] for one in arguments if re.match("--?[A-Za-z]", one)),
        *(f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}: {frame.line}" for frame in frames),
        type(error).__name__,
    ]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="celoss-crash-", suffix=".txt", delete=False, encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except OSError:
        return None
    return file.name


def diagnostic(code: str, message: str, advice: str = "", details: tuple[str, ...] = ()) -> tuple[Diagnostic, ...]:
    """An error that has no place in a file."""
    from celoss.errors import Diagnostic

    return (Diagnostic(code, message, details=details, help=advice),)


def fail(diagnostics: tuple[Diagnostic, ...], arguments: list[str]) -> None:
    """Writes errors as text, or as one JSON object where the result would have been JSON."""
    if not _asks_for_json(arguments):
        say("\n\n".join(map(str, diagnostics)) + "\n")
        return
    import json

    first, *others = [one.to_dict() for one in diagnostics]
    say(json.dumps({"error": first, "more": others}, ensure_ascii=False) + "\n")


def _asks_for_json(arguments: list[str]) -> bool:
    """Whether the command line (else CELOSS_FORMAT) asks for JSON, in any spelling; also where it could not be parsed."""
    import re

    asked = os.environ.get("CELOSS_FORMAT", "")
    for argument, following in itertools.pairwise([*arguments, ""]):
        if argument == "--json":
            return True
        if argument.startswith("--format="):
            asked = argument.removeprefix("--format=")
        elif argument == "--format" or re.fullmatch("-q?f", argument):
            asked = following
        elif re.match("-q?f.", argument):
            asked = argument.partition("f")[2].removeprefix("=")
    return asked in ("json", "jsonl")
