"""celoss scores class probabilities: log loss, KL divergence, accuracy, and what they rest on.

Public names are loaded on first use, so that `import celoss` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "CelossError": "errors",
    "Diagnostic": "errors",
    "Plan": "plan",
    "Report": "report",
    "State": "state",
    "evaluate": "pipeline",
    "log_loss": "pipeline",
}

__all__ = ["CelossError", "Diagnostic", "Plan", "Report", "State", "__version__", "evaluate", "log_loss"]

if TYPE_CHECKING:
    from celoss.errors import CelossError, Diagnostic
    from celoss.pipeline import evaluate, log_loss
    from celoss.plan import Plan
    from celoss.report import Report
    from celoss.state import State


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'celoss' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"celoss.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
