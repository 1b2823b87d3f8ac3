"""What changes notify's state: functions over a session, which never commit."""
