"""Records are frozen dataclasses as the standard library makes them."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from celoss.records import dataclass


def declared(decorator: Any) -> Any:
    @decorator
    class Point:
        """A place."""

        x: int
        y: float = 1.5
        names: list[str] = dataclasses.field(default_factory=list)
        note: str = dataclasses.field(default="", compare=False, repr=False)

        @property
        def far(self) -> bool:
            return self.x > 10

    Point.__qualname__ = "Point"
    return Point


OURS, THEIRS = declared(dataclass(frozen=True)), declared(dataclasses.dataclass(frozen=True))


@dataclass(frozen=True)
class Pair:
    left: int
    right: str = "r"


@dataclass(frozen=True, kw_only=True)
class Named(Pair):
    width: int
    height: int = 2


@dataclass(frozen=True)
class Loud:
    word: str

    def __repr__(self) -> str:
        return self.word.upper()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loud) and self.word.lower() == other.word.lower()


@pytest.mark.parametrize("given", [((1,), {}), ((1, 2.0), {}), ((1,), {"names": ["a"]}), ((), {"y": 0.0, "x": 3})])
def test_a_record_is_made_shown_and_changed_as_a_frozen_dataclass_is(given: tuple[Any, Any]) -> None:
    ours, theirs = (one(*given[0], **given[1]) for one in (OURS, THEIRS))
    assert repr(ours) == repr(theirs)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert dataclasses.astuple(ours) == dataclasses.astuple(theirs)
    assert repr(dataclasses.replace(ours, x=20)) == repr(dataclasses.replace(theirs, x=20))
    assert dataclasses.replace(ours, x=20).far
    assert repr(copy.deepcopy(ours)) == repr(theirs)


@pytest.mark.parametrize("given", [((), {}), ((1, 2, [], "", 5), {}), ((1,), {"z": 1}), ((1,), {"x": 1})])
def test_wrong_arguments_are_refused(given: tuple[Any, Any]) -> None:
    for one in (OURS, THEIRS):
        with pytest.raises(TypeError):
            one(*given[0], **given[1])


def test_a_record_cannot_be_changed() -> None:
    pair = Pair(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'left'"):
        pair.left = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'other'"):
        pair.other = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'left'"):
        del pair.left
    assert pair == Pair(1)


def test_records_are_equal_when_class_and_values_are_and_hash_alike() -> None:
    assert Pair(1) == Pair(1, "r") != Pair(2)
    assert Pair(1) != (1, "r")
    assert Named(1, width=3) != Pair(1)
    assert {Pair(1): "found"}[Pair(1, "r")] == "found"
    with pytest.raises(TypeError, match="unhashable"):
        hash(OURS(1))


def test_a_field_that_does_not_count_is_neither_compared_nor_shown() -> None:
    for one in (OURS, THEIRS):
        assert one(1, note="a") == one(1, note="b") != one(2, note="a")
        assert "note" not in repr(one(1, note="a"))


def test_a_default_that_is_made_is_made_for_each() -> None:
    first, second = OURS(1), OURS(1)
    first.names.append("a")
    assert second.names == []


def test_fields_are_inherited_and_those_by_name_only_stand_last() -> None:
    assert repr(Named(1, width=3)) == "Named(left=1, right='r', width=3, height=2)"
    with pytest.raises(TypeError):
        Named(1, "r", 3)


def test_methods_that_a_class_has_stay() -> None:
    assert repr(Loud("a")) == "A"
    assert Loud("a") == Loud("A")


def test_a_record_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(Named(1, width=3))) == Named(1, width=3)


def test_a_record_is_always_frozen() -> None:
    with pytest.raises(ValueError, match="a record is frozen"):
        dataclass(frozen=False)
