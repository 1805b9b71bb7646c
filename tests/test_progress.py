"""The progress bar: on standard error, after a second, on a real terminal, and nowhere else."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

import celoss as library
from celoss_cli import terminal
from tests.conftest import PREDS, environment


class Terminal(io.StringIO):
    """What takes text as a terminal does."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, patience: float, quiet: bool = False) -> str:
    """What a bar that is told of two rows after 0.3 seconds writes to standard error."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(terminal, "PATIENCE", patience)
    with terminal.progress(quiet) as bar:
        time.sleep(0.3)
        if bar is not None:
            bar(1234, 0.5)
    return stream.getvalue()


def test_a_long_run_shows_its_rows_on_a_terminal_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Terminal(), 0.01)
    assert "1,234 rows" in text
    # The cursor is shown again, and the line of the bar is erased.
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert text.rstrip().endswith("\x1b[2K")


@pytest.mark.parametrize(
    ("stream", "patience", "quiet"),
    [(Terminal(), 60.0, False), (io.StringIO(), 0.01, False), (Terminal(), 0.01, True)],
    ids=["a short run", "no terminal", "quiet"],
)
def test_otherwise_nothing_is_shown(stream: io.StringIO, patience: float, quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, stream, patience, quiet) == ""


def test_a_dumb_terminal_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "dumb")
    with terminal.progress(False) as bar:
        assert bar is None


def test_a_process_that_waits_for_a_pipe_shows_that_it_does_and_its_result_is_untouched(folder: Path) -> None:
    main, terminal_end = pty.openpty()
    command = [sys.executable, "-m", "celoss_cli", "eval", "-", "labels.csv", "-f", "jsonl"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=terminal_end, env=environment(TERM="xterm")
    ) as running:
        os.close(terminal_end)
        assert running.stdin is not None and running.stdout is not None
        running.stdin.write(PREDS.encode())
        said = b""
        while b"rows" not in said:
            said += os.read(main, 4096)
        running.stdin.close()
        out = running.stdout.read()
        assert running.wait(timeout=30) == 0
    os.close(main)
    assert b"\x1b" not in out
    assert b'"scored": 4' in out


def test_the_library_tells_rows_batch_by_batch(folder: Path) -> None:
    told: list[tuple[int, float | None]] = []
    library.evaluate("preds.csv", "labels.csv", batch_rows=3, progress=lambda rows, share: told.append((rows, share)))
    assert [rows for rows, _ in told] == [3, 4, 4]
