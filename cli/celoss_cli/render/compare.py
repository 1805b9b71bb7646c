"""Owns how a comparison is shown: as a table with what follows from it in words, as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rich.console import RenderableType
from rich.text import Text

from celoss.comparison import Compared, Comparison, Difference, Part
from celoss.errors import escape, plural, shorten
from celoss_cli.render import markdown, shown
from celoss_cli.render.conclusions import conclusions, failure, method
from celoss_cli.render.layout import Column, drawn, first_that_fits, forms, limit_of, sentences

# Of more files than these, and of more classes or groups of each, the parts are in the machine formats alone.
MOST_FILES, MOST_PARTS = 5, 3
LONGEST_NAME = 60
ABSENT = "–"


def renderer(name: str) -> Callable[[Comparison], str]:
    """The function for a machine format or Markdown."""
    if name in ("json", "jsonl"):
        return lambda comparison: comparison.to_json(indent=2 if name == "json" else None) + "\n"
    return {"csv": as_csv, "markdown": as_markdown}[name]


def table(comparison: Comparison, width: int | None = None, color: bool = False) -> str:
    """The comparison as text, at most `width` columns wide, but at least 20 (None: as wide as it needs)."""
    limit = limit_of(width)
    return "\n\n".join(drawn(part, limit, color) for part in _parts(comparison, limit)) + "\n"


def verdict(comparison: Comparison) -> str:
    """What standard error is told of the rule of --fail."""
    gate = comparison.gate
    if gate is None:
        return ""
    lines = [f"  {failure(comparison, comparison[name])}   (--fail {gate.rule})" for name in gate.failed]
    return "".join(f"{line}\n" for line in (f"gate: {'met' if gate.passed else 'not met'}", *lines))


def _parts(comparison: Comparison, limit: int) -> Iterator[RenderableType]:
    inputs, understood = _heading(comparison)
    yield Text.assemble((inputs, "bold"), "\n", understood, overflow="fold")
    form, hidden = _fitting(_columns(comparison), _GIVE_WAY, limit)
    yield form
    for title, columns in _part_tables(comparison):
        if title:
            yield sentences([title], limit)
        form, more = _fitting(columns, _PARTS_GIVE_WAY, limit)
        hidden += [one for one in more if one not in hidden]
        yield form
    yield sentences(conclusions(comparison), limit)
    remarks = [text for text in (method(comparison), _hidden_text(hidden)) if text]
    if remarks:
        dim = sentences(remarks, limit)
        dim.stylize("dim")
        yield dim


# Columns that are left out, and the length to which names are shortened, of one form after another until one fits.
_NO_RANKS = ("better on", "rows")
_GIVE_WAY: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...] = (
    ((), (LONGEST_NAME,)),
    (("better on",), (LONGEST_NAME,)),
    (_NO_RANKS, (LONGEST_NAME, 32, 24)),
    ((*_NO_RANKS, "p"), (24, 20, 16, 12)),
    ((*_NO_RANKS, "interval"), (24, 20, 16, 12)),
    ((*_NO_RANKS, "interval", "p"), (24, 20, 16, 12)),
)
_PARTS_GIVE_WAY: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...] = (
    ((), (LONGEST_NAME, 32, 24, 16)),
    (("rows",), (LONGEST_NAME, 32, 24, 20, 16, 12)),
    (("rows", "difference"), (24, 20, 16, 12)),
)


def _fitting(
    columns: dict[str, Column], give_way: Sequence[tuple[tuple[str, ...], tuple[int, ...]]], limit: int
) -> tuple[RenderableType, list[str]]:
    """The first form that fits, and the titles of the columns that it lacks; at last every row as lines of all columns."""
    last = list(forms(columns, ()))[-1]
    options = [*_forms(columns, give_way), (last, [])]
    found = first_that_fits((form for form, _ in options), limit)
    return next(one for one in options if one[0] is found)


def _forms(
    columns: dict[str, Column], give_way: Sequence[tuple[tuple[str, ...], tuple[int, ...]]]
) -> Iterator[tuple[RenderableType, list[str]]]:
    names = columns["file"].texts
    for hidden, lengths in give_way:
        kept = {name: one for name, one in columns.items() if name not in hidden}
        for length in lengths:
            texts = _cut(names, length)
            if len(set(texts)) == len(set(names)):
                form = next(forms(kept | {"file": replace(columns["file"], texts=texts)}, ()))
                yield form, [columns[name].title for name in hidden if name in columns]


def _cut(names: Sequence[str], length: int) -> list[str]:
    """Names without their middle where they are longer; without what all begin with, where they differ only there."""
    texts = [shorten(name, length) for name in names]
    if len(set(texts)) < len(set(names)):
        start = next((place for place, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), 0)
        texts = [shorten(f"…{name[start:]}", length) for name in names]
    return texts


def _hidden_text(titles: Sequence[str]) -> str:
    return f"not shown at this width: {', '.join(titles)}" if titles else ""


def _heading(comparison: Comparison) -> tuple[str, str]:
    report = comparison[comparison.against].report
    labels = "labels" if report.labels is None else report.labels.path or report.labels.format
    parts = [shown.task(report), f"{plural(comparison.rows, 'row')} {shown.matched(report)}"]
    if comparison.rows < comparison.label_rows:
        parts.append(f"{comparison.label_rows:,} in the labels")
    if comparison.plan.cluster is not None:
        parts.append(f"{plural(comparison.values, 'cluster')} by {shorten(comparison.plan.cluster[1])}")
    parts.append(f"paired with {_name(comparison.against)}")
    if len({one.report.plan.scale for one in comparison.files}) == 1:
        parts += shown.options(report)
    else:
        parts += [text for text in shown.options(report) if text != f"from {report.plan.scale}"]
    return escape(f"{plural(len(comparison.files), 'file')} × {labels}"), " · ".join(parts)


def _name(name: str) -> str:
    return shorten(name, LONGEST_NAME)


# --- the files ------------------------------------------------------------------------------------------------------------


def _columns(comparison: Comparison) -> dict[str, Column]:
    files = comparison.files
    differences = [one.difference for one in files]
    adjusted = comparison.tests > 1
    columns = {
        "rank": Column("", "r", [str(one.rank) for one in files]),
        "file": Column("file", "l", [_name(one.name) for one in files]),
        "rows": Column("rows", "r", [f"{one.rows:,}" for one in files]),
        "loss": Column("log loss", "r", [shown.number(one.log_loss) for one in files]),
        "value": Column("Δ", "r", [_signed(one) for one in differences]),
        "interval": Column(f"{100.0 * comparison.confidence:g} % interval of Δ", "r", [_bounds(one) for one in differences]),
        "p": Column("p (Holm)" if adjusted else "p", "r", [_p(one) for one in differences]),
        "better on": Column("better on", "r", ["" if one is None else _percent(one.better_on) for one in differences]),
        "verdict": Column("", "l", ["" if one is None else one.verdict for one in differences]),
    }
    if all(one.rows == comparison.rows for one in files):
        # The heading says it.
        del columns["rows"]
    return {name: one for name, one in columns.items() if name not in ("interval", "p") or any(one.texts)}


def _signed(one: Difference | None) -> str:
    # Up to rounding it is 0.
    return ABSENT if one is None else _signed_number(0.0 if one.verdict == "same" else one.value)


def _bounds(one: Difference | None) -> str:
    if one is None or one.interval is None:
        return ""
    return f"{shown.signed(one.interval.low)} … {shown.signed(one.interval.high)}"


def _p(one: Difference | None) -> str:
    if one is None or one.adjusted_p is None:
        return ""
    return f"{one.adjusted_p:.3f}" if one.adjusted_p >= 1e-3 else f"{one.adjusted_p:.1e}" if one.adjusted_p else "0"


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


# --- where the differences come from --------------------------------------------------------------------------------------


def _part_tables(comparison: Comparison) -> Iterator[tuple[str, dict[str, Column]]]:
    """A table for the classes, and one for each --by column, of what adds most to each difference, and what it leaves out."""
    every = [one for one in comparison.files if _parts_of(one)]
    compared = every[:MOST_FILES]
    for by in dict.fromkeys(part.by for one in compared for part in _parts_of(one)):
        parts = [(one.name, [part for part in _parts_of(one) if part.by == by]) for one in compared]
        rows = [(name, part) for name, own in parts for part in own[:MOST_PARTS]]
        title = []
        if (count := max(len(own) for _, own in parts)) > MOST_PARTS:
            title.append(f"the {MOST_PARTS} largest of {count:,} {'classes' if by is None else f'values of {shorten(by)}'}")
        if len(every) > MOST_FILES:
            title.append(f"of the first {MOST_FILES} of {len(every):,} differences")
        yield (
            ", ".join(title),
            {
                "file": Column("file", "l", [_name(name) for name, _ in rows]),
                "name": Column(
                    "class" if by is None else shorten(by), "l", [shorten(part.name) or "(empty)" for _, part in rows]
                ),
                "rows": Column("rows", "r", [f"{part.rows:,}" for _, part in rows]),
                "difference": Column("Δ in it", "r", [_signed_number(part.difference) for _, part in rows]),
                "part": Column("part of Δ", "r", [_signed_number(part.part) for _, part in rows]),
            },
        )


def _parts_of(one: Compared) -> tuple[Part, ...]:
    return () if one.difference is None or one.difference.verdict == "same" else one.difference.parts


def _signed_number(value: float | None) -> str:
    return ABSENT if value is None else shown.signed(value) if value else shown.number(0.0)


# --- other forms ----------------------------------------------------------------------------------------------------------


def as_markdown(comparison: Comparison) -> str:
    """GitHub-flavoured Markdown: what was understood, the files, where the differences come from, what follows."""
    inputs, understood = _heading(comparison)
    parts = [f"**{markdown.cell(inputs)}**  \n{markdown.cell(understood)}", _markdown_table(_columns(comparison))]
    for title, columns in _part_tables(comparison):
        parts += [markdown.cell(title), _markdown_table(columns)]
    parts += [*map(markdown.cell, conclusions(comparison)), markdown.cell(method(comparison))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _markdown_table(columns: dict[str, Column]) -> str:
    shown_columns = list(columns.values())
    rows: Sequence[Sequence[str]] = list(zip(*(one.texts for one in shown_columns), strict=True))
    return markdown.table([markdown.cell(one.title) for one in shown_columns], rows, "".join(one.side for one in shown_columns))


CSV_COLUMNS = (
    *("rank", "file", "rows", "common_rows", "log_loss", "against", "difference", "low", "high", "p", "adjusted_p", "method"),
    *("better_on", "verdict", "needed", "to_best", "to_best_p", "to_best_adjusted_p", "told_from_best", "signature"),
)


def as_csv(comparison: Comparison) -> str:
    """One line for each file (RFC 4180 quoting, newline \\n); an undefined value is empty, an infinite one `inf`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for one in comparison.files:
        first = (one.rank, one.name, one.rows, comparison.rows, one.log_loss, comparison.against)
        distance = one.distance
        last = ("", "", "", "") if distance is None else (distance.value, distance.p, distance.adjusted_p, distance.apart)
        writer.writerow([*map(_cell, (*first, *_difference_cells(one.difference), *last)), one.report.signature])
    return text.getvalue()


def _difference_cells(one: Difference | None) -> tuple[object, ...]:
    if one is None:
        return ("",) * 9
    low, high = (None, None) if one.interval is None else (one.interval.low, one.interval.high)
    return (one.value, low, high, one.p, one.adjusted_p, one.method, one.better_on, one.verdict, one.values_needed)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
