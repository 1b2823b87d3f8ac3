"""Live delivery: the WebSockets of the platform, and what they carry.

`feed` hears the facts of all services from NATS, `messages` says what a screen is shown of them, `backlog` remembers
the last minutes for those who come back, `hub` knows who follows what, `connection` is one socket, `dialogue` what its
client may say, `door` who it is, and `server` holds all of it together; `assembly` wires them.
"""
