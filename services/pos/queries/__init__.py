"""What reads pos's state: functions over a reader, each with its statement compiled once."""
