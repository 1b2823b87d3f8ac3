"""The refusals that a service may answer with, and how they travel over gRPC.

A command or query raises one of these; one interceptor turns it into a gRPC status that carries an `ErrorDetail`; the
gateway turns that into the public error body. Anything else that is raised is a bug and becomes INTERNAL.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import grpc
from google.protobuf import any_pb2, struct_pb2
from google.rpc import status_pb2

from mizan.options.v1 import error_pb2

DETAILS_TRAILER = "grpc-status-details-bin"
NON_FIELD = "non_field_errors"


class Refusal(Exception):
    """A request that the service understood and declines; the message is for people, the code for programs."""

    grpc_code = grpc.StatusCode.FAILED_PRECONDITION
    default_code = "refused"
    http_status = 0

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        fields: Mapping[str, str | Sequence[str]] | None = None,
        extra: Mapping[str, Any] | None = None,
        retry_after: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.fields = {
            name: [texts] if isinstance(texts, str) else list(texts) for name, texts in (fields or {}).items()
        }
        self.extra = dict(extra or {})
        self.retry_after = retry_after

    def to_detail(self) -> error_pb2.ErrorDetail:
        """The typed detail of this refusal."""
        detail = error_pb2.ErrorDetail(
            code=self.code, message=self.message, http_status=self.http_status, retry_after=self.retry_after
        )
        for name, texts in self.fields.items():
            for text in texts:
                detail.fields.add(field=name, message=text)
        if self.extra:
            struct = struct_pb2.Struct()
            struct.update(self.extra)
            detail.extra.CopyFrom(struct)
        return detail

    def to_trailer(self) -> tuple[str, bytes]:
        """The trailing metadata entry that carries the detail as a `google.rpc.Status`."""
        packed = any_pb2.Any()
        packed.Pack(self.to_detail())
        status = status_pb2.Status(code=self.grpc_code.value[0], message=self.message, details=[packed])
        return DETAILS_TRAILER, status.SerializeToString()


class Invalid(Refusal):
    """The request itself is wrong, whatever the state of the world: 400."""

    grpc_code = grpc.StatusCode.INVALID_ARGUMENT
    default_code = "invalid"

    @classmethod
    def field(cls, name: str, message: str, *, code: str | None = None) -> Self:
        """One complaint about one field."""
        return cls(message, code=code, fields={name: message})


class Unauthenticated(Refusal):
    """The credential is missing, wrong, expired or revoked: 401."""

    grpc_code = grpc.StatusCode.UNAUTHENTICATED
    default_code = "not_authenticated"


class Forbidden(Refusal):
    """The caller sees the thing and may not do this to it: 403."""

    grpc_code = grpc.StatusCode.PERMISSION_DENIED
    default_code = "permission_denied"

    def __init__(self, message: str = "You do not have permission to perform this action.", **details: Any) -> None:
        super().__init__(message, **details)


class NotFound(Refusal):
    """No such thing, or not visible to the caller: 404."""

    grpc_code = grpc.StatusCode.NOT_FOUND
    default_code = "not_found"

    def __init__(self, message: str = "Not found.", **details: Any) -> None:
        super().__init__(message, **details)


class Conflict(Refusal):
    """The state of the thing forbids it: stale version, double booking, wrong status: 409."""

    grpc_code = grpc.StatusCode.ABORTED
    default_code = "conflict"
    http_status = 409


class AlreadyExists(Conflict):
    """A unique thing is there already: 409."""

    grpc_code = grpc.StatusCode.ALREADY_EXISTS
    default_code = "already_exists"


class Locked(Refusal):
    """Temporarily closed to this caller, such as an account after failed logins: 423."""

    default_code = "locked"
    http_status = 423


class Unprocessable(Refusal):
    """An idempotency key that was used for another request: 422."""

    default_code = "idempotency_key_reused"
    http_status = 422


class TooMany(Refusal):
    """A limit is exhausted; `retry_after` says when to come back: 429."""

    grpc_code = grpc.StatusCode.RESOURCE_EXHAUSTED
    default_code = "throttled"


class Unavailable(Refusal):
    """Something that the request needs is away or not configured; trying later makes sense: 503."""

    grpc_code = grpc.StatusCode.UNAVAILABLE
    default_code = "unavailable"


def detail_of(error: grpc.aio.AioRpcError) -> error_pb2.ErrorDetail | None:
    """The typed detail of a failed call, or None when the other side attached none."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_TRAILER and isinstance(value, bytes):
            status = status_pb2.Status.FromString(value)
            for packed in status.details:
                detail = error_pb2.ErrorDetail()
                if packed.Unpack(detail):
                    return detail
    return None
