"""What reads notify's state: functions over a reader, each with its statement compiled once."""
