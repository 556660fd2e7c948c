"""What the command line tells its user when it cannot do what was asked."""


class UsageError(Exception):
    """Something that was asked for cannot be done; the message says what, and what to do."""
