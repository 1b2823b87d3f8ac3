"""From an outside credential to a principal: JWTs of sessions, API keys, and the platform-wide agent key."""
