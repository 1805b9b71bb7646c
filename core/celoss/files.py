"""Owns files that are whole or not there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from celoss.errors import Diagnostic, Place, UsageError, escape, shorten


@contextmanager
def whole_file(path: str, option: str) -> Iterator[str]:
    """Gives the path to write to: a temporary file beside the target, renamed to it when all went well, else removed.

    What is no regular file (a named pipe, a link to /dev/stdout) gets the whole at the end, from a temporary file elsewhere.
    Raises UsageError (E702) when the target cannot be written, before anything is computed.
    """
    # Only where a file is written: together they take 6 ms to load.
    import secrets
    import shutil
    import tempfile
    from pathlib import Path

    _check_target(path, option)
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        with tempfile.NamedTemporaryFile(prefix="celoss-") as copy:
            yield copy.name
            with Path(copy.name).open("rb") as written, Path(path).open("wb") as pipe:
                shutil.copyfileobj(written, pipe)
        return
    target = os.path.realpath(path)
    temporary = os.path.join(os.path.dirname(target), f".celoss-{secrets.token_hex(8)}.tmp")
    try:
        # 0o666 less the umask: the mode that the target would have had if it had been written directly.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise _unwritable(path, option, str(error.strerror), "") from None
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _check_target(path: str, option: str) -> None:
    if os.path.isdir(path):
        raise _unwritable(path, option, "it is a directory", "name a file")
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(folder) and not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise _unwritable(path, option, "Permission denied", "")
    if not os.path.isdir(folder):
        missing = os.path.dirname(path) or "."
        raise _unwritable(path, option, f"the folder '{escape(missing)}' does not exist", f"mkdir -p {missing}")


def check_targets(targets: Sequence[tuple[str, str]], inputs: Sequence[str | None]) -> None:
    """Raises UsageError when an output, given as (option, path), would overwrite an input or another output (E705), or has
    no folder (E702)."""
    taken = [(path, "is an input") for path in inputs if path not in (None, "-")]
    for option, path in targets:
        for other, reason in taken:
            if other is not None and _same_file(path, other):
                place = (Place(f"option {option} {path}"),)
                message = f"cannot write '{shorten(path, 80)}': it {reason}"
                raise UsageError(Diagnostic("E705", message, place, help="write to another file"))
        _check_target(path, option)
        taken.append((path, "is written twice"))


def _same_file(path: str, other: str) -> bool:
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        return False
    return os.path.realpath(path) == os.path.realpath(other)


def _unwritable(path: str, option: str, reason: str, advice: str) -> UsageError:
    where = (Place(f"option {option} {path}"),)
    return UsageError(Diagnostic("E702", f"cannot write '{shorten(path, 80)}': {reason}", where, help=advice))
