"""`python -m gateway.asyncapi FILE`: the AsyncAPI 3 document of the events that integrators may receive.

Made from the event protos, as the OpenAPI document is made from the others, so that neither can differ from what is
sent.
"""

import argparse
import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor
from pydantic import TypeAdapter

from gateway.main import VERSION
from gateway.routers.schema import as_yaml
from gateway.settings import DESCRIPTORS
from gateway.transcode.catalog import Catalog
from gateway.transcode.models import Models
from mizan.options.v1 import options_pb2
from servicekit.events import EventType, declared

_POOL: Any = descriptor_pool.Default()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
_REFERENCES = "#/components/schemas/{model}"
_RESTAURANT = {"description": "The restaurant's id.", "examples": ["6f1c2a4e-7a1b-4c55-9c36-0d4a5b8a2f10"]}

ENVELOPE: dict[str, dict[str, Any]] = {
    "specversion": {"type": "string", "const": "1.0"},
    "id": {"type": "string", "format": "uuid", "description": "The same whenever this event is delivered again."},
    "source": {"type": "string", "examples": ["/services/identity"]},
    "subject": {"type": "string", "description": "The id of what the event is about."},
    "time": {"type": "string", "format": "date-time"},
    "datacontenttype": {"type": "string", "const": "application/json"},
    "restaurantid": {"type": "string", "format": "uuid"},
    "aggregateversion": {
        "type": "integer",
        "description": "Grows with every change of the subject; ignore an event with a lower one than you have seen.",
    },
}
_OPTIONAL = {"traceparent": {"type": "string", "description": "W3C trace context of what caused the event."}}


def public_events(descriptors: Path) -> Iterator[tuple[Descriptor, EventType]]:
    """The messages that are published to integrators, in the order of their names."""
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes())
    found = []
    for file in files.file:
        if not file.package.endswith(".events.v1"):
            continue
        importlib.import_module(file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
        for message in file.message_type:
            descriptor = _POOL.FindMessageTypeByName(f"{file.package}.{message.name}")
            if descriptor.GetOptions().HasExtension(options_pb2.event) and (kind := declared(descriptor)).public:
                found.append((descriptor, kind))
    yield from sorted(found, key=lambda pair: (pair[1].service, pair[1].type))


def document(catalog: Catalog, events: Iterator[tuple[Descriptor, EventType]]) -> dict[str, Any]:
    """The AsyncAPI document: a channel and a message per event."""
    models = Models(catalog.comments)
    schemas: dict[str, Any] = {}
    channels, operations, messages = {}, {}, {}
    for descriptor, kind in events:
        name = f"{kind.service}.{kind.type}"
        key = name.replace(".", "_")
        messages[key] = _message(models, descriptor, kind, schemas)
        channels[key] = {
            "address": f"evt.public.{{restaurant}}.{kind.service}.{kind.type}.v1",
            "parameters": {"restaurant": _RESTAURANT},
            "messages": {key: {"$ref": f"#/components/messages/{key}"}},
        }
        operations[f"receive_{key}"] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{key}"},
            "summary": models.comment(descriptor.full_name).partition(". ")[0],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Mizan events",
            "version": VERSION,
            "description": "CloudEvents 1.0 in JSON on NATS JetStream, stream PUBLIC. Deliveries may repeat and change "
            "their order: an `id` is handled once, and of one `subject` the highest `aggregateversion` is the present.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _message(models: Models, descriptor: Descriptor, kind: EventType, schemas: dict[str, Any]) -> dict[str, Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(models.output_type(descriptor))
    data = adapter.json_schema(ref_template=_REFERENCES, mode="serialization")
    schemas.update(data.pop("$defs", {}))
    properties: Mapping[str, Any] = {
        **ENVELOPE,
        "type": {"type": "string", "const": f"mizan.{kind.service}.{kind.type}.v1"},
        "data": data,
    }
    return {
        "name": f"mizan.{kind.service}.{kind.type}.v1",
        "summary": models.comment(descriptor.full_name),
        "contentType": "application/cloudevents+json",
        "payload": {"type": "object", "properties": {**properties, **_OPTIONAL}, "required": sorted(properties)},
    }


def main() -> None:
    """Writes the document; a name that ends in .yaml gets YAML."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--descriptors", type=Path, default=DESCRIPTORS)
    options = parser.parse_args()
    made = document(Catalog.load(options.descriptors), public_events(options.descriptors))
    rendered = orjson.dumps(made, option=orjson.OPT_INDENT_2)
    options.file.parent.mkdir(parents=True, exist_ok=True)
    options.file.write_bytes(as_yaml(rendered) if options.file.suffix in (".yaml", ".yml") else rendered)


if __name__ == "__main__":
    main()
