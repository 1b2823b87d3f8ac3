"""Events of a service that exists only in these tests, made as the proto compiler would make them."""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from mizan.options.v1 import options_pb2

_STRING = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_INT = descriptor_pb2.FieldDescriptorProto.TYPE_INT64
_OPTIONAL = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="mizan/sample/events/v1/events.proto",
        package="mizan.sample.events.v1",
        syntax="proto3",
        dependency=["mizan/options/v1/options.proto"],
    )
    for name, event_type, public in (
        ("TillCounted", "till.counted", False),
        ("TillOpened", "till.opened", False),
        ("TicketPrinted", "ticket.printed", True),
        ("TillMisnamed", "Till Misnamed", False),
        ("Undeclared", "", False),
        ("PinTold", "pin.told", True),
    ):
        message = file.message_type.add(name=name)
        message.field.add(name="note", number=1, type=_STRING, label=_OPTIONAL)
        message.field.add(name="amount", number=2, type=_INT, label=_OPTIONAL)
        message.field[0].options.Extensions[options_pb2.rules].secret = name == "PinTold"
        if event_type:
            message.options.Extensions[options_pb2.event].type = event_type
            message.options.Extensions[options_pb2.event].public = public
    return file


def _load() -> dict[str, type[Message]]:
    pool = descriptor_pool.Default()
    file = _file()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        message.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{message.name}"))
        for message in file.message_type
    }


_messages = _load()
TillCounted: Any = _messages["TillCounted"]
TillOpened: Any = _messages["TillOpened"]
TicketPrinted: Any = _messages["TicketPrinted"]
TillMisnamed: Any = _messages["TillMisnamed"]
Undeclared: Any = _messages["Undeclared"]
PinTold: Any = _messages["PinTold"]
