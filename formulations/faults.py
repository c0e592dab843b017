"""A fault of a search, as against one of its input."""


class FaultError(Exception):
    """Two parts of the searches state different values for the same quantity."""
