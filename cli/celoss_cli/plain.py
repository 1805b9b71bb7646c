"""Owns the short way: reads a plain command line without Typer, which takes longer to load than two small files to score.

What is not plain (a question for help, a mistake, any spelling but the usual) is Typer's: there are no messages here.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from enum import StrEnum
from types import NoneType
from typing import Any, get_args

from celoss_cli.commands import COMMANDS
from celoss_cli.options import Parameter, parameters_of

COMPLETION = "_CELOSS_COMPLETE"
NUMBERS = {int: re.compile("[0-9]{1,9}"), float: re.compile(r"[0-9]{1,9}(\.[0-9]{1,20})?(e-?[0-9]{1,2})?")}


class NotPlainError(Exception):
    """A command line that Typer is to read."""


def read(arguments: list[str]) -> tuple[Callable[..., Any], dict[str, Any]] | None:
    """The command of a plain command line and the values that are given to its parameters, by name; None if it is not plain."""
    if not arguments or arguments[0] not in COMMANDS or COMPLETION in os.environ:
        return None
    command = COMMANDS[arguments[0]].function
    parameters = parameters_of(command)
    if any(one.declared.envvar in os.environ for one in parameters if one.declared.envvar):
        return None
    try:
        return command, _values(arguments[1:], parameters)
    except NotPlainError:
        return None


def _values(words: list[str], parameters: list[Parameter]) -> dict[str, Any]:
    options = {
        name: (one, position == 0) for one in parameters for names in one.declared.names for position, name in _sides(names)
    }
    places = [one for one in parameters if not one.declared.names]
    values: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if word == "-" or not word.startswith("-"):
            if not (word and places):
                raise NotPlainError
            one = places[0]
            if _is_list(one):
                values[one.name] = [*values.get(one.name, []), _value(word, one)]
            else:
                values[places.pop(0).name] = _value(word, one)
            continue
        name, mark, text = word.partition("=") if word.startswith("--") else (word, "", "")
        if name not in options:
            raise NotPlainError
        one, side = options[name]
        many = _is_list(one)
        if (one.name in values and not many) or (_kind(one) is bool and mark):
            raise NotPlainError
        if _kind(one) is bool:
            values[one.name] = side
            continue
        value = _value(text if mark else next(rest, ""), one)
        values[one.name] = [*values.get(one.name, []), value] if many else value
    if any(one.default is inspect.Parameter.empty and one.name not in values for one in parameters):
        raise NotPlainError
    return values


def _sides(names: str) -> enumerate[str]:
    """A switch's name is 0, that of its other side 1."""
    return enumerate(names.split("/"))


def _is_list(parameter: Parameter) -> bool:
    return list[str] in (parameter.kind, *get_args(parameter.kind))


def _kind(parameter: Parameter) -> Any:
    """The type of one value."""
    if _is_list(parameter):
        return str
    return next((one for one in get_args(parameter.kind) if one is not NoneType), parameter.kind)


def _value(text: str, parameter: Parameter) -> Any:
    kind = _kind(parameter)
    if not text or (text.startswith("-") and text != "-"):
        raise NotPlainError
    if kind is str:
        return text
    if kind in NUMBERS and NUMBERS[kind].fullmatch(text):
        return kind(text)
    if isinstance(kind, type) and issubclass(kind, StrEnum) and text in list(kind):
        return kind(text)
    raise NotPlainError
