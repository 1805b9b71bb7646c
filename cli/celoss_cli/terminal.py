"""Owns the terminal and the standard streams: width, colour, and writing that heeds who reads."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TextIO

# Seconds after which a run is long enough to show how far it is.
PATIENCE = 1.0


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


@contextmanager
def progress(quiet: bool) -> Iterator[Bar | None]:
    """What is to be told of rows that are read, to show it on standard error after a second; None off a terminal."""
    if quiet or sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    import threading

    bar = Bar()
    timer = threading.Timer(PATIENCE, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar
    finally:
        timer.cancel()
        bar.hide()


class Bar:
    """How many rows were read, and which share of the file that is; gone without a trace once it is hidden."""

    def __init__(self) -> None:
        import threading

        self._rows = 0
        self._share: float | None = None
        self._lock = threading.Lock()
        self._hidden = False
        self._shown: Any = None

    def __call__(self, rows: int, share: float | None) -> None:
        self._rows, self._share = rows, share
        if self._shown is not None:
            self._update()

    def show(self) -> None:
        """Begins to show the bar, in a thread of Rich."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._hidden:
                return
            columns = (SpinnerColumn(), TextColumn("{task.fields[rows]:,} rows"), BarColumn(), TimeElapsedColumn())
            shown = Progress(*columns, console=Console(file=sys.stderr), transient=True)
            shown.add_task("", total=None, rows=self._rows)
            with suppress(OSError):
                shown.start()
                self._shown = shown

    def hide(self) -> None:
        """Takes the bar away, or lets it never appear."""
        with self._lock:
            self._hidden = True
            if self._shown is not None:
                # A terminal that has gone away takes the bar with it.
                with suppress(OSError):
                    self._shown.stop()

    def _update(self) -> None:
        done = {} if self._share is None else {"total": 1.0, "completed": self._share}
        self._shown.update(self._shown.task_ids[0], rows=self._rows, **done)
