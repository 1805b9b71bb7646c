"""Owns how people see suspects: the rows with the least probable labels, and in words what that can mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from celoss.errors import plural, shorten
from celoss.explaining import Suspect, Suspects
from celoss_cli.render import shown
from celoss_cli.render.layout import Column, first_that_fits, forms, sentences

_GIVE_WAY = ("line", "row", "q", "against", "plausibility", "probability", "label probability")


def suspect_parts(found: Suspects, limit: int) -> Iterator[RenderableType]:
    """The table, and what is to be said of it."""
    yield first_that_fits(forms(_columns(found, found.rows), _GIVE_WAY), limit)
    yield sentences(list(_sentences(found)), limit)


def _columns(found: Suspects, rows: Sequence[Suspect]) -> dict[str, Column]:
    columns = {
        "rank": Column("rank", "r", [f"{one.rank:,}" for one in rows]),
        "row": Column("row", "r", [f"{one.row:,}" for one in rows]),
        "line": Column("line", "r", [f"{one.line:,}" for one in rows if one.line is not None]),
        "id": Column("id", "l", [shorten(one.id) for one in rows if one.id is not None]),
        "label": Column("label", "l", [shorten(one.label) for one in rows]),
        "label probability": Column("probability", "r", [shown.number(one.label_probability) for one in rows]),
        "suggested": Column("rather", "l", [shorten(one.suggested) for one in rows]),
        "probability": Column("probability", "r", [shown.number(one.probability) for one in rows]),
        "plausibility": Column("plausibility", "r", [shown.number(one.plausibility) for one in rows]),
        "q": Column("q", "r", [f"{one.q:.2g}" for one in rows]),
        "against": Column("against", "r", [f"{one.against} of {len(found.models)}" for one in rows]),
    }
    if len(found.models) == 1:
        del columns["against"]
    if rows[0].id is None:
        # Without an id the row's number is its name, and stays.
        columns["id"] = columns.pop("row")
        order = ("rank", "id", "line")
        columns = {name: columns[name] for name in (*order, *(name for name in columns if name not in order))}
    return {name: one for name, one in columns.items() if len(one.texts) == len(rows)}


def _sentences(found: Suspects) -> Iterator[str]:
    if len(found.models) > 1:
        paths = (f"{one.path or 'a model'} {shown.percent(one.share)}" for one in found.models)
        yield f"Judged by {len(found.models)} models together: {', '.join(paths)}."
    if all(math.isinf(one.temperature) for one in found.models):
        yield (
            f"{'The model says' if len(found.models) == 1 else 'The models say'} nothing of these labels: no temperature helps "
            "(T = ∞), so that every row is judged by how often each class occurs."
        )
    elif found.beyond_chance:
        yield (
            f"{found.beyond_chance:,} of {plural(found.judged, 'label')} {'is' if found.beyond_chance == 1 else 'are'} less "
            f"plausible than chance explains: of rows with q up to {found.level:g} no more than {found.level:.0%} are expected "
            "to have a right label.".replace("%", " %")
        )
    else:
        of = plural(found.judged, "label")
        yield f"None of the {of} is less plausible than chance explains (q > {found.level:g}); these are the first to look at."
    yield "A suspicion, not a verdict: a rare but right label, and what all models get wrong, look the same."
