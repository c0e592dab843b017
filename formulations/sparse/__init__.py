"""CP-SAT programs of the sparse engine."""
