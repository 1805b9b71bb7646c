"""Owns the terminal and the standard streams: width, colour, and writing that heeds who reads."""

from __future__ import annotations

import errno
import os
import sys
from typing import TextIO


def width() -> int | None:
    """Columns to keep to: of COLUMNS, else of the terminal; None (no limit) where neither tells, as in a pipe."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    return os.get_terminal_size(sys.stdout.fileno()).columns or None if is_terminal() else None


def is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def color() -> bool:
    """NO_COLOR (no-color.org) wins, then FORCE_COLOR, then whether the output is a terminal that can."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (is_terminal() and os.environ.get("TERM") != "dumb")


def write_out(text: str) -> None:
    """Writes the result. Raises OSError when standard output cannot take it."""
    if sys.stdout is None:
        if text:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return
    sys.stdout.write(text)
    sys.stdout.flush()


def say(text: str) -> None:
    """Writes to standard error, if it takes it: a message that is lost does not change what happened."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except OSError:
        forget(sys.stderr)


def forget(stream: TextIO | None) -> None:
    """Lets what the stream still holds go nowhere, so that Python's own flush at the end cannot fail."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
