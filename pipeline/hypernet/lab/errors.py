"""The one error a user can cause."""


class UserError(Exception):
    """Bad input: the message is one or two lines that say what was wrong, where, and what is accepted.

    The command line prints it without a traceback and exits with code 2.
    """
