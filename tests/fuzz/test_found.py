"""What the fuzzers found, in its smallest form, and what celoss says of it now."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Ran, process

PREDS = "id,cat,dog\na,0.5,0.5\nb,0.25,0.75\n"
LABELS = "id,label\nb,dog\na,cat\n"


def npy(description: str, data: bytes, shape: str = "(2,)") -> bytes:
    """An NPY file with any header."""
    header = f"{{'descr': '{description}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def ipc(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


NAMED = pa.table({"id": ["b", "a"], "labels": ["dog", "cat"]})
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "a surrogate in an array of texts": ("labels.npy", npy("<U1", b"\xfc\xdc\0\0" * 2), "E105"),
    "no character at all in an array of texts": ("labels.npy", npy("<U1", b"\xff\xff\xff\0" * 2), "E105"),
    "a name that is not UTF-8 in an Arrow file": ("labels.arrow", ipc(NAMED).replace(b"labels", b"\x97abels"), "E108"),
    "a name that is not UTF-8 in a Parquet file": ("labels.parquet", parquet(NAMED).replace(b"labels", b"\x97abels"), "E108"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused(name: str, folder: Path, celoss: Callable[..., Ran]) -> None:
    file, data, code = REFUSED[name]
    Path("preds.csv").write_text(PREDS)
    Path(file).write_bytes(data)
    ran = celoss("eval", "preds.csv", file)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"error[{code}]: ")


def test_an_array_of_python_2_is_read_without_a_word_of_numpy(folder: Path, celoss: Callable[..., Ran]) -> None:
    Path("preds.csv").write_text(PREDS)
    Path("labels.npy").write_bytes(npy("|S3", b"catdog", "(2L,)"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ran = celoss("eval", "preds.csv", "labels.npy", "--id", "#", "--only", "accuracy")
    # Row a is a tie of two classes, row b is right.
    assert (ran.code, ran.out, ran.err) == (0, "0.75\n", "")


def test_a_lone_surrogate_in_a_key_of_json_is_escaped(folder: Path, celoss: Callable[..., Ran]) -> None:
    Path("preds.jsonl").write_text('{"cat\\ud800": 0.25, "dog": 0.75, "label": "dog"}\n')
    ran = celoss("eval", "preds.jsonl", "-f", "json")
    assert json.loads(ran.out)["classes"] == ["cat\\ud800", "dog"]


@pytest.mark.parametrize("option", ["--pred", "--label", "--classes", "--class-weights", "--top-k"])
@pytest.mark.parametrize("text", ["\rx", "x\ny", '"x', "x\r\n,y"])
def test_a_line_break_in_a_list_is_part_of_a_name(option: str, text: str, folder: Path, celoss: Callable[..., Ran]) -> None:
    Path("preds.csv").write_text(PREDS)
    Path("labels.csv").write_text(LABELS)
    ran = celoss("eval", "preds.csv", "labels.csv", f"{option}={text}")
    assert ran.code in (2, 3)
    assert ran.err.startswith(("error[E205]: ", "error[E604]: "))


DECIMAL_COMMAS = {
    "one label column": ("id;1;2\na;0,5;0,5\nb;0,25;0,75\n", "id;label\na;1,0\nb;2,0\n"),
    "a column for each class": ("id;x;y\na;0,5;0,5\nb;0,25;0,75\n", "id;x;y\na;1,0;0,0\nb;0,0;1,0\n"),
}


@pytest.mark.parametrize("name", DECIMAL_COMMAS)
def test_a_whole_number_with_a_decimal_comma_is_a_label(name: str, folder: Path, celoss: Callable[..., Ran]) -> None:
    for path, text in zip(("preds.csv", "labels.csv"), DECIMAL_COMMAS[name], strict=True):
        Path(path).write_text(text)
    ran = celoss("eval", "preds.csv", "labels.csv", "--only", "accuracy")
    assert (ran.code, ran.out) == (0, "0.75\n"), ran.err


@pytest.mark.parametrize("mark", ["#", "# ", "%"])
def test_a_header_without_numbers_below_it_may_begin_like_a_comment(
    mark: str, folder: Path, celoss: Callable[..., Ran]
) -> None:
    Path("preds.csv").write_text(mark + PREDS)
    Path("labels.csv").write_text(mark + LABELS)
    ran = celoss("eval", "preds.csv", "labels.csv", "--only", "accuracy")
    assert (ran.code, ran.out) == (0, "0.75\n"), ran.err
    Path("labels.csv").write_text(mark + LABELS.replace("label", "animal"))
    ran = celoss("eval", "preds.csv", "labels.csv")
    assert ran.code == 3
    assert ran.err.startswith("error[E201]: line 1 may be a comment or the header\n")
    assert f"if it is the header, take away its {mark.strip()}; if it is a comment, leave out" in ran.err


def test_a_parquet_file_whose_description_contradicts_itself_does_not_end_the_process(tmp_path: Path) -> None:
    good = parquet(pa.table({"id": ["a", "b"], "cat": [0.5, 0.25], "dog": [0.5, 0.75], "label": ["cat", "dog"]}))
    # In Thrift: the column called id is optional (1, written as 2), now required; its statistics still count missing values.
    optional, required = b"\x25\x02\x18\x02id", b"\x25\x00\x18\x02id"
    assert good.count(optional) == 1
    (tmp_path / "good.parquet").write_bytes(good)
    (tmp_path / "bad.parquet").write_bytes(good.replace(optional, required))
    assert process("eval", "good.parquet", "--id", "id", "--only", "accuracy", cwd=tmp_path).out == "0.75\n"
    # What pyarrow throws when it is asked for that description no Python can catch, so it takes a process to see it.
    ran = process("eval", "bad.parquet", "--id", "id", cwd=tmp_path)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("error[E108]: 'bad.parquet' is a damaged or incomplete file")
