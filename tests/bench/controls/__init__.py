"""What the bench compares with, measured in the same run."""
