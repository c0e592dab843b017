"""The independent check."""
