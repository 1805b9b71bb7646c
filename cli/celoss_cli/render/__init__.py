"""Owns the formats: name → function from a Report to text. None of them computes or changes a number."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from celoss.report import Report

BY_EXTENSION = {".json": "json", ".jsonl": "jsonl", ".csv": "csv", ".md": "markdown"}


def renderer(name: str) -> Callable[[Report], str]:
    """The function for a machine format or Markdown, loaded when it is asked for."""
    if name in ("json", "jsonl"):
        return lambda report: report.to_json(indent=2 if name == "json" else None) + "\n"
    function: Callable[[Report], str] = import_module(f"celoss_cli.render.{name}").render
    return function
