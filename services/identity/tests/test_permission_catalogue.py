"""Every permission that a proto names stands in the catalogue, under the kind of caller that may hold it."""

from google.protobuf import descriptor_pb2, descriptor_pool

from mizan.options.v1 import options_pb2
from services.identity.domain.permissions import AGENT_SCOPES, CATALOGUE, INTERNAL, standard_permissions
from services.identity.domain.roles import STANDARD
from tools.protos import DESCRIPTORS, GENERATED

MACHINES = {options_pb2.CALLER_KIND_AGENT, options_pb2.CALLER_KIND_SERVICE}


def declared() -> list[tuple[str, options_pb2.Operation]]:
    files = descriptor_pb2.FileDescriptorSet.FromString((GENERATED / DESCRIPTORS).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    found = []
    for file in files.file:
        pool.Add(file)
        for service in file.service:
            for method in service.method:
                # Options of a file read by itself know no extensions until they are parsed again.
                options = descriptor_pb2.MethodOptions.FromString(method.options.SerializeToString())
                operation = options.Extensions[options_pb2.operation]
                found.append((f"{file.package}.{service.name}.{method.name}", operation))
    return found


def test_every_permission_of_every_proto_is_known() -> None:
    operations = declared()
    assert len(operations) > 50
    unknown = {
        name: operation.permission
        for name, operation in operations
        if operation.permission and operation.permission not in CATALOGUE.keys() | AGENT_SCOPES.keys() | INTERNAL.keys()
    }
    assert unknown == {}


def test_methods_for_people_name_permissions_that_people_can_hold() -> None:
    out_of_reach = {
        name: operation.permission
        for name, operation in declared()
        if operation.permission and not set(operation.callers) & MACHINES and operation.permission not in CATALOGUE
    }
    assert out_of_reach == {}


def test_no_role_holds_what_is_for_machines() -> None:
    held = frozenset().union(*map(standard_permissions, STANDARD))
    assert held <= CATALOGUE.keys()
    assert not CATALOGUE.keys() & (AGENT_SCOPES.keys() | INTERNAL.keys())
