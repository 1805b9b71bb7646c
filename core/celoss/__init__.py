"""celoss scores class probabilities: log loss, KL divergence, accuracy, and what they rest on.

Public names are loaded on first use, so that `import celoss` costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "CelossError": "errors",
    "Checkup": "checkup",
    "Comparison": "comparison",
    "Diagnostic": "errors",
    "Plan": "plan",
    "Report": "report",
    "State": "state",
    "check": "checkup",
    "compare": "ranking",
    "cross_entropy": "functions",
    "entropy": "functions",
    "evaluate": "pipeline",
    "evaluate_each": "comparing",
    "explain": "explaining",
    "kl_divergence": "functions",
    "log_loss": "pipeline",
    "log_loss_per_row": "pipeline",
}

__all__ = [
    "CelossError",
    "Checkup",
    "Comparison",
    "Diagnostic",
    "Plan",
    "Report",
    "State",
    "__version__",
    "check",
    "compare",
    "cross_entropy",
    "entropy",
    "evaluate",
    "evaluate_each",
    "explain",
    "kl_divergence",
    "log_loss",
    "log_loss_per_row",
]

if TYPE_CHECKING:
    from celoss.checkup import Checkup, check
    from celoss.comparing import evaluate_each
    from celoss.comparison import Comparison
    from celoss.errors import CelossError, Diagnostic
    from celoss.explaining import explain
    from celoss.functions import cross_entropy, entropy, kl_divergence
    from celoss.pipeline import evaluate, log_loss, log_loss_per_row
    from celoss.plan import Plan
    from celoss.ranking import compare
    from celoss.report import Report
    from celoss.state import State


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'celoss' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"celoss.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
