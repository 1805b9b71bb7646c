"""Owns reports that are read back: the JSON document of a file, and its parts, each seen to be what it should be."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from celoss.errors import shorten

if TYPE_CHECKING:
    from celoss.report import Report

SCHEMA = "celoss.eval/1"
NUMBER = (int, float)


class NoReportError(ValueError):
    """What is given is no report; the text says what was found instead."""


def read_report(given: Any) -> Mapping[str, Any]:
    """The JSON document of a report: of a file, a Report, or a document itself. Raises NoReportError."""
    document = given
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        document = _document(str(given))
    elif hasattr(given, "to_dict") and hasattr(given, "per_class"):
        document = document_of(given)
    elif not isinstance(given, Mapping):
        raise NoReportError(f"{type(given).__name__}, which is neither a path nor a report")
    schema = document.get("schema") if isinstance(document, Mapping) else None
    if schema is None:
        raise NoReportError(f'JSON without "schema": "{SCHEMA}"')
    if schema != SCHEMA:
        raise NoReportError(f'"schema": "{shorten(str(schema))}"; a report has "{SCHEMA}"')
    found: Mapping[str, Any] = document
    return found


def document_of(report: Report) -> dict[str, Any]:
    """The document of a report, without its groups."""
    # Groups take no part, and there can be millions of them.
    return replace(report, groups=None).to_dict()


def _document(path: str) -> Any:
    """The JSON value of a file, in any of the encodings to which shells redirect."""
    from pathlib import Path

    if not path:
        raise NoReportError("an empty path, as an unset variable of the shell gives")
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise NoReportError(getattr(error, "strerror", None) or str(error)) from None
    if not content.strip():
        raise NoReportError("an empty file")
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise NoReportError(_why_no_json(error)) from None
    except (ValueError, RecursionError):
        raise NoReportError("no JSON") from None


def _why_no_json(error: json.JSONDecodeError) -> str:
    if error.msg == "Extra data":
        return f"several JSON documents, the second in line {error.lineno}; a report is one of them"
    if not error.doc.lstrip().startswith("{"):
        return f'text that is no JSON, starting "{shorten(error.doc.lstrip().splitlines()[0])}"'
    cut = error.msg.startswith("Unterminated") or not error.doc[error.pos :].strip()
    return f"JSON that is cut off in line {error.lineno}" if cut else f"JSON with a mistake in line {error.lineno}"


def part(document: Any, kind: Any, *names: str) -> Any:
    """A value inside of a document. Raises NoReportError where it is missing, of another kind, or no finite number."""
    value = document
    for name in names:
        value = value.get(name, part) if isinstance(value, Mapping) else part
    if not isinstance(value, kind) or isinstance(value, bool) or not _is_finite(value):
        raise NoReportError(f"/{'/'.join(names)} is missing or not what celoss writes")
    return value


def _is_finite(value: Any) -> bool:
    """Whether a number is finite as a double, which an integer need not be; of anything else nothing is asked."""
    try:
        return not isinstance(value, NUMBER) or math.isfinite(value)
    except OverflowError:
        return False


def by_class(document: Mapping[str, Any], kind: Any, name: str) -> dict[str, Any]:
    """A number ≥ 0 of each class, by its name. Raises NoReportError."""
    found: dict[str, Any] = {}
    for one in part(document, list, "per_class"):
        owner, value = part(one, str, "class"), part(one, kind, name)
        if value < 0 or owner in found:
            raise NoReportError(
                f"/per_class/{name} is negative" if value < 0 else f'two classes "{shorten(owner)}" in /per_class'
            )
        found[owner] = value
    return found
