"""The errors that end a command with one line."""


class UserError(Exception):
    """Bad input: the message is one or two lines that say what was wrong, where, and what is accepted.

    The command line prints it without a traceback and exits with code 2.
    """


class CollapsedError(UserError):
    """A training ended with a model that gives the same whatever it is given; the command line's exit code is 1."""
