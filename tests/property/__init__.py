"""Random problems: every route to an optimum agrees with enumeration."""
