"""Owns `Case`: one bad or odd input, and what must come out. The tables of the other modules are made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# What stands in a file: its text, its bytes, or a function that makes it at this path (a Parquet file, a folder, a pipe).
Content = str | bytes | Callable[[Path], object]

PREDS = "id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,0.80,0.10\nc,0.20,0.20,0.60\n"
LABELS = "id,label\na,cat\nb,dog\nc,owl\n"


@dataclass(frozen=True)
class Case:
    """Files, the command that reads them, and what it must say.

    files: beside `preds.csv` and `labels.csv`, which are good unless named here (None: not there). error: the code of the
    first error, None where the input is good. says: texts that the messages (or, of a good input, the table or the notes)
    must contain; places, values and hints belong here. metrics: what a good input scores, from a formula or by hand.
    rows: rows that are scored. shell: a line of bash to run instead of the command, for what only a real process can do.
    """

    name: str
    files: Mapping[str, Content | None] = field(default_factory=dict)
    command: str = "preds.csv labels.csv"
    error: str | None = None
    says: Sequence[str] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    rows: int | None = None
    stdin: bytes = b""
    shell: str | None = None

    def make(self, folder: Path) -> None:
        """Writes the files of the case into an empty folder."""
        for name, content in {"preds.csv": PREDS, "labels.csv": LABELS, **self.files}.items():
            if callable(content):
                content(folder / name)
            elif content is not None:
                (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
