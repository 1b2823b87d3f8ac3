"""What changes inventory's state: functions over a session, which never commit."""
