"""What changes scheduling's state: functions over a session, which never commit."""
