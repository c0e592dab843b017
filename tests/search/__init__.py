"""The search over hardware points."""
