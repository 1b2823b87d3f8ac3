"""How Stripe refuses."""


class Refused(Exception):
    """An answer that is no success, as Stripe words it."""

    def __init__(self, status: int, kind: str, message: str, *, code: str | None = None, param: str | None = None):
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, "code": code, "param": param}}


def missing(what: str, identifier: object, *, param: str = "id", status: int = 404) -> Refused:
    """The refusal of an id that names nothing."""
    return Refused(
        status, "invalid_request_error", f"No such {what}: '{identifier}'", code="resource_missing", param=param
    )


def wrong(message: str, *, param: str | None = None, code: str | None = None) -> Refused:
    """The refusal of a request that makes no sense."""
    return Refused(400, "invalid_request_error", message, code=code, param=param)
