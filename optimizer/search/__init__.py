"""Branch and bound over hardware points."""
