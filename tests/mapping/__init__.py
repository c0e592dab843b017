"""Mappings: files, lower bounds, the declared space."""
