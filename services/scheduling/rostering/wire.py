"""Problems, progress and results as JSON, for the process that solves."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import StrEnum
from typing import Any, TypeVar

from services.scheduling.rostering.explain import Explanation
from services.scheduling.rostering.model import Problem, Progress, Result, Shift

T = TypeVar("T")


def problem_from(document: Any) -> Problem:
    """A problem from its JSON form; raises ValueError when a field is missing, unknown or of the wrong type."""
    return typing.cast(Problem, _value(Problem, document, "problem"))


def result_from(document: Any) -> Result:
    """A result from its JSON form; raises ValueError when a field is missing, unknown or of the wrong type."""
    return typing.cast(Result, _value(Result, document, "result"))


def progress_from(document: Any) -> Progress:
    """A step from its JSON form; raises ValueError as the others do."""
    return typing.cast(Progress, _value(Progress, document, "progress"))


def shifts_from(documents: Any) -> tuple[Shift, ...]:
    """Shifts from their JSON form; raises ValueError as the others do."""
    return tuple(_value(Shift, document, "shift") for document in _expect(list, documents, "shifts"))


def explanation_from(document: Any) -> Explanation:
    """An explanation from its JSON form; raises ValueError as the others do."""
    return typing.cast(Explanation, _value(Explanation, document, "explanation"))


def document(item: Problem | Progress | Result | Shift | Explanation) -> dict[str, Any]:
    """The JSON form: fields by name, tuples and sets as arrays."""
    return typing.cast(dict[str, Any], _plain(item))


def _plain(item: Any) -> Any:
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return {field.name: _plain(getattr(item, field.name)) for field in dataclasses.fields(item)}
    if isinstance(item, frozenset):
        return sorted(_plain(part) for part in item)
    if isinstance(item, tuple):
        return [_plain(part) for part in item]
    if isinstance(item, dict):
        return {key: _plain(part) for key, part in item.items()}
    return item


def _value(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        return _value(next(part for part in arguments if part is not type(None)), value, where)
    if origin is tuple:
        items = _expect(list, value, where)
        if arguments[1:] == (Ellipsis,):
            return tuple(_value(arguments[0], part, f"{where}[{n}]") for n, part in enumerate(items))
        if len(items) != len(arguments):
            raise ValueError(f"{where}: expected {len(arguments)} values")
        return tuple(_value(part, item, where) for part, item in zip(arguments, items, strict=True))
    if origin is frozenset:
        return frozenset(_value(arguments[0], part, where) for part in _expect(list, value, where))
    if origin is dict:
        return {str(key): _value(arguments[1], part, where) for key, part in _expect(dict, value, where).items()}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, _expect(dict, value, where), where)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(_expect(str, value, where))
    if kind is float:
        return float(_expect((int, float), value, where))
    return _expect(kind, value, where)


def _dataclass(kind: type[T], values: dict[str, Any], where: str) -> T:
    hints = typing.get_type_hints(kind)
    unknown = values.keys() - hints.keys()
    if unknown:
        raise ValueError(f"{where}: unknown fields {sorted(unknown)}")
    try:
        return kind(**{name: _value(hints[name], value, f"{where}.{name}") for name, value in values.items()})
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from error


def _expect(kind: Any, value: Any, where: str) -> Any:
    # True is an int to Python, and to nobody else.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{where}: unexpected {type(value).__name__}")
    return value
