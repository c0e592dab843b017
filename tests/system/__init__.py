"""Processes, clusters, examples: the program as a user runs it."""
