"""One chip for several networks."""
