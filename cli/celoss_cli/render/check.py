"""Owns how a check-up is shown: as text for people, and as annotations for GitHub."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from celoss.checkup import Checkup
from celoss.errors import Diagnostic, Place, shorten


def render(checkup: Checkup, findings: bool = True) -> str:
    """One line for each finding, then each kind of fault with all its places, then how many there are."""
    lines = [str(one) for one in checkup.findings] if findings else []
    for error in checkup.errors:
        lines += ["", error.text(every_place=True)]
    if checkup.rows is None:
        kinds = f" of {len(checkup.errors)} kinds" if len(checkup.errors) > 1 else ""
        lines += ["", f"faults: {checkup.faults:,}{kinds}"]
    elif findings:
        lines.append(f"rows: {checkup.rows.read:,} (all read, no fault)")
    return "".join(f"{line}\n" for line in lines).removeprefix("\n")


def github(checkup: Checkup) -> str:
    """One `::error` command for each place of a fault, one `::notice` for each note; files without lines say the row.

    The form: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    paths = {one.path for one in (checkup.predictions, checkup.labels) if one is not None}
    faults = [line for error in checkup.errors for line in _annotations(error, paths)]
    notes = [f"::notice title=celoss {note.code}::{_data(note.message)}" for note in checkup.notes]
    return "".join(f"{line}\n" for line in (*faults, *notes))


def _annotations(error: Diagnostic, paths: Collection[str | None]) -> Iterator[str]:
    for place in error.places or (None,):
        # An option or standard input is no file to annotate.
        in_file = place is not None and place.where in paths
        message = "; ".join(
            [*_place_words(place, in_file), error.message, *error.details, *([error.help] if error.help else [])]
        )
        properties = ",".join([*_properties(place if in_file else None), f"title=celoss {error.code}"])
        yield f"::error {properties}::{_data(message)}"


def _properties(place: Place | None) -> Iterator[str]:
    if place is not None:
        yield f"file={_property(place.where)}"
        if place.line is not None:
            yield f"line={place.line}"


def _place_words(place: Place | None, in_file: bool) -> Iterator[str]:
    if place is None:
        return
    if place.line is None or not in_file:
        yield str(place)
    elif place.column is not None or place.id is not None:
        yield str(place).partition(", ")[2]
    if place.value is not None:
        yield f'found "{shorten(place.value)}"'


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
