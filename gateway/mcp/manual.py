"""What an agent can look up: the operations that its credential may use, out of the served description."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway.transcode.bodies import MULTIPART
from gateway.transcode.catalog import HTTP_BODY, UPLOAD, Catalog, Operation
from gateway.transcode.endpoint import check_access
from gateway.transcode.models import is_required
from servicekit.errors import NotFound, Refusal
from servicekit.identity import Principal

JSON = "application/json"
_COMPONENT = "#/components/schemas/"
_WORD = re.compile(r"[a-z0-9]+")
# A word in an operation's name says more about it than one in its explanation.
_WORTH = {"name": 8, "summary": 4, "path": 2, "description": 1}


@dataclass(frozen=True)
class Entry:
    """An operation with its part of the description."""

    operation: Operation
    name: str
    method: str
    path: str
    text: Mapping[str, Any]
    schemas: Mapping[str, Any]

    @property
    def summary(self) -> str:
        """One line about it."""
        return str(self.text.get("summary", ""))

    def brief(self) -> dict[str, Any]:
        """What a search answers of it."""
        return {"operation": self.name, "summary": self.summary, "changes": not self.operation.reads}

    def full(self) -> dict[str, Any]:
        """What is needed to use it; schemas are JSON Schema with the types they name under `$defs`."""
        about = {**self.brief(), "description": self.text.get("description", ""), "method": self.method}
        about |= {"path": self.path, "permission": self.operation.permission}
        about["path_parameters"] = self._parameters("path")
        about["query"] = self._parameters("query")
        about["body"] = _schema_of(self.text.get("requestBody", {}))
        about["answer"] = _schema_of(self.text["responses"].get(str(self.operation.success_status), {}))
        about["$defs"] = {name: _local(self.schemas[name]) for name in sorted(self._named(about))}
        return about

    def _parameters(self, place: str) -> list[dict[str, Any]]:
        return [
            {key: _local(value) for key, value in parameter.items() if key != "in"}
            for parameter in self.text.get("parameters", ())
            if parameter["in"] == place
        ]

    def _named(self, about: Any) -> set[str]:
        """The types that a description names, and those that these name."""
        found: set[str] = set()
        waiting = list(_references(about))
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(_references(_local(self.schemas[name])))
        return found


class Manual:
    """Every operation that takes and answers JSON, for those who may use it."""

    def __init__(self, catalog: Catalog, document: Mapping[str, Any]) -> None:
        by_name = {f"{one.service.rpartition('.')[2]}.{one.rpc}": one for one in catalog.operations}
        schemas = document["components"]["schemas"]
        self._entries = {
            name: Entry(by_name[name], name, method.upper(), path, text, schemas)
            for path, methods in document["paths"].items()
            for method, text in methods.items()
            if (name := text["operationId"]) in by_name and _speaks_json(by_name[name])
        }

    def search(self, words: str, principal: Principal, limit: int) -> list[Entry]:
        """The operations that fit the words best, best first; all of the caller's in their order without words."""
        wanted = set(_words(words))
        mine = [entry for entry in self._entries.values() if _may(principal, entry.operation)]
        if not wanted:
            return mine[:limit]
        scores = {entry.name: _score(entry, wanted) for entry in mine}
        found = sorted((entry for entry in mine if scores[entry.name]), key=lambda entry: -scores[entry.name])
        return found[:limit]

    def entry(self, name: str, principal: Principal) -> Entry:
        """An operation by its name. Raises NotFound, also for one that the caller may not use."""
        entry = self._entries.get(name)
        if entry is None or not _may(principal, entry.operation):
            raise NotFound(f"There is no operation {name!r} for you; find_operations names those that there are.")
        return entry


def _speaks_json(operation: Operation) -> bool:
    """Whether it is for people and agents and needs no file; what may come with one comes as JSON too."""
    if operation.public or operation.streams or operation.redirect or HTTP_BODY in _messages(operation):
        return False
    return not any(is_required(field) for field in operation.input.fields if _is_upload(field))


def _messages(operation: Operation) -> set[str]:
    """What the operation and the fields of its request are made of."""
    fields = [field.message_type for field in operation.input.fields if field.message_type is not None]
    return {message.full_name for message in (operation.input, operation.output, *fields)}


def _is_upload(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name == UPLOAD


def _may(principal: Principal, operation: Operation) -> bool:
    try:
        check_access(operation, principal)
    except Refusal:
        return False
    return True


def _words(text: str) -> list[str]:
    """The words of a text without their plural, also those that stand together in a name."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return [word.removesuffix("s") for word in _WORD.findall(apart.lower())]


def _score(entry: Entry, wanted: set[str]) -> int:
    description = str(entry.text.get("description", ""))
    texts = {"name": entry.name, "summary": entry.summary, "path": entry.path, "description": description}
    return sum(_WORTH[place] * len(wanted.intersection(_words(text))) for place, text in texts.items())


def _schema_of(part: Mapping[str, Any]) -> Any:
    """The JSON Schema of a request's or an answer's body; None without one."""
    content = part.get("content", {})
    return _local((content.get(JSON) or content.get(MULTIPART) or {}).get("schema"))


def _local(schema: Any) -> Any:
    """A schema whose references point to its own `$defs`."""
    if isinstance(schema, dict):
        return {
            key: value.replace(_COMPONENT, "#/$defs/") if key == "$ref" else _local(value)
            for key, value in schema.items()
        }
    return [_local(one) for one in schema] if isinstance(schema, list) else schema


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str):
            yield reference.rpartition("/")[2]
        yield from _in_each(schema.values())
    elif isinstance(schema, list):
        yield from _in_each(schema)


def _in_each(schemas: Iterable[Any]) -> Iterator[str]:
    for schema in schemas:
        yield from _references(schema)
