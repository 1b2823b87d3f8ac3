"""The administration site, for the platform's own staff: everything can be looked at, access can be taken and given.

Nothing is edited in place: a change has rules, events and an audit entry, and those are in the commands.
"""
