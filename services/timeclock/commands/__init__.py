"""What changes timeclock's state: functions over a session, which never commit."""
