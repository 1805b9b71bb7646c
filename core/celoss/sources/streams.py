"""Owns bytes: paths and standard input, compression by content, and what kind of file the first bytes show."""

from __future__ import annotations

import lzma
import os
import re
import shlex
import stat
import sys
import weakref
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from celoss.errors import CelossError, Diagnostic, Place, UsageError, did_you_mean, escape, listed, plural, shorten

COMPRESSIONS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\x00": "xz"}
COMMANDS = {"gzip": "gunzip -c", "bz2": "bunzip2 -c", "zstd": "zstd -dc", "xz": "xz -dc"}
SUFFIXES = {"gzip": "gz", "bz2": "bz2", "zstd": "zst", "xz": "xz"}
MAGIC = {b"PAR1": "parquet", b"PARE": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow", b"\x93NUMPY": "npy"}
SNIFFED_BYTES = 4096
COPIED_BYTES = 1 << 20
# Endings of files that are worth comparing where a directory is named.
SCORED = (".csv", ".tsv", ".jsonl", ".parquet", ".arrow", ".feather", ".npy")
# Names that are compared with one that does not exist.
MOST_NAMES = 5000
# What reading a damaged file raises, compressed or not; a lack of memory is told apart by `Input.broken`.
DAMAGED = (OSError, EOFError, pa.ArrowException, lzma.LZMAError, MemoryError)
ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)

# Starts of files that are no tables, in lower case and after blanks, and what to do with them. `{}` is the file.
WEB_PAGE = "this is a web page; the download may have asked for a login"
FOREIGN: tuple[tuple[str, str], ...] = (
    (r"version https://git-lfs", "this is a Git LFS pointer; fetch the data with `git lfs pull`"),
    (r"(<!--.*?-->\s*)*<(!doctype html|html|head|body|script|meta|title|div)", WEB_PAGE),
    (r"<table", "this is a table of a web page; save it as CSV"),
    (r"<(\?xml|!--|error>)", "this is an XML file; save the table as CSV or Parquet"),
    (r"pk\x03\x04.*(\[content_types\]\.xml|xl/|vnd\.oasis)", "this is a spreadsheet; save the table as CSV"),
    (r"pk\x03\x04.*\.npy", "this is an NPZ file of several arrays; save one of them with numpy.save"),
    (r"pk\x03\x04.*/data\.pkl", "this is a PyTorch file, which can run code when it is read; save the table as Parquet"),
    (r"pk\x03\x04", "this is a ZIP archive; unpack it: unzip {}"),
    (r"\xd0\xcf\x11\xe0", "this is an Excel workbook; save the table as CSV or Parquet"),
    (r"\x89hdf", "this is an HDF5 file; save the table as Parquet"),
    (r"matlab 5\.0 mat-file", "this is a MATLAB file; save the table as CSV"),
    (r"%pdf-", "this is a PDF file; save the table as CSV or Parquet"),
    (r"sqlite format 3\x00", "this is an SQLite database: sqlite3 -header -csv {} 'select * from TABLE' > TABLE.csv"),
    (r"\x80[\x02-\x05]", "this is a Python pickle, which can run code when it is read; save the table as Parquet"),
    (r"(x\n\x00\x00\x00[\x02\x03]|rdx[23]\n)", "this is a file of R; in R: write.csv(TABLE, 'TABLE.csv', row.names = FALSE)"),
    (r"7z\xbc\xaf", "this is a 7-Zip archive; unpack it: 7z x {}"),
    (r"rar!\x1a", "this is a RAR archive; unpack it: unrar x {}"),
    (r"(\x04\x22m\x18|\xff\x06\x00\x00snappy|\x1f\x9d)", "this is a compressed file; decompress it, or use gzip or zstd"),
    (r"orc[\x00-\x08\x0e-\x1f]", "this is an ORC file; save the table as Parquet"),
    (r"obj\x01", "this is an Avro file; save the table as Parquet"),
    (
        r"traceback \(most recent call last\)",
        "this is the error message of a Python program that should have written the table",
    ),
    (
        r"[^\n]*: (no such file or directory|command not found|permission denied|is a directory)\r?(\n|$)",
        "this is the error message of a program that should have written the table",
    ),
    (
        r"[^\n|]*(\|[^\n|]*)+\n-+(\+-+)+\s*\n",
        "this is a table as psql prints it to be read; let it write CSV: psql --csv -c 'select * from TABLE' > TABLE.csv",
    ),
    (
        r"\+-+(\+-+)*\+\s*\n\s*\|",
        "this is a table as mysql prints it to be read; let it write tabs: mysql --batch -e 'select * from TABLE' > TABLE.tsv",
    ),
    (
        r"\|[^\n]*\|[ \t\r]*\n[ \t]*\|[ \t:]*-[-| \t:]*\|[ \t\r]*\n",
        "this is a Markdown table; if no value holds a comma: sed '2d; s/^ *| *//; s/ *| *$//; s/ *| */,/g' {} > table.csv",
    ),
    (r"(40\d|50\d)[: ][^\n,;\t]*$", "this is the error message of a web server, not the file"),
)
FOREIGN_BYTES = tuple((re.compile(pattern.encode("latin-1"), re.DOTALL), advice) for pattern, advice in FOREIGN)
TAR = (257, b"ustar")


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
            if sys.stdin.buffer.isatty():
                raise UsageError(_terminal(path, argument))
            self.file = self._spool(sys.stdin.buffer, argument)
        else:
            self.file = self._regular_file(path, argument)
        try:
            with self.open_raw() as raw:
                start = raw.read(SNIFFED_BYTES)
        except OSError as error:
            raise CelossError(_unreadable(path, argument, error)) from None
        self._reading: Any = None
        self.compression = _compression(start)
        self.start = self._decompressed_start() if self.compression else start

    def _regular_file(self, path: str, argument: str) -> str:
        if ADDRESS.match(path) and not os.path.exists(path):
            raise CelossError(_address(path, argument))
        if "\0" in path:
            raise CelossError(_unreadable(path, argument, "no path holds a NUL"))
        try:
            mode = os.stat(path).st_mode
            if stat.S_ISDIR(mode):
                raise CelossError(_is_directory(path, argument))
            with Path(path).open("rb") as file:
                if file.isatty():
                    raise UsageError(_terminal(path, argument))
                # A device such as /dev/zero never ends; /dev/null does at once.
                if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and file.read(1)):
                    raise CelossError(_unreadable(path, argument, "it is a device"))
                return path if stat.S_ISREG(mode) else self._spool(file, argument)
        except FileNotFoundError:
            raise CelossError(_no_file(path, argument)) from None
        except OSError as error:
            raise CelossError(_unreadable(path, argument, error)) from None

    def _spool(self, stream: IO[bytes], argument: str) -> str:
        """A temporary copy of what can be read only once."""
        # Only for input that cannot be read twice: it takes 3 ms to load.
        import tempfile

        copy = tempfile.NamedTemporaryFile(prefix="celoss-")  # noqa: SIM115 - lives as long as this object
        weakref.finalize(self, copy.close)
        while part := self._next_part(stream, argument):
            try:
                copy.write(part)
                copy.flush()
            except OSError as error:
                folder = escape(os.path.dirname(copy.name))
                reason = f"a copy of it cannot be written to '{folder}': {error.strerror}"
                advice = "set TMPDIR to a folder with more room, or give a file"
                raise CelossError(_unreadable(self.path, argument, reason, advice)) from None
        return copy.name

    def _next_part(self, stream: IO[bytes], argument: str) -> bytes:
        try:
            return stream.read(COPIED_BYTES)
        except OSError as error:
            raise CelossError(_unreadable(self.path, argument, error)) from None

    def _decompressed_start(self) -> bytes:
        try:
            with self.open() as stream:
                return bytes(stream.read(SNIFFED_BYTES))
        except DAMAGED as error:
            raise CelossError(self.broken(error)) from None

    def broken(self, error: BaseException) -> Diagnostic:
        """The diagnostic for bytes that cannot be read: a damaged or truncated file, or one too large for the memory."""
        if isinstance(error, MemoryError):
            message = f"there is not enough memory to read '{escape(self.name)}'"
            return Diagnostic("E112", message, (Place(self.name),), help="free some memory and run it again")
        what = f"{self.compression}-compressed " if self.compression else ""
        reason = escape(str(error).split("\n", 1)[0].removesuffix("."))
        return Diagnostic(
            "E108",
            f"'{escape(self.name)}' is a damaged or incomplete {what}file",
            (Place(self.name),),
            details=(f"found: {reason}",),
        )

    @property
    def shell_name(self) -> str:
        """The file as a word of a shell command; FILE where it is a copy of what can be read only once."""
        return shlex.quote(self.path) if self.file == self.path else "FILE"

    def piped(self, *commands: str) -> str:
        """A shell command that runs the file through these commands and writes it anew, or where to put them."""
        if self.file != self.path:
            steps = [COMMANDS[self.compression]] if self.compression else []
            return f"put it before celoss: {' | '.join([*steps, *commands])} | celoss …"
        return f"convert: {self.unpacked(*commands)} > utf8.csv"

    def unpacked(self, *commands: str) -> str:
        """A shell command that runs the file, decompressed, through these commands."""
        steps = [COMMANDS[self.compression]] if self.compression else []
        first, *others = [*steps, *commands]
        return " | ".join([f"{first} {self.shell_name}", *others])

    @property
    def ends_open(self) -> bool:
        """Whether a text that is not compressed ends without a line break."""
        with self.open_raw() as raw:
            raw.seek(-1, os.SEEK_END)
            return self.compression is None and raw.read(1) not in b"\r\n"

    def open_raw(self) -> IO[bytes]:
        """The bytes as stored."""
        return Path(self.file).open("rb")

    def open(self) -> Any:
        """The bytes, decompressed: a binary file object."""
        if self.compression == "xz":
            return lzma.open(self.file, "rb")
        self._reading = self.open_raw() if self.compression is None else pa.OSFile(self.file)
        return self._reading if self.compression is None else pa.CompressedInputStream(self._reading, self.compression)

    @property
    def share_read(self) -> float | None:
        """How much of the stored bytes the last stream that was opened has read, 0 … 1; None where that is not known."""
        if self._reading is None or self._reading.closed:
            return None
        return float(self._reading.tell() / max(1, os.path.getsize(self.file)))


def _compression(start: bytes) -> str | None:
    return next((name for magic, name in COMPRESSIONS.items() if start.startswith(magic)), None)


def kind_of(source: Input, input_format: str | None) -> str:
    """`csv`, `tsv`, `jsonl`, `parquet`, `arrow` or `npy`: as asked for, else by the first bytes, else by the name.

    Raises CelossError (E103, E104) for an empty file and for what is no table at all.
    """
    start = source.start
    if not start:
        raise CelossError(Diagnostic("E103", f"'{escape(source.name)}' is empty", (Place(source.name),)))
    if (advice := _foreign(source)) is not None:
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
            advice = (
                f"it is text; rename it to {shlex.quote(str(Path(source.path).with_suffix('.csv')))}" if _is_text(start) else ""
            )
            raise CelossError(_not_a_table(source, advice, kind))
    lowered = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if lowered.startswith(b"{") or {".jsonl", ".ndjson"} & set(suffixes):
        return "jsonl"
    if lowered.startswith(b"["):
        command = source.unpacked("jq -c '.[]'")
        advice = f"this is one JSON array; write one object per line: {command} > table.jsonl"
        raise CelossError(_not_a_table(source, advice))
    return "csv"


def _foreign(source: Input) -> str | None:
    """What to do with a file that is no table, by its first bytes; None for what may be one."""
    lowered = source.start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    name = source.shell_name
    for pattern, advice in FOREIGN_BYTES:
        if pattern.match(lowered):
            return advice.format(name)
    if source.compression and (inner := _compression(source.start)):
        return f"it is compressed twice; once is enough: {COMMANDS[source.compression]} {name} > once.{SUFFIXES[inner]}"
    if source.start[TAR[0] :].startswith(TAR[1]):
        return f"this is a tar archive; unpack it: tar -xf {name}"
    return None


def _is_text(start: bytes) -> bool:
    return not any(byte < 9 or 13 < byte < 32 for byte in start)


def _not_a_table(source: Input, advice: str, expected: str = "table") -> Diagnostic:
    names = {"parquet": "a Parquet file", "arrow": "an Arrow file", "npy": "an NPY file", "table": "a table"}
    first = source.start.lstrip()[: 40 if _is_text(source.start) else 12].decode("ascii", "backslashreplace").split("\n", 1)[0]
    details = (f'found: bytes starting "{escape(first)}"',)
    return Diagnostic("E104", f"'{escape(source.name)}' is not {names[expected]}", details=details, help=advice)


# --- arguments that are no files ------------------------------------------------------------------------------------------


def _no_file(path: str, argument: str) -> Diagnostic:
    details, advice = _why_no_file(path)
    place = Place(f"argument {argument}")
    return Diagnostic("E101", f"no file at '{shorten(path, 80)}'", (place,), details=details, help=advice)


def _why_no_file(path: str) -> tuple[tuple[str, ...], str]:
    """What there is instead of a file, and what to do."""
    if not path:
        return ("found: an empty path, as an unset variable of the shell gives",), ""
    if os.path.islink(path):
        return (f"found: a link to '{shorten(os.readlink(path), 80)}', which does not exist",), ""
    if any(ch in path for ch in "*?["):
        import glob

        return (), _matches(sorted(islice(glob.iglob(path), MOST_NAMES)))
    home = os.path.expanduser(path)
    if home != path and os.path.exists(home):
        return (), _did_you_mean(home)
    folder = Path(path).parent
    missing = next((one for one in [*reversed(folder.parents), folder] if not one.exists()), None)
    if missing is not None:
        near = _near(missing)
        return (f"found: no folder '{shorten(str(missing), 80)}'",), _did_you_mean(
            str(near / Path(path).relative_to(missing))
        ) if near else ""
    near = _near(Path(path))
    return (), _did_you_mean(str(near)) if near else ""


def _near(path: Path) -> Path | None:
    """What is beside a path that does not exist, and has nearly its name."""
    try:
        names = [entry.name for entry in islice(path.parent.iterdir(), MOST_NAMES)]
    except OSError:
        return None
    near = did_you_mean(path.name, names) or next((name for name in names if Path(name).stem == path.stem), None)
    return path.parent / near if near else None


def _did_you_mean(path: str) -> str:
    return f"did you mean '{escape(path)}'?"


def _matches(paths: Sequence[str]) -> str:
    """What to type for a pattern that the shell did not expand."""
    if not paths:
        return "no file matches the pattern"
    if len(paths) == 1:
        return _did_you_mean(paths[0])
    return f"the pattern matches {plural(len(paths), 'file')}; name one: {listed(paths, 6)}"


def _unreadable(path: str, argument: str, error: Exception | str, advice: str = "") -> Diagnostic:
    reason = getattr(error, "strerror", None) or str(error)
    what = "standard input" if path == "-" else f"'{shorten(path, 80)}'"
    return Diagnostic("E101", f"cannot read {what}: {reason}", (Place(f"argument {argument}"),), help=advice)


def _is_directory(path: str, argument: str) -> Diagnostic:
    files = [entry for entry in Path(path).iterdir() if entry.is_file()]
    endings = Counter(entry.suffix for entry in files)
    kinds = ", ".join(f"{count} {ending}" for ending, count in sorted(endings.items()) if ending)
    details = (f"found: {plural(len(files), 'file')}" + (f" ({kinds})" if len(endings) > 1 and kinds else ""),)
    most = max((one for one in endings if one in SCORED), key=lambda one: (endings[one], one), default="")
    advice = "name one file"
    if argument == "PREDS" and endings[most] > 1:
        advice += f"; to compare them all: celoss compare {shlex.quote(path.rstrip('/'))}/*{most} -l LABELS"
    return Diagnostic(
        "E102",
        f"'{escape(path)}' is a directory",
        (Place(f"argument {argument}"),),
        details=details,
        help=advice,
    )


def _call(argument: str) -> str:
    """The command with standard input in the place of an argument."""
    return "celoss eval - labels.csv" if argument == "PREDS" else "celoss eval preds.csv -"


def _terminal(path: str, argument: str) -> Diagnostic:
    example = "preds.csv" if argument == "PREDS" else "labels.csv"
    return Diagnostic(
        "E110",
        f"'{escape(path)}' is standard input, and that is a terminal",
        (Place(f"argument {argument}"),),
        help=f"pipe a file into it: cat {example} | {_call(argument)}   or redirect one: {_call(argument)} < {example}",
    )


def _address(path: str, argument: str) -> Diagnostic:
    return Diagnostic(
        "E107",
        f"'{shorten(path, 80)}' is an address, and celoss reads only files",
        (Place(f"argument {argument}"),),
        help=_fetched(path, argument),
    )


def _fetched(path: str, argument: str) -> str:
    """How to read what is at an address."""
    scheme, _, rest = path.partition("://")
    commands = {"http": "curl -sSfL", "https": "curl -sSfL", "ftp": "curl -sSf", "s3": "aws s3 cp", "gs": "gcloud storage cat"}
    if scheme.lower() == "file" and rest.startswith("/"):
        return f"give the path alone: {shlex.quote(rest)}"
    huggingface = re.fullmatch(r"datasets/([^/]+/[^/]+)/(.+)", rest) if scheme.lower() == "hf" else None
    if huggingface:
        address = f"https://huggingface.co/datasets/{huggingface[1]}/resolve/main/{huggingface[2]}"
        return f"fetch it first: curl -sSfL {shlex.quote(address)} | {_call(argument)}"
    command = commands.get(scheme.lower())
    if command is None:
        return "fetch it first, and give the file"
    target = " -" if scheme.lower() == "s3" else ""
    return f"fetch it first: {command} {shlex.quote(path)}{target} | {_call(argument)}"
