"""From method and path to an operation, in a time that does not grow with the number of operations."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway.transcode.catalog import BadAnnotation, Segment

T = TypeVar("T")


@dataclass(slots=True)
class _Node(Generic[T]):
    literals: dict[str, "_Node[T]"] = field(default_factory=dict)
    variable: "_Node[T] | None" = None
    rest: "_Node[T] | None" = None
    targets: dict[str, tuple[T, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The target of a request and the variables in its path."""

    target: T
    variables: dict[str, str]


class PathTree(Generic[T]):
    """Targets by path and method; literal text wins over a variable, a variable over one that takes the rest."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, method: str, segments: tuple[Segment, ...], target: T) -> None:
        """Mounts a target. Raises BadAnnotation when method and path are taken."""
        node = self._root
        for segment in segments:
            if segment.rest:
                node.rest = node.rest or _Node()
                node = node.rest
            elif segment.variable:
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.literals.setdefault(segment.text, _Node())
        if method in node.targets:
            path = "/" + "/".join(segment.text or f"{{{segment.variable}}}" for segment in segments)
            raise BadAnnotation(f"{method} {path} is mounted twice")
        node.targets[method] = (target, tuple(segment.variable for segment in segments if segment.variable))

    def find(self, method: str, path: str) -> Found[T] | None:
        """The target of the method on the path, or None."""
        for node, values in _walk(self._root, path[1:].split("/"), 0):
            if method in node.targets:
                target, names = node.targets[method]
                return Found(target, dict(zip(names, values, strict=True)))
        return None

    def methods_of(self, path: str) -> frozenset[str]:
        """The methods that anything on the path answers to."""
        return frozenset(method for node, _ in _walk(self._root, path[1:].split("/"), 0) for method in node.targets)


def _walk(node: _Node[T], parts: list[str], at: int) -> Iterator[tuple[_Node[T], tuple[str, ...]]]:
    """Every node that the path leads to, the most literal first, with the values of the variables on the way."""
    if at == len(parts):
        if node.targets:
            yield node, ()
        return
    part = parts[at]
    following = node.literals.get(part)
    if following is not None:
        yield from _walk(following, parts, at + 1)
    if node.variable is not None and part:
        for found, values in _walk(node.variable, parts, at + 1):
            yield found, (part, *values)
    if node.rest is not None and part:
        yield node.rest, ("/".join(parts[at:]),)
