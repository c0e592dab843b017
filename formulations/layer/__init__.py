"""The CP-SAT program of one layer."""
