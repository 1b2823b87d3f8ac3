"""What changes identity's state: functions over a session that never commit."""
