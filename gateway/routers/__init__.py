"""The routes that no proto method describes: health, the API's own description, and WebSockets."""
