"""What reads scheduling's state: functions over a reader, each with its statement compiled once."""
