"""How many statements a method costs."""

from typing import Any

from google.protobuf.message import Message

from servicekit.call import Call
from servicekit.context import RequestContext
from servicekit.db import StatementLog, statements_run
from servicekit.identity import Principal
from servicekit.methods import methods_of
from servicekit.tables import idempotency_key
from servicekit.testing.service import RunningService


def statements_of(identity: RunningService, rpc: str, request: Message, principal: Principal) -> list[str]:
    """The statements of one call of a reading method, named as in "DeviceService.ListDevices"."""
    service_name, method_name = rpc.split(".")
    descriptor, servicer = next(
        (descriptor, servicer) for descriptor, servicer in identity.service.servicers if descriptor.name == service_name
    )
    method = next(method for method in methods_of(descriptor) if method.name == method_name)
    database = identity.service.core.database

    async def run() -> list[str]:
        log = StatementLog()
        token = statements_run.set(log)
        try:
            call = Call(method, principal, RequestContext(), request, database, idempotency_key)
            answer: Any = getattr(servicer, method_name)
            await answer(request, call)
        finally:
            statements_run.reset(token)
        return list(log)

    return identity.run(run())
