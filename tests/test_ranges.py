"""Delimited text cut into ranges of lines: wherever the cuts fall, the rows are those that were written."""

from __future__ import annotations

import csv
import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import celoss.sources.ranges
import celoss.sources.text
from celoss.sources import Suspicious, open_source

ROWS = [[f"r{row}", f"0.{row}"] for row in range(40)]


@pytest.fixture
def small(monkeypatch):
    """Ranges of a few lines, in blocks of some bytes."""
    monkeypatch.setattr(celoss.sources.ranges, "RANGE_BYTES", 100)
    monkeypatch.setattr(celoss.sources.text.TextSource, "_block_bytes", 40)


def text_of(header, rows, ends="\n", **options):
    written = io.StringIO()
    csv.writer(written, lineterminator=ends, **options).writerows([header, *rows])
    return written.getvalue()


def read(path, names, careful=False):
    source = open_source(str(path), "labels")
    chunks = list(source.batches(names, [], careful))
    assert [chunk.start for chunk in chunks] == [sum(one.rows for one in chunks[:at]) for at in range(len(chunks))]
    columns = [[value for chunk in chunks for value in chunk.texts[at].to_pylist()] for at in range(len(names))]
    return list(map(list, zip(*columns, strict=True)))


def is_fast(path, names):
    """Whether the fast reading gives the file in ranges to its end."""
    streamed = []
    original = celoss.sources.ranges._Ranges._streamed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            celoss.sources.ranges._Ranges, "_streamed", lambda *arguments: (streamed.append(1), original(*arguments))[1]
        )
        read(path, names)
    return not streamed


FORMS = {
    "plain": (text_of(["id", "p"], ROWS), ROWS, True),
    "without a line break at the end": (text_of(["id", "p"], ROWS).rstrip("\n"), ROWS, True),
    "a byte-order mark": ("\ufeff" + text_of(["id", "p"], ROWS), ROWS, True),
    "quotes": (text_of(["id", "p"], ROWS, quoting=csv.QUOTE_ALL), ROWS, True),
    "carriage returns and line feeds": (text_of(["id", "p"], ROWS, "\r\n"), ROWS, True),
    "carriage returns": (text_of(["id", "p"], ROWS, "\r"), ROWS, False),
    "quotes and carriage returns": (text_of(["id", "p"], ROWS, "\r\n", quoting=csv.QUOTE_ALL), ROWS, False),
    "blank lines": (text_of(["id", "p"], ROWS, "\n\n\n"), ROWS, True),
    "blank lines alone in a range": (text_of(["id", "p"], ROWS) + "\n" * 500 + "x,1\n", [*ROWS, ["x", "1"]], True),
    "quotes and blank lines": (text_of(["id", "p"], ROWS, "\n\n", quoting=csv.QUOTE_ALL), ROWS, True),
    "line breaks in values": (
        text_of(["id", "p"], [[f"a\n{one}\n\n", two] for one, two in ROWS]),
        [[f"a\n{one}\n\n", two] for one, two in ROWS],
        False,
    ),
    "one line break in a value, late": (
        text_of(["id", "p"], [*ROWS, ["a\nb", "1"], *ROWS]),
        [*ROWS, ["a\nb", "1"], *ROWS],
        False,
    ),
    "a line break in the header": (text_of(["id", "p", "x\ny"], [[*row, ""] for row in ROWS]), ROWS, False),
    "quotes in values": (
        text_of(["id", "p"], [[f'"{one}",', two] for one, two in ROWS]),
        [[f'"{one}",', two] for one, two in ROWS],
        True,
    ),
    "two quotes inside of values that have none around them": (
        text_of(["id", "p"], ROWS) + '5" disk,1\n' + text_of(ROWS[0], ROWS[1:]) + '6" disk,1\n',
        [*ROWS, ['5" disk', "1"], *ROWS, ['6" disk', "1"]],
        False,
    ),
    "a value longer than a range": (text_of(["id", "p"], [*ROWS, ["x" * 300, "1"]]), [*ROWS, ["x" * 300, "1"]], False),
}


@pytest.mark.parametrize("kind", FORMS)
def test_every_row_is_read_wherever_the_ranges_are_cut(tmp_path, small, kind):
    content, rows, fast = FORMS[kind]
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode())
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(content.encode()))
    if kind == "a value longer than a range":
        with pytest.raises(Suspicious):
            read(path, ["id", "p"])
        assert read(path, ["id", "p"], careful=True) == rows
        return
    assert read(path, ["id", "p"]) == rows == read(tmp_path / "t.csv.gz", ["id", "p"])
    assert is_fast(path, ["id", "p"]) == fast


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_empty_values_of_a_single_column_are_rows(tmp_path, small, ends):
    values = [["x"], [""], [""], *[["y"], [""]] * 40]
    path = tmp_path / "t.csv"
    path.write_bytes(ends.join(["name", *(one for (one,) in values), ""]).encode())
    assert read(path, ["name"]) == values


def test_a_byte_order_mark_inside_of_a_file_belongs_to_its_value(tmp_path, small):
    rows = [["\ufeffx", "1"]] * 40
    path = tmp_path / "t.csv"
    path.write_text(text_of(["id", "p"], rows), encoding="utf-8")
    with pytest.raises(Suspicious):
        read(path, ["id", "p"])
    assert read(path, ["id", "p"], careful=True) == rows


@pytest.mark.parametrize("at", range(1100, 1600, 41))  # after the head
def test_a_quote_that_is_not_closed_is_never_read_quickly(tmp_path, small, at):
    lines = text_of(["id", "p"], ROWS * 40).splitlines(keepends=True)
    lines[1 + at] = '"' + lines[1 + at]
    path = tmp_path / "t.csv"
    path.write_text("".join(lines))
    with pytest.raises(Suspicious):
        read(path, ["id", "p"])


@pytest.mark.parametrize("shift", range(0, 140))
@pytest.mark.parametrize(
    ("names", "row", "cut"),
    [(["label", "p", "note"], "1,0.9,n", '1,0.9,"see\n0,0.9,x"'), (["c"], "ab", '"ab\nab"')],
    ids=["a value that looks like a row when it is cut", "a single column"],
)
def test_a_line_break_in_a_value_is_none_wherever_a_range_or_a_block_ends(tmp_path, small, names, row, cut, shift):
    """A range, or one of its blocks, can end at just that line break; each part then looks like a row of its own."""
    header, lines = ",".join(names), [row] * 400
    lines[200 + shift] = cut
    (tmp_path / "t.csv").write_text("\n".join([header, *lines, ""]))
    with (tmp_path / "t.csv").open(newline="") as file:
        expected = list(csv.reader(file))[1:]
    assert len(expected) == 400
    assert read(tmp_path / "t.csv", names) == expected


def test_a_stream_is_handed_on_in_blocks_that_are_full():
    """Of the block of one byte that followed where the first bytes ended Arrow 26 lost the row `,\\r\\n`."""

    class Drops(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 7) if size > 0 else size)

    content = bytes(range(256)) * 3
    rest = celoss.sources.ranges._Rest(content[:268], Drops(content[268:]))
    parts = [rest.read(89) for _ in range(9)]
    assert [len(one) for one in parts] == [89] * 8 + [len(content) - 8 * 89]
    assert b"".join(parts) == content
    assert rest.read(89) == b""
    assert celoss.sources.ranges._Rest(content[:5], Drops(content[5:])).read() == content


CELLS = st.text("ab1 ,\"\n'", max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS), max_size=30),
    size=st.integers(60, 300),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    ends=st.sampled_from(["\n", "\r\n"]),
)
def test_what_was_written_is_read_or_suspected(tmp_path_factory, rows, size, quoting, ends):
    path = tmp_path_factory.mktemp("ranges") / "t.csv"
    path.write_bytes(text_of(["left", "right"], rows, ends, quoting=quoting).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(celoss.sources.ranges, "RANGE_BYTES", size)
        patch.setattr(celoss.sources.text.TextSource, "_block_bytes", max(40, size // 3))
        try:
            found = read(path, ["left", "right"])
        except Suspicious:
            found = read(path, ["left", "right"], careful=True)
    assert found == list(map(list, rows))
