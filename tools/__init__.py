"""The operator's and the developer's commands."""
