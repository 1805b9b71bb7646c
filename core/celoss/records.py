"""Owns `dataclass`, a frozen one as the standard library has it, for a quarter of the time that those take to be made."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

# Methods that the standard library compiles anew for each class. Sixty classes take a tenth of a small run.
if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool, kw_only: bool = False) -> Callable[[type], type]:
        """As `dataclasses.dataclass(frozen=True)`, also to its `fields`, `replace` and `asdict`."""
        if not frozen:
            raise ValueError("a record is frozen")

        def made(cls: type) -> type:
            cls = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(cls)
            cls.__init__ = _initializer(cls)
            for name, method in SHARED.items():
                if cls.__dict__.get(name) is None:
                    setattr(cls, name, method)
            return cls

        return made


def _initializer(cls: type) -> Callable[..., None]:
    """The method that takes the fields as its arguments: the only one that is compiled, for its signature."""
    known: dict[str, Any] = {"_set": object.__setattr__, "_none": dataclasses.MISSING}
    parameters: dict[bool, list[str]] = {False: [], True: []}
    lines = []
    for one in dataclasses.fields(cls):
        name, default, value = one.name, "", one.name
        if one.default is not dataclasses.MISSING:
            known[f"_{name}"], default = one.default, f"=_{name}"
        elif one.default_factory is not dataclasses.MISSING:
            known[f"_{name}"], default, value = one.default_factory, "=_none", f"_{name}() if {name} is _none else {name}"
        parameters[one.kw_only is True].append(f"{name}{default}")
        lines.append(f"\n    _set(self, {name!r}, {value})")
    named = ["*", *parameters[True]] if parameters[True] else []
    exec(f"def __init__(self, {', '.join([*parameters[False], *named])}):{''.join(lines)}", known)
    made: Callable[..., None] = known["__init__"]
    return made


def _values(record: Any) -> tuple[Any, ...]:
    """What is compared."""
    return tuple([getattr(record, one.name) for one in record.__dataclass_fields__.values() if one.compare])


def _equal(self: Any, other: object) -> bool:
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    shown = [f"{name}={getattr(self, name)!r}" for name, one in self.__dataclass_fields__.items() if one.repr]
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _set(self: Any, name: str, value: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


SHARED = {"__eq__": _equal, "__hash__": _hash, "__repr__": _repr, "__setattr__": _set, "__delattr__": _delete}
