"""What changes billing's state: functions over a session, which never commit."""
