"""The engine that turns annotated gRPC methods into REST operations.

`catalog` reads what the protos declare, `models` and `formats` build the Pydantic types that validate and document,
`dispatch` finds the operation of a request, `bodies` reads what was sent, `endpoint` makes the call, `answers` and
`errors` write what is sent back, `engine` puts it together, and `document` renders the OpenAPI document.
"""
