"""What reading a file that is not as it should be raises."""


class UnsafeFileError(ValueError):
    """The file asks for something that a model file has no business asking for; it was not done."""


class CorruptFileError(OSError):
    """The file is damaged, truncated, or not of the format that was asked for."""
