"""Owns bytes: paths and standard input, compression by content, and what kind of file the first bytes show."""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import sys
import tempfile
import weakref
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from celoss.errors import CelossError, Diagnostic, Place, did_you_mean, escape, plural, shorten

COMPRESSIONS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\x00": "xz"}
MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow", b"\x93NUMPY": "npy"}
FOREIGN = (
    (b"version https://git-lfs", "this is a Git LFS pointer; fetch the data with `git lfs pull`"),
    (b"<!doctype html", "this is a web page; the download may have asked for a login"),
    (b"<html", "this is a web page; the download may have asked for a login"),
    (b"<?xml", "this is an XML file; save the table as CSV or Parquet"),
    (b"PK\x03\x04", "this is a ZIP archive or an Excel workbook; save the table as CSV or Parquet"),
    (b"\xd0\xcf\x11\xe0", "this is an Excel workbook; save the table as CSV or Parquet"),
    (b"\x89HDF", "this is an HDF5 file; save the table as Parquet"),
    (b"%PDF", "this is a PDF file; save the table as CSV or Parquet"),
)
SNIFFED_BYTES = 4096
# What reading a damaged file raises, compressed or not.
DAMAGED = (OSError, EOFError, pa.ArrowException, lzma.LZMAError)


class Input:
    """A regular file behind an argument: a path, or a temporary copy of standard input or of a pipe.

    The copy lets any input be read more than once, and goes away with this object.
    """

    def __init__(self, path: str, argument: str) -> None:
        self.path = path
        self.name = "standard input" if path == "-" else path
        if path == "-":
            if sys.stdin is None:
                raise CelossError(Diagnostic("E101", "standard input is closed", (Place(f"argument {argument}"),)))
            try:
                self.file = self._spool(sys.stdin.buffer)
            except OSError as error:
                raise CelossError(_unreadable(path, argument, error)) from None
        else:
            self.file = self._regular_file(path, argument)
        try:
            with self.open_raw() as raw:
                start = raw.read(SNIFFED_BYTES)
        except OSError as error:
            raise CelossError(_unreadable(path, argument, error)) from None
        self.compression = next((name for magic, name in COMPRESSIONS.items() if start.startswith(magic)), None)
        self.start = self._decompressed_start() if self.compression else start

    def _regular_file(self, path: str, argument: str) -> str:
        try:
            mode = os.stat(path).st_mode
            if not stat.S_ISDIR(mode):
                with Path(path).open("rb") as file:
                    return path if stat.S_ISREG(mode) else self._spool(file)
        except FileNotFoundError:
            raise CelossError(_no_file(path, argument)) from None
        except (OSError, ValueError) as error:
            raise CelossError(_unreadable(path, argument, error)) from None
        raise CelossError(_is_directory(path, argument))

    def _spool(self, stream: IO[bytes]) -> str:
        copy = tempfile.NamedTemporaryFile(prefix="celoss-")  # noqa: SIM115 - lives as long as this object
        weakref.finalize(self, copy.close)
        shutil.copyfileobj(stream, copy, 1 << 20)
        copy.flush()
        return copy.name

    def _decompressed_start(self) -> bytes:
        try:
            with self.open() as stream:
                return bytes(stream.read(SNIFFED_BYTES))
        except DAMAGED as error:
            raise CelossError(self.broken(error)) from None

    def broken(self, error: Exception) -> Diagnostic:
        """The diagnostic for bytes that cannot be read: a damaged or truncated file."""
        what = f"{self.compression}-compressed " if self.compression else ""
        reason = escape(str(error).split("\n", 1)[0].removesuffix("."))
        return Diagnostic(
            "E108",
            f"'{escape(self.name)}' is a damaged or incomplete {what}file",
            (Place(self.name),),
            details=(f"found: {reason}",),
        )

    def open_raw(self) -> IO[bytes]:
        """The bytes as stored."""
        return Path(self.file).open("rb")

    def open(self) -> Any:
        """The bytes, decompressed: a binary file object."""
        if self.compression is None:
            return self.open_raw()
        if self.compression == "xz":
            return lzma.open(self.file, "rb")
        return pa.CompressedInputStream(pa.OSFile(self.file), self.compression)


def kind_of(source: Input, input_format: str | None) -> str:
    """`csv`, `tsv`, `jsonl`, `parquet`, `arrow` or `npy`: as asked for, else by the first bytes, else by the name.

    Raises CelossError (E103, E104) for an empty file and for what is no table at all.
    """
    start = source.start
    if not start:
        raise CelossError(Diagnostic("E103", f"'{escape(source.name)}' is empty", (Place(source.name),)))
    lowered = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for magic, advice in FOREIGN:
        if lowered.startswith(magic.lower()):
            raise CelossError(_not_a_table(source, advice))
    found = next((name for magic, name in MAGIC.items() if start.startswith(magic)), None)
    asked = input_format.split(":", 1)[0] if input_format else None
    if asked and asked in ("parquet", "arrow", "npy") and asked != found:
        raise CelossError(_not_a_table(source, "", asked))
    if found or asked:
        return asked or found or ""
    suffixes = [suffix.lower() for suffix in Path(source.path).suffixes]
    for suffix, kind in ((".parquet", "parquet"), (".feather", "arrow"), (".arrow", "arrow"), (".npy", "npy")):
        if suffixes and suffixes[-1] == suffix:
            raise CelossError(_not_a_table(source, "", kind))
    if lowered.startswith(b"{") or {".jsonl", ".ndjson"} & set(suffixes):
        return "jsonl"
    if lowered.startswith(b"["):
        advice = "this is one JSON array; write one object per line: jq -c '.[]' FILE > FILE.jsonl"
        raise CelossError(_not_a_table(source, advice))
    return "csv"


def _not_a_table(source: Input, advice: str, expected: str = "table") -> Diagnostic:
    names = {"parquet": "a Parquet file", "arrow": "an Arrow file", "npy": "an NPY file", "table": "a table"}
    first = source.start.lstrip()[:40].decode("ascii", "backslashreplace").split("\n", 1)[0]
    details = (f'found: bytes starting "{escape(first)}"',)
    return Diagnostic("E104", f"'{escape(source.name)}' is not {names[expected]}", details=details, help=advice)


def _no_file(path: str, argument: str) -> Diagnostic:
    folder = Path(path).parent
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        names = []
    near = did_you_mean(Path(path).name, names)
    advice = f"did you mean '{escape(str(folder / near))}'?" if near else ""
    return Diagnostic("E101", f"no file at '{shorten(path, 80)}'", (Place(f"argument {argument}"),), help=advice)


def _unreadable(path: str, argument: str, error: Exception) -> Diagnostic:
    reason = getattr(error, "strerror", None) or str(error)
    return Diagnostic("E101", f"cannot read '{shorten(path, 80)}': {reason}", (Place(f"argument {argument}"),))


def _is_directory(path: str, argument: str) -> Diagnostic:
    files = [entry for entry in Path(path).iterdir() if entry.is_file()]
    details = (f"found: {plural(len(files), 'file')}",)
    return Diagnostic(
        "E102",
        f"'{escape(path)}' is a directory",
        (Place(f"argument {argument}"),),
        details=details,
        help="name one file",
    )
