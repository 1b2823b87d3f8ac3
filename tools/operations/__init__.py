"""What an operator does with a whole installation; one module per job, each a command of `mizan`."""
