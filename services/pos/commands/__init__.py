"""What changes pos's state: functions over a session, which never commit."""
