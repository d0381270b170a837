"""`InputError`: what the user gave cannot be used, and what to do."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one line that names the file, row or column, says what is wrong and what to
    do. The command line prints it as it stands and exits with status 2.
    """
