"""The optimizer: rosters that a good manager would sign, from a description of people, shifts, demand and rules."""
